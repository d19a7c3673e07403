"""Which meters (表) there are, and what they showed: and which readings count."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select

from storage.frozen import dataclass
from storage.kinds import ReadingKind, ReadingState
from storage.many import Keyed
from storage.models.bills import fee_items
from storage.models.meters import meters, readings
from storage.rules import meters as rules
from storage.rules.meters import Reading


@dataclass(frozen=True, slots=True)
class InstalledMeter:
    """A meter of a unit as it stands in the books."""

    meter_id: int
    unit_id: int
    fee_item_id: int
    meter_no: str
    dial: rules.Meter
    loss_rate_e4: int
    installed_on: date
    removed_on: date | None


@dataclass(frozen=True, slots=True)
class UnitMeter:
    """A meter that runs in a unit now, with the fee item that it is read for."""

    meter: InstalledMeter
    item_name: str
    item_code: str


@dataclass(frozen=True, slots=True)
class KeptReading:
    """A reading in the books; `identity_id` is the resident who sent it, if one did."""

    reading_id: int
    meter_id: int
    reading: Reading
    state: ReadingState
    identity_id: int | None
    photo: str
    note: str


def in_thousandths(value: Decimal) -> int:
    """Return a checked reading as the books keep it."""
    return int(value * 1000)


def in_units(value_e3: int) -> Decimal:
    """Return a reading as people write it: 1234500 → 1234.5, 800000 → 800."""
    whole, rest = divmod(value_e3, 1000)
    return Decimal(whole) if not rest else (Decimal(value_e3) / 1000).normalize()


_METERS: Final = select(
    meters.c.id,
    meters.c.unit_id,
    meters.c.fee_item_id,
    meters.c.meter_no,
    meters.c.digits,
    meters.c.multiplier_e4,
    meters.c.loss_rate_e4,
    meters.c.installed_on,
    meters.c.removed_on,
).order_by(meters.c.unit_id, meters.c.fee_item_id, meters.c.installed_on, meters.c.id)


def _installed(row: Any) -> InstalledMeter:  # noqa: ANN401 - a row of any statement over meters
    meter_id, unit_id, item_id, meter_no, digits, multiplier_e4, loss, since, until = row
    dial = rules.Meter(digits, Decimal(multiplier_e4) / 10_000)
    return InstalledMeter(meter_id, unit_id, item_id, meter_no, dial, loss, since, until)


def community_meters(tx: Connection, community_id: int) -> list[InstalledMeter]:
    """Return all meters of a community's units, unit by unit, the first installed first."""
    rows = tx.execute(
        _METERS.where(meters.c.community_id == community_id, meters.c.unit_id.is_not(None))
    )
    return [_installed(row) for row in rows]


_OF_UNITS: Final = Keyed(
    lambda among: _METERS.where(
        among(meters.c.unit_id), meters.c.fee_item_id == bindparam("fee_item_id")
    )
)


def meters_of_units(
    tx: Connection, unit_ids: Collection[int], fee_item_id: int
) -> list[InstalledMeter]:
    """Return the meters that some units ever had for a fee item, the first installed first."""
    rows = _OF_UNITS.run(tx, unit_ids, fee_item_id=fee_item_id)
    return [_installed(row) for row in rows]


def meter_of_key(tx: Connection, meter_id: int) -> InstalledMeter | None:
    """Return one meter of a unit and lock it until the transaction ends, or None."""
    row = tx.execute(
        _METERS.where(meters.c.id == meter_id, meters.c.unit_id.is_not(None)).with_for_update()
    ).one_or_none()
    return None if row is None else _installed(row)


def unit_meters(tx: Connection, unit_id: int) -> list[UnitMeter]:
    """Return the meters that run in a unit now, the fee item entered first first."""
    rows = tx.execute(
        _METERS.add_columns(fee_items.c.name, fee_items.c.code)
        .join(fee_items, fee_items.c.id == meters.c.fee_item_id)
        .where(meters.c.unit_id == unit_id, meters.c.removed_on.is_(None))
    )
    return [UnitMeter(_installed(row[:-2]), row[-2], row[-1]) for row in rows]


