"""Readings from a sheet: looked at row by row first, then all or nothing, the same sheet once."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import InputRefused, ReadingLower
from storage.frozen import dataclass
from storage.kinds import ReadingKind, ReadingState, ReadingVerdict
from storage.many import Keyed, Rows
from storage.models.meters import readings
from storage.operations.readings import may_replace
from storage.periods import shanghai_day
from storage.queries.estate import all_communities, units_of
from storage.queries.meter_stories import MeterStory, known_since, stories_of
from storage.queries.meters import (
    InstalledMeter,
    KeptReading,
    all_waiting,
    community_meters,
    fee_items_by_name,
    in_thousandths,
    lock_meters,
)
from storage.rules.figures import figure
from storage.rules.meters import Reading, check_reading


class Said(StrEnum):
    """What the sheet says of a reading."""

    READ = "read"
    CONFIRMED = "confirmed"
    """Looked at twice: it is as high as it seems."""
    TURNED = "turned"
    ESTIMATED = "estimated"
    CORRECTED = "corrected"
    WAITS = "waits"
    """It is in the books and was asked back; the sheet says nothing new of it."""


class Reason(StrEnum):
    """Why a row of readings cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    UNKNOWN_UNIT = "unknown_unit"
    NO_METER = "no_meter"
    DAY_REFUSED = "day_refused"
    REFUSED = "refused"
    REPEATED = "repeated"
    STANDS = "stands"
    LOWER = "lower"
    TOO_HIGH = "too_high"
    DENIED = "denied"
    DIAL_UNKNOWN = "dial_unknown"


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One reading of a sheet; `meter_no` "" where the unit has only one meter for the fee."""

    community: str
    code: str
    fee_item: str
    fee_code: str
    read_on: date
    value: Decimal
    said: Said = Said.READ
    meter_no: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `detail` is what the books say instead."""

    index: int
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NewReading:
    """A reading that a row brings, and the one of the same day that it replaces."""

    index: int
    meter: InstalledMeter
    reading: Reading
    displaced: KeptReading | None


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """What rows of readings would do."""

    new: tuple[NewReading, ...]
    unchanged: tuple[int, ...]
    objections: tuple[Objection, ...]


KINDS: Final = {
    Said.ESTIMATED: ReadingKind.ESTIMATED,
    Said.CORRECTED: ReadingKind.CORRECTED,
}
_OFFICE: Final = Actor()


class _Objected(Exception):
    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class _Books:
    """A community's meters as they stand, and as they would with the rows looked at so far."""

    def __init__(self, tx: Connection, community_id: int, since: date, today: date) -> None:
        self._today = today
        self._units = {one.code: one.unit_id for one in units_of(tx, community_id)}
        self._items = fee_items_by_name(tx, community_id)
        self._known = community_meters(tx, community_id)
        self._stories = stories_of(tx, self._known, since=known_since(since))
        self._rows: dict[tuple[int, date], int] = {}

    def look(self, row: ReadingRow, index: int) -> NewReading | None:
        """Return what a row brings, None for nothing new. Raises _Objected."""
        story, meter = self._meter(row)
        if row.said is Said.WAITS:
            return None
        before = self._rows.setdefault((meter.meter_id, row.read_on), index)
        if before != index:
            raise _Objected(Reason.REPEATED, str(before))
        if row.read_on > self._today:
            raise _Objected(Reason.DAY_REFUSED)
        standing = story.on(meter.meter_id, row.read_on)
        if standing is not None and standing.reading.value == row.value:
            return None
        kind = KINDS.get(row.said, ReadingKind.READ)
        if standing is not None and not may_replace(standing, kind, _OFFICE):
            raise _Objected(Reason.STANDS, figure(standing.reading.value))
        turns = int(row.said is Said.TURNED)
        if turns and meter.dial.digits is None:
            raise _Objected(Reason.DIAL_UNKNOWN)
        said = Reading(row.read_on, row.value, kind, meter.meter_no, turns)
        reading = story.placed(meter.meter_id, said)
        _judge(story, meter, reading, row.said)
        self._remember(story, meter, reading, standing)
        return NewReading(index, meter, reading, standing)

    def _meter(self, row: ReadingRow) -> tuple[MeterStory, InstalledMeter]:
        """Return the meter that a row is about, on its day."""
        if row.code not in self._units:
            raise _Objected(Reason.UNKNOWN_UNIT)
        item_id = self._items.get(row.fee_item) or self._items.get(row.fee_code, 0)
        story = self._stories.get((self._units[row.code], item_id))
        found = [] if story is None else [*story.meters.values()]
        if row.meter_no:
            found = [one for one in found if one.meter_no == row.meter_no]
        if story is None or not found:
            raise _Objected(Reason.NO_METER)
        there = [
            one
            for one in found
            if one.installed_on <= row.read_on
            and (one.removed_on is None or row.read_on <= one.removed_on)
        ]
        if not there:
            raise _Objected(Reason.DAY_REFUSED)
        shown = [story.on(one.meter_id, row.read_on) for one in there]
        same = [
            one
            for one, kept in zip(there, shown, strict=True)
            if kept is not None and kept.reading.value == row.value
        ]
        return story, (same or there)[-1]

    def _remember(
        self,
        story: MeterStory,
        meter: InstalledMeter,
        reading: Reading,
        standing: KeptReading | None,
    ) -> None:
        fresh = KeptReading(0, meter.meter_id, reading, ReadingState.ACCEPTED, None, "", "")
        kept = [one for one in story.readings if one is not standing]
        kept.append(fresh)
        kept.sort(key=lambda one: one.reading.read_on)
        self._stories[meter.unit_id, meter.fee_item_id] = MeterStory(story.meters, kept)


