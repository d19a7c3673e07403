"""What waived principal (减免) does to a bill: less is owed, and nothing counts as received."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, literal, select, update

from storage import ledger
from storage.kinds import Account, LineKind
from storage.ledger import Leg
from storage.models.ledger import entries
from storage.models.refund_terms import bill_waivers
from storage.operations.asked_less import change_asked
from storage.paying_kinds import WaiverState


def lower(
    tx: Connection, bill: Row[Any], waiver_no: str, amount_fen: int, label: str, *, now: datetime
) -> None:
    """Take fen off a locked bill, all of it too; the caller checked that so much is left.

    The income stays: what was earned was given away, and account `waiver` says so. Only voiding a
    bill, as wrong, takes its income back.
    """
    change_asked(tx, bill.id, -amount_fen, kind=LineKind.WAIVER, label=label)
    ledger.post(
        tx,
        key=f"waiver:{waiver_no}",
        memo=label,
        community_id=bill.community_id,
        posted_at=now,
        legs=[
            Leg(Account.WAIVER, amount_fen),
            Leg(Account.RECEIVABLE, -amount_fen, bill.unit_id),
        ],
    )


def forget(tx: Connection, bill_id: int, *, now: datetime) -> None:
    """Reverse the entries of waivers on a bill that is being voided: nothing is owed of it now.

    Before its own entry: a flat that owes nothing else would owe less than nothing in between.
    """
    key = literal("waiver:").concat(bill_waivers.c.waiver_no)
    booked = (
        select(entries.c.entry_key)
        .join(bill_waivers, entries.c.entry_key == key)
        .where(bill_waivers.c.bill_id == bill_id, bill_waivers.c.state == WaiverState.APPROVED)
        .order_by(bill_waivers.c.id)
    )
    for entry_key in tx.execute(booked).scalars().all():
        ledger.reverse(tx, key=entry_key, memo="减免冲回", posted_at=now)


def take_back(tx: Connection, voucher_no: str, *, reason: str, now: datetime) -> int:
    """Ask again for what was dropped (抹零) with a voucher that is voided; return the fen."""
    rows = tx.execute(
        select(bill_waivers).where(
            bill_waivers.c.waiver_no == rounding_no(voucher_no),
            bill_waivers.c.state == WaiverState.APPROVED,
        )
    ).all()
    for row in rows:
        tx.execute(
            update(bill_waivers)
            .where(bill_waivers.c.id == row.id)
            .values(state=WaiverState.DECLINED, decided_at=now, decline_reason=reason[:120])
        )
        ledger.reverse(tx, key=f"waiver:{row.waiver_no}", memo="抹零冲回", posted_at=now)
        change_asked(tx, row.bill_id, row.amount_fen, kind=LineKind.WAIVER, label="抹零冲回")
    return sum(row.amount_fen for row in rows)


def rounding_no(voucher_no: str) -> str:
    """Return the number of the waiver (抹零) that was made with a voucher."""
    return f"M{voucher_no}"
