"""What will have come in by the month's end is learnt from months before, and tried on them."""

from storage.rules.forecasting import Forecast, Past, Trial, back_test, forecast

HALF = Past(100_000, 20_000, 100_000, 60_000)
"""Of 800 yuan that were open on the day, 400 came by the end."""


def test_of_what_is_open_the_part_comes_that_came_in_months_before():
    assert forecast(200_000, 100_000, [HALF]) == Forecast(150_000, 120_000, 200_000, 100_000, 1)


def test_large_months_count_more_than_small_ones():
    large = Past(1_000_000, 0, 1_000_000, 1_000_000)

    found = forecast(100_000, 0, [HALF, large])

    assert found.expected_fen == 100_000 * 1_040_000 // 1_080_000


def test_before_anything_is_known_only_what_has_come_is_expected():
    assert forecast(100_000, 30_000, []) == Forecast(30_000, 30_000, 100_000, 30_000, 0)


def test_no_forecast_is_more_than_all_or_less_than_what_has_come():
    all_came = Past(100_000, 0, 100_000, 100_000)
    given_back = Past(100_000, 60_000, 100_000, 10_000)

    assert forecast(50_000, 20_000, [all_came]).expected_fen == 50_000
    assert forecast(50_000, 20_000, [given_back]).expected_fen == 20_000
    assert forecast(50_000, 20_000, [given_back]).naive_fen == 20_000


def test_only_the_last_months_are_learnt_from():
    nothing = Past(100_000, 0, 100_000, 0)

    found = forecast(100_000, 0, [HALF, *[nothing] * 6])

    assert (found.expected_fen, found.months) == (0, 6)


def test_it_is_tried_on_each_past_month_from_those_before_it_only():
    slow = Past(100_000, 20_000, 100_000, 40_000)

    assert back_test([HALF, slow]) == Trial(1, 20_000, 20_000)
    assert back_test([HALF, HALF, slow]) == Trial(2, 20_000, 20_000)
    assert back_test([HALF]) == Trial(0, 0, 0)
    assert back_test([]) == Trial(0, 0, 0)


def test_it_is_nearer_than_the_naive_guess_where_the_day_already_tells():
    early = Past(100_000, 80_000, 100_000, 90_000)

    found = back_test([HALF, early])

    assert found == Trial(1, 0, 10_000)
