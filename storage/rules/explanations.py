"""How an amount came about: steps in figures, kept with a bill, from which it can be recomputed.

An explanation is ready for JSON and never changes once a bill is issued. Its keys:

    basis quantity unit_price months sum tariff    short texts, as every bill has them
    steps      what is multiplied: {kind, fen, sum, factors: [[figure, unit], …], from, to, tariff}
    minimum maximum    products of the same shape, where the tariff has bounds
    rounding   [unit, mode]
    discounts  what is taken off, in order: {reason, name, fen, sum, products}
    share      of a shared cost, instead of steps (see `storage.rules.sharing`)
    part       which part of all that is one party's (see `storage.rules.parting`)
    usage      how the quantity came off the meters (see `storage.rules.meters`)
    amount_fen

A figure is a decimal ("89.50") or a fraction ("14/30"); a figure of "%" counts hundredths.
"""

from collections.abc import Sequence
from dataclasses import field
from datetime import date
from fractions import Fraction
from typing import Any, Final

from storage.charge_errors import InputRefused
from storage.frozen import dataclass
from storage.kinds import ChargeInput, LineKind, RoundingMode, RoundingUnit
from storage.periods import DaySpan
from storage.rules import formulas, meters, parting, sharing
from storage.rules.figures import YUAN, Factor, figure, money_text, product_text, worth
from storage.rules.rounding import TO_THE_FEN, Rounding, apportion

Explanation = dict[str, Any]


_FEN_OF_A_YUAN: Final = Factor("100", "分")


@dataclass(frozen=True, slots=True)
class Step:
    """One product of figures, in yuan; of some days, by one version of a tariff."""

    kind: LineKind
    factors: tuple[Factor, ...]
    days: DaySpan | None = None
    tariff: str = ""
    shown: str = ""
    """What is read instead of the product, where it was worked out in another way."""
    kept: Explanation = field(default_factory=dict)
    """What else is kept with the step: its tier, its formula."""

    @property
    def exact_fen(self) -> Fraction:
        """What the product comes to, unrounded."""
        return worth((*self.factors, _FEN_OF_A_YUAN))

    @property
    def text(self) -> str:
        """The product in figures: "89.50㎡ × 2.80元 × 1个月"."""
        return self.shown or product_text(self.factors)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that is charged, as sums of products; None for no bound."""

    minimum: tuple[tuple[Factor, ...], ...] | None = None
    maximum: tuple[tuple[Factor, ...], ...] | None = None

    def clamp(self, exact_fen: Fraction) -> tuple[Fraction, LineKind | None]:
        """Return the amount within the bounds, and which of them it met."""
        if self.minimum is not None and exact_fen < (least := _sum_fen(self.minimum)):
            return least, LineKind.MINIMUM
        if self.maximum is not None and exact_fen > (most := _sum_fen(self.maximum)):
            return most, LineKind.MAXIMUM
        return exact_fen, None


NO_BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """A line of a bill; all lines of a charge sum to its amount, to the fen."""

    kind: LineKind
    quantity: str
    unit_price: str
    amount_fen: int
    sum: str
    days: DaySpan | None = None
    tariff: str = ""
    name: str = ""
    """What a discount is called, "" for other lines."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Steps brought to whole fen: the amount, its lines, and the account of it."""

    amount_fen: int
    exact_fen: Fraction
    lines: tuple[ChargeLine, ...]
    explanation: Explanation


def reckon(
    steps: Sequence[Step],
    *,
    rounding: Rounding,
    bounds: Bounds = NO_BOUNDS,
    basis: str,
    row: str = "",
) -> Reckoning:
    """Add steps, bring the sum within the bounds and round it, once.

    The lines of steps are the sum shared among them by largest remainder; what a bound or
    rounding to more than a fen changes stands in lines of their own. Raises InputRefused.
    """
    weights = [step.exact_fen for step in steps]
    exact_fen = weights[0] if len(weights) == 1 else sum(weights, Fraction())
    if exact_fen < 0:
        raise InputRefused(ChargeInput.AMOUNT, figure(Fraction(exact_fen, 100)), row)
    bounded_fen, met = bounds.clamp(exact_fen)
    amount_fen = rounding.fen(bounded_fen)
    whole_fen = amount_fen
    if met is not None or rounding.unit != RoundingUnit.FEN:
        whole_fen = rounding.to_fen.fen(exact_fen)
    shares = apportion(whole_fen, weights)
    lines = [_line(step, share) for step, share in zip(steps, shares, strict=True)]
    within_fen = whole_fen if met is None else rounding.to_fen.fen(bounded_fen)
    if met is not None and within_fen != whole_fen:
        lines.append(_difference(met, whole_fen, within_fen))
    if amount_fen != within_fen:
        lines.append(_difference(LineKind.ROUNDING, within_fen, amount_fen))
    told = " + ".join(step.text for step in steps)
    way = _way(exact_fen, whole_fen, within_fen, amount_fen)
    explanation: Explanation = {
        "basis": basis,
        "quantity": "",
        "unit_price": "",
        "months": "",
        "sum": f"{told} = {way}" if told else way,
        "tariff": "、".join(dict.fromkeys(step.tariff for step in steps if step.tariff)),
        "steps": [_kept(step, line) for step, line in zip(steps, lines, strict=False)],
        "rounding": [str(rounding.unit), str(rounding.mode)],
        "amount_fen": amount_fen,
    }
    explanation |= _kept_bounds(bounds)
    return Reckoning(amount_fen, exact_fen, tuple(lines), explanation)


