"""What units used on some days, and what a formula may ask of them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from storage.charge_errors import InputMissing
from storage.kinds import Basis, ChargeInput, TierSpan
from storage.many import Keyed
from storage.models.bills import bills
from storage.periods import DaySpan
from storage.queries.usage import usage_of
from storage.rules.billing import Due, Scheme
from storage.rules.figures import Number
from storage.rules.formulas import parse_formula
from storage.rules.meters import MeterUsage
from storage.rules.pricing import Pricer
from storage.rules.proration import months_of
from storage.rules.tariffs import Tariff, UnitFacts
from storage.rules.tiers import tier_year

METERED: Final = (Basis.BY_METER, Basis.TIERED)
INPUTS: Final[Mapping[str, ChargeInput]] = MappingProxyType(
    {
        "面积": ChargeInput.AREA,
        "area": ChargeInput.AREA,
        "用量": ChargeInput.READING,
        "usage": ChargeInput.READING,
        "人数": ChargeInput.HEADS,
        "heads": ChargeInput.HEADS,
        "数量": ChargeInput.COUNT,
        "count": ChargeInput.COUNT,
        "单价": ChargeInput.PRICE,
        "price": ChargeInput.PRICE,
        "月数": ChargeInput.FORMULA,
        "months": ChargeInput.FORMULA,
        "天数": ChargeInput.FORMULA,
        "days": ChargeInput.FORMULA,
    }
)
"""What a formula may name, and what is missing where a unit has none of it."""

_USED_BEFORE: Final = Keyed(
    lambda among: select(bills.c.unit_id, bills.c.period, bills.c.explanation).where(
        among(bills.c.unit_id),
        bills.c.fee_item_id == bindparam("item_id"),
        bills.c.voided_at.is_(None),
        bills.c.begins_on >= bindparam("begins_on"),
        bills.c.last_on < bindparam("ends_on"),
    )
)


class Quantities:
    """What meters and bills of the year say, asked for all units of a run at once."""

    def __init__(
        self, tx: Connection, unit_ids: Collection[int], shared: Collection[tuple[int, DaySpan]]
    ) -> None:
        """Take the units, and the days of each fee that most of them are billed for."""
        self._tx, self._unit_ids, self._shared = tx, unit_ids, shared
        self._usage: dict[tuple[int, DaySpan, int | None], dict[int, MeterUsage]] = {}
        self._before: dict[tuple[int, DaySpan], dict[int, Fraction]] = {}

    def complete(
        self, facts: UnitFacts, unit_id: int, scheme: Scheme, due: Due, since: date | None
    ) -> UnitFacts:
        """Return the facts with what was used, where a price asks for it.

        `since` is the first day that anybody had the unit, None for long ago. Raises
        InputMissing where a formula names what the unit has none of, and what formulas raise.
        """
        item_id, tariffs = scheme.fee_item_id, due.tariffs
        if any(one.basis in METERED or _asks_usage(one) for one in tariffs):
            facts = replace(facts, usage=self._used(unit_id, item_id, due.days))
        yearly = [one for one in tariffs if _is_yearly(one)]
        if yearly:
            year = tier_year(due.days.begins_on, starts_month=yearly[0].tier_year_starts)
            facts = replace(
                facts,
                used_before=self._used_before(unit_id, item_id, year, due.days.begins_on),
                year_months=_months_in(year, since),
            )
        if any(one.basis == Basis.FORMULA for one in tariffs):
            facts = replace(facts, inputs=formula_inputs(facts, due.days, due.last.tariff))
            for one in tariffs:
                check_inputs(one.formula, facts)
        return facts

    def _used(self, unit_id: int, item_id: int, days: DaySpan) -> MeterUsage | None:
        is_shared = (item_id, days) in self._shared
        key = (item_id, days, None if is_shared else unit_id)
        if key not in self._usage:
            ids = self._unit_ids if is_shared else [unit_id]
            self._usage[key] = usage_of(self._tx, ids, item_id, days)
        return self._usage[key].get(unit_id)

    def _used_before(self, unit_id: int, item_id: int, year: DaySpan, day: date) -> Fraction:
        if day <= year.begins_on:
            return Fraction()
        key = (item_id, DaySpan(year.begins_on, day))
        if key not in self._before:
            whole: dict[tuple[int, str], Fraction] = {}
            rows: Iterable[Any] = _USED_BEFORE.run(
                self._tx, self._unit_ids, item_id=item_id, begins_on=year.begins_on, ends_on=day
            )
            for unit, period, explanation in rows:
                usage = json.loads(explanation).get("usage", {})
                whole[unit, period] = Fraction(usage.get("quantity", 0))
            found: dict[int, Fraction] = {}
            for (unit, _), used in whole.items():  # all parts of a period tell of the same use
                found[unit] = found.get(unit, Fraction()) + used
            self._before[key] = found
        return self._before[key].get(unit_id, Fraction())


def quantities_for(
    tx: Connection, unit_ids: Collection[int], pricers: Sequence[tuple[Scheme, Pricer]]
) -> Quantities:
    """Return what the units of a run used, asked for when it is needed."""
    shared = {(scheme.fee_item_id, pricer.due.days) for scheme, pricer in pricers}
    return Quantities(tx, unit_ids, shared)


def formula_inputs(facts: UnitFacts, days: DaySpan, tariff: Tariff) -> dict[str, Number]:
    """Return what a formula may ask of a unit, under its Chinese and its English name."""
    known: dict[str, Number | None] = {
        "面积": facts.floor_area_m2,
        "用量": None if facts.usage is None else facts.usage.quantity,
        "人数": facts.heads,
        "数量": facts.count,
        "单价": Decimal(tariff.price_e4).scaleb(-4),
        "月数": months_of(days),
        "天数": days.days,
    }
    names = [*INPUTS]
    english = dict(zip(names[::2], names[1::2], strict=True))
    given = {name: number for name, number in known.items() if number is not None}
    return given | {english[name]: number for name, number in given.items()}


def check_inputs(formula: str, facts: UnitFacts) -> None:
    """Raise InputMissing where a formula names what the unit has none of."""
    if not formula:
        return
    for name in parse_formula(formula, INPUTS, row=facts.row).names:
        if name not in facts.inputs:
            raise InputMissing(INPUTS[name], facts.row)


def _asks_usage(tariff: Tariff) -> bool:
    return tariff.basis == Basis.FORMULA and any(one in tariff.formula for one in ("用量", "usage"))


def _is_yearly(tariff: Tariff) -> bool:
    return tariff.basis == Basis.TIERED and tariff.tier_span == TierSpan.YEAR


def _months_in(year: DaySpan, since: date | None) -> int:
    """Return how many months of a year of steps a household takes part in."""
    if since is None or since <= year.begins_on:
        return 12
    begins_on = year.begins_on
    gone = (since.year - begins_on.year) * 12 + since.month - begins_on.month
    return max(12 - gone, 1)
