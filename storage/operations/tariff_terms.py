"""A price as it is to be set: what it says, its days, and how it fits among the fee's others."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from storage.charge_errors import CycleBroken, TariffGap, TariffOverlaps
from storage.frozen import dataclass
from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass, UnitKind
from storage.queries.tariffs import NO_TERMS, TariffTerms
from storage.rules.cycles import Cycle, span_around
from storage.rules.tariffs import MAX_PRICE_E4, Span, Tariff, succeed


@dataclass(frozen=True, slots=True)
class PricedSpan(Span):
    """A price with all that it says, and the days on which it is in force."""

    cycle: str = CycleLength.MONTHLY
    timing: str = CycleTiming.IN_ADVANCE
    terms: str = "{}"


@dataclass(frozen=True, slots=True)
class TariffFact:
    """A price in ten-thousandths of a yuan, from a Shanghai day on, and what else it says.

    `ends_on` is the first day on which it is no longer in force, None for no end. `scheme` "" is
    for all units of the kind that have no other.
    """

    fee_item: str
    unit_kind: UnitKind
    basis: Basis
    price_e4: int
    effective_on: date
    ends_on: date | None = None
    due_day: int = 25
    fee_code: str = ""
    scheme: str = ""
    cycle: CycleLength = CycleLength.MONTHLY
    timing: CycleTiming = CycleTiming.IN_ADVANCE
    terms: TariffTerms = NO_TERMS
    fee_class: FeeClass = FeeClass.OWN
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse prices and days that no tariff can have."""
        if not 0 <= self.price_e4 <= MAX_PRICE_E4 or not 1 <= self.due_day <= 31:
            raise ValueError(f"no such tariff: {self}")
        if self.ends_on is not None and self.ends_on <= self.effective_on:
            raise ValueError(f"a tariff ends after it begins: {self}")

    @property
    def tariff(self) -> Tariff:
        """What the rules make of it. Raises InputRefused."""
        return self.terms.tariff(self.basis, self.price_e4, self.effective_on, self.ends_on)

    @property
    def span(self) -> PricedSpan:
        """The price, what else it says, and its days."""
        return PricedSpan(
            self.basis,
            self.price_e4,
            self.due_day,
            self.effective_on,
            self.ends_on,
            self.cycle,
            self.timing,
            self.terms.text,
        )


def fitted(known: Sequence[PricedSpan], new: TariffFact) -> list[PricedSpan]:
    """Return a fee's prices with a new one among them, in order of their days.

    Raises TariffOverlaps, TariffGap and CycleBroken.
    """
    after: list[Any] | None = succeed(known, new.span)
    if after is None:
        raise TariffOverlaps(new.fee_item, new.effective_on)
    after.sort(key=lambda one: one.effective_on)
    for before, behind in pairwise(after):
        if before.ends_on < behind.effective_on:
            raise TariffGap(before.ends_on, new.fee_item)
        if (before.cycle, before.timing) != (behind.cycle, behind.timing) and not all(
            _begins_on(one, behind.effective_on) for one in (before, behind)
        ):
            raise CycleBroken(new.fee_item, behind.effective_on)
    return after


def _begins_on(span: PricedSpan, day: date) -> bool:
    """Say whether a span of the price's cycle begins on a day."""
    cycle = Cycle(CycleLength(span.cycle), CycleTiming(span.timing))
    return span_around(cycle, day).begins_on == day
