"""What a discount (优惠) or an empty flat would change of the next bills, before it is saved."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from typing import Final

from sqlalchemy import Connection

from storage.frozen import dataclass
from storage.periods import BillingPeriod, DaySpan
from storage.queries.discounts import DiscountFact, check_discount, check_vacancy
from storage.queries.dues import DueBills, bills_due
from storage.queries.pricing import AS_THE_BOOKS_SAY, DueBill, Tried
from storage.queries.tariff_trials import chosen_units
from storage.queries.tariffs import (
    Reduction,
    Vacancy,
    reductions_of,
    schemes_of,
    vacancies_of,
)

_MONTHS: Final = 25
"""A bill of a year comes at least once in so many."""
_NEW: Final = 0
"""The key of a discount that has none yet."""


@dataclass(frozen=True, slots=True)
class BillTrial:
    """A unit's next bill: what it comes to now, and with what is tried; both in fen."""

    unit_label: str
    item_name: str
    period: str
    before_fen: int
    after_fen: int
    sum: str
    """How `after_fen` comes about, "" where no bill is left."""


def try_discount(
    tx: Connection, fact: DiscountFact, *, community_id: int, today: date
) -> tuple[BillTrial, ...]:
    """Return what a discount changes of the next bills of its unit, or of three real units.

    Nothing for one that no bill of the next two years meets. Raises as `check_discount`.
    """
    check_discount(tx, fact, community_id=community_id)
    asked = Reduction(
        _NEW,
        fact.unit_id,
        fact.fee_item_id,
        fact.reason,
        fact.name,
        fact.percent,
        fact.amount_fen,
        fact.from_on,
        fact.until_on,
        fact.uses_left,
    )
    tried = Tried([*reductions_of(tx, community_id), asked])
    day = max(fact.from_on, today)
    return _first_changed(tx, community_id, _chosen(tx, community_id, asked), day, tried)


def try_end(
    tx: Connection, discount_id: int, *, community_id: int, until_on: date, today: date
) -> tuple[BillTrial, ...]:
    """Return what ending a discount changes; `until_on` is the first day without it.

    Nothing for one that is not there any more, or that would have ended by then.
    """
    known = reductions_of(tx, community_id)
    ended = [one for one in known if one.discount_id == discount_id]
    if not ended:
        return ()
    [asked] = ended
    if asked.until_on is not None and asked.until_on <= until_on:
        return ()
    tried = Tried([replace(one, until_on=until_on) if one is asked else one for one in known])
    day = max(until_on, today)
    return _first_changed(tx, community_id, _chosen(tx, community_id, asked), day, tried)


def try_vacancy(
    tx: Connection, asked: Vacancy, *, community_id: int, unit_id: int, today: date
) -> tuple[BillTrial, ...] | None:
    """Return what a vacancy changes of the unit's next bills, None where it is noted already.

    Days up to `date.max` have no end. Raises as `check_vacancy`.
    """
    from_on, ends_on = asked.days.begins_on, asked.days.ends_on
    until_on = None if ends_on == date.max else ends_on
    is_new = check_vacancy(
        tx, unit_id=unit_id, percent=asked.percent, from_on=from_on, until_on=until_on
    )
    if not is_new:
        return None
    known = vacancies_of(tx, [unit_id]).get(unit_id, [])
    others = [_ended(one, from_on) for one in known if one.days.begins_on != from_on]
    was_open = any(one.days.begins_on == from_on for one in known)
    tried = Tried(vacancies={unit_id: [*others, asked]})
    day = max(ends_on if was_open else from_on, today)
    return _first_changed(tx, community_id, [unit_id], day, tried)


def _ended(one: Vacancy, day: date) -> Vacancy:
    """Return empty days that had no end as they are once others begin."""
    if one.days.begins_on > day or one.days.ends_on < date.max:
        return one
    return replace(one, days=DaySpan(one.days.begins_on, day))


def _chosen(tx: Connection, community_id: int, asked: Reduction) -> list[int]:
    if asked.unit_id is not None:
        return [asked.unit_id]
    kinds = {
        kind
        for kind, item_id in schemes_of(tx, community_id)
        if asked.fee_item_id in (None, item_id)
    }
    return [one.unit_id for one in chosen_units(tx, community_id, kinds)]


def _first_changed(
    tx: Connection, community_id: int, unit_ids: Collection[int], day: date, tried: Tried
) -> tuple[BillTrial, ...]:
    """Return the bills of the first month, from that of a day on, that come out otherwise."""

    def due(month: BillingPeriod, what: Tried) -> DueBills:
        return bills_due(
            tx,
            community_id=community_id,
            period=month,
            today=date.max,
            unit_ids=unit_ids,
            tried=what,
        )

    first = BillingPeriod.of(day)
    for month in map(first.plus, range(_MONTHS)):
        before = {_place(one): one for one in due(month, AS_THE_BOOKS_SAY).new}
        after = {_place(one): one for one in due(month, tried).new}
        found = tuple(
            _trial(before.get(place), after.get(place))
            for place in {**before, **after}
            if _fen(before.get(place)) != _fen(after.get(place))
        )
        if found:
            return found
    return ()


def _place(one: DueBill) -> tuple[int, int, str, int]:
    return one.unit_id, one.scheme.fee_item_id, str(one.due.period), one.part


def _fen(one: DueBill | None) -> int:
    return 0 if one is None else one.priced.amount_fen


def _trial(before: DueBill | None, after: DueBill | None) -> BillTrial:
    one = after or before
    if one is None:
        raise ValueError("a bill is there before, or after")
    told = "" if after is None else json.loads(after.priced.explanation)["sum"]
    return BillTrial(
        one.unit_label,
        one.scheme.item_name,
        str(one.due.period),
        _fen(before),
        _fen(after),
        told,
    )
