"""What a fee costs a unit for some days (收费标准): exact figures, rounded once, at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from storage.charge_errors import InputRefused, TariffGap, TariffOverlaps
from storage.frozen import dataclass
from storage.kinds import Basis, ChargeInput, TierSpan
from storage.periods import DaySpan
from storage.rules.explanations import ChargeLine, Explanation, recompute
from storage.rules.figures import Number
from storage.rules.meters import MeterUsage
from storage.rules.rounding import TO_THE_FEN, Rounding
from storage.rules.tiers import Tier, check_tiers

MAX_PRICE_E4: Final = 1_000_000_000_000
MAX_AREA_M2: Final = Decimal(10_000_000)

__all__ = [
    "MAX_PRICE_E4",
    "Charge",
    "Span",
    "Tariff",
    "Tier",
    "UnitFacts",
    "price_text",
    "recompute",
    "succeed",
    "versions_in",
]


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount in fen and the account of it that is frozen on the bill.

    `lines` sum to the amount; `exact_fen` is the sum before bounds and rounding.
    """

    amount_fen: int
    quantity: str
    unit_price: str
    explanation: Explanation
    lines: tuple[ChargeLine, ...] = ()
    exact_fen: Fraction = Fraction()


@dataclass(frozen=True, slots=True)
class Tariff:
    """One dated version of what a fee costs; `ends_on` is the first day it is not in force.

    The price is in ten-thousandths of a yuan: for a square metre and month, for a month (fixed,
    parking), for a unit of use (by meter), or at once (one-off, deposit). The bounds of a price by
    the month are for a month, those of any other for the whole charge.
    """

    basis: Basis
    price_e4: int
    effective_on: date
    ends_on: date | None = None
    name: str = ""
    use_unit: str = ""
    tiers: tuple[Tier, ...] = ()
    tier_span: TierSpan = TierSpan.MONTH
    tier_year_starts: int = 1
    included_heads: int = 0
    minimum_fen: int | None = None
    maximum_fen: int | None = None
    rounding: Rounding = TO_THE_FEN
    formula: str = ""

    def __post_init__(self) -> None:
        """Refuse what no tariff can be. Raises InputRefused."""
        for price_e4 in (self.price_e4, *(tier.price_e4 for tier in self.tiers)):
            if not 0 <= price_e4 <= MAX_PRICE_E4:
                raise InputRefused(ChargeInput.PRICE, price_text(price_e4))
        least = 0 if self.minimum_fen is None else self.minimum_fen
        most = least if self.maximum_fen is None else self.maximum_fen
        if not 0 <= least <= most:
            raise InputRefused(ChargeInput.BOUNDS, f"{self.minimum_fen} - {self.maximum_fen}")
        if self.ends_on is not None and self.ends_on <= self.effective_on:
            raise ValueError(f"a tariff ends after it begins: {self}")
        if not 1 <= self.tier_year_starts <= 12:
            raise ValueError(f"a year of steps begins in a month: {self}")
        if self.basis == Basis.TIERED:
            check_tiers(self.tiers)


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What is known of a unit for a charge; `row` names it where something is missing or wrong.

    `used_before` is what was used in the year of steps before the first day charged, and
    `year_months` how many months of that year the household takes part in.
    """

    row: str = ""
    floor_area_m2: Decimal | None = None
    count: int = 1
    heads: int | None = None
    usage: MeterUsage | None = None
    used_before: Decimal | Fraction = Fraction()
    year_months: int = 12
    inputs: Mapping[str, Number] = field(default_factory=dict)


def versions_in(
    tariffs: Sequence[Tariff], days: DaySpan, *, row: str = ""
) -> tuple[tuple[Tariff, DaySpan], ...]:
    """Return the versions in force on some days, each with its days, in order.

    Raises TariffGap for a day without one, TariffOverlaps for a day with two.
    """
    found: list[tuple[Tariff, DaySpan]] = []
    begins_on = days.begins_on
    for tariff in sorted(tariffs, key=lambda one: one.effective_on):
        force = DaySpan(tariff.effective_on, tariff.ends_on or max(days.ends_on, date.max))
        within = force.common(days)
        if within is None:
            continue
        if within.begins_on > begins_on:
            raise TariffGap(begins_on, row)
        if within.begins_on < begins_on:
            raise TariffOverlaps(row or tariff.name, within.begins_on)
        found.append((tariff, within))
        begins_on = within.ends_on
    if begins_on < days.ends_on:
        raise TariffGap(begins_on, row)
    return tuple(found)


def price_text(price_e4: int) -> str:
    """Print a price with two to four decimals: 28000 → "2.80"."""
    whole, rest = divmod(price_e4, 10_000)
    decimals = f"{rest:04d}"
    return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


@dataclass(frozen=True, slots=True)
class Span:
    """A price and the Shanghai days on which it is in force; `ends_on` is the first day after."""

    basis: str
    price_e4: int
    due_day: int
    effective_on: date
    ends_on: date | None


def succeed(known: Sequence[Span], new: Span) -> list[Span] | None:
    """Return the prices with a new one among them; the open one before it ends on its first day.

    A price that is there already leaves them as they are. None: it meets another on some day.
    """
    for span in known:
        ends_on = span.ends_on if new.ends_on is None else new.ends_on
        if span == replace(new, ends_on=ends_on):
            return list(known)
    ended = [
        replace(span, ends_on=new.effective_on)
        if span.ends_on is None and span.effective_on < new.effective_on
        else span
        for span in known
    ]
    for span in ended:
        starts_before_end = new.ends_on is None or span.effective_on < new.ends_on
        if starts_before_end and (span.ends_on is None or span.ends_on > new.effective_on):
            return None
    return [*ended, new]
