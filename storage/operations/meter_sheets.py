"""Meters from a sheet: put in, replaced, or known already; all or nothing, the same sheet once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from sqlalchemy import Connection, bindparam, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import InputRefused
from storage.frozen import dataclass
from storage.kinds import ReadingKind, ReadingState
from storage.many import Rows
from storage.models.meters import meters, readings
from storage.operations.meters import SCALE, MeterFact, replace_meter
from storage.operations.tariffs import fee_item_ids
from storage.periods import shanghai_day
from storage.queries.estate import all_communities, units_of
from storage.queries.meters import (
    InstalledMeter,
    MeterState,
    fee_items_by_name,
    in_thousandths,
    lock_meters,
    meter_states,
)
from storage.rules import meters as rules
from storage.rules.figures import figure
from storage.rules.meters import Reading, check_reading


class Verb(StrEnum):
    """What a row of meters does."""

    INSTALL = "install"
    REPLACE = "replace"
    SET_DIGITS = "set_digits"


class Reason(StrEnum):
    """Why a row of meters cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    UNKNOWN_UNIT = "unknown_unit"
    DAY_REFUSED = "day_refused"
    REFUSED = "refused"
    TAKEN = "taken"
    DIFFERS = "differs"
    NEEDS_LAST = "needs_last"
    LAST_LOWER = "last_lower"


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One meter of a sheet; `old_last` is what the one before it showed at the end."""

    community: str
    code: str
    fee_item: str
    fee_code: str
    fact: MeterFact
    old_last: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `detail` is what the books say instead."""

    index: int
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MeterChange:
    """What the row of an index would do; `old_no` is the meter that goes, and what it shows."""

    index: int
    verb: Verb
    old_no: str = ""
    old_last: Decimal = Decimal()


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """What rows of meters would do, in the order of their days; and what is objected to."""

    changes: tuple[MeterChange, ...]
    unchanged: tuple[int, ...]
    objections: tuple[Objection, ...]
    new_fee_items: tuple[str, ...]


