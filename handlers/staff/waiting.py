"""What waits for a decision (待审批): refunds, waivers, write-offs, broadcasts, bindings."""

from collections.abc import Sequence
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.cash_words import CALLED
from handlers.staff.office import ANYBODY, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.paying_kinds import CashMethod
from storage.ports.chat import OutgoingMessage
from storage.queries.desk import (
    Application,
    RefundAsked,
    applications_waiting,
    payouts_waiting,
    refunds_waiting,
)
from storage.queries.notices import BroadcastView, awaiting_approval
from storage.queries.waivers import WaiverView, waivers_waiting
from storage.queries.write_offs import WriteOffView, write_offs_waiting

NAME: Final = "staff_waiting"
SAID_AS: Final = WORDS["waiting"]
MOST: Final = 10


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List what waits in the speaker's communities, each with the words that decide on it."""
    served = office(turn, *ANYBODY).community_ids
    refunds = await deps.db.read(refunds_waiting, community_ids=served, limit=MOST)
    notices = await deps.db.read(awaiting_approval, community_ids=served)
    people = await deps.db.read(applications_waiting, community_ids=served, limit=MOST)
    waived = await deps.db.read(waivers_waiting, community_ids=served)
    bad = await deps.db.read(write_offs_waiting, community_ids=served)
    agreed = await deps.db.read(payouts_waiting, community_ids=served, limit=MOST)
    blocks = [*_refunds(refunds), *_payouts(agreed), *_waivers(waived), *_write_offs(bad)]
    blocks += [*_broadcasts(notices), *_applications(people)]
    if not blocks:
        return OutgoingMessage(NAME, "现在没有等着审批的事。")
    return OutgoingMessage(NAME, words.lines(*blocks))


def _refunds(found: list[RefundAsked]) -> list[str]:
    if not found:
        return []
    rows = [
        f"{one.refund_no} {one.unit_label} {words.money(one.amount_fen)}"
        f"，{words.shorten(one.reason, 30) or '没有写原因'}"
        for one in found
    ]
    number = found[0].refund_no
    return [
        f"退款 {len(found)} 笔：",
        *rows,
        f"回复“同意 {number}”，或者“拒绝 {number} 原因”。",
    ]


def _payouts(found: list[RefundAsked]) -> list[str]:
    if not found:
        return []
    rows = [
        f"{one.refund_no} {one.unit_label} {CALLED[CashMethod(one.gateway)]} "
        f"{words.money(one.amount_fen)}"
        for one in found
    ]
    return [
        f"退款待付 {len(found)} 笔：",
        *rows,
        f"付了以后由另一位同事回复“已付退款 {found[0].refund_no}”。",
    ]


def _waivers(found: list[WaiverView]) -> list[str]:
    return _less("减免", "减免", [(one.waiver_no, one) for one in found])


def _write_offs(found: list[WriteOffView]) -> list[str]:
    return _less("坏账核销", "核销", [(one.write_off_no, one) for one in found])


def _less(
    called: str, act: str, found: Sequence[tuple[str, WaiverView | WriteOffView]]
) -> list[str]:
    """List by number what would lower a bill, what it is called, and the act of the answer."""
    if not found:
        return []
    rows = [
        f"{number} {one.unit_label} {words.period(one.period)}{one.item_name} "
        f"{words.money(one.amount_fen)}，{words.shorten(one.reason, 30)}"
        for number, one in found[:MOST]
    ]
    number = found[0][0]
    return [
        f"{called} {len(found)} 笔：",
        *rows,
        f"回复“同意{act} {number}”，或者“拒绝{act} {number} 原因”。",
    ]


def _broadcasts(found: list[BroadcastView]) -> list[str]:
    if not found:
        return []
    rows = [
        f"{one.broadcast_no} {one.community_name} {one.audience_label} {one.recipient_count} 人："
        f"{words.shorten(one.text, 40)}"
        for one in found[:MOST]
    ]
    number = found[0].broadcast_no
    return [
        f"群发 {len(found)} 条：",
        *rows,
        f"回复“同意群发 {number}”，或者“拒绝群发 {number}”。",
    ]


def _applications(found: list[Application]) -> list[str]:
    if not found:
        return []
    rows = [
        f"{one.binding_id} {one.unit_label} {one.name} {words.mask_phone(one.phone)}"
        f"（{words.role(one.role)}）"
        for one in found
    ]
    number = found[0].binding_id
    return [
        f"绑定申请 {len(found)} 个：",
        *rows,
        f"回复“同意绑定 {number}”，或者“拒绝绑定 {number}”。",
    ]


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
