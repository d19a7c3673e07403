"""Money going back: request, decide, submit, and hear how it ended.

Reserved money is never promised twice: the sum of a payment's refunds that have not failed is
kept on the payment row, under its lock. A refund's number never changes while it is tried, so a
retry after any trouble is the same refund at the platform.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit, crashpoints
from storage.audit import CLOCK, Actor
from storage.errors import (
    NotAllowed,
    RefundStateWrong,
    RefundTooMuch,
    RefundWindowOver,
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
from storage.operations.refund_sources import sources_of
from storage.outbox import enqueue
from storage.periods import shanghai_day
from storage.queries.policies import policy_on
from storage.rules.refunds import (
    AUTOMATIC_CAUSES,
    PLATFORM_WINDOW,
    needs_approval,
    take_from,
)
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
    UnknownRefund (no such payment), RefundTooMuch, RefundWindowOver.
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
    left_fen = sum(one.left_fen for one in sources_of(tx, payment, asked.deposit_bill_id))
    if not 0 < asked.amount_fen <= left_fen:
        raise RefundTooMuch(left_fen)
    if now - payment.paid_at > PLATFORM_WINDOW:
        raise RefundWindowOver(shanghai_day(payment.paid_at))
    policy = policy_on(tx, payment.community_id, shanghai_day(now))
    is_plain = policy.refund_any_cause or asked.cause in AUTOMATIC_CAUSES
    waits = not is_plain or needs_approval(
        asked.amount_fen + payment.reserved_fen,
        paid_at=payment.paid_at,
        now=now,
        window_days=policy.refund_window_days,
        automatic_fen=policy.refund_automatic_fen,
    )
    state = RefundStep.REQUESTED if waits else RefundStep.APPROVED
    row = _write(tx, payment, asked, state, actor, now)
    crashpoints.reach("refund.after_reserve")
    if actor.identity_id is None:
        is_automatic = not waits
        tell(
            tx,
            row,
            RefundReceived(row.refund_no, label_of(tx, row), row.amount_fen, is_automatic),
            now,
        )
    if waits:
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
    row = _write(tx, payment, asked, RefundStep.APPROVED, CLOCK, now)
    event = PaymentReturned(
        order.order_no, row.refund_no, label_of(tx, row), row.amount_fen, "paid_twice"
    )
    tell(tx, row, event, now)


def _write(
    tx: Connection,
    payment: Row[Any],
    asked: RefundAskedFor,
    state: RefundStep,
    actor: Actor,
    now: datetime,
) -> Row[Any]:
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
            gateway=payment.gateway,
            amount_fen=asked.amount_fen,
            state=state,
            cause=asked.cause,
            reason=asked.reason[:80],
            request_key=asked.request_key,
            requested_at=now,
            requested_by=actor.staff_id,
            next_step_at=now if state == RefundStep.APPROVED else None,
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
    parts = take_from(row.amount_fen, sources_of(tx, payment, deposit_bill_id))
    tx.execute(
        refund_parts.insert(),
        [{"refund_id": row.id, "bill_id": one, "amount_fen": amount} for one, amount in parts],
    )
    tx.execute(
        update(payments)
        .where(payments.c.id == payment.id)
        .values(reserved_fen=payments.c.reserved_fen + row.amount_fen)
    )
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
        next_step_at=now,
    )
    audit.note(tx, Actor(staff_id), "approve", "refund", refund_no, at=now, detail=role)
    tell(tx, row, RefundApproved(refund_no, label_of(tx, row), row.amount_fen), now)
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
