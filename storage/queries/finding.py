"""Finding a flat at the counter by what somebody says: room, phone, or number plate."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, tuple_

from storage.frozen import dataclass
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs

SHORTEST_PHONE: Final = 4
"""The last digits of a phone that are enough to look by."""


@dataclass(frozen=True, slots=True)
class UnitAtCounter:
    """A unit that was found, and what is open on it."""

    unit_id: int
    community_id: int
    community_name: str
    code: str
    label: str
    link_epoch: int
    open_fen: int
    open_count: int


def find_at_counter(
    tx: Connection, said: str, *, community_ids: Sequence[int], today: date, limit: int
) -> list[UnitAtCounter]:
    """Return the units of these communities that a text may mean, the best first.

    A whole room ("3-2-501", "3栋2单元501") or its end ("501", "2-501"); a phone of who lives
    there, or its last four digits and more; a number plate. A whole room hides the others.
    """
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", said)).upper()
    if not plain:
        return []
    rows = tx.execute(
        _UNITS.where(units.c.community_id.in_(community_ids), _meant(plain, today))
        .order_by(units.c.community_id, units.c.code)
        .limit(limit)
    ).all()
    found = [_unit(row) for row in rows]
    whole = [one for one in found if plain in (one.code.upper(), one.label.upper())]
    return whole or found


@dataclass(frozen=True, slots=True)
class UnitWish:
    """Which units somebody wants to see."""

    fragment: str = ""
    """Of a room, a name or a number plate, or a phone's last four digits and more."""
    is_owing: bool = False
    due_before: date | None = None
    """With `is_owing`: only those with an open bill due before this Shanghai day."""
    after_unit_id: int = 0
    """The last one of the page before."""


def page_of_units(
    tx: Connection, wish: UnitWish, *, community_ids: Sequence[int], today: date, limit: int
) -> list[UnitAtCounter]:
    """Return some units of these communities in the order of their rooms."""
    asked = _UNITS.where(units.c.community_id.in_(community_ids))
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", wish.fragment)).upper()
    if plain:
        asked = asked.where(_holds(plain, today))
    if wish.is_owing:
        owing = select(bills.c.id).where(*_IS_OPEN)
        if wish.due_before is not None:
            owing = owing.where(bills.c.due_on < wish.due_before)
        asked = asked.where(owing.correlate(units).exists())
    if wish.after_unit_id:
        last = units.alias("last")
        mark = select(last.c.community_id, last.c.code).where(last.c.id == wish.after_unit_id)
        asked = asked.where(tuple_(units.c.community_id, units.c.code) > mark.scalar_subquery())
    rows = tx.execute(asked.order_by(units.c.community_id, units.c.code).limit(limit))
    return [_unit(row) for row in rows]


def unit_at_counter(
    tx: Connection, unit_id: int, *, community_ids: Sequence[int]
) -> UnitAtCounter | None:
    """Return a unit of these communities, or None."""
    mine = _UNITS.where(units.c.id == unit_id, units.c.community_id.in_(community_ids))
    row = tx.execute(mine).one_or_none()
    return None if row is None else _unit(row)


_IS_OPEN = (
    bills.c.unit_id == units.c.id,
    bills.c.voided_at.is_(None),
    bills.c.paid_fen < bills.c.amount_fen,
)
_UNITS = select(
    units.c.id,
    units.c.community_id,
    communities.c.name,
    units.c.code,
    units.c.label,
    units.c.link_epoch,
    select(func.coalesce(func.sum(bills.c.amount_fen - bills.c.paid_fen), 0))
    .where(*_IS_OPEN)
    .correlate(units)
    .scalar_subquery(),
    select(func.count()).select_from(bills).where(*_IS_OPEN).correlate(units).scalar_subquery(),
).join(communities, communities.c.id == units.c.community_id)


def _unit(row: Sequence[Any]) -> UnitAtCounter:
    """Return a row as what it is: PostgreSQL adds whole fen up to a Decimal."""
    unit_id, community_id, name, code, label, epoch, fen, count = row
    return UnitAtCounter(unit_id, community_id, name, code, label, epoch, int(fen), count)


def _meant(plain: str, today: date) -> ColumnElement[bool]:
    room = re.sub(r"(栋|幢|号楼|单元|门)", "-", plain).removesuffix("室").strip("-")
    ways: list[ColumnElement[bool]] = [
        units.c.code == room,
        units.c.label == plain,
        units.c.code.endswith(f"-{room}", autoescape=True),
        units.c.id.in_(_by_plate(plain, today)),
    ]
    if plain.isascii() and plain.isdigit() and len(plain) >= SHORTEST_PHONE:
        ways.append(units.c.id.in_(_by_phone(plain, today)))
    return or_(*ways)


def _holds(plain: str, today: date) -> ColumnElement[bool]:
    """Say that a room, a name, a plate or a phone's end holds a fragment."""
    room = re.sub(r"(栋|幢|号楼|单元|门)", "-", plain).removesuffix("室").strip("-")
    live = or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > today)
    named = (
        select(occupancies.c.unit_id)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(residents.c.name.contains(plain, autoescape=True), live)
    )
    return or_(
        units.c.code.contains(room or plain, autoescape=True),
        units.c.label.contains(plain, autoescape=True),
        units.c.id.in_(named),
        _meant(plain, today),
    )


def _by_phone(digits: str, today: date) -> Select[Any]:
    live = or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > today)
    return (
        select(occupancies.c.unit_id)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(residents.c.phone.endswith(digits, autoescape=True), live)
    )


def _by_plate(plate: str, today: date) -> Select[Any]:
    live = or_(unit_tariffs.c.until_on.is_(None), unit_tariffs.c.until_on > today)
    same = func.upper(unit_tariffs.c.plate) == plate
    return select(unit_tariffs.c.unit_id).where(same, live)