class _Objected(Exception):
    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class _Books:
    """A community's meters as they stand, and as they would with the rows looked at so far."""

    def __init__(self, tx: Connection, community_id: int, today: date) -> None:
        self._today = today
        self._units = {one.code: one.unit_id for one in units_of(tx, community_id)}
        self._items = fee_items_by_name(tx, community_id)
        self.new_items: dict[str, str] = {}
        self._chains: dict[tuple[int, object], list[MeterState]] = {}
        self._numbers: dict[tuple[object, str], tuple[int, object]] = {}
        for one in meter_states(tx, community_id):
            self._add((one.meter.unit_id, one.meter.fee_item_id), one)

    def look(self, row: MeterRow, index: int) -> MeterChange | None:
        """Return what a row does, None for nothing. Raises _Objected."""
        if row.code not in self._units:
            raise _Objected(Reason.UNKNOWN_UNIT)
        try:
            row.fact.check()
        except InputRefused as refused:
            raise _Objected(Reason.REFUSED, f"{refused.found}") from None
        place = (self._units[row.code], self._item(row))
        chain = self._chains.get(place, [])
        known = next((one for one in chain if one.meter.meter_no == row.fact.meter_no), None)
        if known is not None:
            return self._known(place, known, row.fact, index)
        if (place[1], row.fact.meter_no) in self._numbers:
            raise _Objected(Reason.TAKEN, row.fact.meter_no)
        if row.fact.installed_on > self._today:
            raise _Objected(Reason.DAY_REFUSED)
        running = next((one for one in chain if one.meter.removed_on is None), None)
        if running is None:
            return self._install(place, chain, row.fact, index)
        return self._replace(place, running, row, index)

    def _item(self, row: MeterRow) -> object:
        """Return the fee item's key, or its name where it is to be made."""
        known = self._items.get(row.fee_item) or self._items.get(row.fee_code)
        if known is None:
            self.new_items[row.fee_item] = row.fee_code
        return known or row.fee_item

    def _add(self, place: tuple[int, object], one: MeterState) -> None:
        self._chains.setdefault(place, []).append(one)
        self._numbers[place[1], one.meter.meter_no] = place

    def _put(self, place: tuple[int, object], old: MeterState, new: MeterState) -> None:
        chain = self._chains[place]
        chain[chain.index(old)] = new

    def _known(
        self, place: tuple[int, object], known: MeterState, fact: MeterFact, index: int
    ) -> MeterChange | None:
        meter = known.meter
        if (meter.installed_on, known.start) != (fact.installed_on, fact.start):
            detail = f"{meter.installed_on.isoformat()} {figure(known.start)}"
            raise _Objected(Reason.DIFFERS, detail)
        if meter.dial.multiplier != fact.multiplier:
            raise _Objected(Reason.DIFFERS, f"× {figure(meter.dial.multiplier)}")
        is_first = self._chains[place][0] is known
        if is_first and meter.loss_rate_e4 != fact.loss_rate_e4:
            raise _Objected(Reason.DIFFERS, f"{figure(Fraction(meter.loss_rate_e4, 100))}%")
        if fact.digits in (None, meter.dial.digits):
            return None
        if meter.dial.digits is not None:
            raise _Objected(Reason.DIFFERS, str(meter.dial.digits))
        dial = replace(meter.dial, digits=fact.digits)
        if known.last.value >= 10 ** (fact.digits or 9):
            raise _Objected(Reason.DIFFERS, figure(known.last.value))
        self._put(place, known, replace(known, meter=replace(meter, dial=dial)))
        return MeterChange(index, Verb.SET_DIGITS)

    def _install(
        self, place: tuple[int, object], chain: list[MeterState], fact: MeterFact, index: int
    ) -> MeterChange:
        gone_on = max((one.meter.removed_on or date.max for one in chain), default=date.min)
        if fact.installed_on < gone_on:
            raise _Objected(Reason.DAY_REFUSED)
        self._add(place, _state(place[0], fact))
        return MeterChange(index, Verb.INSTALL)

    def _replace(
        self, place: tuple[int, object], running: MeterState, row: MeterRow, index: int
    ) -> MeterChange:
        old, day = running.meter, row.fact.installed_on
        if row.old_last is None:
            raise _Objected(Reason.NEEDS_LAST, old.meter_no)
        if day <= old.installed_on or running.last.read_on > day:
            raise _Objected(Reason.DAY_REFUSED)
        try:
            check_reading(row.old_last, digits=old.dial.digits)
        except InputRefused as refused:
            raise _Objected(Reason.REFUSED, f"{refused.found}") from None
        if row.old_last < running.last.value:
            raise _Objected(Reason.LAST_LOWER, figure(running.last.value))
        self._put(place, running, replace(running, meter=replace(old, removed_on=day)))
        self._add(place, _state(place[0], row.fact))
        return MeterChange(index, Verb.REPLACE, old.meter_no, row.old_last)


def _state(unit_id: int, fact: MeterFact) -> MeterState:
    """Return a meter as it would stand; it has no key yet."""
    dial = rules.Meter(fact.digits, fact.multiplier)
    return MeterState(
        InstalledMeter(
            0, unit_id, 0, fact.meter_no, dial, fact.loss_rate_e4, fact.installed_on, None
        ),
        fact.start,
        Reading(fact.installed_on, fact.start, meter_no=fact.meter_no),
    )


def plan_meters(tx: Connection, rows: Sequence[MeterRow], *, today: date) -> MeterPlan:
    """Return what importing the rows would do; changes nothing."""
    ids = {one.name: one.community_id for one in all_communities(tx)}
    named = {row.community for row in rows} & ids.keys()
    books = {name: _Books(tx, ids[name], today) for name in sorted(named)}
    changes: list[MeterChange] = []
    unchanged: list[int] = []
    objections: list[Objection] = []
    for index in sorted(range(len(rows)), key=lambda one: (rows[one].fact.installed_on, one)):
        row = rows[index]
        if row.community not in books:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY))
            continue
        try:
            change = books[row.community].look(row, index)
        except _Objected as objected:
            objections.append(Objection(index, objected.reason, objected.detail))
            continue
        if change is None:
            unchanged.append(index)
        else:
            changes.append(change)
    objections.sort(key=lambda one: one.index)
    made = sorted({item for one in books.values() for item in one.new_items})
    return MeterPlan(tuple(changes), tuple(unchanged), tuple(objections), tuple(made))


