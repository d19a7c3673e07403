"""What units used by their meters in some days (用量), and why it is not known of others."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select

from storage.charge_errors import InputMissing, ReadingLower
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import Basis, ReadingKind, ReadingState
from storage.many import Keyed
from storage.models.bills import bills, tariffs
from storage.models.estate import units
from storage.models.meters import meters, readings
from storage.models.tariffs import unit_tariffs
from storage.periods import DaySpan
from storage.queries.meters import InstalledMeter, counted_readings, meters_of_units
from storage.rules import meters as rules
from storage.rules.meters import Loss, MeterUsage, Reading


class MissingReason(StrEnum):
    """Why it is not known what a unit used."""

    NO_METER = "no_meter"
    NO_READING = "no_reading"
    WAITS = "waits"
    """A reading looks odd and nobody has confirmed it yet."""
    NO_START = "no_start"
    """Only one reading is there, so there is nothing to count from."""
    BROKEN = "broken"
    """The new meter does not begin on the day on which the old one ended."""
    LOWER = "lower"
    """A reading is lower than the one before it, and nobody has said why."""
    REFUSED = "refused"
    """A figure of the meter can not be right."""


@dataclass(frozen=True, slots=True)
class MissingReading:
    """A unit whose use of some days is not known."""

    unit_id: int
    unit_label: str
    reason: MissingReason


@dataclass(frozen=True, slots=True)
class _Edge:
    """Where a bill's readings ended or began, as it was billed, and the credit that it left."""

    meter_no: str
    read_on: date
    value: Decimal
    credit: Fraction

    def now(self, found: Sequence[Reading]) -> Reading | None:
        """Return the reading of the same meter and day that counts now."""
        return next((one for one in found if self.is_of(one)), None)

    def reading(self, found: Sequence[Reading], own: Sequence[InstalledMeter]) -> Reading:
        """Return the reading as billed; what was corrected since is made good like an estimate."""
        now = self.now(found)
        if now is not None and now.value == self.value:
            return now
        turns = 0 if now is None else now.turns + self.wrapped(found, own)
        return Reading(self.read_on, self.value, ReadingKind.ESTIMATED, self.meter_no, turns)

    def wrapped(self, found: Sequence[Reading], own: Sequence[InstalledMeter]) -> int:
        """Return how often the dial had passed zero as billed, and has not as it is now."""
        now = self.now(found)
        dial = next((one.dial for one in own if one.meter_no == self.meter_no), rules.PLAIN_METER)
        if now is None or dial.digits is None:
            return 0
        turns: int = round(Fraction(now.value - self.value) / 10**dial.digits)
        return turns

    def is_of(self, one: Reading) -> bool:
        """Tell whether a reading is of the same meter and day."""
        return (one.meter_no, one.read_on) == (self.meter_no, self.read_on)


def usage_of(
    tx: Connection, unit_ids: Collection[int], fee_item_id: int, days: DaySpan
) -> dict[int, MeterUsage]:
    """Return unit → what it used in some days by the meters of a fee item.

    It counts from where the bill before ended (without one, from the last reading on or before
    the first day, or the first one there is) to the last reading on or before the first day after
    the span, or to where a later bill begins: bills that follow one another leave nothing out and
    count nothing twice, whatever was read or corrected meanwhile (but where the last reading of a
    meter that is gone is corrected, its bill is to be corrected too). A unit without a reading of
    its own within the span is not in it: see `missing_readings`.
    """
    return _Uses(tx, unit_ids, fee_item_id, days).made


def missing_readings(
    tx: Connection, community_id: int, fee_item_id: int, days: DaySpan
) -> list[MissingReading]:
    """Return the units of a community that have (or should have) a meter and no use of some days.

    A unit without any meter is named where units of its kind are charged by meter and nothing
    else is said of it.
    """
    rows = tx.execute(
        select(units.c.id, units.c.label, units.c.kind)
        .where(units.c.community_id == community_id)
        .order_by(units.c.id)
    ).all()
    uses = _Uses(tx, [row.id for row in rows], fee_item_id, days)
    waiting = _waiting(tx, community_id, fee_item_id, days)
    kinds, exempt = _metered_kinds(tx, fee_item_id, days), _exempt(tx, fee_item_id, days)
    missing: list[MissingReading] = []
    for row in rows:
        reason = uses.why.get(row.id)
        if reason is None and row.id not in uses.made and row.id not in uses.metered:
            is_charged = row.kind in kinds and row.id not in exempt
            reason = MissingReason.NO_METER if is_charged else None
        if reason is not None and row.id in waiting:
            reason = MissingReason.WAITS
        if reason is not None:
            missing.append(MissingReading(row.id, row.label, reason))
    return missing


