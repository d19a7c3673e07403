"""Parts of months and shares by day: they sum to the whole, and more days never bear less."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.periods import DaySpan
from storage.rules.proration import charged_days, month_parts, months_of, prorate, united
from tests.storage.rules import model
from tests.storage.rules.examples import spans

JUNE = DaySpan(date(2026, 6, 1), date(2026, 7, 1))


def span(begins: str, ends: str) -> DaySpan:
    return DaySpan(date.fromisoformat(begins), date.fromisoformat(ends))


def test_a_broken_month_states_both_counts_of_days():
    [part] = month_parts(span("2028-02-10", "2028-02-20"))

    assert part.factor.text == "10/29个月"
    assert month_parts(span("2027-02-10", "2027-02-20"))[0].factor.text == "10/28个月"


@pytest.mark.parametrize(
    ("begins", "ends", "anchor_day", "told"),
    [
        ("2026-01-01", "2027-01-01", 1, ["12个月"]),
        ("2026-01-31", "2026-02-28", 31, ["1个月"]),
        ("2026-01-31", "2026-03-31", 31, ["2个月"]),
        ("2026-01-20", "2026-04-10", 1, ["12/31个月", "2个月", "9/30个月"]),
        ("2026-01-15", "2026-02-15", 15, ["1个月"]),
        ("2026-01-15", "2026-02-15", 1, ["17/31个月", "14/28个月"]),
        ("2026-06-14", "2026-06-15", 1, ["1/30个月"]),
    ],
)
def test_days_are_whole_months_and_broken_ones(begins, ends, anchor_day, told):
    parts = month_parts(span(begins, ends), anchor_day=anchor_day)

    assert [one.factor.text for one in parts] == told


@given(one=spans, anchor_day=st.integers(1, 31))
@settings(deadline=None)
def test_m12_the_parts_of_months_are_all_the_days_and_count_each_in_its_month(one, anchor_day):
    parts = month_parts(one, anchor_day=anchor_day)

    assert parts[0].days.begins_on == one.begins_on
    assert parts[-1].days.ends_on == one.ends_on
    assert sum(part.days.days for part in parts) == one.days
    walked = model.by_month(100, lambda _: 1, one.begins_on, one.ends_on, anchor_day)
    assert months_of(one, anchor_day=anchor_day) == walked


@given(
    total_fen=st.integers(0, 10**9),
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_m12_portions_sum_to_the_whole_and_rise_with_the_days(total_fen, lengths, order):
    begins_on, pieces = date(2024, 1, 1), []
    for length in lengths:
        pieces.append(DaySpan(begins_on, begins_on + timedelta(days=length)))
        begins_on = pieces[-1].ends_on
    order.shuffle(pieces)

    portions = prorate(total_fen, pieces)

    assert [one.days for one in portions] == pieces
    given_fen = {one.days: one.amount_fen for one in portions}
    assert given_fen == model.shares(total_fen, {one: one.days for one in pieces})
    assert sum(given_fen.values()) == total_fen
    by_days = sorted(given_fen.items(), key=lambda one: (one[0].days, one[1]))
    assert [fen for _, fen in by_days] == sorted(given_fen.values())
    assert min(given_fen.values()) >= 0


def test_two_tenants_of_a_month_bear_its_whole():
    old, new = prorate(25_061, JUNE.cut([date(2026, 6, 16)]))

    assert (old.amount_fen, new.amount_fen) == (12_531, 12_530)


def test_who_moves_in_or_out_is_charged_from_and_to_that_day():
    assert charged_days(JUNE, from_on=date(2026, 6, 10)) == span("2026-06-10", "2026-07-01")
    assert charged_days(JUNE, until_on=date(2026, 6, 10)) == span("2026-06-01", "2026-06-10")
    assert charged_days(JUNE, from_on=date(2026, 7, 1)) is None
    assert charged_days(JUNE, from_on=date(2026, 1, 1), until_on=date(2026, 6, 1)) is None
    assert charged_days(JUNE) == JUNE


@given(st.lists(spans, max_size=8))
@settings(deadline=None)
def test_united_spans_hold_each_day_once(several):
    joined = united(several)

    walked = {day for one in several for day in model.days(one.begins_on, one.ends_on)}
    assert sum(one.days for one in joined) == len(walked)
    assert {day for one in joined for day in model.days(one.begins_on, one.ends_on)} == walked
