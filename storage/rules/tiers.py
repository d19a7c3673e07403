"""Prices in steps (阶梯): how much of a use lies in each, by month or by year, by heads."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from storage.charge_errors import InputMissing, InputRefused
from storage.frozen import dataclass
from storage.kinds import ChargeInput
from storage.periods import DaySpan


@dataclass(frozen=True, slots=True)
class Tier:
    """A step: its price in ten-thousandths of a yuan, up to a use a month or a year.

    `up_to` counts from the beginning of the month or year, None for no end. Each head above those
    included adds `per_head` to it.
    """

    price_e4: int
    up_to: Decimal | None = None
    per_head: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class TierUse:
    """What was used within one step; `number` counts from 1, `until` is where the step ends."""

    number: int
    price_e4: int
    quantity: Fraction
    after: Fraction
    until: Fraction | None


def check_tiers(tiers: Sequence[Tier]) -> None:
    """Raise InputRefused unless steps rise, by use and by heads, and only the last is open."""
    before, before_head = Decimal(0), Decimal(0)
    for tier in tiers[:-1]:
        up_to = tier.up_to
        if up_to is None or not up_to.is_finite() or not tier.per_head.is_finite():
            raise InputRefused(ChargeInput.TIERS, str(up_to))
        if (
            tier.per_head < before_head
            or up_to < before
            or (up_to, tier.per_head) <= (before, before_head)
        ):
            raise InputRefused(ChargeInput.TIERS, str(up_to))
        before, before_head = up_to, tier.per_head
    if not tiers or tiers[-1].up_to is not None:
        raise InputRefused(ChargeInput.TIERS, str(tiers[-1].up_to if tiers else ""))


def limits(
    tiers: Sequence[Tier],
    *,
    included_heads: int,
    heads: int | None,
    scale: Fraction,
    row: str = "",
) -> tuple[Fraction | None, ...]:
    """Return where each step ends for a household: its heads counted, then scaled to its time.

    Raises InputMissing where heads count and are not known.
    """
    if heads is None and any(tier.per_head for tier in tiers):
        raise InputMissing(ChargeInput.HEADS, row)
    more = max((heads or 0) - included_heads, 0)
    return tuple(
        None
        if tier.up_to is None
        else (Fraction(tier.up_to) + Fraction(tier.per_head) * more) * scale
        for tier in tiers
    )


def in_tiers(
    tiers: Sequence[Tier],
    ends: Sequence[Fraction | None],
    *,
    used_before: Fraction,
    used: Fraction,
) -> tuple[TierUse, ...]:
    """Return how much of a use lies in each step it touches, after what was used before.

    A use of nothing lies, as nothing, in the step that is open.
    """
    total = used_before + used
    found: list[TierUse] = []
    after = Fraction()
    for number, (tier, until) in enumerate(zip(tiers, ends, strict=True), start=1):
        top = total if until is None else min(total, until)
        within = top - max(after, used_before)
        is_open = until is None or used_before < until
        if within > 0 or (not used and is_open and not found):
            quantity = max(within, Fraction())
            found.append(TierUse(number, tier.price_e4, quantity, after, until))
        after = until if until is not None else after
    return tuple(found)


def tier_year(day: date, *, starts_month: int) -> DaySpan:
    """Return the year of steps that a day lies in; it begins on the first of a month."""
    year = day.year if day.month >= starts_month else day.year - 1
    return DaySpan(date(year, starts_month, 1), date(year + 1, starts_month, 1))
