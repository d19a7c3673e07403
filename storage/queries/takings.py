"""What came in for bills by fee item and by gateway (收款), less what went back, with its rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, select

from storage.frozen import dataclass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.payments import allocations, payments
from storage.queries.debt_moves import UNLED, Days, Scope, total


@dataclass(frozen=True, slots=True)
class Taking:
    """What came in for a fee item by a gateway, and what of it went back, in fen."""

    fee_item_id: int
    item_name: str
    gateway: str
    came_fen: int
    went_fen: int

    @property
    def fen(self) -> int:
        """What is left of it: the summary's column 收款 is made of these."""
        return self.came_fen - self.went_fen


@dataclass(frozen=True, slots=True)
class TakingRow:
    """Money that came for a bill, or (negative) went back."""

    allocation_id: int
    bill_no: str
    unit_label: str
    item_name: str
    gateway: str
    transaction_id: str
    fen: int
    booked_at: datetime


def takings(tx: Connection, scope: Scope, days: Days) -> tuple[Taking, ...]:
    """Return what came in on some days for bills; draws of what was put aside are no new money."""
    fen = allocations.c.amount_fen
    rows = tx.execute(
        select(
            bills.c.fee_item_id,
            fee_items.c.name,
            payments.c.gateway,
            total(fen, fen > 0).label("came"),
            (-total(fen, fen < 0)).label("went"),
        )
        .select_from(_rows())
        .where(_came(scope, days))
        .group_by(bills.c.fee_item_id, fee_items.c.name, payments.c.gateway)
        .order_by(bills.c.fee_item_id, payments.c.gateway)
    )
    return tuple(
        Taking(row.fee_item_id, row.name, row.gateway, int(row.came), int(row.went)) for row in rows
    )


def taking_rows(
    tx: Connection,
    scope: Scope,
    days: Days,
    *,
    gateway: str = "",
    after_id: int = 0,
    limit: int,
) -> tuple[TakingRow, ...]:
    """Return the rows behind what came in with a key beyond `after_id`; all pages sum to it.

    `gateway` narrows them to what came by one.
    """
    mine = [_came(scope, days), allocations.c.id > after_id]
    if gateway:
        mine.append(payments.c.gateway == gateway)
    rows = tx.execute(
        select(
            allocations.c.id,
            bills.c.bill_no,
            units.c.label,
            fee_items.c.name,
            payments.c.gateway,
            payments.c.transaction_id,
            allocations.c.amount_fen,
            allocations.c.booked_at,
        )
        .select_from(_rows().join(units, units.c.id == bills.c.unit_id))
        .where(*mine)
        .order_by(allocations.c.id)
        .limit(limit)
    )
    return tuple(TakingRow(*row) for row in rows)


def _rows() -> FromClause:
    return (
        allocations.join(bills, bills.c.id == allocations.c.bill_id)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .join(payments, payments.c.id == allocations.c.payment_id)
    )


def _came(scope: Scope, days: Days) -> ColumnElement[Any]:
    return (
        scope.holds(UNLED)
        & allocations.c.move_id.is_(None)
        & (allocations.c.booked_at >= days.begin)
        & (allocations.c.booked_at < days.end)
    )
