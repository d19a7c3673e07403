"""Bills (账单) in the console: looked through, and one with its story and its buttons."""

import re
from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk, history
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals, words
from storage.errors import Refusal, UnknownBill
from storage.kinds import StaffRole
from storage.money import from_yuan
from storage.operations.bill_forms import BillForm, BillPress, act_on_bill
from storage.operations.bill_waivers import LABELS, MOST_BYTES, WaiverAsk, ask_waiver
from storage.paying_kinds import WaiverKind, WaiverState, WriteOffState
from storage.periods import shanghai_day
from storage.queries.bill_pages import (
    BillInFull,
    BillState,
    BillWish,
    bill_choices,
    bill_in_full,
    page_of_bills,
)
from storage.queries.console_sessions import Session
from storage.queries.waivers import attachment_of

ON_A_PAGE: Final = 50
STATES: Final = {
    BillState.OPEN: "待缴",
    BillState.OVERDUE: "过了应缴日",
    BillState.PART_PAID: "缴了一部分",
    BillState.SETTLED: "已缴清",
    BillState.VOIDED: "已作废",
    BillState.WAIVER_WAITS: "等着批减免",
}
KINDS: Final = LABELS | {WaiverKind.OTHER: "其他", WaiverKind.ROUNDING: "抹零"}
ASKABLE: Final = {kind: label for kind, label in KINDS.items() if kind is not WaiverKind.ROUNDING}
WAIVERS: Final = {
    WaiverState.ASKED: "等着审批",
    WaiverState.APPROVED: "已减免",
    WaiverState.DECLINED: "没有同意",
}
WRITE_OFFS: Final = {
    WriteOffState.ASKED: "等着审批",
    WriteOffState.APPROVED: "已核销",
    WriteOffState.DECLINED: "没有同意",
    WriteOffState.REVERSED: "已撤销",
}
REASON_CHARS: Final = 100
_MONTH: Final = re.compile("[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


class ConsoleBillsDoor(BooksDesk):
    """The list of bills, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List bills, the newest first, as the filter says."""
        session = await self.visit(request)
        served = session.staff.community_ids
        today = shanghai_day(self._parts.clock.now())
        wish = _wish(request)
        found = await self._parts.db.read(
            page_of_bills, wish, community_ids=served, today=today, limit=ON_A_PAGE + 1
        )
        shown = found[:ON_A_PAGE]
        kept = {
            "q": wish.fragment,
            "month": wish.period,
            "item": wish.item_name,
            "building": wish.building_id,
            "state": wish.state,
        }
        more = (
            self._address("/bills", **kept, before=shown[-1].bill_id) if found[ON_A_PAGE:] else ""
        )
        return self._shelf_page(
            session,
            "console_bills.html",
            shelf="bills",
            wish=wish,
            is_filtered=any(kept.values()),
            states=STATES,
            choices=await self._parts.db.read(bill_choices, community_ids=served),
            rows=shown,
            has_several=len(served) > 1,
            today=today,
            next_url=more,
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a bill with its story and its buttons."""
        session = await self.visit(request)
        asked = query_text(request, "asked")
        return self._card(session, await self._bill(request, session), asked=asked)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Void, correct, or decide on a waiver; what is refused is said above what was typed."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        one = await self._bill(request, session)
        pressed = typed(form, "act")
        if pressed not in set(BillPress):
            raise UnfitRequest(400, "act")
        ask = BillForm(
            one.row.bill_id,
            one.row.bill_no,
            BillPress(pressed),
            typed(form, "words")[:REASON_CHARS],
            typed(form, "seen"),
            typed(form, "waiver")[:24],
        )
        now = self._parts.clock.now()
        try:
            done = await self._parts.db.write(act_on_bill, ask, by=session.staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        if done is None:
            one = await self._bill(request, session)
            return self._card(session, one, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/bills/{done}")

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Ask for a waiver; another person decides."""
        session = await self.visit(request, *COUNTERS)
        one = await self._bill(request, session)
        sent = await self._uploaded(request, session, most_bytes=MOST_BYTES)
        form = sent.fields
        kind = typed(form, "kind")
        if kind not in ASKABLE:
            raise UnfitRequest(400, "kind")
        try:
            wanted = WaiverAsk(
                one.row.bill_id,
                WaiverKind(kind),
                from_yuan(typed(form, "amount")),
                typed(form, "reason"),
                sent.file_name,
                sent.content,
            )
            made = await self._parts.db.write(
                ask_waiver, wanted, by=session.staff, now=self._parts.clock.now()
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        self._parts.wake()
        return self._go(f"/bills/{one.row.bill_no}?asked={made.waiver_no}")

    async def paper(self, request: web.Request) -> web.StreamResponse:
        """Hand out the paper behind a waiver, to be kept and never run by a browser."""
        session = await self.visit(request, *COUNTERS)
        number, served = request.match_info["waiver"], session.staff.community_ids
        try:
            name, content = await self._parts.db.read(attachment_of, number, community_ids=served)
        except Refusal:
            raise web.HTTPNotFound from None
        ending = re.sub("[^a-z0-9]", "", name.rpartition(".")[2].lower())[:5]
        return web.Response(
            body=content,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f'attachment; filename="{number}.{ending or "bin"}"',
                "Cache-Control": "private, no-store",
            },
        )

    async def _bill(self, request: web.Request, session: Session) -> BillInFull:
        """Return the bill of the address. Another office's is none: HTTPNotFound."""
        number, served = request.match_info["bill"], session.staff.community_ids
        try:
            found: BillInFull = await self._parts.db.read(
                bill_in_full, number, community_ids=served
            )
        except UnknownBill:
            raise web.HTTPNotFound from None
        return found

    def _card(
        self,
        session: Session,
        one: BillInFull,
        *,
        notice: str = "",
        asked: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        said = form or {}
        return self._shelf_page(
            session,
            "console_bill.html",
            status=status,
            shelf="bills",
            one=one,
            row=one.row,
            today=shanghai_day(self._parts.clock.now()),
            kinds=KINDS,
            askable=ASKABLE,
            waiver_states=WAIVERS,
            write_off_states=WRITE_OFFS,
            parts=[(part, words.gateway(part.gateway)) for part in one.parts],
            history=history(one.history),
            asked=next((way for way in one.waivers if way.waiver_no == asked), None),
            notice=notice,
            said={name: typed(said, name) for name in ("act", "words", "kind", "amount", "reason")},
            most=REASON_CHARS,
        )


def _wish(request: web.Request) -> BillWish:
    month, state = query_text(request, "month"), query_text(request, "state")
    return BillWish(
        period=month if _MONTH.fullmatch(month) else "",
        item_name=query_text(request, "item")[:40],
        building_id=whole(query_text(request, "building")) or 0,
        state=BillState(state) if state in set(BillState) else None,
        fragment=query_text(request, "q").strip()[:40],
        before_id=whole(query_text(request, "before")) or 0,
    )
