"""The revisions of a bill (更正链): the ones that were taken back, and the one that counts."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.errors import UnknownBill
from storage.frozen import dataclass
from storage.models.bills import bills


@dataclass(frozen=True, slots=True)
class Revision:
    """One bill of the same unit, fee, month and party; `corrects_id` is the one it answers."""

    bill_id: int
    bill_no: str
    revision: int
    amount_fen: int
    voided_at: datetime | None
    void_reason: str
    corrects_id: int | None


def bill_numbered(tx: Connection, bill_no: str) -> int:
    """Return the key of a bill. Raises UnknownBill."""
    found: int | None = tx.execute(
        select(bills.c.id).where(bills.c.bill_no == bill_no.strip())
    ).scalar_one_or_none()
    if found is None:
        raise UnknownBill
    return found


def revisions_of(tx: Connection, bill_id: int) -> list[Revision]:
    """Return all revisions of a bill, the first one first. Raises UnknownBill."""
    place = (bills.c.unit_id, bills.c.fee_item_id, bills.c.period, bills.c.part)
    one = tx.execute(select(*place).where(bills.c.id == bill_id)).one_or_none()
    if one is None:
        raise UnknownBill
    rows = tx.execute(
        select(bills)
        .where(*(column == value for column, value in zip(place, one, strict=True)))
        .order_by(bills.c.revision)
    )
    return [
        Revision(
            row.id,
            row.bill_no,
            row.revision,
            row.amount_fen,
            row.voided_at,
            row.void_reason,
            row.corrects_id,
        )
        for row in rows
    ]