_EARLIER: Final = readings.alias("earlier")
_LAST_BEFORE: Final = (
    select(func.max(_EARLIER.c.read_on))
    .where(
        _EARLIER.c.meter_id == readings.c.meter_id,
        _EARLIER.c.state == ReadingState.ACCEPTED,
        _EARLIER.c.read_on < bindparam("since"),
    )
    .scalar_subquery()
)
READINGS: Final = select(
    readings.c.id,
    readings.c.meter_id,
    readings.c.read_on,
    readings.c.value_e3,
    readings.c.kind,
    readings.c.state,
    readings.c.turns,
    readings.c.identity_id,
    readings.c.photo,
    readings.c.note,
    meters.c.meter_no,
).join(meters, meters.c.id == readings.c.meter_id)
_COUNTED: Final = Keyed(
    lambda among: READINGS.where(
        among(readings.c.meter_id),
        readings.c.state == ReadingState.ACCEPTED,
        readings.c.read_on <= bindparam("until"),
        or_(readings.c.read_on >= bindparam("since"), readings.c.read_on == _LAST_BEFORE),
    ).order_by(readings.c.read_on, readings.c.id)
)


def kept_reading(row: Any) -> KeptReading:  # noqa: ANN401 - a row of any statement over readings
    """Return a row of `READINGS`, with more columns or fewer rows, as a reading."""
    reading = Reading(
        row.read_on, in_units(row.value_e3), ReadingKind(row.kind), row.meter_no, row.turns
    )
    return KeptReading(
        row.id,
        row.meter_id,
        reading,
        ReadingState(row.state),
        row.identity_id,
        row.photo,
        row.note,
    )


def counted_readings(
    tx: Connection, meter_ids: Collection[int], *, since: date, until: date
) -> list[KeptReading]:
    """Return the readings of some meters that count on the days from `since` to `until`.

    Of each meter also the last one before `since`; the oldest first.
    """
    return [kept_reading(row) for row in _COUNTED.run(tx, meter_ids, since=since, until=until)]


def reading_of_key(tx: Connection, reading_id: int) -> KeptReading | None:
    """Return one reading and lock it until the transaction ends, or None."""
    row = tx.execute(
        READINGS.where(readings.c.id == reading_id).with_for_update(of=readings)
    ).one_or_none()
    return None if row is None else kept_reading(row)


def readings_waiting(tx: Connection, meter_id: int, *, since: date) -> list[KeptReading]:
    """Return the readings of a meter, from a day on, that were asked back and not confirmed."""
    rows = tx.execute(
        READINGS.where(
            readings.c.meter_id == meter_id,
            readings.c.state == ReadingState.ASKED,
            readings.c.read_on >= since,
        ).order_by(readings.c.read_on, readings.c.id)
    )
    return [kept_reading(row) for row in rows]


def fee_items_by_name(tx: Connection, community_id: int) -> dict[str, int]:
    """Return the fee items of a community by name, and by code where only one has it."""
    rows = tx.execute(
        select(fee_items.c.id, fee_items.c.name, fee_items.c.code).where(
            fee_items.c.community_id == community_id
        )
    ).all()
    codes = [row.code for row in rows]
    by_code = {row.code: row.id for row in rows if row.code and codes.count(row.code) == 1}
    return by_code | {row.name: row.id for row in rows}


@dataclass(frozen=True, slots=True)
class MeterState:
    """What a meter showed on the day it was put in (as it counts now), and what it showed last."""

    meter: InstalledMeter
    start: Decimal
    last: Reading


def meter_states(tx: Connection, community_id: int) -> list[MeterState]:
    """Return all meters of a community's units with their first and last readings that count."""
    found = community_meters(tx, community_id)
    starts = tx.execute(
        select(readings.c.meter_id, readings.c.value_e3)
        .join(meters, meters.c.id == readings.c.meter_id)
        .where(
            meters.c.community_id == community_id,
            readings.c.state == ReadingState.ACCEPTED,
            readings.c.read_on == meters.c.installed_on,
        )
    )
    shown = {meter_id: in_units(value_e3) for meter_id, value_e3 in starts}
    ids = [one.meter_id for one in found]
    last = {
        one.meter_id: one.reading
        for one in counted_readings(tx, ids, since=date.max, until=date.max)
    }
    return [
        MeterState(one, shown[one.meter_id], last[one.meter_id])
        for one in found
        if one.meter_id in shown
    ]


def lock_meters(tx: Connection, community_id: int) -> None:
    """Let no other transaction note readings of a community's meters until this one ends."""
    tx.execute(
        select(meters.c.id)
        .where(meters.c.community_id == community_id)
        .order_by(meters.c.id)
        .with_for_update()
    ).all()


_WAITING: Final = Keyed(
    lambda among: READINGS.where(
        among(readings.c.meter_id), readings.c.state == ReadingState.ASKED
    ).order_by(readings.c.id)
)


def all_waiting(tx: Connection, meter_ids: Collection[int]) -> list[KeptReading]:
    """Return the readings of some meters that were asked back and not confirmed."""
    return [kept_reading(row) for row in _WAITING.run(tx, meter_ids)]
