"""What is known of a unit's meters for a fee item, and how a new reading looks beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from sqlalchemy import Connection

from storage.charge_errors import ReadingLower
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import ReadingKind, ReadingVerdict
from storage.periods import months_after
from storage.queries.meters import (
    InstalledMeter,
    KeptReading,
    counted_readings,
    meters_of_units,
)
from storage.rules import meters as rules
from storage.rules.figures import figure
from storage.rules.meters import MeterUsage, Reading, check_reading, judge

YEAR: Final = 12
AROUND: Final = timedelta(days=45)
"""So far from the same days of last year a reading may lie to be of the same season."""


def known_since(day: date) -> date:
    """Return from when on readings are needed to judge one of a day."""
    return months_after(day, -2 * YEAR) - AROUND


@dataclass(frozen=True, slots=True)
class Usual:
    """What was used in so many days, by the dial of the meter that runs now."""

    quantity: Decimal
    days: int
    is_last_year: bool
    """False where last year is not known: then it is what was used of late."""

    @property
    def measure(self) -> tuple[Decimal, int]:
        """The shape in which readings are judged by it."""
        return self.quantity, self.days


@dataclass(frozen=True, slots=True)
class MeterStory:
    """The meters of a unit for a fee item, and the readings of them that count, oldest first."""

    meters: Mapping[int, InstalledMeter]
    readings: Sequence[KeptReading]

    def before(self, meter_id: int, day: date) -> Reading | None:
        """Return the last reading of a meter before a day."""
        found = [one for one in self._of(meter_id) if one.reading.read_on < day]
        return found[-1].reading if found else None

    def on(self, meter_id: int, day: date) -> KeptReading | None:
        """Return the reading of a meter that counts on a day."""
        return next((one for one in self._of(meter_id) if one.reading.read_on == day), None)

    def after(self, meter_id: int, day: date) -> Reading | None:
        """Return the first reading of a meter after a day."""
        found = [one for one in self._of(meter_id) if one.reading.read_on > day]
        return found[0].reading if found else None

    def usual(self, last: Reading, *, on: date, meter: InstalledMeter) -> Usual | None:
        """Return what is usually used in the days from a reading to a day, by the meter's dial.

        The same days of last year where they were read, else the year before `last`, else None.
        """
        begins_on, ends_on = months_after(last.read_on, -YEAR), months_after(on, -YEAR)
        season = self._between(begins_on - AROUND, ends_on + AROUND, last.read_on)
        found = _used(season, self.meters.values(), meter)
        if found is not None and season[-1].read_on >= ends_on - AROUND:
            return Usual(*found, is_last_year=True)
        recent = self._between(months_after(last.read_on, -YEAR) - AROUND, last.read_on, None)
        found = _used(recent, self.meters.values(), meter)
        return None if found is None else Usual(*found, is_last_year=False)

    def last_read(self, meter_id: int, day: date) -> Reading | None:
        """Return the last reading of a meter before a day that somebody read, else an estimate."""
        found = [one.reading for one in self._of(meter_id) if one.reading.read_on < day]
        seen = [one for one in found if one.kind != ReadingKind.ESTIMATED]
        return next(reversed(seen or found), None)

    def placed(self, meter_id: int, reading: Reading) -> Reading:
        """Return a reading whose turns since somebody last read the meter are counted from before.

        Where nobody says that the dial turned, but an estimate in between did, it turned where
        the dial shows less than somebody read last.
        """
        last = self.last_read(meter_id, reading.read_on)
        guessed, turns = self._guessed(meter_id, reading.read_on), reading.turns
        if not turns and last is not None and reading.value < last.value:
            turns = guessed
        return replace(reading, turns=turns - guessed)

    def _since_read(self, meter_id: int, reading: Reading) -> Reading:
        """Return a reading with its turns since somebody last read the meter."""
        return replace(reading, turns=reading.turns + self._guessed(meter_id, reading.read_on))

    def _guessed(self, meter_id: int, day: date) -> int:
        """Return how many turns the estimates made since somebody last read a meter."""
        last = self.last_read(meter_id, day)
        if last is None:
            return 0
        return sum(
            one.reading.turns
            for one in self._of(meter_id)
            if last.read_on < one.reading.read_on < day
        )

    def verdict(self, meter: InstalledMeter, reading: Reading) -> ReadingVerdict:
        """Judge a reading beside the last one that was read; the first of a meter looks right.

        Raises InputRefused for what no dial shows.
        """
        check_reading(reading.value, digits=meter.dial.digits)
        last = self.last_read(meter.meter_id, reading.read_on)
        if last is None:
            return ReadingVerdict.PLAUSIBLE
        usual = self.usual(last, on=reading.read_on, meter=meter)
        measure = None if usual is None else usual.measure
        seen = self._since_read(meter.meter_id, reading)
        return judge(seen, last=last, usual=measure, meter=meter.dial)

    def refuse_denied(self, meter: InstalledMeter, reading: Reading) -> None:
        """Raise ReadingLower where the readings after this one deny it."""
        after = self.after(meter.meter_id, reading.read_on)
        is_higher = after is not None and reading.value > after.value and not after.turns
        if after is not None and is_higher and reading.kind != ReadingKind.ESTIMATED:
            raise ReadingLower(figure(after.value), figure(reading.value))

    def refuse_lower(self, meter: InstalledMeter, reading: Reading) -> None:
        """Raise ReadingLower where the last one that was read denies this one."""
        last = self.last_read(meter.meter_id, reading.read_on)
        turns = self._since_read(meter.meter_id, reading).turns
        if last is not None and reading.value < last.value and not turns:
            raise ReadingLower(figure(reading.value), figure(last.value))

    def used(self, meter: InstalledMeter, reading: Reading) -> MeterUsage | None:
        """Return what a reading says was used since somebody last read; None where it cannot."""
        last = self.last_read(meter.meter_id, reading.read_on)
        if last is None:
            return None
        seen = self._since_read(meter.meter_id, reading)
        try:
            return rules.usage([last, seen], meters={meter.meter_no: meter.dial})
        except ReadingLower:
            return None

    def is_fair_turn(self, meter: InstalledMeter, reading: Reading) -> bool:
        """Tell whether a turned dial makes a use that is usual and at most half of the dial."""
        used = self.used(meter, reading)
        if used is None or self.verdict(meter, reading) != ReadingVerdict.PLAUSIBLE:
            return False
        turn = Fraction(rules.MAX_READING)
        if meter.dial.digits is not None:
            turn = Fraction(10) ** meter.dial.digits
        return used.quantity * 2 <= turn * Fraction(meter.dial.multiplier)

    def _of(self, meter_id: int) -> list[KeptReading]:
        return [one for one in self.readings if one.meter_id == meter_id]

    def _between(self, first: date, last: date, before: date | None) -> list[Reading]:
        """Return the readings of some days; with `before` only those that are older."""
        return [
            one.reading
            for one in self.readings
            if first <= one.reading.read_on <= last
            and (before is None or one.reading.read_on < before)
        ]


def _used(
    found: Sequence[Reading], known: Iterable[InstalledMeter], meter: InstalledMeter
) -> tuple[Decimal, int] | None:
    """Return what some readings say was used, and in how many days; None where they do not."""
    dials = {one.meter_no: one.dial for one in known}
    if not any(one.read_on != two.read_on for one, two in pairwise(found)):
        return None
    try:
        used = rules.usage(found, meters=dials).quantity / Fraction(meter.dial.multiplier)
    except Refusal:
        return None
    days = (found[-1].read_on - found[0].read_on).days
    return Decimal(used.numerator) / Decimal(used.denominator), days


def story_of(tx: Connection, meter: InstalledMeter, *, since: date) -> MeterStory:
    """Return what is known of a meter and of those before it in its unit, from a day on."""
    return stories_of(tx, meters_of_units(tx, [meter.unit_id], meter.fee_item_id), since=since)[
        meter.unit_id, meter.fee_item_id
    ]


def stories_of(
    tx: Connection, found: Sequence[InstalledMeter], *, since: date
) -> dict[tuple[int, int], MeterStory]:
    """Return (unit, fee item) → what is known of its meters, from a day on."""
    by_place: dict[tuple[int, int], dict[int, InstalledMeter]] = {}
    places: dict[int, tuple[int, int]] = {}
    for one in found:
        place = one.unit_id, one.fee_item_id
        by_place.setdefault(place, {})[one.meter_id] = one
        places[one.meter_id] = place
    kept: dict[tuple[int, int], list[KeptReading]] = {place: [] for place in by_place}
    for reading in counted_readings(tx, list(places), since=since, until=date.max):
        kept[places[reading.meter_id]].append(reading)
    return {place: MeterStory(of_place, kept[place]) for place, of_place in by_place.items()}


@dataclass(frozen=True, slots=True)
class LastUse:
    """The reading of a meter that counts and is the newest, and what was used until then."""

    reading: Reading
    used: MeterUsage | None


def last_use(tx: Connection, meter: InstalledMeter, *, today: date) -> LastUse | None:
    """Return what a meter showed last, and what was used since the reading before."""
    story = story_of(tx, meter, since=known_since(today))
    newest = story.before(meter.meter_id, date.max)
    return None if newest is None else LastUse(newest, story.used(meter, newest))
