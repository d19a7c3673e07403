"""Refunds made in a platform's own console: found in its statement, and booked like any other."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, update

from storage.audit import CLOCK
from storage.events import StaffTask
from storage.kinds import RefundStep, StaffRole
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments, refunds
from storage.operations.difference_notes import note_act
from storage.operations.findings import close_finding
from storage.operations.hearers import tell_staff
from storage.operations.refund_results import note_refund
from storage.operations.refund_sources import sources_of
from storage.operations.refunds import RefundAskedFor, label_of, move, write_refund
from storage.ports.payments import RefundFact, RefundState
from storage.queries.agreement import EXTERNAL_KEY, Finding
from storage.rules.agreeing import BOOKED, DifferenceKind

ROLES: Final = (StaffRole.CASHIER, StaffRole.MANAGER)


def book_external(tx: Connection, finding: Finding, *, now: datetime) -> str:
    """Book a refund that only the platform knew of, once; tell the payer and the office.

    Returns our number for it, or "" where no payment of ours has so much left: then a person must
    look, and nothing was booked.
    """
    number = finding.platform_refund_id or finding.refund_no
    amount_fen = finding.theirs_fen or 0
    request_key = f"{EXTERNAL_KEY}:{finding.gateway}:{number}"[:80]
    payment = _payment(tx, finding) if number else None
    known = tx.execute(
        select(refunds.c.refund_no).where(refunds.c.request_key == request_key)
    ).scalar_one_or_none()
    if known is not None:
        return str(known)
    if payment is None or sum(one.left_fen for one in sources_of(tx, payment)) < amount_fen:
        return ""
    asked = RefundAskedFor(payment.id, amount_fen, EXTERNAL_KEY, "", request_key)
    row = write_refund(tx, payment, asked, RefundStep.SUBMITTED, CLOCK, now)
    at = finding.at or now
    move(tx, row, RefundStep.SUBMITTED, submitted_at=at, next_step_at=now)
    fact = RefundFact(
        finding.gateway,
        row.refund_no,
        row.order_no,
        RefundState.SUCCESS,
        amount_fen,
        finding.platform_refund_id,
        at,
    )
    note_refund(tx, fact, heard_at=now)
    _tell_office(tx, row, finding, now)
    _settle_differences(tx, row, finding, now)
    return str(row.refund_no)


def _payment(tx: Connection, finding: Finding) -> Row[Any] | None:
    """Find and lock the payment that a refund is from, by the platform's number or by ours."""
    by_number = payments.c.transaction_id == finding.transaction_id
    by_order = payment_orders.c.order_no == finding.order_no
    wanted = [
        is_it
        for is_it, given in ((by_number, finding.transaction_id), (by_order, finding.order_no))
        if given
    ]
    if not wanted or not finding.theirs_fen:
        return None
    keys = (
        select(payments.c.id)
        .join(payment_orders, payment_orders.c.id == payments.c.order_id)
        .where(payments.c.gateway == finding.gateway, or_(*wanted))
    )
    found = tx.execute(
        select(payments).where(payments.c.id.in_(keys)).with_for_update().limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def _tell_office(tx: Connection, row: Row[Any], finding: Finding, now: datetime) -> None:
    note = finding.refund_no or finding.platform_refund_id
    tell_staff(
        tx,
        StaffTask("refund_external", row.refund_no, label_of(tx, row), row.amount_fen, note),
        community_id=row.community_id,
        roles=ROLES,
        key=f"external:{row.refund_no}",
        now=now,
    )


def _settle_differences(tx: Connection, row: Row[Any], finding: Finding, now: datetime) -> None:
    """Write the finding into history; what a notification said of the same refund is settled."""
    booked = Finding(
        DifferenceKind.REFUND_EXTERNAL,
        finding.gateway,
        finding.day_on,
        row.refund_no,
        row.amount_fen,
        finding.theirs_fen,
    )
    close_finding(tx, booked, BOOKED, now=now, note=finding.refund_no)
    same = [one for one in (finding.refund_no, finding.platform_refund_id) if one]
    settled = tx.execute(
        update(discrepancies)
        .where(
            discrepancies.c.closed_at.is_(None),
            discrepancies.c.reference.in_(same),
            discrepancies.c.kind.in_(("UnknownRefundNo", DifferenceKind.REFUND_PLATFORM_ONLY)),
        )
        .values(closed_at=now)
        .returning(discrepancies.c.id)
    ).scalars()
    for number in settled.all():
        note_act(tx, number, BOOKED, at=now, note=row.refund_no)
