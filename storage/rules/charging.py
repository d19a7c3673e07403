"""Charging days by dated tariffs (计费): each version its days, summed exactly, rounded once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from storage.charge_errors import InputMissing, InputRefused
from storage.frozen import dataclass
from storage.kinds import Basis, ChargeInput, LineKind, TierSpan
from storage.periods import DaySpan
from storage.rules import formulas
from storage.rules.explanations import Bounds, Step, reckon
from storage.rules.figures import MONTHS, SQUARE_METRES, YUAN, Factor, figure, yuan_figure
from storage.rules.meters import MeterUsage
from storage.rules.proration import MonthPart, month_parts, months_of
from storage.rules.tariffs import MAX_AREA_M2, Charge, Tariff, UnitFacts, price_text, versions_in
from storage.rules.tiers import in_tiers, limits, tier_year

BY_MONTH: Final = frozenset((Basis.BY_AREA, Basis.FIXED, Basis.PARKING))
AT_ONCE: Final = frozenset((Basis.ONE_OFF, Basis.DEPOSIT))
MAX_COUNT: Final = 100_000


@dataclass(frozen=True, slots=True)
class _Part:
    """The days of one version of a tariff, out of all the days charged for a unit."""

    tariff: Tariff
    days: DaySpan
    unit: UnitFacts
    whole: DaySpan
    anchor_day: int

    @property
    def share(self) -> tuple[Factor, ...]:
        """The part's days over all days, where it is not all of them."""
        if self.days == self.whole:
            return ()
        return (Factor(f"{self.days.days}/{self.whole.days}"),)

    def step(self, kind: LineKind, *factors: Factor, days: DaySpan | None = None) -> Step:
        return Step(kind, factors, days or self.days, self.tariff.name)


def charge_days(
    tariffs: Sequence[Tariff], unit: UnitFacts, days: DaySpan, *, anchor_day: int = 1
) -> Charge:
    """Return what a unit owes for some days, by the versions of a tariff in force on them.

    A price by the month counts whole months, which begin on `anchor_day`, and broken ones by
    their days; what was used is shared among versions by days; one-off prices are those of the
    first day. The sum is rounded once, as the last version says. Raises InputMissing,
    InputRefused, TariffGap and TariffOverlaps, and what `formulas` raises, naming `unit.row`.
    """
    parts = _parts_of(tariffs, unit, days, anchor_day)
    steps = [_steps(part) for part in parts]
    last = parts[-1].tariff
    made = reckon(
        [step for of_part in steps for step in of_part],
        rounding=last.rounding,
        bounds=_bounds(parts, steps),
        basis=str(last.basis),
        row=unit.row,
    )
    quantity = _quantity(last, unit)
    prices = dict.fromkeys(
        one.text
        for of_part in steps
        for step in of_part
        for one in step.factors
        if one.unit == YUAN
    )
    unit_price = "" if last.basis == Basis.FORMULA else "、".join(prices)
    is_monthly = last.basis in BY_MONTH
    months = _months_text(month_parts(days, anchor_day=anchor_day)) if is_monthly else ""
    explanation = made.explanation | {
        "quantity": quantity or months,
        "unit_price": unit_price,
        "months": months,
        "days": [days.begins_on.isoformat(), days.last_on.isoformat()],
    }
    explanation |= _kept_inputs(parts)
    return Charge(
        made.amount_fen, quantity or months, unit_price, explanation, made.lines, made.exact_fen
    )


def exact_steps(
    tariffs: Sequence[Tariff], unit: UnitFacts, days: DaySpan, *, anchor_day: int = 1
) -> tuple[Step, ...]:
    """Return the products whose sum `charge_days` rounds. Raises as it does."""
    parts = _parts_of(tariffs, unit, days, anchor_day)
    return tuple(step for part in parts for step in _steps(part))


def check_area(area_m2: Decimal | None, *, row: str = "") -> Decimal:
    """Return a floor area that can be charged.

    Raises InputMissing for none, InputRefused for NaN, 0 or less, more than two decimals, or more
    than ten million square metres.
    """
    if area_m2 is None:
        raise InputMissing(ChargeInput.AREA, row)
    if not area_m2.is_finite() or not 0 < area_m2 <= MAX_AREA_M2 or area_m2 != round(area_m2, 2):
        raise InputRefused(ChargeInput.AREA, str(area_m2), row)
    return area_m2


