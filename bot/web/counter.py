"""The counter's page (收款台): find a flat, take its money, or show a code to be scanned."""

import re
import secrets
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import UnfitRequest, query_text, read_form, refuse_other_sites
from bot.web.seals import Seals, lasting
from handlers import refusals
from handlers.checkout import Step, Ticked
from handlers.counter import Counter
from storage.errors import LinkExpired, Refusal, UnknownOrder
from storage.kinds import OrderState
from storage.lazy import load
from storage.money import from_yuan
from storage.paying_kinds import CashMethod
from storage.queries.counter import CounterAsk
from storage.queries.residents import Staff
from storage.rules.counter import TAKES

PRESS_MINUTES: Final = 720
BY_CODE: Final = "code"
"""The way of paying that asks for nothing but a scan."""
NO_ANSWER: Final = "支付平台暂时没有回应，二维码没有出来，没有扣款。请再试一次，或者收现金。"
IN_FULL: Final = "动态二维码按所选账单的全额收，不能抹零。请清空抹零，或者换一种方式。"
_TICK: Final = re.compile("([0-9]{1,18})-([0-9]{1,12})", re.ASCII)
_NUMBER: Final = re.compile("[0-9]{1,18}", re.ASCII)
_ORDER_NO: Final = re.compile("[0-9A-Za-z]{6,32}", re.ASCII)

Form = dict[str, list[str]]


class CounterDesk:
    """What all pages of the counter share: who stands there, and that a press is her own."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Put words and buttons on what the handler says."""
        self._parts = parts
        self._pages = pages
        self._counter = Counter(parts.handler_deps, parts.pay_gateways)
        self._seals = Seals(parts.secret)

    async def _staff(self, request: web.Request) -> Staff:
        return await self._counter.staff(request.match_info["token"])

    def _path(self, request: web.Request) -> str:
        return f"{self._pages.root}/counter/{request.match_info['token']}"

    def _press(self, staff: Staff, what: str) -> str:
        """Return what makes one filled-in form one act, of this cashier about this thing."""
        until = lasting(self._parts.clock.now(), minutes=PRESS_MINUTES)
        text = f"{staff.staff_id}|{what}|{secrets.token_hex(12)}"
        return self._seals.seal("counter", text, until=until)

    async def _pressed(self, request: web.Request, staff: Staff, what: str) -> tuple[Form, str]:
        """Return a form that this cashier was given, and its key. Raises UnfitRequest."""
        refuse_other_sites(request, self._parts.base_url)
        form = await read_form(request)
        return form, self._opened(form, staff, what)

    def _opened(self, form: Form, staff: Staff, what: str) -> str:
        """Return the key of a form that this cashier was given. Raises UnfitRequest."""
        sealed = one_of(form, "press")[:400]
        text = self._seals.open("counter", sealed, now=self._parts.clock.now())
        whose, _, rest = (text or "").partition("|")
        meant, _, nonce = rest.rpartition("|")
        if not nonce or (whose, meant) != (str(staff.staff_id), what):
            raise UnfitRequest(403, "not her form")
        return f"page:{nonce}"

    def _go(self, request: web.Request, page: str, **query: str) -> web.Response:
        where = f"{self._path(request)}{page}"
        return web.Response(
            status=303, headers={"Location": f"{where}?{urlencode(query)}" if query else where}
        )


