"""Which households of a building have open bills: deposits and renewals are no debt."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, units
from storage.models.people import residents
from storage.queries.debt_moves import Condition, total

TAILS: Final = ("栋", "号楼", "幢", "座", "")


@dataclass(frozen=True, slots=True)
class Owing:
    """A household with open bills: of whom, how much, and since which month."""

    unit_id: int
    unit_label: str
    name: str
    """Of one who owes them, "" where nobody is known."""
    open_fen: int
    bills: int
    since: str


def owing_total(tx: Connection, community_ids: Sequence[int], building: str) -> tuple[int, int]:
    """Return how many households of a building ("3") have open bills, and their fen."""
    row = tx.execute(
        select(
            func.count(bills.c.unit_id.distinct()), total(bills.c.amount_fen - bills.c.paid_fen)
        ).where(*_open(community_ids, building))
    ).one()
    return int(row[0]), int(row[1])


def owing_households(
    tx: Connection, community_ids: Sequence[int], building: str, *, after_id: int = 0, limit: int
) -> list[Owing]:
    """Return the households with a key beyond `after_id`, in the order in which they came in."""
    rows = tx.execute(
        select(
            units.c.id,
            units.c.label,
            func.coalesce(func.min(residents.c.name), "").label("name"),
            total(bills.c.amount_fen - bills.c.paid_fen).label("open_fen"),
            func.count(bills.c.id).label("bills"),
            func.min(bills.c.period).label("since"),
        )
        .select_from(
            bills.join(units, units.c.id == bills.c.unit_id).outerjoin(
                residents, residents.c.id == bills.c.liable_id
            )
        )
        .where(*_open(community_ids, building), bills.c.unit_id > after_id)
        .group_by(units.c.id, units.c.label)
        .order_by(units.c.id)
        .limit(limit)
    )
    return [
        Owing(row.id, row.label, row.name, int(row.open_fen), row.bills, row.since) for row in rows
    ]


def _open(community_ids: Sequence[int], building: str) -> tuple[Condition, ...]:
    there = (
        select(units.c.id)
        .join(buildings, buildings.c.id == units.c.building_id)
        .where(
            buildings.c.community_id.in_(community_ids),
            buildings.c.label.in_([f"{building}{tail}" for tail in TAILS]),
        )
    )
    no_debt = select(fee_items.c.id).where(
        fee_items.c.fee_class.in_([FeeClass.DEPOSIT, FeeClass.RENEWAL])
    )
    return (
        bills.c.unit_id.in_(there),
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
        bills.c.fee_item_id.not_in(no_debt),
    )