def recompute(explanation: Explanation) -> int:
    """Return the fen that an explanation's figures come to, from its first figures on.

    Raises ValueError where one of its steps does not follow from those before, or where it keeps
    too little to be recomputed (bills brought along from other books).
    """
    left_fen = _before_discounts(explanation)
    for kept in explanation.get("discounts", ()):
        left_fen -= discount_fen(kept["products"], left_fen)
    part = explanation.get("part")
    return left_fen if part is None else parting.recompute(part, left_fen)


def _before_discounts(explanation: Explanation) -> int:
    if "share" in explanation:
        return sharing.recompute(explanation["share"])
    if "steps" not in explanation:
        raise ValueError("this explanation keeps no steps")
    steps = [_factors(step["factors"]) for step in explanation["steps"]]
    for kept, factors in zip(explanation["steps"], steps, strict=True):
        if "until" in kept:
            _check_tier(kept)
        if "formula" in kept and formulas.recompute(kept["formula"]) != Fraction(factors[0].figure):
            raise ValueError("a formula does not give what the step says")
    if "usage" in explanation:
        _check_usage(explanation["usage"], steps)
    exact_fen = sum((worth(factors) for factors in steps), Fraction()) * 100
    bounds = Bounds(
        **{
            name: tuple(_factors(product) for product in explanation[name])
            for name in ("minimum", "maximum")
            if name in explanation
        }
    )
    unit, mode = explanation["rounding"]
    return Rounding(RoundingUnit(unit), RoundingMode(mode)).fen(bounds.clamp(exact_fen)[0])


def discount_fen(products: Sequence[Sequence[Sequence[str]]], left_fen: int) -> int:
    """Return what products take off, rounded half up to the fen, no more than is left."""
    exact_fen = _sum_fen([_factors(product) for product in products])
    return min(TO_THE_FEN.fen(exact_fen), left_fen)


def _check_tier(kept: Explanation) -> None:
    begins = max(Fraction(kept["after"]), Fraction(kept["used_before"]))
    ends = begins + Fraction(kept["factors"][0][0])
    if kept["until"] is not None and ends > Fraction(kept["until"]):
        raise ValueError(f"more lies in step {kept['tier']} than it holds")


def _check_usage(usage: Explanation, steps: Sequence[tuple[Factor, ...]]) -> None:
    quantity = meters.recompute(usage)
    charged = sum(
        (worth(tuple(one for one in factors if one.unit != YUAN)) for factors in steps),
        Fraction(),
    )
    if charged != quantity:
        raise ValueError(f"the meters show {figure(quantity)}, charged is {figure(charged)}")


def _factors(kept: Sequence[Sequence[str]]) -> tuple[Factor, ...]:
    return tuple(Factor(one, unit) for one, unit in kept)


def _sum_fen(products: Sequence[tuple[Factor, ...]]) -> Fraction:
    return sum((worth(factors) for factors in products), Fraction()) * 100


def _line(step: Step, amount_fen: int) -> ChargeLine:
    prices = [one for one in step.factors if one.unit == YUAN]
    others = [one for one in step.factors if one.unit != YUAN]
    return ChargeLine(
        kind=step.kind,
        quantity="" if step.shown else product_text(others),
        unit_price="" if step.shown else product_text(prices),
        amount_fen=amount_fen,
        sum=f"{step.text} = {money_text(amount_fen)}",
        days=step.days,
        tariff=step.tariff,
    )


def _difference(kind: LineKind, before_fen: int, after_fen: int) -> ChargeLine:
    told = f"{money_text(before_fen)} → {money_text(after_fen)}"
    return ChargeLine(kind, "", "", after_fen - before_fen, told)


def _way(exact_fen: Fraction, whole_fen: int, within_fen: int, amount_fen: int) -> str:
    """Tell the sum, what bounds made of it and what it was rounded to, where they differ."""
    if amount_fen == whole_fen == within_fen:
        return money_text(amount_fen)
    exact = figure(Fraction(exact_fen, 100), decimals=2)
    stations = [money_text(whole_fen) if "/" in exact else exact + YUAN]
    stations += [money_text(within_fen)] if within_fen != whole_fen else []
    stations.append(money_text(amount_fen))
    return " → ".join(dict.fromkeys(stations))


def _kept(step: Step, line: ChargeLine) -> Explanation:
    kept: Explanation = {
        "kind": str(step.kind),
        "fen": line.amount_fen,
        "sum": line.sum,
        "factors": [[one.figure, one.unit] for one in step.factors],
    }
    if step.days is not None:
        kept |= _kept_days(step.days.begins_on, step.days.last_on)
    return kept | step.kept | ({"tariff": step.tariff} if step.tariff else {})


def _kept_days(first_on: date, last_on: date) -> Explanation:
    return {"from": first_on.isoformat(), "to": last_on.isoformat()}


def _kept_bounds(bounds: Bounds) -> Explanation:
    return {
        name: [[[one.figure, one.unit] for one in factors] for factors in products]
        for name, products in (("minimum", bounds.minimum), ("maximum", bounds.maximum))
        if products is not None
    }
