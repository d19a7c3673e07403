"""Which days of a fee a month's run bills (出账范围): dated prices, assignments, cycles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from storage.frozen import dataclass
from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass, Payer
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import AT_ONCE
from storage.rules.cycles import Cycle, span_around, spans_up_to
from storage.rules.tariffs import Tariff

_LONGEST: Final = timedelta(days=800)
"""Before so many days no span begins that is billed now; a year's is the longest."""


@dataclass(frozen=True, slots=True)
class Version:
    """A dated price as it is kept: its key, when it is billed, and what it costs."""

    tariff_id: int
    cycle: CycleLength
    timing: CycleTiming
    due_day: int
    tariff: Tariff


@dataclass(frozen=True, slots=True)
class Scheme:
    """The versions of one fee for one kind of unit under one name ("" is the usual one)."""

    community_id: int
    fee_item_id: int
    item_name: str
    fee_class: FeeClass
    unit_kind: str
    name: str
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What of a unit's fee differs from its kind, on some days; `until_on` is the first after."""

    scheme: str = ""
    is_charged: bool = True
    count: int = 1
    heads: int | None = None
    payer: Payer = Payer.OWNER
    anchored_on: date | None = None
    from_on: date = date.min
    until_on: date | None = None


USUAL: Final = Assignment()


@dataclass(frozen=True, slots=True)
class Due:
    """Days of a fee that are billed together, the prices on them, and under which month.

    `billed_on` is the first day on which they may be billed.
    """

    days: DaySpan
    period: BillingPeriod
    billed_on: date
    is_over_first: bool
    """Billed in arrears: not before the days are over."""
    versions: tuple[Version, ...]
    assignment: Assignment
    anchor_day: int
    payers: tuple[tuple[date, Payer], ...] = ()
    """Who pays from which day on, where it is not one on all days."""

    @property
    def tariffs(self) -> tuple[Tariff, ...]:
        """The prices on the days, in order."""
        return tuple(one.tariff for one in self.versions)

    @property
    def last(self) -> Version:
        """The price in force on the last day."""
        inside = [one for one in self.versions if one.tariff.effective_on < self.days.ends_on]
        return (inside or self.versions)[-1]

    def due_on(self, issued_on: date) -> date:
        """Return the day by which it is to be paid: never before it is issued or begins."""
        least = max(self.billed_on, issued_on)
        period = BillingPeriod.of(self.billed_on)
        while period.day(self.last.due_day) < least:
            period = period.plus(1)
        return period.day(self.last.due_day)


Pieces = tuple[tuple[Version, Assignment], ...]


def dues_of(
    schemes: Mapping[str, Scheme], assignments: Sequence[Assignment], month: BillingPeriod
) -> tuple[Due, ...]:
    """Return what of a unit's fee the run of a month bills, the oldest first.

    A span is billed in the month in which it begins (in advance) or in which the first day after
    it lies (in arrears); a price that is paid at once in the month of its first day.
    """
    pieces = _pieces(schemes, assignments)
    found: list[Due] = []
    for _, group in groupby(_joined(pieces), key=lambda one: one[0]):
        found += _dues_in(tuple((two, three) for _, two, three in group), month)
    return tuple(sorted(found, key=lambda one: (one.days, one.period)))


def _pieces(schemes: Mapping[str, Scheme], assignments: Sequence[Assignment]) -> Pieces:
    """Return version by version which assignment it meets, each cut to the days of both."""
    found: list[tuple[Version, Assignment]] = []
    for one in _in_order(assignments):
        scheme = schemes.get(one.scheme)
        if scheme is None or not one.is_charged:
            continue
        ends_on = one.until_on or date.max
        for version in scheme.versions:
            tariff = version.tariff
            begins_on = max(tariff.effective_on, one.from_on)
            stops_on = min(tariff.ends_on or date.max, ends_on)
            if begins_on >= stops_on or _was_charged(found, version, begins_on, one):
                continue
            until_on = None if stops_on == date.max else stops_on
            if (begins_on, until_on) != (tariff.effective_on, tariff.ends_on):
                tariff = replace(tariff, effective_on=begins_on, ends_on=until_on)
            found.append((replace(version, tariff=tariff), one))
    return tuple(found)


def _was_charged(
    found: Sequence[tuple[Version, Assignment]],
    version: Version,
    begins_on: date,
    assignment: Assignment,
) -> bool:
    """Say whether a price that is paid at once only goes on here: it is not paid again."""
    tariff = version.tariff
    if tariff.basis not in AT_ONCE or begins_on == tariff.effective_on:
        return False
    before = found[-1][0] if found else None
    goes_on = before is not None and before.tariff_id == version.tariff_id
    return not assignment.scheme or goes_on


