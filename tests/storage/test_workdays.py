"""Holidays move a due day and silence reminders; years nobody has announced go by the weekday."""

from datetime import date, timedelta

import pytest

from storage.workdays import festive_days_before, is_festive, is_workday, next_workday


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 11, 25), True),
        (date(2026, 11, 28), False),
        # A Saturday worked in lieu, and the first day of the Spring Festival's week.
        (date(2026, 2, 14), True),
        (date(2026, 2, 16), False),
        (date(2026, 10, 1), False),
        # Not announced: a Friday, and a Saturday.
        (date(2031, 10, 3), True),
        (date(2031, 10, 4), False),
        (date(2199, 1, 1), True),
    ],
)
def test_a_day_is_worked_or_not(day: date, worked):
    assert is_workday(day) is worked


def test_a_due_day_in_the_holidays_moves_to_the_first_worked_day():
    assert next_workday(date(2026, 2, 15)) == date(2026, 2, 24)
    assert next_workday(date(2026, 2, 24)) == date(2026, 2, 24)


@pytest.mark.parametrize("eve", [date(2026, 2, 16), date(2027, 2, 5), date(2034, 2, 18)])
def test_nobody_is_reminded_from_new_years_eve_to_the_third(eve: date):
    assert all(is_festive(eve + timedelta(days=more)) for more in range(4))


def test_nobody_is_reminded_on_clear_brightness_of_any_year():
    assert is_festive(date(2026, 4, 5))
    assert [day for day in range(1, 30) if is_festive(date(2031, 4, day))] == [5]


@pytest.mark.parametrize("day", [date(2026, 11, 28), date(2026, 2, 14), date(2031, 6, 7)])
def test_a_weekend_or_a_day_worked_in_lieu_is_not_festive(day: date):
    assert not is_festive(day)


def test_the_lunar_years_that_are_written_down_are_the_announced_ones():
    """What the calendar knows as the Spring Festival always holds our four days."""
    for year in range(2020, 2027):
        found = [
            day
            for day in (date(year, 1, 15) + timedelta(days=more) for more in range(45))
            if is_festive(day)
        ]
        assert len(found) >= 4
        assert (found[-1] - found[0]).days == len(found) - 1


def test_the_festive_days_before_a_day_are_counted():
    assert festive_days_before(date(2026, 2, 24)) == 9
    assert festive_days_before(date(2026, 11, 25)) == 0
