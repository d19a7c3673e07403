"""Parts of months (按天折算): which days are charged, how many months that is, who bears what."""

from collections.abc import Collection, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache

from storage import money
from storage.frozen import dataclass
from storage.periods import BillingPeriod, DaySpan
from storage.rules.figures import MONTHS, Factor


@dataclass(frozen=True, slots=True)
class MonthPart:
    """Days that are charged as whole months, or as a part of one month of `month_days` days."""

    days: DaySpan
    whole_months: int
    month_days: int = 0

    @property
    def months(self) -> Fraction:
        """How many months the days are, exactly."""
        if self.whole_months:
            return Fraction(self.whole_months)
        return Fraction(self.days.days, self.month_days)

    @property
    def factor(self) -> Factor:
        """The months as a figure: "3个月", or "14/30个月" with both counts of days."""
        if self.whole_months:
            return Factor(str(self.whole_months), MONTHS)
        return Factor(f"{self.days.days}/{self.month_days}", MONTHS)


@lru_cache(maxsize=1024)
def month_parts(days: DaySpan, *, anchor_day: int = 1) -> tuple[MonthPart, ...]:
    """Cut days at the months, which begin on `anchor_day` (or a short month's last day).

    A broken month counts its days over the days of that month; whole months in a row are one
    part. The parts are in order and together are all the days.
    """
    parts: list[MonthPart] = []
    begins_on = days.begins_on
    while begins_on < days.ends_on:
        month = _month_of(begins_on, anchor_day)
        piece = DaySpan(begins_on, min(month.ends_on, days.ends_on))
        if piece != month:
            parts.append(MonthPart(piece, 0, month.days))
        elif parts and parts[-1].whole_months:
            before = parts.pop()
            joined = DaySpan(before.days.begins_on, piece.ends_on)
            parts.append(MonthPart(joined, before.whole_months + 1))
        else:
            parts.append(MonthPart(piece, 1))
        begins_on = piece.ends_on
    return tuple(parts)


def months_of(days: DaySpan, *, anchor_day: int = 1) -> Fraction:
    """Return how many months some days are, exactly."""
    return sum((one.months for one in month_parts(days, anchor_day=anchor_day)), Fraction())


def _month_of(day: date, anchor_day: int) -> DaySpan:
    """Return the anchored month that a day lies in."""
    calendar = BillingPeriod.of(day)
    if day < calendar.day(anchor_day):
        calendar = calendar.plus(-1)
    return DaySpan(calendar.day(anchor_day), calendar.plus(1).day(anchor_day))


@dataclass(frozen=True, slots=True)
class Portion:
    """What some days bear of a whole."""

    days: DaySpan
    amount_fen: int


def prorate(total_fen: int, spans: Sequence[DaySpan]) -> tuple[Portion, ...]:
    """Share a whole among spans of days by their number, to the fen, by largest remainder.

    The portions sum to the whole, none is negative, and more days never bear less; where
    remainders tie the earlier span bears more, in whatever order the spans are given.
    """
    by_day = sorted(range(len(spans)), key=lambda at: (spans[at], at))
    shares = money.split(total_fen, [spans[at].days for at in by_day])
    found = dict(zip(by_day, shares, strict=True))
    return tuple(Portion(span, found[at]) for at, span in enumerate(spans))


def charged_days(
    period: DaySpan, *, from_on: date | None = None, until_on: date | None = None
) -> DaySpan | None:
    """Return the days of a period that are charged: from hand-over or moving in, to moving out.

    `from_on` is the first day charged, `until_on` the first day that no longer is. None: no day.
    """
    begins_on = period.begins_on if from_on is None else max(period.begins_on, from_on)
    ends_on = period.ends_on if until_on is None else min(period.ends_on, until_on)
    return DaySpan(begins_on, ends_on) if begins_on < ends_on else None


def united(spans: Collection[DaySpan]) -> tuple[DaySpan, ...]:
    """Return the same days as spans that are in order and neither touch nor overlap."""
    found: list[DaySpan] = []
    for span in sorted(spans):
        if found and span.begins_on <= found[-1].ends_on:
            last = found.pop()
            found.append(DaySpan(last.begins_on, max(last.ends_on, span.ends_on)))
        else:
            found.append(span)
    return tuple(found)
