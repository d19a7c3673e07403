"""What a unit's fee of some days comes to (计价), with all that is known of the unit."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection

from storage.errors import Refusal
from storage.kinds import DiscountReason
from storage.queries.closes import closed_periods
from storage.queries.liable import Stay, days_of_parties, liable_on, only_owner, stays_in
from storage.queries.quantities import quantities_for
from storage.queries.tariffs import Reduction, Vacancy, reductions_of, vacancies_of
from storage.rules.billing import Due, Scheme
from storage.rules.charging import BY_MONTH
from storage.rules.discounts import Discount, amount_off, percent_off, vacant
from storage.rules.pricing import Priced, Pricer, frozen, paid_by, with_discounts
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

    def of(
        self, unit: BilledUnit, scheme: Scheme, pricer: Pricer
    ) -> "DueBill | SkipReason | Refusal | None":
        """Return a unit's bill, why there is none, or None where nothing is charged."""
        if not self._is_over(pricer.due):
            return SkipReason.NOT_OVER
        if pricer.period in self._closed:
            return SkipReason.PERIOD_CLOSED
        return self.anew(unit, scheme, pricer)

    def anew(
        self, unit: BilledUnit, scheme: Scheme, pricer: Pricer
    ) -> "DueBill | SkipReason | Refusal | None":
        """Return the same of a bill that is corrected: that its month is closed is no hindrance."""
        due = pricer.due
        if not self._is_over(due):
            return SkipReason.NOT_OVER
        stays = self._stays.get(unit.unit_id, ())
        payer = due.assignment.payer
        liable_id = only_owner(stays, payer, due.days)
        if liable_id is None:
            part = _for_parties(pricer, stays, scheme)
            if part is None:
                return None
            pricer, due = part, part.due
            liable_id = liable_on(stays, payer, due.days.begins_on)
        try:
            priced, used = self._priced(unit, scheme, pricer)
        except Refusal as refusal:
            return refusal
        if priced.amount_fen <= 0:
            return SkipReason.AMOUNT_ZERO
        self._take(used)
        ids = tuple([one.discount_id for one in used])
        return DueBill(
            unit.unit_id, unit.label, scheme, due, liable_id, paid_by(priced, payer), ids
        )

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


def _for_parties(pricer: Pricer, stays: Sequence[Stay], scheme: Scheme) -> Pricer | None:
    """Return a pricer of the days that somebody owes, None where that is no day."""
    due = pricer.due
    from_on, until_on = days_of_parties(stays, due.assignment.payer, due.days)
    if not (from_on or until_on) or not pricer.is_by_days:
        return pricer
    part = due.within(from_on, until_on)
    return None if part is None else Pricer(part, scheme.item_name)


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
