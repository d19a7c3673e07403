"""Which month a bill's money is earned in (收入归属): each month's part, to the fen."""

from datetime import date
from functools import lru_cache
from typing import Final

from storage.money import split
from storage.periods import BillingPeriod, DaySpan

_WHOLE: Final = 28 * 29 * 5 * 3 * 31
"""Divisible by the days of every month: a whole month weighs as much as any other."""

Parts = tuple[tuple[BillingPeriod, int], ...]
"""Month → fen, in order."""


def parts_by_month(amount_fen: int, days: DaySpan) -> Parts:
    """Return what of an amount each calendar month of its days earns; together it is all of it.

    Whole months earn alike, a broken one by its days over those of the month; the fen that are
    left over go by largest remainder, of equal ones to the earlier month.
    """
    months = _weights(days)
    parts = split(amount_fen, [weight for _, weight in months])
    return tuple((month, fen) for (month, _), fen in zip(months, parts, strict=True))


def parts_apart(amount_fen: int, days: DaySpan, *, booked_on: date) -> Parts:
    """Return the parts of other months than that of a Shanghai day, before it and after it."""
    now = BillingPeriod.of(booked_on)
    return tuple(
        (month, fen) for month, fen in parts_by_month(amount_fen, days) if month != now and fen
    )


def parts_to_come(amount_fen: int, days: DaySpan, *, booked_on: date) -> Parts:
    """Return the parts of months after that of a Shanghai day; () where none is to come."""
    now = BillingPeriod.of(booked_on)
    if days.last_on <= now.last_on:
        return ()
    parts = parts_apart(amount_fen, days, booked_on=booked_on)
    return tuple((month, fen) for month, fen in parts if month > now)


@lru_cache(maxsize=256)
def _weights(days: DaySpan) -> tuple[tuple[BillingPeriod, int], ...]:
    found = []
    month, last = BillingPeriod.of(days.begins_on), BillingPeriod.of(days.last_on)
    while month <= last:
        whole = DaySpan.of(month)
        part = whole.common(days)
        if part is not None:
            found.append((month, part.days * (_WHOLE // whole.days)))
        month = month.plus(1)
    return tuple(found)
