"""Declining a refund (拒绝 T… 原因): a manager's word, with a reason that the resident reads."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, refund_no, rest_of, without
from handlers.staff.refund_approve import decidable
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.operations.refunds import decline_refund
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_refund_decline"
SAID_AS: Final = WORDS["refund_decline"]
REASON_CHARS: Final = 100


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Decline the refund named, or ask for the reason."""
    office(turn, StaffRole.MANAGER)
    rest = rest_of(turn, SAID_AS)
    named = refund_no(rest)
    if not named:
        return OutgoingMessage(
            NAME, "拒绝哪一笔？请这样说：“拒绝 T261123000001 原因”。\n回复“待审批”查看全部。"
        )
    reason = without(rest, named)
    if reason:
        return await _decline(turn, deps, named, reason)
    await decidable(turn, deps, named)
    turn.memory.ask(NAME, refund_no=named)
    return OutgoingMessage(
        NAME, f"拒绝退款 {named} 的原因是什么？住户会看到。\n不拒绝了，回复“取消”。"
    )


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the reason."""
    named, said = str(turn.memory.facts["refund_no"]), turn.message.text.strip()
    turn.memory.settle()
    if said in ("取消", "算了", "不拒绝了"):
        return OutgoingMessage(NAME, f"好的，退款 {named} 没有改动。")
    return await _decline(turn, deps, named, said)


async def _decline(turn: Turn, deps: HandlerDeps, named: str, reason: str) -> OutgoingMessage:
    staff = office(turn, StaffRole.MANAGER)
    asked = await decidable(turn, deps, named)
    told = words.shorten(reason, REASON_CHARS).rstrip("。.")
    await deps.db.write(decline_refund, named, staff_id=staff.staff_id, reason=told, now=turn.now)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已拒绝退款 {named}：{asked.unit_label}，{words.money(asked.amount_fen)}。",
            f"住户会收到通知和原因：{told}。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
