"""A refund's form on a page: asked for once, and decided on as it was shown, or not at all."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.errors import NotAllowed, UnknownRefund
from storage.frozen import dataclass
from storage.kinds import StaffRole
from storage.models.payments import payments, refunds
from storage.operations.payouts import note_payout
from storage.operations.refunds import (
    RefundAskedFor,
    approve_refund,
    decline_refund,
    request_refund,
)
from storage.queries.residents import Staff


class RefundPress(StrEnum):
    """The buttons of a refund."""

    APPROVE = "approve"
    DECLINE = "decline"
    PAY_OUT = "pay_out"


@dataclass(frozen=True, slots=True)
class RefundForm:
    """What was pressed and written, and in which state the refund was on the page."""

    refund_no: str
    press: RefundPress
    words: str
    seen: str


def ask_refund_as_seen(
    tx: Connection, asked: RefundAskedFor, *, seen_fen: int, by: Staff, now: datetime
) -> str | None:
    """Ask for a refund of a payment of which so many fen were spoken for when it was shown.

    Returns its number, None where another refund came in between; the same key once more is the
    same refund. Raises UnknownRefund, ReasonMissing, and as `request_refund`.
    """
    reserved_fen = tx.execute(
        select(payments.c.reserved_fen)
        .where(payments.c.id == asked.payment_id, payments.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).scalar_one_or_none()
    if reserved_fen is None:
        raise UnknownRefund
    if not asked.reason.strip():
        raise ReasonMissing
    known = select(refunds.c.id).where(refunds.c.request_key == asked.request_key)
    if reserved_fen != seen_fen and tx.execute(known).one_or_none() is None:
        return None
    return request_refund(tx, asked, actor=Actor(by.staff_id), now=now).refund_no


def act_on_refund(tx: Connection, form: RefundForm, *, by: Staff, now: datetime) -> bool:
    """Do what a form says; False where the refund has moved on since the page was shown.

    Managers decide, never on what they asked for themselves; who handed money over by hand is
    another than who agreed. Raises UnknownRefund, NotAllowed, ReasonMissing, and as the act.
    """
    mine = refunds.c.community_id.in_(by.community_ids)
    state = tx.execute(
        select(refunds.c.state).where(refunds.c.refund_no == form.refund_no, mine).with_for_update()
    ).scalar_one_or_none()
    if state is None:
        raise UnknownRefund
    if state != form.seen:
        return False
    if form.press is RefundPress.PAY_OUT:
        note_payout(tx, form.refund_no, reference=form.words.strip(), by=by, now=now)
        return True
    if by.role is not StaffRole.MANAGER:
        raise NotAllowed
    who = by.staff_id
    if form.press is RefundPress.APPROVE:
        approve_refund(tx, form.refund_no, staff_id=who, role=by.role, now=now)
        return True
    reason = form.words.strip().rstrip("。.")
    if not reason:
        raise ReasonMissing
    decline_refund(tx, form.refund_no, staff_id=who, reason=reason, now=now)
    return True
