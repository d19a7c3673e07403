"""What writing off (核销) does to a bill and the ledger, and what asking for it again does."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import ledger
from storage.kinds import Account, LineKind
from storage.ledger import Leg
from storage.models.write_offs import write_offs
from storage.operations.asked_less import change_asked
from storage.paying_kinds import WriteOffState

LABEL = "坏账核销"
BACK = "核销收回"


def lower(
    tx: Connection, bill: Row[Any], write_off_no: str, amount_fen: int, *, now: datetime
) -> None:
    """Ask for so much less of a locked bill, at the cost of bad debt; it counts today.

    The income stays earned, and nothing is forgiven: the resident is told nothing, and whatever
    she pays of it later is owed again first. No figure of a closed month moves.
    """
    change_asked(tx, bill.id, -amount_fen, kind=LineKind.WRITE_OFF, label=LABEL)
    ledger.post(
        tx,
        key=f"write-off:{write_off_no}",
        memo=LABEL,
        community_id=bill.community_id,
        posted_at=now,
        legs=[
            Leg(Account.BAD_DEBT, amount_fen),
            Leg(Account.RECEIVABLE, -amount_fen, bill.unit_id),
        ],
    )


def bring_back(tx: Connection, bill_id: int, *, reason: str, now: datetime) -> int:
    """Ask again for all that was written off of a locked bill; return the fen, 0 for nothing."""
    rows = tx.execute(
        select(write_offs)
        .where(write_offs.c.bill_id == bill_id, write_offs.c.state == WriteOffState.APPROVED)
        .order_by(write_offs.c.id)
        .with_for_update()
    ).all()
    for row in rows:
        _bring_back(tx, row, reason=reason, now=now)
    return sum(row.amount_fen for row in rows)


def _bring_back(tx: Connection, row: Row[Any], *, reason: str, now: datetime) -> None:
    tx.execute(
        update(write_offs)
        .where(write_offs.c.id == row.id)
        .values(state=WriteOffState.REVERSED, reversed_at=now, reversal_reason=reason.strip()[:120])
    )
    change_asked(tx, row.bill_id, row.amount_fen, kind=LineKind.WRITE_OFF, label=BACK)
    ledger.reverse(tx, key=f"write-off:{row.write_off_no}", memo=BACK, posted_at=now)