def _parts_of(
    tariffs: Sequence[Tariff], unit: UnitFacts, days: DaySpan, anchor_day: int
) -> list[_Part]:
    first, *_ = versions = versions_in(tariffs, days, row=unit.row)
    if first[0].basis in AT_ONCE:
        versions = ((first[0], days),)
    return [_Part(tariff, span, unit, days, anchor_day) for tariff, span in versions]


def _steps(part: _Part) -> list[Step]:
    maker = _MAKERS.get(part.tariff.basis)
    if maker is None:
        raise ValueError(f"{part.tariff.basis} is not charged by days: see storage.rules.sharing")
    return maker(part)


def _monthly_steps(part: _Part) -> list[Step]:
    """Area × price × months, or count × price × months, for each whole or broken month."""
    factors: tuple[Factor, ...] = ()
    if part.tariff.basis == Basis.BY_AREA:
        area = check_area(part.unit.floor_area_m2, row=part.unit.row)
        factors = (Factor(figure(area, decimals=2), SQUARE_METRES),)
    elif _count(part) != 1:
        factors = (Factor(str(part.unit.count), "个"),)
    return [
        part.step(LineKind.PIECE, *factors, _price(part.tariff.price_e4), one.factor, days=one.days)
        for one in month_parts(part.days, anchor_day=part.anchor_day)
    ]


def _single_steps(part: _Part) -> list[Step]:
    factors = (Factor(str(part.unit.count), "个"),) if _count(part) != 1 else ()
    return [part.step(LineKind.PIECE, *factors, _price(part.tariff.price_e4))]


def _metered_steps(part: _Part) -> list[Step]:
    quantity = figure(_used(part.unit).quantity)
    used = Factor(quantity, part.tariff.use_unit)
    return [part.step(LineKind.PIECE, used, *part.share, _price(part.tariff.price_e4))]


def _tiered_steps(part: _Part) -> list[Step]:
    """Return what was used in each step × its price; years of steps begin anew."""
    starts = part.tariff.tier_year_starts
    edges = [
        date(year, starts, 1)
        for year in range(part.days.begins_on.year, part.days.ends_on.year + 1)
    ]
    is_yearly = part.tariff.tier_span == TierSpan.YEAR
    return [
        step
        for days in part.days.cut(edges if is_yearly else ())
        for step in _steps_of_tiers(part, days)
    ]


def _steps_of_tiers(part: _Part, days: DaySpan) -> list[Step]:
    tariff, unit = part.tariff, part.unit
    used_before = Fraction()
    scale = months_of(days, anchor_day=part.anchor_day)
    if tariff.tier_span == TierSpan.YEAR:
        used_before, scale = _used_this_year(part, days)
    ends = limits(
        tariff.tiers,
        included_heads=tariff.included_heads,
        heads=unit.heads,
        scale=scale,
        row=unit.row,
    )
    found = in_tiers(tariff.tiers, ends, used_before=used_before, used=_used_on(part, days))
    return [
        Step(
            LineKind.TIER,
            (Factor(figure(one.quantity), tariff.use_unit), _price(one.price_e4)),
            days,
            tariff.name,
            kept={
                "tier": one.number,
                "after": figure(one.after),
                "until": None if one.until is None else figure(one.until),
                "used_before": figure(used_before),
            },
        )
        for one in found
    ]


def _used_this_year(part: _Part, days: DaySpan) -> tuple[Fraction, Fraction]:
    """Return what the year of steps used before some days, and the part of it that counts."""
    year = tier_year(days.begins_on, starts_month=part.tariff.tier_year_starts)
    is_first = part.whole.begins_on >= year.begins_on
    begins_on = max(part.whole.begins_on, year.begins_on)
    before = Fraction(part.unit.used_before) if is_first else Fraction()
    if begins_on < days.begins_on:
        before += _used_on(part, DaySpan(begins_on, days.begins_on))
    return before, Fraction(part.unit.year_months, 12) if is_first else Fraction(1)


def _used_on(part: _Part, days: DaySpan) -> Fraction:
    return _used(part.unit).quantity * days.days / part.whole.days


