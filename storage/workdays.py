"""Which days are worked (工作日), and on which nobody is reminded of money (节假日)."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from storage.lazy import load

_A_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_EVE_TO_THIRD: Final = range(-1, 3)
"""除夕 to 初三, as days from the first of the lunar year."""

_LAST_SOLAR_YEAR: Final = 2100
_FIXED: Final = frozenset(((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)))
"""Festivals by (month, day), for years whose holidays are not announced yet."""

_LUNAR_NEW_YEAR: Final = frozenset(
    date.fromisoformat(f"{year}-{day}")
    for year, day in enumerate(
        # 2020 to 2050
        (
            *("01-25", "02-12", "02-01", "01-22", "02-10", "01-29", "02-17", "02-06", "01-26"),
            *("02-13", "02-03", "01-23", "02-11", "01-31", "02-19", "02-08", "01-28", "02-15"),
            *("02-04", "01-24", "02-12", "02-01", "01-22", "02-10", "01-30", "02-17", "02-06"),
            *("01-26", "02-14", "02-02", "01-23"),
        ),
        start=2020,
    )
)


def is_workday(day: date) -> bool:
    """Tell whether a Shanghai day is worked, days worked in lieu of a bridge included.

    A day of a year whose holidays are not announced yet counts by its weekday.
    """
    calendar = _calendar()
    if not _is_announced(day):
        return day.weekday() < _SATURDAY
    return bool(calendar.is_workday(day))


def next_workday(day: date) -> date:
    """Return the day itself where it is worked, or else the first worked day after it."""
    while not is_workday(day):
        day += _A_DAY
    return day


@lru_cache(maxsize=512)
def is_festive(day: date) -> bool:
    """Tell whether nobody is reminded of money on a Shanghai day.

    That is on announced holidays, and on 除夕 to 初三 and 清明 of every year; not on weekends.
    """
    if any(day - timedelta(days=after) in _LUNAR_NEW_YEAR for after in _EVE_TO_THIRD):
        return True
    if _is_announced(day):
        is_free, name = _calendar().get_holiday_detail(day)
        return bool(is_free and name)
    return (day.month, day.day) in _FIXED or _is_clear_brightness(day)


def festive_days_before(day: date) -> int:
    """Return how many festive days in a row end on the day before."""
    count = 0
    while is_festive(day - timedelta(days=count + 1)):
        count += 1
    return count


def _is_clear_brightness(day: date) -> bool:
    """Tell whether a day is 清明, which the sun decides."""
    if day.month != 4 or day.year > _LAST_SOLAR_YEAR:
        return False
    return any(name == "清明" for _, name in _calendar().get_solar_terms(day, day))


def _is_announced(day: date) -> bool:
    first, last = _announced_years()
    return first <= day.year <= last


@lru_cache(maxsize=1)
def _announced_years() -> tuple[int, int]:
    """Return the first and the last year that the calendar knows the holidays of."""
    years = [one.year for one in load("chinese_calendar.constants").workdays]
    return min(years), max(years)


def _calendar() -> Any:  # noqa: ANN401 - a module
    return load("chinese_calendar")
