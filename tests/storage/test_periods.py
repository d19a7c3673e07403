"""Months and days are Shanghai's, whatever the host believes."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.periods import BillingPeriod, shanghai_day, shanghai_instant


@pytest.mark.parametrize("text", ["2025-3", "2025-13", "2025-00", "202503", "2025-03\n", "٢٠٢٥-03"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(ValueError, match="billing period"):
        BillingPeriod.parse(text)


@given(st.integers(1990, 2200), st.integers(1, 12))
def test_a_period_survives_being_printed_and_read(year, month):
    period = BillingPeriod(year, month)

    assert BillingPeriod.parse(str(period)) == period


@given(st.integers(2000, 2100), st.integers(1, 12), st.integers(-100, 100))
def test_going_so_many_months_and_back_is_nothing(year, month, months):
    period = BillingPeriod(year, month)

    assert period.plus(months).plus(-months) == period
    assert (period.plus(1).first_on - period.last_on).days == 1


def test_f01_the_31st_is_the_last_day_of_a_shorter_month():
    assert [BillingPeriod(2027, month).day(31).day for month in range(1, 13)] == [
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
    ]  # fmt: skip


def test_f02_a_leap_february_has_29_days():
    assert BillingPeriod(2028, 2).last_on == date(2028, 2, 29)
    assert BillingPeriod(2028, 2).plus(12).day(29) == date(2029, 2, 28)


def test_the_day_turns_at_midnight_in_shanghai():
    before = datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)

    assert shanghai_day(before) == date(2026, 11, 22)
    assert shanghai_day(before + timedelta(seconds=1)) == date(2026, 11, 23)
    assert shanghai_instant(date(2026, 11, 23)) == before + timedelta(seconds=1)
    assert shanghai_instant(date(2026, 11, 23), time(8, 30)).utcoffset() == timedelta(0)


def test_an_instant_without_a_zone_has_no_day():
    with pytest.raises(ValueError, match="time zone"):
        shanghai_day(datetime(2026, 11, 23))  # noqa: DTZ001


def test_f12_days_of_the_summer_time_of_1988_are_days():
    summer = datetime(1988, 6, 30, 15, 30, tzinfo=timezone(timedelta(hours=0)))

    assert shanghai_day(summer) == date(1988, 7, 1)
    assert (date(1988, 7, 2) - date(1988, 7, 1)).days == 1


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati", ""])
def test_f11_the_hosts_own_zone_changes_no_day(zone):
    script = (
        "from datetime import datetime, UTC, date\n"
        "from storage.periods import shanghai_day, shanghai_instant\n"
        "print(shanghai_day(datetime(2026, 12, 31, 16, 0, tzinfo=UTC)),"
        " shanghai_instant(date(2027, 1, 1)).isoformat())\n"
    )
    environment = {**os.environ, "TZ": zone}

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.strip() == "2027-01-01 2026-12-31T16:00:00+00:00"