class _Uses:
    """The use of some units in some days, and why that of others is not known."""

    def __init__(
        self, tx: Connection, unit_ids: Collection[int], fee_item_id: int, days: DaySpan
    ) -> None:
        self.made: dict[int, MeterUsage] = {}
        self.why: dict[int, MissingReason] = {}
        self.metered: set[int] = set()
        self._days = days
        by_unit: dict[int, list[InstalledMeter]] = {}
        for one in meters_of_units(tx, unit_ids, fee_item_id):
            self.metered.add(one.unit_id)
            by_unit.setdefault(one.unit_id, []).append(one)
        if not by_unit:
            return
        before = _edges(_BILLS_BEFORE.run(tx, by_unit, item=fee_item_id, day=days.begins_on), -1)
        after = _edges(_BILLS_AFTER.run(tx, by_unit, item=fee_item_id, day=days.last_on), 0)
        since = min([days.begins_on, *(one.read_on for one in before.values())])
        found = self._readings(tx, by_unit, since)
        for unit_id, own in by_unit.items():
            if _runs(own, days):
                self._work_out(
                    unit_id, own, found.get(unit_id, []), before.get(unit_id), after.get(unit_id)
                )

    def _readings(
        self, tx: Connection, by_unit: Mapping[int, Sequence[InstalledMeter]], since: date
    ) -> dict[int, list[Reading]]:
        owners = {meter.meter_id: meter.unit_id for own in by_unit.values() for meter in own}
        found: dict[int, list[Reading]] = {}
        for one in counted_readings(tx, list(owners), since=since, until=self._days.ends_on):
            found.setdefault(owners[one.meter_id], []).append(one.reading)
        return found

    def _work_out(
        self,
        unit_id: int,
        own: Sequence[InstalledMeter],
        found: Sequence[Reading],
        before: _Edge | None,
        after: _Edge | None,
    ) -> None:
        """Find the readings that the use lies between, and count."""
        first = _opening(found, self._days) if before is None else before.reading(found, own)
        last = _closing(found, self._days) if after is None else after.reading(found, own)
        if first is None or last is None or last.read_on <= first.read_on:
            has_one = last is not None and before is None
            self.why[unit_id] = MissingReason.NO_START if has_one else MissingReason.NO_READING
            return
        between = [one for one in found if first.read_on <= one.read_on <= last.read_on]
        counted = [first, *(one for one in between if not _is_edge(one, first, last)), last]
        if before is not None:
            counted = _turned_back(counted, before.wrapped(found, own))
        try:
            self.made[unit_id] = rules.usage(
                counted,
                meters={one.meter_no: one.dial for one in own},
                loss=Loss(_loss_rate_e4(own, last)),
                credit=Fraction() if before is None else before.credit,
            )
        except Refusal as refusal:
            self.why[unit_id] = _reason(refusal)


def _runs(own: Sequence[InstalledMeter], days: DaySpan) -> bool:
    """Tell whether a unit had a meter on one of the days."""
    return any(
        one.installed_on < days.ends_on
        and (one.removed_on is None or one.removed_on > days.begins_on)
        for one in own
    )


def _opening(found: Sequence[Reading], days: DaySpan) -> Reading | None:
    """Return the last reading on or before the first day, or the first one there is."""
    earlier = [one for one in found if one.read_on <= days.begins_on]
    if earlier:
        return max(earlier, key=lambda one: one.read_on)
    return min(found, key=lambda one: one.read_on) if found else None


def _closing(found: Sequence[Reading], days: DaySpan) -> Reading | None:
    """Return the last reading after the first day, up to the first day after the span.

    Of a day on which the meter was replaced the old one's last reading comes first.
    """
    within = [one for one in found if days.begins_on < one.read_on <= days.ends_on]
    return max(within, key=lambda one: one.read_on) if within else None


def _turned_back(counted: Sequence[Reading], turns: int) -> list[Reading]:
    """Return the readings with so many turns less between the first one and its meter's next."""
    first, *rest = counted
    place = next((at for at, one in enumerate(rest) if one.meter_no == first.meter_no), None)
    if turns and place is not None:
        rest[place] = replace(rest[place], turns=rest[place].turns - turns)
    return [first, *rest]