class CounterDoor(CounterDesk):
    """The page on which money is taken."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the one field; with `q` what it found, with `unit` (or one hit) what is open."""
        staff = await self._staff(request)
        if unit := query_text(request, "unit"):
            return await self._flat_page(request, staff, key_of(unit))
        said = query_text(request, "q")[:60]
        found = await self._counter.find(staff, said) if said.strip() else []
        if len(found) == 1:
            return self._go(request, "", unit=str(found[0].unit_id))
        return self._pages.render(
            "counter_find.html",
            page_url=self._path(request),
            staff=staff,
            said=said,
            found=found,
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Take the money, or open an order and show its code; what is refused is said."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        form, key = await self._pressed(request, staff, f"unit:{unit_id}")
        try:
            if one_of(form, "method") == BY_CODE:
                return await self._show_code(request, staff, unit_id, form)
            ask = _ask(form, unit_id, key)
            taken = await self._counter.take(staff, ask)
        except Refusal as refusal:
            if isinstance(refusal, LinkExpired):
                raise
            notice = refusals.words_to_staff(refusal)
            return await self._flat_page(
                request, staff, unit_id, notice=notice, form=form, status=409
            )
        return self._go(request, "/done", voucher=taken.voucher_no)

    async def show_order(self, request: web.Request) -> web.StreamResponse:
        """Show the code of an order, and that it is paid once it is."""
        staff = await self._staff(request)
        flat = await self._counter.open_flat(staff, key_of(query_text(request, "unit")))
        order_no = query_text(request, "order")
        if _ORDER_NO.fullmatch(order_no) is None:
            raise UnknownOrder
        view = await self._counter.look(flat.unit, order_no)
        code = ""
        if view.state is OrderState.OPEN and view.collection.code_url:
            code = load("segno").make(view.collection.code_url, error="m").svg_data_uri(scale=6)
        receipt_url = ""
        if view.payment_id is not None:
            receipt = self._parts.links.receipt_token(view.payment_id)
            receipt_url = f"{self._pages.root}/receipts/{receipt}"
        token = self._counter.pay_token(flat.unit)
        query = urlencode({"order": order_no})
        return self._pages.render(
            "counter_code.html",
            page_url=self._path(request),
            unit=flat.unit,
            order=view,
            code=code,
            receipt_url=receipt_url,
            state_url=f"{self._pages.root}/pay/{token}/state?{query}",
        )

    async def _show_code(
        self, request: web.Request, staff: Staff, unit_id: int, form: Form
    ) -> web.StreamResponse:
        flat = await self._counter.open_flat(staff, unit_id)
        ticked = tuple(Ticked(bill_id, fen) for bill_id, fen in _ticked(form))
        if one_of(form, "rounding"):
            return await self._flat_page(request, staff, unit_id, notice=IN_FULL, form=form)
        if not self._parts.pay_gateways:
            return await self._flat_page(request, staff, unit_id, notice=NO_ANSWER, form=form)
        gateway = self._parts.pay_gateways[0]
        started = await self._counter.ask_by_code(flat.unit, ticked, gateway)
        if started.step is not Step.PAYING:
            return await self._flat_page(request, staff, unit_id, notice=NO_ANSWER, form=form)
        return self._go(request, "/order", order=started.order_no, unit=str(unit_id))

    async def _flat_page(
        self,
        request: web.Request,
        staff: Staff,
        unit_id: int,
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        """Render a flat's open bills; after a refusal with what was typed before."""
        flat = await self._counter.open_flat(staff, unit_id)
        before = form or {}
        ticked = {bill_id for bill_id, _ in _ticked(before)} if form else set(flat.hers)
        facts: dict[str, Any] = {
            name: one_of(before, name) for name in ("amount", "rounding", "reference", "day")
        }
        total_fen = sum(one.open_fen for one in flat.bills if one.bill_id in ticked)
        return self._pages.render(
            "counter.html",
            status=status,
            page_url=self._path(request),
            staff=staff,
            flat=flat,
            ticked=ticked,
            total_fen=total_fen,
            method=one_of(before, "method") or "cash",
            keeps=bool(before.get("keep")),
            press=self._press(staff, f"unit:{unit_id}"),
            offers_code=bool(self._parts.pay_gateways),
            notice=notice,
            **facts,
        )


def one_of(form: Form, name: str) -> str:
    """Return a field that may be there once, "" where it is not."""
    return form.get(name, [""])[0].strip()


def key_of(text: str) -> int:
    """Return the key that an address or a form names. Raises UnknownOrder."""
    if _NUMBER.fullmatch(text) is None:
        raise UnknownOrder
    return int(text)


def _ticked(form: Form) -> list[tuple[int, int]]:
    """Return bill and fen shown of what was ticked. Raises UnfitRequest."""
    found = []
    for text in form.get("bill", []):
        match = _TICK.fullmatch(text)
        if match is None:
            raise UnfitRequest(400, "bill")
        found.append((int(match[1]), int(match[2])))
    return found


def _ask(form: Form, unit_id: int, key: str) -> CounterAsk:
    """Read what was typed. Raises NotAnAmount, UnfitRequest."""
    method, day = one_of(form, "method"), one_of(form, "day")
    if method not in set(TAKES):
        raise UnfitRequest(400, "method")
    try:
        day_on = date.fromisoformat(day) if day else None
    except ValueError:
        raise UnfitRequest(400, "day") from None
    rounding = one_of(form, "rounding")
    return CounterAsk(
        unit_id=unit_id,
        method=CashMethod(method),
        amount_fen=from_yuan(one_of(form, "amount")),
        request_key=key,
        bill_ids=tuple(bill_id for bill_id, _ in _ticked(form)),
        reference=one_of(form, "reference")[:64],
        day_on=day_on,
        rounding_fen=from_yuan(rounding) if rounding else 0,
        keeps_surplus=bool(form.get("keep")),
    )
