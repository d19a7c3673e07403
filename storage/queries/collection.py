"""How much of what fell due was paid (收缴率), building by building; it tells of no household."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, func, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import HISTORY, bills, fee_items
from storage.models.estate import buildings, units
from storage.periods import months_after
from storage.queries.estate import in_order

MONTHS: Final = 12
LEAST_UNITS: Final = 10
"""The figure of fewer households would tell of single ones."""
_ASKED_FEN: Final = bills.c.amount_fen + bills.c.written_off_fen
"""What fell due: not what was waived, but what was written off, or it would look collected."""


@dataclass(frozen=True, slots=True)
class CollectionRate:
    """What some buildings paid of what fell due in a year; `percent` is rounded down."""

    buildings: tuple[str, ...]
    """Their names, "" for what stands in none; several where one alone has too few households."""
    unit_count: int
    percent: int


def collection_rates(tx: Connection, community_id: int, today: date) -> tuple[CollectionRate, ...]:
    """Return the rates of the year up to a Shanghai day, building by building.

    Of our own fees only. Buildings with few households are taken together with the smallest of the
    others until there are enough; a community with too few in all has no rate.
    """
    rows = tx.execute(
        select(
            buildings.c.label,
            func.count(bills.c.unit_id.distinct()).label("unit_count"),
            func.sum(_ASKED_FEN).label("asked_fen"),
            func.sum(bills.c.paid_fen).label("paid_fen"),
        )
        .select_from(
            bills.join(units, units.c.id == bills.c.unit_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .outerjoin(buildings, buildings.c.id == units.c.building_id)
        )
        .where(
            bills.c.community_id == community_id,
            bills.c.voided_at.is_(None),
            bills.c.is_imported != HISTORY,
            _ASKED_FEN > 0,
            bills.c.due_on > months_after(today, -MONTHS),
            bills.c.due_on <= today,
            fee_items.c.fee_class == FeeClass.OWN,
        )
        .group_by(buildings.c.label)
    ).all()
    groups = _large_enough(rows)
    return tuple(sorted(map(_rate, groups), key=lambda one: _first(one.buildings)))


def _large_enough(rows: Sequence[Any]) -> list[list[Any]]:
    """Join the smallest building with the next ones until each group has enough households."""
    left = sorted(rows, key=lambda one: (one.unit_count, one.label or ""))
    groups: list[list[Any]] = []
    small: list[Any] = []
    for row in left:
        small.append(row)
        if sum(one.unit_count for one in small) >= LEAST_UNITS:
            groups.append(small)
            small = []
    if groups:
        groups[-1] += small
    return groups


def _rate(group: Sequence[Any]) -> CollectionRate:
    asked_fen = sum(int(one.asked_fen) for one in group)
    return CollectionRate(
        tuple(sorted((one.label or "" for one in group), key=lambda one: _first((one,)))),
        sum(one.unit_count for one in group),
        sum(int(one.paid_fen) for one in group) * 100 // asked_fen,
    )


def _first(labels: Sequence[str]) -> tuple[bool, list[tuple[int, str]]]:
    """Return by what groups are put in order: as buildings are counted, what is in none last."""
    return not labels[0], in_order(labels[0].removesuffix("栋"))
