"""Billing periods (账期) and calendar days, as Shanghai counts them."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
