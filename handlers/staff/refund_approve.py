"""Agreeing to a refund (同意 T…): a manager's word, never on what she asked for herself."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, refund_no, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.errors import SelfApproval
from storage.kinds import StaffRole
from storage.operations.refunds import approve_refund
from storage.ports.chat import OutgoingMessage
from storage.queries.desk import RefundAsked, refund_of
from storage.rules.counter import is_by_hand

NAME: Final = "staff_refund_approve"
SAID_AS: Final = WORDS["refund_approve"]
BY_PLATFORM: Final = "马上提交给支付平台，住户会收到每一步的通知。"
BY_HAND: Final = "这笔要由另一位同事付现金或转账，已经通知收银；付了请回复“已付退款”和编号。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Agree to the refund named.

    Raises NotAllowed, UnknownRefund, RefundStateWrong, SelfApproval.
    """
    staff = office(turn, StaffRole.MANAGER)
    named = refund_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(
            NAME, "同意哪一笔？请写上编号，比如“同意 T261123000001”。\n回复“待审批”查看全部。"
        )
    asked = await decidable(turn, deps, named)
    await deps.db.write(
        approve_refund, named, staff_id=staff.staff_id, role=staff.role, now=turn.now
    )
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已同意退款 {named}：{asked.unit_label}，{words.money(asked.amount_fen)}。",
            BY_HAND if is_by_hand(asked.gateway) else BY_PLATFORM,
        ),
    )


async def decidable(turn: Turn, deps: HandlerDeps, named: str) -> RefundAsked:
    """Return a refund that this manager may decide on. Raises UnknownRefund, SelfApproval."""
    staff = office(turn, StaffRole.MANAGER)
    asked = await deps.db.read(refund_of, named, community_ids=staff.community_ids)
    is_hers = asked.identity_id == turn.person.identity_id or asked.by_staff_id == staff.staff_id
    if is_hers:
        raise SelfApproval
    return asked


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
