"""Money going back: request, decide, submit, and hear how it ended.

Reserved money is never promised twice: the sum of a payment's refunds that have not failed is
kept on the payment row, under its lock. A refund's number never changes while it is tried, so a
retry after any trouble is the same refund at the platform.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit, crashpoints
from storage.audit import CLOCK, Actor
from storage.errors import (
    NotAllowed,
    RefundStateWrong,
    SelfApproval,
    UnknownRefund,
)
from storage.events import (
    Event,
    PaymentReturned,
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundReceived,
    StaffTask,
)
from storage.frozen import dataclass
from storage.kinds import RefundStep, StaffRole, Urgency
from storage.models.estate import units
from storage.models.payments import payment_orders, payments, refund_parts, refunds
from storage.models.people import identities
from storage.operations import deposits, prepayments
from storage.operations.hearers import hearers, tell_staff
from storage.operations.payout_tasks import ask_for_payout, next_step_at
from storage.operations.refund_judgments import Wish, judge
from storage.operations.refund_sources import sources_of, sources_undone
from storage.outbox import enqueue
from storage.periods import shanghai_day
from storage.rules.counter import way_back
from storage.rules.refunds import VOID, take_from
from storage.sql import next_number


@dataclass(frozen=True, slots=True)
class RefundAskedFor:
    """What somebody wants back, and why. `request_key` makes asking twice one request."""

    payment_id: int
    amount_fen: int
    cause: str
    """paid_twice | paid_too_much | wrong_flat | asked | deposit."""
    reason: str
    request_key: str
    identity_id: int | None = None
    deposit_bill_id: int | None = None
    """The bill of the deposit that is given back: nothing else of the payment is touched."""
    kept_fen: int = 0
    """What of the amount stays for the platform's fee, where the payer bears it."""


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund as its requester sees it."""

    refund_no: str
    unit_label: str
    amount_fen: int
    state: RefundStep
    is_automatic: bool


def request_refund(
    tx: Connection, asked: RefundAskedFor, *, actor: Actor, now: datetime
) -> RefundView:
    """Reserve money of a payment and decide whether a person must agree.

    The same request key again returns the same refund. What nobody has to agree to is counted
    over all refunds of the payment, so that many small ones are no way around a person. Raises
    UnknownRefund (no such payment), RefundTooMuch, RefundWindowOver, RefundNotOffered.
    """
    payment = tx.execute(
        select(payments).where(payments.c.id == asked.payment_id).with_for_update()
    ).one_or_none()
    if payment is None:
        raise UnknownRefund
    known = tx.execute(
        select(refunds).where(refunds.c.request_key == asked.request_key)
    ).one_or_none()
    if known is not None:
        return _view(tx, known)
    is_staffs = actor.staff_id is not None
    wish = Wish(asked.amount_fen, asked.cause, is_staffs, asked.deposit_bill_id)
    judgment = judge(tx, payment, wish, now=now)
    state = RefundStep.REQUESTED if judgment.waits else RefundStep.APPROVED
    asked = replace(asked, kept_fen=judgment.kept_fen)
    row = write_refund(tx, payment, asked, state, actor, now)
    crashpoints.reach("refund.after_reserve")
    if actor.identity_id is None:
        received = RefundReceived(
            row.refund_no, label_of(tx, row), row.amount_fen, not judgment.waits, row.kept_fen
        )
        tell(tx, row, received, now)
    if judgment.waits:
        _ask_managers(tx, row, now)
    return _view(tx, row)


def give_back(tx: Connection, payment_id: int, *, now: datetime) -> None:
    """Return a whole payment whose bills were paid already; nobody has to ask for it."""
    payment = tx.execute(select(payments).where(payments.c.id == payment_id)).one()
    order = tx.execute(select(payment_orders).where(payment_orders.c.id == payment.order_id)).one()
    asked = RefundAskedFor(
        payment_id,
        payment.amount_fen,
        "paid_twice",
        "",
        f"second:{payment_id}",
        order.identity_id,
    )
    row = write_refund(tx, payment, asked, RefundStep.APPROVED, CLOCK, now)
    event = PaymentReturned(
        order.order_no, row.refund_no, label_of(tx, row), row.amount_fen, "paid_twice"
    )
    tell(tx, row, event, now)


def write_refund(
    tx: Connection,
    payment: Row[Any],
    asked: RefundAskedFor,
    state: RefundStep,
    actor: Actor,
    now: datetime,
) -> Row[Any]:
    """Write a refund in its first state and speak for its money; the caller has locked and checked.

    Raises ValueError where less than its amount is left of the payment.
    """
    order_no = tx.execute(
        select(payment_orders.c.order_no).where(payment_orders.c.id == payment.order_id)
    ).scalar_one()
    day = shanghai_day(now)
    row = tx.execute(
        refunds.insert()
        .values(
            refund_no=f"T{day:%y%m%d}{next_number(tx, f'refund:{day:%y%m%d}'):06d}",
            payment_id=payment.id,
            community_id=payment.community_id,
            unit_id=payment.unit_id,
            identity_id=asked.identity_id,
            order_no=order_no,
            gateway=way_back(payment.gateway, is_void=asked.cause == VOID),
            amount_fen=asked.amount_fen,
            kept_fen=asked.kept_fen,
            state=state,
            cause=asked.cause,
            reason=asked.reason[:80],
            request_key=asked.request_key,
            requested_at=now,
            requested_by=actor.staff_id,
            next_step_at=next_step_at(payment.gateway, now)
            if state == RefundStep.APPROVED
            else None,
        )
        .returning(refunds)
    ).one()
    _reserve(tx, payment, row, asked.deposit_bill_id, now)
    if asked.deposit_bill_id is not None:
        deposits.give(tx, asked.deposit_bill_id, asked.amount_fen, now=now)
    audit.note(tx, actor, "request", "refund", row.refund_no, at=now, detail=asked.cause)
    return row


def _reserve(
    tx: Connection,
    payment: Row[Any],
    row: Row[Any],
    deposit_bill_id: int | None,
    now: datetime,
) -> None:
    """Speak for the money: on the payment row, and out of the prepayment where it lies there."""
    is_void = row.cause == VOID
    sources = sources_undone(tx, payment) if is_void else sources_of(tx, payment, deposit_bill_id)
    parts = take_from(row.amount_fen, sources)
    tx.execute(
        refund_parts.insert(),
        [{"refund_id": row.id, "bill_id": one, "amount_fen": amount} for one, amount in parts],
    )
    tx.execute(
        update(payments)
        .where(payments.c.id == payment.id)
        .values(reserved_fen=payments.c.reserved_fen + row.amount_fen)
    )
    if is_void:
        deposits.forget(tx, [one for one, _ in parts if one is not None])
    unallocated = sum(amount for one, amount in parts if one is None)
    if unallocated and not payment.returned_fen:
        prepayments.set_apart(tx, row, unallocated, now=now)


def approve_refund(
    tx: Connection, refund_no: str, *, staff_id: int, role: StaffRole, now: datetime
) -> RefundView:
    """Agree to a refund. Raises UnknownRefund, RefundStateWrong, SelfApproval, NotAllowed.

    Only a manager agrees, and never to a refund of her own: one she asked for at the counter, or
    as a resident in chat.
    """
    row = _lock(tx, refund_no)
    _check_decision(tx, row, staff_id)
    if role is not StaffRole.MANAGER:
        raise NotAllowed
    move(
        tx,
        row,
        RefundStep.APPROVED,
        decided_by=staff_id,
        decided_at=now,
        next_step_at=next_step_at(row.gateway, now),
    )
    ask_for_payout(tx, row, now=now)
    audit.note(tx, Actor(staff_id), "approve", "refund", refund_no, at=now, detail=role)
    tell(tx, row, RefundApproved(refund_no, label_of(tx, row), row.amount_fen, row.gateway), now)
    return _view(tx, _lock(tx, refund_no))


def decline_refund(
    tx: Connection, refund_no: str, *, staff_id: int, reason: str, now: datetime
) -> RefundView:
    """Decline a refund with a reason the resident reads; its money is free again.

    Raises UnknownRefund, RefundStateWrong, SelfApproval.
    """
    row = _lock(tx, refund_no)
    _check_decision(tx, row, staff_id)
    move(
        tx,
        row,
        RefundStep.DECLINED,
        decided_by=staff_id,
        decided_at=now,
        decline_reason=reason[:120],
        next_step_at=None,
    )
    release(tx, row, now=now)
    audit.note(tx, Actor(staff_id), "decline", "refund", refund_no, at=now, detail=reason)
    tell(tx, row, RefundDeclined(refund_no, label_of(tx, row), row.amount_fen, reason), now)
    return _view(tx, _lock(tx, refund_no))


def _check_decision(tx: Connection, row: Row[Any], staff_id: int) -> None:
    if row.state != RefundStep.REQUESTED:
        raise RefundStateWrong(row.refund_no, row.state)
    asked_in_chat_by = tx.execute(
        select(identities.c.staff_id).where(identities.c.id == row.identity_id)
    ).scalar_one_or_none()
    if staff_id in (row.requested_by, asked_in_chat_by):
        raise SelfApproval


def release(tx: Connection, row: Row[Any], *, now: datetime) -> None:
    """Free the money of a refund that will not happen, once."""
    tx.execute(
        update(payments)
        .where(payments.c.id == row.payment_id)
        .values(reserved_fen=payments.c.reserved_fen - row.amount_fen)
    )
    prepayments.put_back(tx, row, now=now)
    if row.cause == deposits.CAUSE:
        for part in tx.execute(select(refund_parts).where(refund_parts.c.refund_id == row.id)):
            deposits.give(tx, part.bill_id, -part.amount_fen, now=now)


def postpone_refund(tx: Connection, refund_no: str, *, now: datetime) -> None:
    """The platform did not answer: what happened is unknown; look again a little later."""
    row = _lock(tx, refund_no)
    waits = (60, 300, 600, 1200, 1800, 3600)
    if row.state in (RefundStep.APPROVED, RefundStep.UNFUNDED, RefundStep.UNKNOWN):
        wait = waits[min(row.step_count, len(waits) - 1)]
        move(
            tx,
            row,
            RefundStep.UNKNOWN,
            step_count=row.step_count + 1,
            next_step_at=now + timedelta(seconds=wait),
        )
    elif row.state in (RefundStep.SUBMITTED, RefundStep.ABNORMAL):
        move(tx, row, RefundStep(row.state), next_step_at=now + timedelta(minutes=5))


def _lock(tx: Connection, refund_no: str) -> Row[Any]:
    row = tx.execute(
        select(refunds).where(refunds.c.refund_no == refund_no).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownRefund
    return row


def move(tx: Connection, row: Row[Any], state: RefundStep, **more: Any) -> None:  # noqa: ANN401
    """Put a locked refund into its next state."""
    tx.execute(update(refunds).where(refunds.c.id == row.id).values(state=state, **more))


def label_of(tx: Connection, row: Row[Any]) -> str:
    """Return the label of the unit that a refund is for."""
    label: str = tx.execute(select(units.c.label).where(units.c.id == row.unit_id)).scalar_one()
    return label


def tell(tx: Connection, row: Row[Any], event: Event, now: datetime) -> None:
    """Tell whoever hears of a refund about its step, once per step."""
    step = type(event).__name__ + (event.cause if isinstance(event, RefundFailed) else "")
    for hearer in hearers(tx, identity_id=row.identity_id, unit_id=row.unit_id):
        enqueue(
            tx,
            event,
            hearer.addressee,
            key=f"refund:{row.refund_no}:{step}:{hearer.addressee.identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )


def _ask_managers(tx: Connection, row: Row[Any], now: datetime) -> None:
    tell_staff(
        tx,
        StaffTask("refund_approval", row.refund_no, label_of(tx, row), row.amount_fen, row.reason),
        community_id=row.community_id,
        roles=(StaffRole.MANAGER,),
        key=f"approve:{row.refund_no}",
        now=now,
    )


def _view(tx: Connection, row: Row[Any]) -> RefundView:
    return RefundView(
        row.refund_no,
        label_of(tx, row),
        row.amount_fen,
        RefundStep(row.state),
        row.state != RefundStep.REQUESTED and row.decided_by is None,
    )