def _in_order(assignments: Sequence[Assignment]) -> list[Assignment]:
    """Return assignments that cover all days: the usual one between them; a later one ends one."""
    found: list[Assignment] = []
    open_from = date.min
    by_day = sorted(assignments, key=lambda one: one.from_on)
    for at, one in enumerate(by_day):
        after = by_day[at + 1].from_on if at + 1 < len(by_day) else date.max
        until_on = min(one.until_on or date.max, after)
        if open_from < one.from_on:
            found.append(replace(USUAL, from_on=open_from, until_on=one.from_on))
        if one.from_on < until_on:
            found.append(replace(one, until_on=None if until_on == date.max else until_on))
        open_from = max(open_from, until_on)
    if open_from < date.max:
        found.append(replace(USUAL, from_on=open_from))
    return found


def _joined(pieces: Pieces) -> list[tuple[int, Version, Assignment]]:
    """Number the pieces: those that follow each other and are billed alike have one number.

    A gap within one assignment keeps its number: a charge over it is refused, not forgotten.
    """
    found: list[tuple[int, Version, Assignment]] = []
    number = 0
    for version, assignment in pieces:
        if found and not _go_together(found[-1][1:], (version, assignment)):
            number += 1
        found.append((number, version, assignment))
    return found


def _go_together(before: tuple[Version, Assignment], after: tuple[Version, Assignment]) -> bool:
    (one, of_one), (two, of_two) = before, after
    at_once = one.tariff.basis in AT_ONCE or two.tariff.basis in AT_ONCE
    alike = (one.cycle, one.timing, of_one.anchored_on) == (
        two.cycle,
        two.timing,
        of_two.anchored_on,
    )
    follows = one.tariff.ends_on == two.tariff.effective_on or of_one is of_two
    return not at_once and alike and follows


def _dues_in(pieces: Pieces, month: BillingPeriod) -> list[Due]:
    (first, assignment), (last, _) = pieces[0], pieces[-1]
    since, until_on = first.tariff.effective_on, last.tariff.ends_on
    if first.tariff.basis in AT_ONCE:
        return _at_once(first, assignment, month)
    if first.tariff.basis == Basis.SHARED or since > month.last_on:
        return []
    cycle = Cycle(first.cycle, first.timing, assignment.anchored_on)
    since = max(since, span_around(cycle, month.first_on - _LONGEST).begins_on)
    if until_on is not None and until_on <= since:
        return []
    versions = tuple(version for version, _ in pieces)
    return [
        Due(
            days=span.days,
            period=span.period,
            billed_on=span.bills_on,
            is_over_first=cycle.timing == CycleTiming.IN_ARREARS,
            versions=tuple(one for one in versions if _meets(one.tariff, span.days)),
            assignment=_assigned_on(pieces, span.days.begins_on),
            anchor_day=cycle.anchor_day,
            payers=_payers_in(pieces, span.days),
        )
        for span in spans_up_to(cycle, month.last_on, since=since, until_on=until_on)
        if BillingPeriod.of(span.bills_on) == month
    ]


def _at_once(version: Version, assignment: Assignment, month: BillingPeriod) -> list[Due]:
    day = version.tariff.effective_on
    if BillingPeriod.of(day) != month:
        return []
    days = DaySpan(day, day + timedelta(days=1))
    return [
        Due(
            days=days,
            period=month,
            billed_on=day,
            is_over_first=False,
            versions=(version,),
            assignment=assignment,
            anchor_day=1,
        )
    ]


def _meets(tariff: Tariff, days: DaySpan) -> bool:
    ends_on = tariff.ends_on or date.max
    return tariff.effective_on < days.ends_on and ends_on > days.begins_on


def _payers_in(pieces: Pieces, days: DaySpan) -> tuple[tuple[date, Payer], ...]:
    """Return from which day who pays, () where it is one on all of the days."""
    found: list[tuple[date, Payer]] = []
    for version, assignment in pieces:
        if _meets(version.tariff, days) and (not found or found[-1][1] != assignment.payer):
            found.append((max(version.tariff.effective_on, days.begins_on), assignment.payer))
    return tuple(found) if len(found) > 1 else ()


def _assigned_on(pieces: Pieces, day: date) -> Assignment:
    """Return the assignment in force on a day: of several that a span meets the first counts."""
    found = [
        assignment
        for version, assignment in pieces
        if version.tariff.effective_on <= day
        and (version.tariff.ends_on is None or day < version.tariff.ends_on)
    ]
    return found[0] if found else pieces[0][1]
