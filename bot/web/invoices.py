"""The page on which a resident applies for a tax invoice (发票), filled in as she did last time."""

import re
from typing import Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import read_form, refuse_other_sites
from handlers import refusals
from handlers.tax_invoice_page import TaxInvoiceDesk, TaxInvoicePage
from storage.errors import Refusal
from storage.operations.tax_invoices import Application, Buyer
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState

PERSON, COMPANY, SPECIAL = "person", "company", "special"
FORMS: Final = {PERSON: "个人", COMPANY: "单位，普通发票", SPECIAL: "单位，专用发票"}
TYPED: Final = ("title", "tax_no", "address", "phone", "bank_name", "bank_account")
NOT_FILLED: Final = "还没有选好开哪一笔、开给谁，请选好再提交。"
NO_TAX_NO: Final = "开给单位要填税号，营业执照上的18位统一社会信用代码。"
STATES: Final = {
    TaxInvoiceState.APPLIED: "已申请，财务正在开",
    TaxInvoiceState.EXPORTED: "已申请，财务正在开",
    TaxInvoiceState.ISSUED: "已开好，发到了公众号",
}
_ID: Final = re.compile("[0-9]{1,18}", re.ASCII)

Typed = dict[str, str]


class TaxInvoiceFormDoor:
    """Applications for invoices, by the personal link that the chat gives."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._pages = pages
        self._desk = TaxInvoiceDesk(parts.handler_deps)
        self._base_url = parts.base_url

    async def show(self, request: web.Request) -> web.Response:
        """Show what can be invoiced, filled in as she did last time. Raises LinkExpired."""
        token = request.match_info["token"]
        page = await self._desk.open(token)
        return self._page(page, token, _as_before(page))

    async def press(self, request: web.Request) -> web.Response:
        """Apply; what is refused is said above what was typed. Raises LinkExpired."""
        token = request.match_info["token"]
        refuse_other_sites(request, self._base_url)
        form = await read_form(request)
        page = await self._desk.open(token)
        typed = {name: form.get(name, [""])[0] for name in ("payment", "form", *TYPED)}
        if _ID.fullmatch(typed["payment"]) is None or typed["form"] not in FORMS:
            return self._page(page, token, typed, notice=NOT_FILLED, status=400)
        if typed["form"] != PERSON and not typed["tax_no"].strip():
            return self._page(page, token, typed, notice=NO_TAX_NO, status=400)
        try:
            done = await self._desk.hand_in(page, int(typed["payment"]), _buyer(typed))
        except Refusal as refused:
            notice = refusals.words(refused)
            return self._page(page, token, typed, notice=notice, status=409)
        return self._page(await self._desk.open(token), token, typed, done=done)

    def _page(
        self,
        page: TaxInvoicePage,
        token: str,
        typed: Typed,
        *,
        notice: str = "",
        done: Application | None = None,
        status: int = 200,
    ) -> web.Response:
        return self._pages.render(
            "invoices.html",
            status=status,
            page=page,
            payer=page.payer,
            forms=FORMS,
            typed=typed,
            applied=[(one, STATES[state]) for one, state in page.applied],
            done=done,
            notice=notice,
            page_url=f"{self._pages.root}/invoices/{token}",
        )


def _as_before(page: TaxInvoicePage) -> Typed:
    """Return the form as she filled it in last time, empty at first."""
    last = page.last
    if last is None:
        return dict.fromkeys(("payment", "form", *TYPED), "")
    company = SPECIAL if last.kind is TaxInvoiceKind.SPECIAL else COMPANY
    facts = {name: str(getattr(last, name)) for name in TYPED}
    return {"payment": "", "form": company if last.tax_no else PERSON} | facts


def _buyer(typed: Typed) -> Buyer:
    """Return whom it is made out to; what a form does not need is not taken."""
    if typed["form"] == PERSON:
        return Buyer(typed["title"])
    if typed["form"] == COMPANY:
        return Buyer(typed["title"], tax_no=typed["tax_no"])
    return Buyer(kind=TaxInvoiceKind.SPECIAL, **{name: typed[name] for name in TYPED})
