"""Payments (缴费) in the console: looked through, one with what it paid, and a refund asked for."""

from datetime import date
from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk, history, key_typed
from bot.web.console_refunds import CAUSES, STATES
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals, words
from storage.errors import Refusal, UnknownOrder
from storage.money import from_yuan
from storage.operations.refund_forms import ask_refund_as_seen
from storage.operations.refund_judgments import Judgment, Wish, foresee_refund
from storage.operations.refunds import RefundAskedFor
from storage.paying_kinds import CashMethod, TaxInvoiceState
from storage.queries.console_sessions import Session
from storage.queries.payment_pages import (
    PaymentInFull,
    PaymentWish,
    page_of_payments,
    payment_in_full,
    payments_mark,
)
from storage.rules.counter import is_by_hand

ON_A_PAGE: Final = 50
EVERY_MS: Final = 5000
"""So often an open list asks whether money came."""
REASON_CHARS: Final = 60
INVOICES: Final = {
    TaxInvoiceState.APPLIED: "待开",
    TaxInvoiceState.EXPORTED: "已导出，待开",
    TaxInvoiceState.ISSUED: "已开",
    TaxInvoiceState.DECLINED: "已驳回",
    TaxInvoiceState.REDDENED: "已红冲",
}
NO_REASON: Final = "还没有提交。请写明为什么退，审批的人和住户会看到。"


class ConsolePaymentsDoor(BooksDesk):
    """The list of payments, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List payments, the newest first, as the filter says."""
        session = await self.visit(request, *COUNTERS)
        served = session.staff.community_ids
        ways = [*dict.fromkeys((*self._parts.pay_gateways, "bank_transfer", *CashMethod))]
        wish = _wish(request, ways)
        mark = await self._parts.db.read(payments_mark, community_ids=served)
        found = await self._parts.db.read(
            page_of_payments, wish, community_ids=served, limit=ON_A_PAGE + 1
        )
        shown = found[:ON_A_PAGE]
        kept = {
            "q": wish.fragment,
            "from": wish.first_on or "",
            "to": wish.last_on or "",
            "way": wish.gateway,
        }
        last = shown[-1].payment_id if found[ON_A_PAGE:] else 0
        return self._shelf_page(
            session,
            "console_payments.html",
            shelf="payments",
            wish=wish,
            is_filtered=any(kept.values()),
            ways=[(way, words.gateway(way)) for way in ways],
            rows=[(one, words.gateway(one.gateway)) for one in shown],
            has_several=len(served) > 1,
            next_url=self._address("/payments", **kept, before=last) if last else "",
            mark=mark,
            every_ms=EVERY_MS,
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Tell an open list whether money came; no visit that keeps a session alive."""
        session = await self._session(request)
        if session is None:
            return web.json_response({"state": ""}, status=401)
        if session.staff.role not in COUNTERS:
            raise web.HTTPNotFound
        served = session.staff.community_ids
        mark = await self._parts.db.read(payments_mark, community_ids=served)
        return web.json_response({"state": mark})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a payment: what it paid, its receipt, what went back, and who did what."""
        session = await self.visit(request, *COUNTERS)
        return self._card(session, await self._payment(request, session))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Ask for a refund: a last look first, and the request only on the second press."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        one = await self._payment(request, session)
        act, cause, seen = typed(form, "act"), typed(form, "cause"), whole(typed(form, "seen"))
        if act not in ("look", "ask") or cause not in CAUSES or seen is None:
            raise UnfitRequest(400, "act")
        key = key_typed(form)
        reason = " ".join(typed(form, "reason").split())[:REASON_CHARS]
        if not reason:
            return self._card(session, one, notice=NO_REASON, form=form, status=409)
        now, db = self._parts.clock.now(), self._parts.db
        try:
            amount_fen = from_yuan(typed(form, "amount"))
            if act == "look":
                wish = Wish(amount_fen, cause, is_staffs=True)
                look = await db.read(foresee_refund, one.row.payment_id, wish, now=now)
                return self._card(session, one, form=form, look=look, look_fen=amount_fen)
            request_key = f"console:{session.staff.staff_id}:{key}"
            asked = RefundAskedFor(one.row.payment_id, amount_fen, cause, reason, request_key)
            number = await db.write(
                ask_refund_as_seen, asked, seen_fen=seen, by=session.staff, now=now
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        if number is None:
            one = await self._payment(request, session)
            return self._card(session, one, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/refunds/{number}")

    async def _payment(self, request: web.Request, session: Session) -> PaymentInFull:
        """Return the payment of the address. Another office's is none: HTTPNotFound."""
        number, served = int(request.match_info["payment"]), session.staff.community_ids
        try:
            found: PaymentInFull = await self._parts.db.read(
                payment_in_full, number, community_ids=served
            )
        except UnknownOrder:
            raise web.HTTPNotFound from None
        return found

    def _card(
        self,
        session: Session,
        one: PaymentInFull,
        *,
        notice: str = "",
        form: Form | None = None,
        look: Judgment | None = None,
        look_fen: int = 0,
        status: int = 200,
    ) -> web.Response:
        said, links = form or {}, self._parts.links
        return self._shelf_page(
            session,
            "console_payment.html",
            status=status,
            shelf="payments",
            one=one,
            row=one.row,
            way=words.gateway(one.row.gateway),
            by_hand=is_by_hand(one.row.gateway),
            receipt_url=links.receipt_url(links.receipt_token(one.row.payment_id)),
            refund_states=STATES,
            invoice_states=INVOICES,
            history=history(one.history),
            causes=CAUSES,
            notice=notice,
            look=look,
            look_fen=look_fen,
            said={name: typed(said, name) for name in ("amount", "cause", "reason", "key")},
            most=REASON_CHARS,
        )


def _wish(request: web.Request, ways: list[str]) -> PaymentWish:
    way = query_text(request, "way")
    return PaymentWish(
        first_on=_day(query_text(request, "from")),
        last_on=_day(query_text(request, "to")),
        gateway=way if way in ways else "",
        fragment=query_text(request, "q").strip()[:64],
        before_id=whole(query_text(request, "before")) or 0,
    )


def _day(text: str) -> date | None:
    """Return a day from 2000 to 2100, None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None