def _judge(story: MeterStory, meter: InstalledMeter, reading: Reading, said: Said) -> None:
    """Object to what no dial shows, to what the readings around deny, and to what looks odd."""
    try:
        check_reading(reading.value, digits=meter.dial.digits)
        verdict = story.verdict(meter, reading)
    except InputRefused as refused:
        raise _Objected(Reason.REFUSED, refused.found) from None
    try:
        story.refuse_lower(meter, reading)
    except ReadingLower as lower:
        raise _Objected(Reason.LOWER, lower.before) from None
    try:
        story.refuse_denied(meter, reading)
    except ReadingLower as denied:
        raise _Objected(Reason.DENIED, denied.found) from None
    if verdict == ReadingVerdict.TOO_HIGH and said in (Said.READ, Said.TURNED):
        used = story.used(meter, reading)
        quantity = Fraction() if used is None else used.quantity
        raise _Objected(Reason.TOO_HIGH, figure(quantity))


def plan_readings(tx: Connection, rows: Sequence[ReadingRow], *, today: date) -> ReadingPlan:
    """Return what importing the rows would do; changes nothing."""
    ids = {one.name: one.community_id for one in all_communities(tx)}
    since = min((row.read_on for row in rows), default=today)
    books = {
        name: _Books(tx, ids[name], since, today)
        for name in {row.community for row in rows} & ids.keys()
    }
    new: list[NewReading] = []
    unchanged: list[int] = []
    objections: list[Objection] = []
    for index in sorted(range(len(rows)), key=lambda one: (rows[one].read_on, one)):
        row = rows[index]
        if row.community not in books:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY))
            continue
        try:
            made = books[row.community].look(row, index)
        except _Objected as objected:
            objections.append(Objection(index, objected.reason, objected.detail))
            continue
        if made is None:
            unchanged.append(index)
        else:
            new.append(made)
    objections.sort(key=lambda one: one.index)
    return ReadingPlan(tuple(new), tuple(unchanged), tuple(objections))


_REPLACE: Final = Keyed(
    lambda among: update(readings).where(among(readings.c.id)).values(state=ReadingState.REPLACED)
)
_INSERT: Final = Rows(
    readings,
    *("meter_id", "read_on", "value_e3", "kind", "state", "turns", "staff_id", "photo"),
    "noted_at",
)


def import_readings(
    tx: Connection, rows: Sequence[ReadingRow], *, actor: Actor, now: datetime
) -> ReadingPlan:
    """Note the readings, all or (where one is objected to) none; the same rows again do nothing.

    What waited for an answer of the same meter and day is replaced, and its picture kept.
    """
    named = {row.community for row in rows}
    for one in all_communities(tx):
        if one.name in named:
            lock_meters(tx, one.community_id)
    plan = plan_readings(tx, rows, today=shanghai_day(now))
    if plan.objections or not plan.new:
        return plan
    meter_ids = {one.meter.meter_id for one in plan.new}
    waiting = {(one.meter_id, one.reading.read_on): one for one in all_waiting(tx, meter_ids)}
    brought = {(one.meter.meter_id, one.reading.read_on) for one in plan.new}
    answered = [one.reading_id for place, one in waiting.items() if place in brought]
    displaced = [one.displaced.reading_id for one in plan.new if one.displaced is not None]
    _REPLACE.run(tx, [*answered, *displaced])
    _INSERT.insert(tx, [_columns(one, waiting, actor, now) for one in plan.new])
    detail = f"{len(plan.new)} readings, {len(displaced)} replaced"
    audit.note(tx, actor, "import", "reading", ",".join(sorted(named)), at=now, detail=detail)
    return plan


def _columns(
    new: NewReading,
    waiting: dict[tuple[int, date], KeptReading],
    actor: Actor,
    now: datetime,
) -> tuple[object, ...]:
    one = new.reading
    asked = waiting.get((new.meter.meter_id, one.read_on))
    return (
        new.meter.meter_id,
        one.read_on,
        in_thousandths(one.value),
        str(one.kind),
        str(ReadingState.ACCEPTED),
        one.turns,
        actor.staff_id,
        "" if asked is None else asked.photo,
        now,
    )
