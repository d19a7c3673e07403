"""Refunds (退款) in the console: each with its steps, decided on by another than who asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk, history
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals, words
from storage.errors import Refusal, UnknownRefund
from storage.kinds import RefundStep
from storage.operations.refund_forms import RefundForm, RefundPress, act_on_refund
from storage.queries.audits import AuditLine
from storage.queries.console_sessions import Session
from storage.queries.refund_pages import RefundRow, page_of_refunds, refund_in_full
from storage.rules.counter import is_by_hand
from storage.rules.refunds import VOID

ON_A_PAGE: Final = 50
REASON_CHARS: Final = 100
STATES: Final[Mapping[RefundStep, str]] = {
    RefundStep.REQUESTED: "等着审批",
    RefundStep.DECLINED: "没有同意",
    RefundStep.APPROVED: "已同意",
    RefundStep.SUBMITTED: "已提交平台",
    RefundStep.UNFUNDED: "商户余额不足，会再试",
    RefundStep.UNKNOWN: "等平台答复，会再问",
    RefundStep.ABNORMAL: "平台退不进去，在处理",
    RefundStep.CLOSED: "平台关闭了",
    RefundStep.FAILED: "没有退成",
    RefundStep.SUCCESS: "已到账",
}
GROUPS: Final = {
    "waiting": ("等着审批", (RefundStep.REQUESTED,)),
    "going": (
        "在办",
        (
            RefundStep.APPROVED,
            RefundStep.SUBMITTED,
            RefundStep.UNFUNDED,
            RefundStep.UNKNOWN,
            RefundStep.ABNORMAL,
        ),
    ),
    "done": ("已到账", (RefundStep.SUCCESS,)),
    "ended": ("没有退", (RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED)),
    "all": ("全部", tuple(RefundStep)),
}
CAUSES: Final = {
    "paid_twice": "重复缴费",
    "paid_too_much": "多缴",
    "wrong_flat": "房号缴错",
    "asked": "其他",
}
TOLD_CAUSES: Final = CAUSES | {"deposit": "退押金", VOID: "冲正"}


class ConsoleRefundsDoor(BooksDesk):
    """The list of refunds, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List refunds of a group, the newest first; those that wait unless another is named."""
        session = await self.visit(request, *COUNTERS)
        group = query_text(request, "state")
        group = group if group in GROUPS else "waiting"
        before = whole(query_text(request, "before")) or 0
        found = await self._parts.db.read(
            page_of_refunds,
            GROUPS[group][1],
            community_ids=session.staff.community_ids,
            before_id=before,
            limit=ON_A_PAGE + 1,
        )
        shown = found[:ON_A_PAGE]
        last = shown[-1].refund_id if found[ON_A_PAGE:] else 0
        return self._shelf_page(
            session,
            "console_refunds.html",
            shelf="refunds",
            group=group,
            groups=GROUPS,
            states=STATES,
            is_first=not before,
            rows=[(one, words.gateway(one.gateway)) for one in shown],
            next_url=self._address("/refunds", state=group, before=last) if last else "",
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a refund with each of its steps and whose hand made it."""
        session = await self.visit(request, *COUNTERS)
        return self._card(session, *await self._refund(request, session))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Agree, decline, or note that money was handed over; what is refused is said."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        one, trail = await self._refund(request, session)
        pressed = typed(form, "act")
        if pressed not in set(RefundPress):
            raise UnfitRequest(400, "act")
        said = typed(form, "words")[:REASON_CHARS]
        ask = RefundForm(one.refund_no, RefundPress(pressed), said, typed(form, "seen"))
        now = self._parts.clock.now()
        try:
            is_done = await self._parts.db.write(act_on_refund, ask, by=session.staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, trail, notice=notice, form=form, status=409)
        if not is_done:
            one, trail = await self._refund(request, session)
            return self._card(session, one, trail, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/refunds/{one.refund_no}")

    async def _refund(
        self, request: web.Request, session: Session
    ) -> tuple[RefundRow, list[AuditLine]]:
        """Return the refund of the address. Another office's is none: HTTPNotFound."""
        number, served = request.match_info["refund"], session.staff.community_ids
        try:
            one, trail = await self._parts.db.read(refund_in_full, number, community_ids=served)
        except UnknownRefund:
            raise web.HTTPNotFound from None
        return one, trail

    def _card(
        self,
        session: Session,
        one: RefundRow,
        trail: list[AuditLine],
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        by_hand = is_by_hand(one.gateway)
        return self._shelf_page(
            session,
            "console_refund.html",
            status=status,
            shelf="refunds",
            one=one,
            way=words.gateway(one.gateway),
            state=STATES[one.state],
            cause=TOLD_CAUSES.get(one.cause, "其他"),
            steps=_steps(one),
            history=history(trail),
            waits=one.state is RefundStep.REQUESTED,
            waits_for_hands=by_hand and one.state is RefundStep.APPROVED,
            is_hers=one.asked_by_id == session.staff.staff_id,
            notice=notice,
            said=typed(form or {}, "words"),
            most=REASON_CHARS,
        )


def _steps(one: RefundRow) -> list[tuple[str, datetime, str]]:
    """Return the steps that a refund has made: what, when, and by whose hand."""
    declined = one.state is RefundStep.DECLINED
    is_there = one.state is RefundStep.SUCCESS
    made: list[tuple[str, datetime | None, str]] = [
        ("申请", one.requested_at, one.asked_by or ("住户" if one.is_residents else "系统")),
        ("没有同意" if declined else "同意", one.decided_at, one.decided_by),
        ("提交平台", one.submitted_at, "系统"),
        ("到账" if is_there else "结束", one.settled_at, one.paid_out_by),
    ]
    return [(what, at, who) for what, at, who in made if at is not None]
