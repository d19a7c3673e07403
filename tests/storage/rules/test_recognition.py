"""A bill's money is earned month by month: to the fen, and never a month too early."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.periods import BillingPeriod, DaySpan
from storage.rules.recognition import parts_apart, parts_by_month, parts_to_come


def span(begins: str, ends: str) -> DaySpan:
    return DaySpan(date.fromisoformat(begins), date.fromisoformat(ends))


@pytest.mark.parametrize(
    ("amount_fen", "begins", "ends", "parts"),
    [
        (120_000, "2026-01-01", "2027-01-01", [10_000] * 12),
        (100, "2026-01-01", "2027-01-01", [9, 9, 9, 9, *[8] * 8]),
        (75_180, "2026-10-01", "2027-01-01", [25_060] * 3),
        (30_000, "2026-02-15", "2026-05-15", [5_082, 10_164, 10_164, 4_590]),
        (25_060, "2026-11-01", "2026-12-01", [25_060]),
        (2, "2026-01-01", "2026-04-01", [1, 1, 0]),
    ],
)
def test_whole_months_earn_alike_and_broken_ones_by_their_days(amount_fen, begins, ends, parts):
    found = parts_by_month(amount_fen, span(begins, ends))

    assert [fen for _, fen in found] == parts
    assert sum(parts) == amount_fen
    assert found[0][0] == BillingPeriod.parse(begins[:7])


def test_what_is_to_come_is_what_lies_after_the_month_of_booking():
    year = span("2026-01-01", "2027-01-01")

    january = parts_to_come(120_000, year, booked_on=date(2026, 1, 31))
    november = parts_to_come(120_000, year, booked_on=date(2026, 11, 1))
    before = parts_to_come(120_000, year, booked_on=date(2025, 12, 31))

    assert [str(month) for month, _ in january] == [f"2026-{m:02d}" for m in range(2, 13)]
    assert november == ((BillingPeriod(2026, 12), 10_000),)
    assert len(before) == 12
    assert parts_to_come(120_000, year, booked_on=date(2026, 12, 1)) == ()
    assert parts_to_come(120_000, year, booked_on=date(2027, 3, 1)) == ()


def test_what_is_apart_is_what_lies_in_other_months_than_that_of_booking():
    quarter = span("2026-01-01", "2026-04-01")

    found = [parts_apart(30_000, quarter, booked_on=date(2026, month, 9)) for month in (2, 5)]

    assert [[str(month) for month, _ in parts] for parts in found] == [
        ["2026-01", "2026-03"],
        ["2026-01", "2026-02", "2026-03"],
    ]
    assert parts_apart(30_000, span("2026-02-03", "2026-02-09"), booked_on=date(2026, 2, 1)) == ()


@given(
    amount_fen=st.integers(1, 10**11),
    begins_on=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    days=st.integers(1, 800),
    booked=st.integers(-400, 1_200),
)
def test_parts_sum_to_the_whole_and_are_within_a_fen_of_their_share(
    amount_fen, begins_on, days, booked
):
    span_of = DaySpan(begins_on, begins_on + timedelta(days=days))

    parts = parts_by_month(amount_fen, span_of)
    weights = []
    for month, _ in parts:
        inside = sum(
            begins_on <= month.first_on + timedelta(days=n) < span_of.ends_on
            for n in range(month.last_on.day)
        )
        weights.append(Fraction(inside, month.last_on.day))

    assert sum(fen for _, fen in parts) == amount_fen
    for (_, fen), weight in zip(parts, weights, strict=True):
        assert abs(fen - amount_fen * weight / sum(weights)) < 1
    booked_on = begins_on + timedelta(days=booked)
    to_come = parts_to_come(amount_fen, span_of, booked_on=booked_on)
    assert set(to_come) <= set(parts)
    assert sum(fen for _, fen in parts) - sum(fen for _, fen in to_come) == sum(
        fen for month, fen in parts if month <= BillingPeriod.of(booked_on)
    )
