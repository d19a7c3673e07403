"""What a unit's fee of some days comes to (计价), with all that is known of the unit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection

from storage.errors import Refusal
from storage.kinds import DiscountReason
from storage.periods import DaySpan
from storage.queries.closes import closed_periods
from storage.queries.liable import Party, liable_on, only_owner, parties_in, stays_in
from storage.queries.quantities import quantities_for
from storage.queries.tariffs import Reduction, Vacancy, reductions_of, vacancies_of
from storage.rules.billing import Due, Scheme
from storage.rules.charging import BY_MONTH
from storage.rules.discounts import Discount, amount_off, percent_off, vacant
from storage.rules.pricing import Priced, Pricer, frozen, paid_by, parted, with_discounts
from storage.rules.proration import months_of
from storage.rules.tariffs import UnitFacts

YEAR: Final = 12


class SkipReason(StrEnum):
    """Why a unit got no bill."""

    AREA_MISSING = "area_missing"
    READING_MISSING = "reading_missing"
    READING_LOWER = "reading_lower"
    HEADS_MISSING = "heads_missing"
    INPUT_MISSING = "input_missing"
    INPUT_REFUSED = "input_refused"
    TARIFF_GAP = "tariff_gap"
    TARIFF_OVERLAPS = "tariff_overlaps"
    FORMULA_FAILS = "formula_fails"
    AMOUNT_ZERO = "amount_zero"
    NOT_OVER = "not_over"
    """Billed in arrears, and the days are not over."""
    PERIOD_TAKEN = "period_taken"
    """Another bill of the fee is under the same month and is not for these days."""
    PARTY_CHANGED = "party_changed"
    """It was billed to one party, and some of its days are another's: it is to be corrected."""
    PERIOD_CLOSED = "period_closed"


class DueBill(NamedTuple):
    """A bill as it would be issued."""

    unit_id: int
    unit_label: str
    scheme: Scheme
    due: Due
    liable_id: int | None
    priced: Priced
    discount_ids: tuple[int, ...] = ()
    part: int = 0
    """Which of the bills of its unit, fee and month it is, where several parties share them."""


Made = tuple[DueBill, ...] | SkipReason | Refusal
"""What a unit's fee comes to: its bills, or why there is none."""


class BilledUnit(NamedTuple):
    """A unit as it is priced."""

    unit_id: int
    label: str
    kind: str
    floor_area_m2: Decimal | None


class Tried(NamedTuple):
    """What the books do not say yet, to see what it would come to."""

    reductions: Sequence[Reduction] | None = None
    """All that is taken off, instead of what the books say; None is as the books say."""
    vacancies: Mapping[int, Sequence[Vacancy]] | None = None
    """Unit → all its empty days, in the same way."""


AS_THE_BOOKS_SAY: Final = Tried()


