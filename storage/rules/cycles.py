"""Billing cycles (收费周期): which spans of days a cycle gives, and on which day each is billed."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from types import MappingProxyType
from typing import Final

from storage.frozen import dataclass
from storage.kinds import CycleLength, CycleTiming
from storage.periods import BillingPeriod, DaySpan, months_after
from storage.rules.proration import charged_days

MONTHS: Final[Mapping[CycleLength, int]] = MappingProxyType(
    {CycleLength.MONTHLY: 1, CycleLength.QUARTERLY: 3, CycleLength.YEARLY: 12}
)
_NEW_YEAR: Final = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Cycle:
    """How long spans are, when they are billed, and from which day their months count.

    Without `anchored_on` they are calendar months, quarters and years; with it they begin on its
    day (交房日), in a short month on the last one. In advance a span is billed `lead_days` before
    it begins, in arrears on the first day after it.
    """

    length: CycleLength
    timing: CycleTiming
    anchored_on: date | None = None
    lead_days: int = 0

    @property
    def anchor_day(self) -> int:
        """The day of the month on which its months begin."""
        return (self.anchored_on or _NEW_YEAR).day


@dataclass(frozen=True, slots=True, order=True)
class CycleSpan:
    """Days that are billed together, and the Shanghai day on which they are.

    `period` names the span: the month in which the whole span begins, even where it is cut. No two
    spans of a cycle have the same.
    """

    days: DaySpan
    bills_on: date
    period: BillingPeriod


def spans_up_to(
    cycle: Cycle, day: date, *, since: date, until_on: date | None = None
) -> tuple[CycleSpan, ...]:
    """Return the spans that are to be billed by a day, the oldest first.

    Nothing before `since` is charged, nothing from `until_on` on: the first and the last span may
    be broken ones. Asked again on a later day it gives the same spans and those that came to be.
    """
    found: list[CycleSpan] = []
    for whole in _wholes(cycle, since):
        days = charged_days(whole, from_on=since, until_on=until_on)
        if days is None:
            break
        span = CycleSpan(days, _bills_on(cycle, days), BillingPeriod.of(whole.begins_on))
        if span.bills_on > day:
            break
        found.append(span)
    return tuple(found)


def span_around(cycle: Cycle, day: date) -> DaySpan:
    """Return the whole span of a cycle that a day lies in."""
    return next(_wholes(cycle, day))


def _wholes(cycle: Cycle, since: date) -> Iterator[DaySpan]:
    """Yield the whole spans of a cycle, from the one that a day lies in."""
    origin = cycle.anchored_on or _NEW_YEAR
    step = MONTHS[cycle.length]
    first = ((since.year - origin.year) * 12 + since.month - origin.month) // step - 1
    for number in count(first):
        begins_on = months_after(origin, number * step)
        span = DaySpan(begins_on, months_after(origin, (number + 1) * step))
        if span.ends_on > since:
            yield span


def _bills_on(cycle: Cycle, days: DaySpan) -> date:
    if cycle.timing == CycleTiming.IN_ARREARS:
        return days.ends_on
    return days.begins_on - timedelta(days=cycle.lead_days)