def _formula_steps(part: _Part) -> list[Step]:
    unit = part.unit
    formula = formulas.parse_formula(part.tariff.formula, unit.inputs, row=unit.row)
    exact = formulas.evaluate(formula, unit.inputs, row=unit.row)
    told = formulas.in_figures(formula, unit.inputs)
    shown = " × ".join([f"({told})", *(one.text for one in part.share)]) if part.share else told
    return [
        Step(
            LineKind.FORMULA,
            (Factor(figure(exact), YUAN), *part.share),
            part.days,
            part.tariff.name,
            shown,
            {"formula": formulas.kept(formula, unit.inputs)},
        )
    ]


_MAKERS: Final[Mapping[Basis, Callable[[_Part], list[Step]]]] = MappingProxyType(
    {
        Basis.BY_AREA: _monthly_steps,
        Basis.FIXED: _monthly_steps,
        Basis.PARKING: _monthly_steps,
        Basis.BY_METER: _metered_steps,
        Basis.TIERED: _tiered_steps,
        Basis.ONE_OFF: _single_steps,
        Basis.DEPOSIT: _single_steps,
        Basis.FORMULA: _formula_steps,
    }
)


def _bounds(parts: Sequence[_Part], steps: Sequence[Sequence[Step]]) -> Bounds:
    """Return the bounds of the whole: those of its parts, or what a part without one comes to."""
    least = [part.tariff.minimum_fen for part in parts]
    most = [part.tariff.maximum_fen for part in parts]
    return Bounds(_bound(parts, steps, least), _bound(parts, steps, most))


def _bound(
    parts: Sequence[_Part], steps: Sequence[Sequence[Step]], bounds_fen: Sequence[int | None]
) -> tuple[tuple[Factor, ...], ...] | None:
    if all(one is None for one in bounds_fen):
        return None
    found: list[tuple[Factor, ...]] = []
    for part, of_part, bound_fen in zip(parts, steps, bounds_fen, strict=True):
        if bound_fen is None:
            found += [step.factors for step in of_part]
            continue
        bound = Factor(yuan_figure(bound_fen), YUAN)
        if part.tariff.basis in BY_MONTH:
            months = month_parts(part.days, anchor_day=part.anchor_day)
            found += [(bound, one.factor) for one in months]
        else:
            found.append((bound, *part.share))
    return tuple(found)


def _price(price_e4: int) -> Factor:
    return Factor(price_text(price_e4), YUAN)


def _count(part: _Part) -> int:
    if not 0 < part.unit.count <= MAX_COUNT:
        raise InputRefused(ChargeInput.COUNT, str(part.unit.count), part.unit.row)
    return part.unit.count


def _used(unit: UnitFacts) -> MeterUsage:
    if unit.usage is None:
        raise InputMissing(ChargeInput.READING, unit.row)
    return unit.usage


def _quantity(tariff: Tariff, unit: UnitFacts) -> str:
    """Return the quantity as it is read, "" where there are only months."""
    if tariff.basis == Basis.BY_AREA and unit.floor_area_m2 is not None:
        return figure(unit.floor_area_m2, decimals=2) + SQUARE_METRES
    if tariff.basis in (Basis.BY_METER, Basis.TIERED) and unit.usage is not None:
        return figure(unit.usage.quantity) + tariff.use_unit
    return f"{unit.count}个" if unit.count != 1 else ""


def _months_text(parts: Sequence[MonthPart]) -> str:
    """Print months as they are counted: "1个月", "14/30个月", "9+17/31个月"."""
    total = sum((one.months for one in parts), Fraction())
    if total.denominator == 1:
        return f"{total}{MONTHS}"
    by_size = sorted(parts, key=lambda one: -one.whole_months)
    return "+".join(one.factor.figure for one in by_size) + MONTHS


def _kept_inputs(parts: Sequence[_Part]) -> dict[str, Any]:
    """Return what else the charge rests on: the readings, and who shares the steps."""
    unit, last = parts[-1].unit, parts[-1].tariff
    kept: dict[str, Any] = {}
    if last.basis in (Basis.BY_METER, Basis.TIERED) and unit.usage is not None:
        kept["usage"] = unit.usage.explanation
    if last.basis == Basis.TIERED:
        kept["heads"] = unit.heads
        kept["year_months"] = unit.year_months
    return kept