class Pricing:
    """Prices unit by unit, with all that is known of them."""

    def __init__(
        self,
        tx: Connection,
        community_id: int,
        ids: Collection[int],
        pricers: Sequence[tuple[Scheme, Pricer]],
        today: date,
        tried: Tried = AS_THE_BOOKS_SAY,
    ) -> None:
        """Read what is known of the units; `today` is a Shanghai day."""
        self._today = today
        self._stays = stays_in(tx, ids)
        self._vacancies: Mapping[int, Sequence[Vacancy]] = (
            vacancies_of(tx, ids) if tried.vacancies is None else tried.vacancies
        )
        self._reductions: Sequence[Reduction] = (
            reductions_of(tx, community_id) if tried.reductions is None else tried.reductions
        )
        self._uses = {
            one.discount_id: one.uses_left for one in self._reductions if one.uses_left is not None
        }
        self._closed = closed_periods(tx, community_id)
        self._quantities = quantities_for(tx, ids, pricers)

    def of(self, unit: BilledUnit, scheme: Scheme, pricer: Pricer) -> Made:
        """Return a unit's bills, one for each party of the days; () where nothing is charged."""
        if not self._is_over(pricer.due):
            return SkipReason.NOT_OVER
        if pricer.period in self._closed:
            return SkipReason.PERIOD_CLOSED
        return self.anew(unit, scheme, pricer)

    def anew(self, unit: BilledUnit, scheme: Scheme, pricer: Pricer) -> Made:
        """Return the same of a bill that is corrected: that its month is closed is no hindrance."""
        if not self._is_over(pricer.due):
            return SkipReason.NOT_OVER
        parties = self.parties(unit, pricer)
        if not parties:
            return ()
        pricer = _within(pricer, parties, scheme)
        try:
            priced, used = self._priced(unit, scheme, pricer)
        except Refusal as refusal:
            return refusal
        if priced.amount_fen <= 0:
            return SkipReason.AMOUNT_ZERO
        self._take(used)
        ids = tuple([one.discount_id for one in used])
        if len(parties) == 1:
            [only] = parties
            mine = paid_by(priced, only.payer)
            return (
                DueBill(unit.unit_id, unit.label, scheme, pricer.due, only.liable_id, mine, ids),
            )
        return _bills_of(unit, scheme, pricer.due, parties, priced, ids)

    def parties(self, unit: BilledUnit, pricer: Pricer) -> tuple[Party, ...]:
        """Return whose the days of a unit's fee are; what is paid at once is of the first day.

        Days that nobody answers for, before somebody came or after all have left, are left out.
        """
        due = pricer.due
        payer = due.assignment.payer
        stays = self._stays.get(unit.unit_id, ())
        if not due.payers:
            owner_id = only_owner(stays, payer, due.days)
            if owner_id is not None:
                return (Party(due.days, owner_id, payer, payer),)
        if not pricer.is_by_days:
            liable_id = liable_on(stays, payer, due.days.begins_on)
            return (Party(due.days, liable_id, payer, payer),)
        return parties_in(stays, due.payers or ((due.days.begins_on, payer),), due.days)

    def _is_over(self, due: Due) -> bool:
        return not due.is_over_first or self._today >= due.billed_on

    def _priced(
        self, unit: BilledUnit, scheme: Scheme, pricer: Pricer
    ) -> tuple[Priced, list[Reduction]]:
        due = pricer.due
        empty = self._vacancies.get(unit.unit_id, ())
        used = self._meant_for(unit, scheme, due)
        is_ordinary = pricer.is_same_for_equals and not empty and not used
        if is_ordinary:
            return pricer.ordinary(unit.label, unit.floor_area_m2, due.assignment.count), used
        facts = self._facts(unit, scheme, due)
        charge = pricer.charge(facts)
        taken = [
            *_vacant(due, facts, empty),
            *(_reduction(one, charge.amount_fen) for one in used),
        ]
        return frozen(scheme.item_name, with_discounts(charge, taken)), used

    def _facts(self, unit: BilledUnit, scheme: Scheme, due: Due) -> UnitFacts:
        assignment = due.assignment
        facts = UnitFacts(
            row=unit.label,
            floor_area_m2=unit.floor_area_m2,
            count=assignment.count,
            heads=assignment.heads,
        )
        stays = self._stays.get(unit.unit_id)
        since = stays[0].from_on if stays else None
        return self._quantities.complete(facts, unit.unit_id, scheme, due, since)

    def _meant_for(self, unit: BilledUnit, scheme: Scheme, due: Due) -> list[Reduction]:
        if not self._reductions:
            return []
        day = due.days.begins_on
        return [
            one
            for one in self._reductions
            if one.covers(unit.unit_id, scheme.fee_item_id, day)
            and self._uses.get(one.discount_id, 1) > 0
            and (one.reason != DiscountReason.YEAR_AHEAD or _is_a_year(due))
        ]

    def _take(self, used: Sequence[Reduction]) -> None:
        for one in used:
            if one.discount_id in self._uses:
                self._uses[one.discount_id] -= 1


def _within(pricer: Pricer, parties: Sequence[Party], scheme: Scheme) -> Pricer:
    """Return a pricer of the days that somebody owes."""
    due = pricer.due
    if parties[0].days is due.days:
        return pricer
    days = DaySpan(parties[0].days.begins_on, parties[-1].days.ends_on)
    return pricer if days == due.days else Pricer(replace(due, days=days), scheme.item_name)


def _bills_of(
    unit: BilledUnit,
    scheme: Scheme,
    due: Due,
    parties: Sequence[Party],
    priced: Priced,
    discount_ids: tuple[int, ...],
) -> tuple[DueBill, ...]:
    """Share a charge among parties, a bill for each that bears something.

    What is taken off a limited number of times counts once, with the first of them.
    """
    parts = parted(priced, [one.days for one in parties], [one.whose for one in parties])
    found: list[DueBill] = []
    for one, part in zip(parties, parts, strict=True):
        if part.amount_fen:
            number = len(found)
            ids = () if found else discount_ids
            days, mine = replace(due, days=one.days), paid_by(part, one.payer)
            found.append(
                DueBill(unit.unit_id, unit.label, scheme, days, one.liable_id, mine, ids, number)
            )
    return tuple(found)


def _is_a_year(due: Due) -> bool:
    return months_of(due.days, anchor_day=due.anchor_day) >= YEAR


def _vacant(due: Due, facts: UnitFacts, empty: Sequence[Vacancy]) -> list[Discount]:
    """Return what is taken off for days on which the unit stands empty; of monthly prices."""
    if not all(one.basis in BY_MONTH for one in due.tariffs):
        return []
    return [
        vacant(
            due.tariffs,
            facts,
            [one.days],
            charged=due.days,
            percent=one.percent,
            anchor_day=due.anchor_day,
            name=one.reason,
        )
        for one in empty
        if one.days.common(due.days) is not None
    ]


def _reduction(one: Reduction, amount_fen: int) -> Discount:
    if one.percent is not None:
        return percent_off(one.reason, one.name, amount_fen, one.percent)
    return amount_off(one.reason, one.name, one.amount_fen or 0)
