"""A refund that its platform has closed lives on under a new number, linked to the old one."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage.audit import CLOCK
from storage.kinds import RefundStep
from storage.models.payments import payments, refund_parts, refunds
from storage.operations import deposits
from storage.operations.refunds import RefundAskedFor, move, write_refund
from storage.rules.refunds import PLATFORM_WINDOW

MOST: Final = 5
"""How many numbers one refund may use up before a person has to look."""


def succeed(tx: Connection, old: Row[Any], *, now: datetime) -> bool:
    """Write the successor of a closed refund whose money the caller has just freed.

    It was agreed to, so it goes out without being asked for again. Returns False where the
    payment is past the platform's window, or too many numbers were used up.
    """
    payment = tx.execute(
        select(payments).where(payments.c.id == old.payment_id).with_for_update()
    ).one()
    if now - payment.paid_at > PLATFORM_WINDOW or _numbers_used(tx, old) >= MOST:
        return False
    asked = RefundAskedFor(
        old.payment_id,
        old.amount_fen,
        old.cause,
        old.reason,
        f"after:{old.refund_no}",
        old.identity_id,
        deposit_bill_of(tx, old),
        old.kept_fen,
    )
    new = write_refund(tx, payment, asked, RefundStep.APPROVED, CLOCK, now)
    move(
        tx,
        new,
        RefundStep.APPROVED,
        predecessor_id=old.id,
        requested_by=old.requested_by,
        decided_by=old.decided_by,
        decided_at=now if old.decided_at is not None else None,
    )
    return True


def hold_successor(tx: Connection, old: Row[Any]) -> None:
    """Send no second refund after all: the platform says that it has paid the closed one.

    A successor that is under way already is the office's, with the difference.
    """
    tx.execute(
        update(refunds)
        .where(
            refunds.c.predecessor_id == old.id,
            refunds.c.state.in_((RefundStep.APPROVED, RefundStep.UNFUNDED)),
        )
        .values(state=RefundStep.REQUESTED, next_step_at=None)
    )


def _numbers_used(tx: Connection, row: Row[Any]) -> int:
    used, before = 1, row.predecessor_id
    while before is not None and used < MOST:
        before = tx.execute(
            select(refunds.c.predecessor_id).where(refunds.c.id == before)
        ).scalar_one()
        used += 1
    return used


def deposit_bill_of(tx: Connection, row: Row[Any]) -> int | None:
    """Return the bill of the deposit that a refund gives back, None where it is none."""
    if row.cause != deposits.CAUSE:
        return None
    found: int | None = tx.execute(
        select(refund_parts.c.bill_id).where(refund_parts.c.refund_id == row.id).limit(1)
    ).scalar_one_or_none()
    return found
