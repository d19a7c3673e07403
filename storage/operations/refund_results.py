"""What a platform says of a refund, by whichever way it is heard: one door, never backwards."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit, crashpoints, ledger
from storage.audit import CLOCK
from storage.errors import (
    AmountMismatch,
    Contradiction,
    RefundEndedOtherwise,
    UnknownRefundNo,
)
from storage.events import (
    PaymentVoided,
    RefundFailed,
    RefundSettled,
    RefundSubmitted,
    StaffTask,
)
from storage.frozen import dataclass
from storage.kinds import Account, RefundStep, StaffRole
from storage.ledger import Leg
from storage.models.bills import bills
from storage.models.payments import allocations, refund_parts, refunds
from storage.models.payments import receipts as receipt_table
from storage.operations import deposits, receipts
from storage.operations.differences import raise_difference
from storage.operations.findings import close_about, keep_finding
from storage.operations.hearers import tell_staff
from storage.operations.red_letters import redden_after_refund
from storage.operations.refund_successors import hold_successor, succeed
from storage.operations.refunds import label_of, move, release, tell
from storage.periods import shanghai_day
from storage.ports.payments import RefundFact, RefundState
from storage.queries.agreement import Finding
from storage.rules.agreeing import OF_WAITING, DifferenceKind
from storage.rules.counter import place_of
from storage.rules.refunds import VOID

FINAL: Final = (RefundStep.SUCCESS, RefundStep.CLOSED, RefundStep.FAILED, RefundStep.DECLINED)
QUERY_WAITS: Final = (60, 300, 600, 1200, 1800)
"""Seconds between our questions about a refund that is under way; the last for a day."""
LATER_WAIT: Final = timedelta(hours=6)
"""From the second day on: banks take days. Nothing is ever given up without a person."""


@dataclass(frozen=True, slots=True)
class RefundHeard:
    """What came of it; `contradiction` is set where our books deny what was said."""

    outcome: str
    """moved | repeated | contradiction."""
    contradiction: Contradiction | None = None


def note_refund(tx: Connection, fact: RefundFact, *, heard_at: datetime) -> RefundHeard:
    """Take a platform's word on a refund: move it on, book it, tell the resident.

    A final state is never left; an earlier state heard late changes nothing.
    """
    row = tx.execute(
        select(refunds)
        .where(refunds.c.refund_no == fact.refund_no, refunds.c.gateway == fact.gateway)
        .with_for_update()
    ).one_or_none()
    trouble: Contradiction | None = None
    if row is None:
        trouble = UnknownRefundNo(fact.refund_no)
    elif fact.amount_fen != row.amount_fen - row.kept_fen and fact.state in _WITH_AMOUNT:
        trouble = AmountMismatch(fact.refund_no, row.amount_fen - row.kept_fen, fact.amount_fen)
    if trouble is not None or row is None:
        raise_difference(
            tx, type(trouble).__name__, fact.refund_no, str(fact.amount_fen), at=heard_at
        )
        return RefundHeard("contradiction", trouble)
    if row.state in FINAL:
        return _heard_after_the_end(tx, row, fact, heard_at)
    _STEPS[fact.state](tx, row, fact, heard_at)
    crashpoints.reach("refund.before_commit")
    return RefundHeard("moved")


def _heard_after_the_end(
    tx: Connection, row: Row[Any], fact: RefundFact, heard_at: datetime
) -> RefundHeard:
    """A refund that we gave up and the platform paid is for an operator; the rest is old news."""
    if fact.state is not RefundState.SUCCESS or row.state == RefundStep.SUCCESS:
        return RefundHeard("repeated")
    hold_successor(tx, row)
    trouble = RefundEndedOtherwise(row.refund_no, row.state)
    raise_difference(
        tx, type(trouble).__name__, row.refund_no, f"{row.state} {fact.amount_fen}", at=heard_at
    )
    return RefundHeard("contradiction", trouble)


_WITH_AMOUNT: Final = (RefundState.PROCESSING, RefundState.SUCCESS)


def _submitted(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    is_new = row.state != RefundStep.SUBMITTED
    sent_at = row.submitted_at or now
    wait = timedelta(seconds=QUERY_WAITS[min(row.step_count, len(QUERY_WAITS) - 1)])
    if not is_new and now - sent_at > timedelta(days=1):
        wait = LATER_WAIT
    move(
        tx,
        row,
        RefundStep.SUBMITTED,
        platform_refund_id=fact.platform_refund_id or row.platform_refund_id,
        submitted_at=sent_at,
        step_count=0 if is_new else row.step_count + 1,
        next_step_at=now + wait,
    )
    if is_new:
        event = RefundSubmitted(
            row.refund_no, label_of(tx, row), row.amount_fen - row.kept_fen, row.gateway
        )
        tell(tx, row, event, now)


def _settled(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    """Book the money out: each part goes back where it came from, bills are owed again."""
    parts = tx.execute(
        select(refund_parts.c.bill_id, refund_parts.c.amount_fen, bills.c.unit_id)
        .outerjoin(bills, bills.c.id == refund_parts.c.bill_id)
        .where(refund_parts.c.refund_id == row.id)
        .order_by(refund_parts.c.bill_id)
    ).all()
    legs = [
        Leg(place_of(row.gateway), row.kept_fen - row.amount_fen),
        Leg(Account.GATEWAY_FEE, -row.kept_fen),
    ]
    for part in parts:
        if part.bill_id is None:
            legs.append(Leg(Account.REFUND_DUE, part.amount_fen, row.unit_id))
        elif row.cause == deposits.CAUSE:
            legs.append(Leg(Account.DEPOSIT, part.amount_fen))
        else:
            legs.append(Leg(Account.RECEIVABLE, part.amount_fen, part.unit_id))
            _reopen(tx, row, part.bill_id, part.amount_fen, now)
    ledger.post(
        tx,
        key=f"refund:{row.refund_no}",
        memo="退款",
        community_id=row.community_id,
        posted_at=now,
        legs=legs,
    )
    settled_at = fact.settled_at or now
    move(
        tx,
        row,
        RefundStep.SUCCESS,
        settled_at=settled_at,
        next_step_at=None,
        platform_refund_id=fact.platform_refund_id or row.platform_refund_id,
    )
    close_about(tx, row.refund_no, OF_WAITING, now=now, note="success")
    crashpoints.reach("refund.before_outbox")
    reopened = [] if row.cause == deposits.CAUSE else parts
    reopened_fen = sum(part.amount_fen for part in reopened if part.bill_id is not None)
    receipt_no = receipts.after_refund(tx, row.payment_id, now=now)
    redden_after_refund(tx, row.payment_id, now=now)
    tell(tx, row, _settled_news(tx, row, settled_at, reopened_fen, receipt_no), now)


def _settled_news(
    tx: Connection,
    row: Row[Any],
    settled_at: datetime,
    reopened_fen: int,
    receipt_no: str | None,
) -> RefundSettled | PaymentVoided:
    label = label_of(tx, row)
    if row.cause == VOID:
        return PaymentVoided(label, row.amount_fen, row.reason, reopened_fen)
    when = settled_at.isoformat()
    sent_fen = row.amount_fen - row.kept_fen
    news = RefundSettled(row.refund_no, label, sent_fen, when, reopened_fen, row.gateway)
    if receipt_no is None:
        return news
    kept_fen = tx.execute(
        select(receipt_table.c.amount_fen).where(receipt_table.c.receipt_no == receipt_no)
    ).scalar_one()
    return replace(news, receipt_no=receipt_no, kept_fen=kept_fen, payment_id=row.payment_id)


def _reopen(tx: Connection, row: Row[Any], bill_id: int, amount_fen: int, now: datetime) -> None:
    tx.execute(
        allocations.insert().values(
            payment_id=row.payment_id,
            bill_id=bill_id,
            refund_id=row.id,
            amount_fen=-amount_fen,
            booked_at=now,
        )
    )
    tx.execute(
        update(bills).where(bills.c.id == bill_id).values(paid_fen=bills.c.paid_fen - amount_fen)
    )


def _unfunded(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    hours = min(2 ** min(row.step_count, 3), 6)
    move(
        tx,
        row,
        RefundStep.UNFUNDED,
        step_count=row.step_count + 1,
        detail=fact.detail[:200],
        next_step_at=now + timedelta(hours=hours),
    )
    _trouble(tx, row, "unfunded", now)


def _abnormal(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    move(
        tx,
        row,
        RefundStep.ABNORMAL,
        detail=fact.detail[:200],
        next_step_at=now + LATER_WAIT,
    )
    keep_finding(tx, waiting_refund(row, DifferenceKind.REFUND_ABNORMAL, now), now=now)
    _trouble(tx, row, "abnormal", now)


def waiting_refund(row: Row[Any], kind: DifferenceKind, now: datetime) -> Finding:
    """Return the task that a refund is which does not end by itself."""
    return Finding(
        kind,
        row.gateway,
        shanghai_day(now),
        row.refund_no,
        row.amount_fen - row.kept_fen,
        None,
        order_no=row.order_no,
    )


def _ended(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    state = RefundStep.CLOSED if fact.state is RefundState.CLOSED else RefundStep.FAILED
    move(tx, row, state, detail=fact.detail[:200], next_step_at=None)
    release(tx, row, now=now)
    close_about(tx, row.refund_no, OF_WAITING, now=now, note=str(state))
    is_again = state is RefundStep.CLOSED and succeed(tx, row, now=now)
    _trouble(tx, row, "again" if is_again else "closed", now)


def _never_arrived(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    if row.state in (RefundStep.APPROVED, RefundStep.UNKNOWN):
        move(tx, row, RefundStep.APPROVED, next_step_at=now)
    else:
        _unknown(tx, row, fact, now)


def _unknown(tx: Connection, row: Row[Any], fact: RefundFact, now: datetime) -> None:
    """Ask how it stands: at once where the platform has just told us that something happened."""
    wait = timedelta(0) if fact.event_id else timedelta(minutes=10)
    if row.state != RefundStep.REQUESTED:
        move(tx, row, RefundStep(row.state), next_step_at=now + wait)


_STEPS: Final = {
    RefundState.PROCESSING: _submitted,
    RefundState.SUCCESS: _settled,
    RefundState.UNFUNDED: _unfunded,
    RefundState.ABNORMAL: _abnormal,
    RefundState.CLOSED: _ended,
    RefundState.REJECTED: _ended,
    RefundState.NOT_FOUND: _never_arrived,
    RefundState.UNKNOWN: _unknown,
}


def _trouble(tx: Connection, row: Row[Any], cause: str, now: datetime) -> None:
    label = label_of(tx, row)
    tell(tx, row, RefundFailed(row.refund_no, label, row.amount_fen, cause), now)
    tell_staff(
        tx,
        StaffTask("refund_trouble", row.refund_no, label, row.amount_fen, cause),
        community_id=row.community_id,
        roles=(StaffRole.MANAGER, StaffRole.CASHIER),
        key=f"trouble:{row.refund_no}:{cause}",
        now=now,
    )
    audit.note(tx, CLOCK, cause, "refund", row.refund_no, at=now)
