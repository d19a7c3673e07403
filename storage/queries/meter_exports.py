"""Meters and readings as sheets have them: read some meters at a time, whatever there are."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from storage.kinds import ReadingState
from storage.many import Keyed
from storage.models.bills import fee_items
from storage.models.estate import units
from storage.models.meters import meters, readings
from storage.queries.estate import all_communities
from storage.queries.meters import MeterState, in_units, meter_states

AT_ONCE: Final = 500
"""So many meters' readings are read together."""


class MeterLine(NamedTuple):
    """A meter; `old_last` is what the one before it showed on the day it was replaced."""

    community: str
    code: str
    fee_item: str
    meter_no: str
    installed_on: date
    start: Decimal
    digits: int | None
    multiplier: Decimal
    loss_rate_e4: int
    old_last: Decimal | None


class ReadingLine(NamedTuple):
    """A reading that counts, or one that waits for an answer."""

    community: str
    code: str
    fee_item: str
    meter_no: str
    read_on: date
    value: Decimal
    kind: str
    state: str
    turns: int
    is_of_resident: bool
    has_photo: bool


def meters_of(tx: Connection, community: str) -> Iterator[MeterLine]:
    """Yield the meters of a community, or ("") of all, unit by unit, the first installed first."""
    for one in all_communities(tx):
        if community in ("", one.name):
            yield from _meters(tx, one.community_id, one.name)


def _meters(tx: Connection, community_id: int, community: str) -> Iterator[MeterLine]:
    rooms = tx.execute(select(units.c.id, units.c.code).where(units.c.community_id == community_id))
    codes = {row.id: row.code for row in rooms}
    kinds = tx.execute(
        select(fee_items.c.id, fee_items.c.name).where(fee_items.c.community_id == community_id)
    )
    items = {row.id: row.name for row in kinds}
    before: MeterState | None = None
    for one in meter_states(tx, community_id):
        meter = one.meter
        place = (meter.unit_id, meter.fee_item_id)
        old_last = None
        if before is not None and (before.meter.unit_id, before.meter.fee_item_id) == place:
            is_next = before.meter.removed_on == meter.installed_on
            old_last = before.last.value if is_next else None
        yield MeterLine(
            community,
            codes[meter.unit_id],
            items[meter.fee_item_id],
            meter.meter_no,
            meter.installed_on,
            one.start,
            meter.dial.digits,
            meter.dial.multiplier,
            meter.loss_rate_e4,
            old_last,
        )
        before = one


_READINGS: Final = Keyed(
    lambda among: (
        select(
            *(units.c.code, fee_items.c.name, meters.c.meter_no),
            *(readings.c.read_on, readings.c.value_e3, readings.c.kind, readings.c.state),
            *(readings.c.turns, readings.c.identity_id, readings.c.photo),
        )
        .select_from(readings)
        .join(meters, meters.c.id == readings.c.meter_id)
        .join(fee_items, fee_items.c.id == meters.c.fee_item_id)
        .join(units, units.c.id == meters.c.unit_id)
        .where(among(meters.c.id), readings.c.state != ReadingState.REPLACED)
        .order_by(units.c.id, fee_items.c.id, readings.c.read_on, readings.c.id)
    )
)


def readings_of(tx: Connection, community: str) -> Iterator[ReadingLine]:
    """Yield the readings of a community, or ("") of all, unit by unit, the oldest first.

    Those that wait for an answer are among them; those that another one replaced are not.
    """
    for one in all_communities(tx):
        if community not in ("", one.name):
            continue
        found = tx.execute(
            select(meters.c.id)
            .where(meters.c.community_id == one.community_id, meters.c.unit_id.is_not(None))
            .order_by(meters.c.unit_id, meters.c.fee_item_id, meters.c.id)
        )
        ids = list(found.scalars())
        for first in range(0, len(ids), AT_ONCE):
            yield from _readings(tx, ids[first : first + AT_ONCE], one.name)


def _readings(tx: Connection, ids: list[int], community: str) -> Iterator[ReadingLine]:
    for row in _READINGS.run(tx, ids):
        yield ReadingLine(
            community,
            row.code,
            row.name,
            row.meter_no,
            row.read_on,
            in_units(row.value_e3),
            row.kind,
            row.state,
            row.turns,
            row.identity_id is not None,
            bool(row.photo),
        )
