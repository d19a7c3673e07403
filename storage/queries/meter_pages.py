"""Meters as the office looks through a month's readings: by building, some at a time, and one."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, tuple_

from storage.charge_errors import UnknownMeter
from storage.frozen import dataclass
from storage.kinds import ReadingState
from storage.models.bills import fee_items
from storage.models.estate import buildings, communities, units
from storage.models.meters import meters, readings
from storage.models.people import staff
from storage.periods import BillingPeriod
from storage.queries.meters import READINGS, KeptReading, kept_reading


class MeterState(StrEnum):
    """Which meters of a month somebody wants to see."""

    MISSING = "missing"
    READ = "read"


@dataclass(frozen=True, slots=True)
class MeterWish:
    """Which meters of which month somebody wants to see; what is empty does not matter."""

    period: BillingPeriod
    building_id: int = 0
    state: MeterState | None = None
    fragment: str = ""
    """Of a room, or of a meter's number."""
    after: tuple[int, int] = (0, 0)
    """The unit and the meter that the page before ended with."""


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A meter of a list, with its newest reading that counts in the month, if there is one."""

    meter_id: int
    unit_id: int
    unit_label: str
    item_name: str
    meter_no: str
    read: KeptReading | None


@dataclass(frozen=True, slots=True)
class BuildingTally:
    """How many meters of a building run in a month, and how many of them have been read."""

    building_id: int
    name: str
    meters: int
    read: int

    @property
    def missing(self) -> int:
        """How many have not been read."""
        return self.meters - self.read


@dataclass(frozen=True, slots=True)
class WaitingReading:
    """An odd reading that waits for a person."""

    meter_id: int
    unit_label: str
    item_name: str
    kept: KeptReading


_PLACES: Final = (
    meters.join(units, units.c.id == meters.c.unit_id)
    .join(fee_items, fee_items.c.id == meters.c.fee_item_id)
    .join(communities, communities.c.id == meters.c.community_id)
)


def _runs_in(period: BillingPeriod) -> ColumnElement[bool]:
    return and_(
        meters.c.installed_on <= period.last_on,
        or_(meters.c.removed_on.is_(None), meters.c.removed_on > period.last_on),
    )


def _is_read_in(period: BillingPeriod) -> ColumnElement[bool]:
    return exists().where(
        readings.c.meter_id == meters.c.id,
        readings.c.state == ReadingState.ACCEPTED,
        readings.c.read_on.between(period.first_on, period.last_on),
    )


def tally_of_buildings(
    tx: Connection, community_id: int, period: BillingPeriod
) -> list[BuildingTally]:
    """Count a month's meters building by building; what stands in none comes last, as 0."""
    is_read = _is_read_in(period)
    rows = tx.execute(
        select(
            buildings.c.id,
            buildings.c.label,
            func.count(),
            func.count().filter(is_read),
        )
        .select_from(_PLACES.outerjoin(buildings, buildings.c.id == units.c.building_id))
        .where(meters.c.community_id == community_id, _runs_in(period))
        .group_by(buildings.c.id, buildings.c.label)
        .order_by(buildings.c.id.is_(None), buildings.c.id)
    )
    return [BuildingTally(row[0] or 0, row[1] or "", row[2], row[3]) for row in rows]


def page_of_meters(
    tx: Connection, wish: MeterWish, *, community_id: int, limit: int
) -> list[MeterRow]:
    """Return some meters that run in a month, unit by unit."""
    asked = (
        select(meters, units.c.label, fee_items.c.name)
        .select_from(_PLACES)
        .where(meters.c.community_id == community_id, _runs_in(wish.period), *_fits(wish))
        .order_by(meters.c.unit_id, meters.c.id)
        .limit(limit)
    )
    rows = tx.execute(asked).all()
    read = _newest(tx, [row.id for row in rows], wish.period)
    return [
        MeterRow(row.id, row.unit_id, row.label, row.name, row.meter_no, read.get(row.id))
        for row in rows
    ]


