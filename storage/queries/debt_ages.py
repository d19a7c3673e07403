"""Open debts by age (账龄) as of any Shanghai day, with the bills behind each bucket."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Date, Label, case, func, literal, select

from storage.frozen import dataclass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.queries.debt_moves import Bills, Days, Scope, counted_back, opening, total
from storage.rules.collecting import AGES


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is open of one age, and of how many households."""

    open_fen: int
    households: int


@dataclass(frozen=True, slots=True)
class AgedBill:
    """An open bill behind a bucket."""

    bill_id: int
    bill_no: str
    unit_label: str
    item_name: str
    due_on: date
    open_fen: int


def debts_by_age(tx: Connection, scope: Scope, as_of: date) -> tuple[Bucket, ...]:
    """Return what was open as a day ended, by days late: 0–30 (or not due), 31–60, 61–90,
    91–180, 181–365 and more; they sum to the day's closing arrears.
    """
    found = _open(scope, as_of)
    rows = tx.execute(
        select(
            found.c.bucket,
            total(found.c.open).label("open"),
            func.count(found.c.unit_id.distinct()).label("households"),
        )
        .where(found.c.open != 0)
        .group_by(found.c.bucket)
    )
    by_bucket = {row.bucket: Bucket(int(row.open), row.households) for row in rows}
    return tuple(by_bucket.get(one, Bucket(0, 0)) for one in range(len(AGES) + 1))


def debts_of_age(
    tx: Connection, scope: Scope, as_of: date, bucket: int, *, after_id: int = 0, limit: int
) -> tuple[AgedBill, ...]:
    """Return the bills behind a bucket with a key beyond `after_id`; all pages sum to it."""
    found = _open(scope, as_of, after_id)
    rows = tx.execute(
        select(found.c.bill_id, found.c.open, bills, units.c.label, fee_items.c.name)
        .select_from(
            found.join(bills, bills.c.id == found.c.bill_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(found.c.open != 0, found.c.bucket == bucket)
        .order_by(found.c.bill_id)
        .limit(limit)
    )
    return tuple(
        AgedBill(row.bill_id, row.bill_no, row.label, row.name, row.due_on, int(row.open))
        for row in rows
    )


def bucket_on(as_of: date, ages: Sequence[int]) -> Label[int]:
    """Return the column "bucket" of bills: how many of these days late are passed on a day."""
    edges = [
        (bills.c.due_on >= literal(as_of - timedelta(days=days), Date()), number)
        for number, days in enumerate(ages)
    ]
    return case(*edges, else_=len(ages)).label("bucket")


def _open(scope: Scope, as_of: date, after_id: int = 0) -> Any:  # noqa: ANN401
    """Return bill by bill what was open as a day ended, with its bucket."""
    moves = counted_back(Bills.of(scope, after_id), Days(as_of, as_of).end)
    sums = (
        select(moves.c.bill_id, opening(moves).label("open"))
        .group_by(moves.c.bill_id)
        .subquery("sums")
    )
    return (
        select(sums.c.bill_id, bills.c.unit_id, sums.c.open, bucket_on(as_of, AGES))
        .join(bills, bills.c.id == sums.c.bill_id)
        .subquery("aged")
    )