_METERS = Rows(
    meters,
    *("community_id", "unit_id", "fee_item_id", "meter_no", "digits", "multiplier_e4"),
    *("loss_rate_e4", "installed_on"),
)
_READINGS = Rows(
    readings, *("meter_id", "read_on", "value_e3", "kind", "state", "staff_id", "noted_at")
)
_DIGITS = (
    update(meters)
    .where(meters.c.id == bindparam("meter_id"))
    .values(digits=bindparam("new_digits"))
)


def import_meters(
    tx: Connection, rows: Sequence[MeterRow], *, actor: Actor, now: datetime
) -> MeterPlan:
    """Put the meters in, all or (where one is objected to) none; the same rows again do nothing."""
    named = {row.community for row in rows}
    found = [one for one in all_communities(tx) if one.name in named]
    for one in found:
        lock_meters(tx, one.community_id)
    plan = plan_meters(tx, rows, today=shanghai_day(now))
    if plan.objections:
        return plan
    for one in found:
        own = [change for change in plan.changes if rows[change.index].community == one.name]
        wanted = {
            rows[change.index].fee_item: rows[change.index].fee_code
            for change in own
            if rows[change.index].fee_item in plan.new_fee_items
        }
        fee_item_ids(tx, one.community_id, wanted)
        _Taking(tx, one.community_id, actor, now).take(rows, own)
        if own:
            detail = f"{len(own)} meters"
            audit.note(tx, actor, "import", "meter", one.name, at=now, detail=detail)
    return plan


class _Taking:
    """Puts the meters of one community in, as they were planned."""

    def __init__(self, tx: Connection, community_id: int, actor: Actor, now: datetime) -> None:
        self._tx, self._community_id, self._actor, self._now = tx, community_id, actor, now
        self._items = fee_items_by_name(tx, community_id)
        self._units = {one.code: one.unit_id for one in units_of(tx, community_id)}

    def take(self, rows: Sequence[MeterRow], changes: Sequence[MeterChange]) -> None:
        """Put new meters in together, then go through the others in the order of their days."""
        fresh = [rows[one.index] for one in changes if one.verb is Verb.INSTALL]
        self._install(fresh)
        known = self._known()
        for row, change in ((rows[one.index], one) for one in changes):
            if change.verb is Verb.REPLACE:
                known[self._item(row), row.fact.meter_no] = replace_meter(
                    self._tx,
                    known[self._item(row), change.old_no],
                    row.fact,
                    last=change.old_last,
                    actor=self._actor,
                    now=self._now,
                )
            elif change.verb is Verb.SET_DIGITS:
                meter_id = known[self._item(row), row.fact.meter_no]
                values = {"meter_id": meter_id, "new_digits": row.fact.digits}
                self._tx.execute(_DIGITS, values)

    def _install(self, rows: Sequence[MeterRow]) -> None:
        _METERS.insert(
            self._tx,
            [
                (
                    self._community_id,
                    self._units[row.code],
                    self._item(row),
                    row.fact.meter_no,
                    row.fact.digits,
                    int(row.fact.multiplier * SCALE),
                    row.fact.loss_rate_e4,
                    row.fact.installed_on,
                )
                for row in rows
            ],
        )
        known = self._known()
        _READINGS.insert(
            self._tx,
            [
                (
                    known[self._item(row), row.fact.meter_no],
                    row.fact.installed_on,
                    in_thousandths(row.fact.start),
                    str(ReadingKind.READ),
                    str(ReadingState.ACCEPTED),
                    self._actor.staff_id,
                    self._now,
                )
                for row in rows
            ],
        )

    def _item(self, row: MeterRow) -> int:
        return self._items.get(row.fee_item) or self._items[row.fee_code]

    def _known(self) -> dict[tuple[int, str], int]:
        """Return (fee item, number) → the key of a meter."""
        found = self._tx.execute(
            select(meters.c.fee_item_id, meters.c.meter_no, meters.c.id).where(
                meters.c.community_id == self._community_id
            )
        )
        return {(item_id, meter_no): meter_id for item_id, meter_no, meter_id in found}