def _is_edge(one: Reading, first: Reading, last: Reading) -> bool:
    """Tell whether a reading is of the meter and day of one that is counted with as billed."""
    return (one.meter_no, one.read_on) in (
        (first.meter_no, first.read_on),
        (last.meter_no, last.read_on),
    )


def _loss_rate_e4(own: Sequence[InstalledMeter], last: Reading) -> int:
    """Return the loss of the meter that was read last; a replacement takes it over."""
    return next((one.loss_rate_e4 for one in own if one.meter_no == last.meter_no), 0)


def _reason(refusal: Refusal) -> MissingReason:
    if isinstance(refusal, InputMissing):
        return MissingReason.BROKEN
    return MissingReason.LOWER if isinstance(refusal, ReadingLower) else MissingReason.REFUSED


_NEIGHBOUR: Final = bills.alias("neighbour")
_SAME: Final = (
    _NEIGHBOUR.c.unit_id == bills.c.unit_id,
    _NEIGHBOUR.c.fee_item_id == bindparam("item"),
    _NEIGHBOUR.c.voided_at.is_(None),
)
_BILLED: Final = (bills.c.fee_item_id == bindparam("item"), bills.c.voided_at.is_(None))
_BILLS_BEFORE: Final = Keyed(
    lambda among: select(bills.c.unit_id, bills.c.explanation).where(
        among(bills.c.unit_id),
        *_BILLED,
        bills.c.last_on
        == select(func.max(_NEIGHBOUR.c.last_on))
        .where(*_SAME, _NEIGHBOUR.c.last_on < bindparam("day"))
        .scalar_subquery(),
    )
)
_BILLS_AFTER: Final = Keyed(
    lambda among: select(bills.c.unit_id, bills.c.explanation).where(
        among(bills.c.unit_id),
        *_BILLED,
        bills.c.begins_on
        == select(func.min(_NEIGHBOUR.c.begins_on))
        .where(*_SAME, _NEIGHBOUR.c.begins_on > bindparam("day"))
        .scalar_subquery(),
    )
)
"""The bills next to a span that are in force: their explanations keep the readings."""


def _edges(rows: Iterable[Any], place: int) -> dict[int, _Edge]:
    """Return unit → the first (0) or last (-1) reading of its bill; without meters, none."""
    found: dict[int, _Edge] = {}
    for unit_id, explanation in rows:
        kept = json.loads(explanation).get("usage")
        if not kept:
            continue
        part = kept["parts"][place]
        day, value = ("from", "before") if place == 0 else ("to", "after")
        found[unit_id] = _Edge(
            part["meter"],
            date.fromisoformat(part[day]),
            Decimal(part[value]),
            Fraction(kept.get("credit_left", "0")),
        )
    return found


def _waiting(tx: Connection, community_id: int, fee_item_id: int, days: DaySpan) -> set[int]:
    rows = tx.execute(
        select(meters.c.unit_id)
        .join(readings, readings.c.meter_id == meters.c.id)
        .where(
            meters.c.community_id == community_id,
            meters.c.fee_item_id == fee_item_id,
            readings.c.state == ReadingState.ASKED,
            readings.c.read_on > days.begins_on,
            readings.c.read_on <= days.ends_on,
        )
    )
    return set(rows.scalars())


def _metered_kinds(tx: Connection, fee_item_id: int, days: DaySpan) -> set[str]:
    """Return the kinds of units that are charged by meter unless something else is said."""
    rows = tx.execute(
        select(tariffs.c.unit_kind).where(
            tariffs.c.fee_item_id == fee_item_id,
            tariffs.c.scheme == "",
            tariffs.c.basis.in_((Basis.BY_METER, Basis.TIERED)),
            tariffs.c.effective_on < days.ends_on,
            or_(tariffs.c.ends_on.is_(None), tariffs.c.ends_on > days.begins_on),
        )
    )
    return set(rows.scalars())


def _exempt(tx: Connection, fee_item_id: int, days: DaySpan) -> set[int]:
    """Return the units for which another scheme holds, or none."""
    rows = tx.execute(
        select(unit_tariffs.c.unit_id).where(
            unit_tariffs.c.fee_item_id == fee_item_id,
            or_(unit_tariffs.c.is_charged == 0, unit_tariffs.c.scheme != ""),
            unit_tariffs.c.from_on < days.ends_on,
            or_(unit_tariffs.c.until_on.is_(None), unit_tariffs.c.until_on > days.begins_on),
        )
    )
    return set(rows.scalars())
