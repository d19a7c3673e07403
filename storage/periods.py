"""Billing periods (账期) and calendar days, as Shanghai counts them."""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Self
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_PERIOD = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class BillingPeriod:
    """One calendar month that a bill is for; prints as "2025-03"."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse months outside 1..12 and years that no bill of ours can have."""
        if not (1990 <= self.year <= 2200 and 1 <= self.month <= 12):
            raise ValueError(f"no such billing period: {self.year}-{self.month}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2025-03". Raises ValueError."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"a billing period reads like 2025-03, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the period that a Shanghai day lies in."""
        return cls(day.year, day.month)

    def plus(self, months: int) -> "BillingPeriod":
        """Return the period so many months later (or earlier)."""
        index = self.year * 12 + self.month - 1 + months
        return BillingPeriod(index // 12, index % 12 + 1)

    @property
    def first_on(self) -> date:
        """The first day of the period."""
        return date(self.year, self.month, 1)

    @property
    def last_on(self) -> date:
        """The last day of the period."""
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    def day(self, number: int) -> date:
        """Return day `number` of the month, or its last day where the month is shorter."""
        return min(self.first_on + timedelta(days=number - 1), self.last_on)

    def __str__(self) -> str:
        """Print as "2025-03"."""
        return f"{self.year:04d}-{self.month:02d}"


def shanghai_day(instant: datetime) -> date:
    """Return the Shanghai day of an aware instant. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant must know its time zone")
    return instant.astimezone(SHANGHAI).date()


def shanghai_instant(day: date, at: time = time()) -> datetime:
    """Return the aware UTC instant of a wall-clock time in Shanghai."""
    return datetime.combine(day, at, tzinfo=SHANGHAI).astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class DaySpan:
    """Shanghai days from `begins_on` on; `ends_on` is the first day after them."""

    begins_on: date
    ends_on: date

    def __post_init__(self) -> None:
        """Refuse a span without days."""
        if self.ends_on <= self.begins_on:
            raise ValueError(f"a span has at least one day: {self.begins_on} to {self.ends_on}")

    @classmethod
    def of(cls, period: BillingPeriod) -> Self:
        """Return the days of a calendar month."""
        return cls(period.first_on, period.last_on + timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.ends_on - self.begins_on).days

    @property
    def last_on(self) -> date:
        """The last day of the span."""
        return self.ends_on - timedelta(days=1)

    def common(self, other: "DaySpan") -> "DaySpan | None":
        """Return the days that two spans share, None where they share none."""
        begins_on = max(self.begins_on, other.begins_on)
        ends_on = min(self.ends_on, other.ends_on)
        return DaySpan(begins_on, ends_on) if begins_on < ends_on else None

    def cut(self, days: Iterable[date]) -> "tuple[DaySpan, ...]":
        """Return the pieces of the span, a new one from each of these days on."""
        inner = sorted({day for day in days if self.begins_on < day < self.ends_on})
        edges = [self.begins_on, *inner, self.ends_on]
        return tuple(DaySpan(one, two) for one, two in pairwise(edges))


def months_after(origin: date, months: int) -> date:
    """Return the day so many months later (or earlier), the last of the month where it is short.

    Count from the origin, not from the last result: 31 January, 28 February, 31 March.
    """
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    return date(year, month + 1, min(origin.day, calendar.monthrange(year, month + 1)[1]))
