"""Deposits (押金) that are held: whose, for what, and what is left of each."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.prepayments import deposits


@dataclass(frozen=True, slots=True)
class HeldDeposit:
    """A deposit that was paid, and what became of it, in fen."""

    bill_no: str
    unit_label: str
    purpose: str
    amount_fen: int
    deducted_fen: int
    returned_fen: int
    """What went back or is on its way."""
    evidence: str
    taken_at: datetime
    inspected_at: datetime | None

    @property
    def left_fen(self) -> int:
        """What is still held."""
        return self.amount_fen - self.deducted_fen - self.returned_fen


def deposits_held(tx: Connection, community_id: int) -> list[HeldDeposit]:
    """Return the deposits of a community of which something is left, the oldest first."""
    left = deposits.c.amount_fen - deposits.c.deducted_fen - deposits.c.returned_fen
    rows = tx.execute(
        select(deposits, bills.c.bill_no, units.c.label)
        .join(bills, bills.c.id == deposits.c.bill_id)
        .join(units, units.c.id == deposits.c.unit_id)
        .where(bills.c.community_id == community_id, left > 0)
        .order_by(deposits.c.id)
    )
    return [
        HeldDeposit(
            row.bill_no,
            row.label,
            row.purpose,
            row.amount_fen,
            row.deducted_fen,
            row.returned_fen,
            row.evidence,
            row.taken_at,
            row.inspected_at,
        )
        for row in rows
    ]