def _fits(wish: MeterWish) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.building_id:
        found.append(units.c.building_id == wish.building_id)
    if wish.state is not None:
        is_read = _is_read_in(wish.period)
        found.append(is_read if wish.state is MeterState.READ else ~is_read)
    if plain := "".join(wish.fragment.split()).upper():
        found.append(
            or_(
                units.c.code.contains(plain, autoescape=True),
                units.c.label.contains(plain, autoescape=True),
                meters.c.meter_no.contains(plain, autoescape=True),
            )
        )
    if any(wish.after):
        found.append(tuple_(meters.c.unit_id, meters.c.id) > tuple_(*wish.after))
    return found


def _newest(tx: Connection, ids: Sequence[int], period: BillingPeriod) -> dict[int, KeptReading]:
    rows = tx.execute(
        READINGS.where(
            readings.c.meter_id.in_(ids),
            readings.c.state == ReadingState.ACCEPTED,
            readings.c.read_on.between(period.first_on, period.last_on),
        ).order_by(readings.c.read_on, readings.c.id)
    )
    return {row.meter_id: kept_reading(row) for row in rows}


def waiting_readings(tx: Connection, community_id: int, *, limit: int) -> list[WaitingReading]:
    """Return the odd readings of a community that wait for a person, the oldest first."""
    asked = (
        READINGS.add_columns(units.c.label, fee_items.c.name)
        .join(units, units.c.id == meters.c.unit_id)
        .join(fee_items, fee_items.c.id == meters.c.fee_item_id)
        .where(meters.c.community_id == community_id, readings.c.state == ReadingState.ASKED)
        .order_by(readings.c.read_on, readings.c.id)
        .limit(limit)
    )
    return [
        WaitingReading(row.meter_id, row.label, row.name, kept_reading(row))
        for row in tx.execute(asked)
    ]


@dataclass(frozen=True, slots=True)
class ToldReading:
    """A reading of a meter's history, with who noted it."""

    kept: KeptReading
    who: str
    """"" where nobody of the staff did."""


@dataclass(frozen=True, slots=True)
class MeterInFull:
    """A meter with its newest readings, the newest first, also those that count no more."""

    meter_id: int
    meter_no: str
    unit_id: int
    unit_label: str
    community_name: str
    item_name: str
    installed_on: date
    removed_on: date | None
    readings: tuple[ToldReading, ...]
    mark: str
    """Changes when a reading is noted, confirmed or replaced."""


def meter_in_full(
    tx: Connection, meter_id: int, *, community_ids: Sequence[int], limit: int
) -> MeterInFull:
    """Return one meter of these communities' units. Raises UnknownMeter."""
    asked = (
        select(meters, units.c.label, fee_items.c.name, communities.c.name.label("place"))
        .select_from(_PLACES)
        .where(meters.c.id == meter_id, meters.c.community_id.in_(community_ids))
    )
    row = tx.execute(asked).one_or_none()
    if row is None:
        raise UnknownMeter(str(meter_id))
    told = tx.execute(
        READINGS.add_columns(staff.c.name)
        .outerjoin(staff, staff.c.id == readings.c.staff_id)
        .where(readings.c.meter_id == meter_id)
        .order_by(readings.c.read_on.desc(), readings.c.id.desc())
        .limit(limit)
    )
    return _in_full(row, tuple(_told(one) for one in told), meter_mark(tx, meter_id))


def _told(row: Row[Any]) -> ToldReading:
    return ToldReading(kept_reading(row), row.name or "")


def _in_full(row: Row[Any], told: tuple[ToldReading, ...], mark: str) -> MeterInFull:
    return MeterInFull(
        row.id,
        row.meter_no,
        row.unit_id,
        row.label,
        row.place,
        row.name,
        row.installed_on,
        row.removed_on,
        told,
        mark,
    )


def meter_mark(tx: Connection, meter_id: int) -> str:
    """Return a text that changes when a meter's readings do."""
    newest, waiting, dropped = tx.execute(
        select(
            func.max(readings.c.id),
            func.count().filter(readings.c.state == ReadingState.ASKED),
            func.count().filter(readings.c.state == ReadingState.REPLACED),
        ).where(readings.c.meter_id == meter_id)
    ).one()
    return f"{newest or 0}-{waiting}-{dropped}"
