"""Invoices (发票) in the console: who applied, and what the office answers: issued, or declined."""

import re
from datetime import date
from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk, history
from bot.web.console_payments import INVOICES
from bot.web.reading import query_text
from handlers import refusals
from storage.errors import Refusal
from storage.operations.tax_invoice_forms import (
    IssuedForm,
    decline_as_seen,
    note_issued_as_seen,
)
from storage.operations.tax_invoices import FILE_LIMIT
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState
from storage.periods import shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.tax_invoice_pages import (
    TaxInvoiceInFull,
    page_of_tax_invoices,
    tax_invoice_in_full,
)
from storage.tax_errors import UnknownTaxInvoice

ON_A_PAGE: Final = 50
REASON_CHARS: Final = 100
WAITING: Final = (TaxInvoiceState.APPLIED, TaxInvoiceState.EXPORTED)
GROUPS: Final = {
    "waiting": ("等着开", WAITING),
    "issued": ("已开", (TaxInvoiceState.ISSUED, TaxInvoiceState.REDDENED)),
    "declined": ("已驳回", (TaxInvoiceState.DECLINED,)),
}
KINDS: Final = {TaxInvoiceKind.ORDINARY: "普通发票", TaxInvoiceKind.SPECIAL: "专用发票"}
NOT_A_NUMBER: Final = "发票号码没看懂，没有登记。请照票面填 8 到 20 位数字。"
NOT_A_DAY: Final = "开票日期没看懂，没有登记。请填今天或者以前的日子。"
_NUMBER: Final = re.compile("[0-9]{8,20}", re.ASCII)


class ConsoleInvoicesDoor(BooksDesk):
    """The list of applications, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List applications of a group, the newest first; those that wait unless another."""
        session = await self.visit(request, *COUNTERS)
        group = query_text(request, "state")
        group = group if group in GROUPS else "waiting"
        before = whole(query_text(request, "before")) or 0
        found = await self._parts.db.read(
            page_of_tax_invoices,
            GROUPS[group][1],
            community_ids=session.staff.community_ids,
            before_key=before,
            limit=ON_A_PAGE + 1,
        )
        last = found[ON_A_PAGE - 1].key if found[ON_A_PAGE:] else 0
        return self._shelf_page(
            session,
            "console_invoices.html",
            shelf="invoices",
            group=group,
            groups=GROUPS,
            kinds=KINDS,
            states=INVOICES,
            is_first=not before,
            rows=found[:ON_A_PAGE],
            next_url=self._address("/invoices", state=group, before=last) if last else "",
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show an application with what is to be typed into the bureau's system."""
        session = await self.visit(request, *COUNTERS)
        return self._card(session, await self._application(request, session))

    async def issued(self, request: web.Request) -> web.StreamResponse:
        """Write down the bureau's number and the file; the payer hears of it."""
        session = await self.visit(request, *COUNTERS)
        one = await self._application(request, session)
        sent = await self._uploaded(request, session, most_bytes=FILE_LIMIT)
        form, now = sent.fields, self._parts.clock.now()
        day = _day(typed(form, "on"), today=shanghai_day(now))
        if not _NUMBER.fullmatch(typed(form, "number")):
            return self._card(session, one, notice=NOT_A_NUMBER, form=form, status=409)
        if day is None:
            return self._card(session, one, notice=NOT_A_DAY, form=form, status=409)
        given = IssuedForm(
            one.view.application_no,
            typed(form, "seen"),
            typed(form, "number"),
            day,
            sent.file_name,
            sent.content,
        )
        try:
            is_done = await self._parts.db.write(
                note_issued_as_seen, given, by=session.staff, now=now
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        return await self._after(request, session, form, is_done=is_done)

    async def decline(self, request: web.Request) -> web.StreamResponse:
        """Decline with a reason that the payer reads."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        one = await self._application(request, session)
        number, seen = one.view.application_no, typed(form, "seen")
        reason, now = typed(form, "words")[:REASON_CHARS], self._parts.clock.now()
        try:
            is_done = await self._parts.db.write(
                decline_as_seen, number, seen, reason, by=session.staff, now=now
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        return await self._after(request, session, form, is_done=is_done)

    async def _after(
        self, request: web.Request, session: Session, form: Form, *, is_done: bool
    ) -> web.Response:
        one = await self._application(request, session)
        if not is_done:
            return self._card(session, one, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/invoices/{one.view.application_no}")

    async def _application(self, request: web.Request, session: Session) -> TaxInvoiceInFull:
        """Return the application of the address. Another office's is none: HTTPNotFound."""
        number, served = request.match_info["application"], session.staff.community_ids
        try:
            found: TaxInvoiceInFull = await self._parts.db.read(
                tax_invoice_in_full, number, community_ids=served
            )
        except UnknownTaxInvoice:
            raise web.HTTPNotFound from None
        return found

    def _card(
        self,
        session: Session,
        one: TaxInvoiceInFull,
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        said = form or {}
        today = shanghai_day(self._parts.clock.now())
        return self._shelf_page(
            session,
            "console_invoice.html",
            status=status,
            shelf="invoices",
            one=one,
            view=one.view,
            kind=KINDS[one.view.kind],
            state=INVOICES[one.view.state],
            waits=one.view.state in WAITING,
            history=history(one.history),
            notice=notice,
            said={name: typed(said, name) for name in ("number", "on", "words")},
            today=today,
            most=REASON_CHARS,
        )


def _day(text: str, *, today: date) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= today else None
