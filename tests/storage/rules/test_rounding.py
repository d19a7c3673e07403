"""Rounding: once, in the way a tariff says, and in parts that sum to the whole."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.charge_errors import InputRefused
from storage.kinds import RoundingMode, RoundingUnit
from storage.money import MAX_FEN
from storage.rules.figures import Factor, figure, money_text, product_text, worth, yuan_figure
from storage.rules.rounding import Rounding, apportion, nearest
from tests.storage.rules import model
from tests.storage.rules.examples import roundings

sums = st.fractions(0, 10**9, max_denominator=10**6)


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        (RoundingMode.HALF_UP, [0, 1, 2, 3, 3, -1, -3]),
        (RoundingMode.HALF_EVEN, [0, 0, 2, 2, 3, 0, -2]),
        (RoundingMode.UP, [1, 1, 2, 3, 3, -1, -3]),
        (RoundingMode.DOWN, [0, 0, 1, 2, 2, 0, -2]),
    ],
)
def test_each_mode_goes_its_way(mode, rounded):
    numbers = ["0.4", "0.5", "1.5", "2.5", "2.6", "-0.5", "-2.5"]

    assert [nearest(Fraction(one), mode) for one in numbers] == rounded


@given(exact=sums, rounding=roundings)
def test_rounding_is_that_of_decimals(exact, rounding):
    assert rounding.fen(exact) == model.rounded(exact, str(rounding.unit), str(rounding.mode))


@given(places=st.integers(0, 10**12), mode=st.sampled_from(RoundingMode))
def test_an_exact_decimal_is_rounded_as_decimal_rounds_it(places, mode):
    exact = Decimal(places).scaleb(-4)

    expected = int(exact.quantize(Decimal(1), model.MODES[str(mode)]))
    assert Rounding(RoundingUnit.FEN, mode).fen(Fraction(exact)) == expected


def test_more_than_we_book_is_refused():
    assert Rounding().fen(MAX_FEN) == MAX_FEN
    with pytest.raises(InputRefused):
        Rounding().fen(MAX_FEN + 1)


@given(total_fen=st.integers(0, 10**9), weights=st.lists(sums, min_size=1, max_size=12))
def test_m12_parts_by_exact_weights_sum_to_the_whole(total_fen, weights):
    assume(any(weights))

    parts = apportion(total_fen, weights)

    assert sum(parts) == total_fen
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total_fen * weight / sum(weights)) < 1
        assert part >= 0


def test_nothing_is_shared_by_no_weight():
    assert apportion(0, [Fraction(), Fraction()]) == (0, 0)
    assert apportion(0, []) == ()
    with pytest.raises(ValueError, match="split"):
        apportion(1, [Fraction(), Fraction()])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1_785, "1785"),
        (Decimal("89.50"), "89.5"),
        (Fraction(165, 4), "41.25"),
        (Fraction(1_275, 31), "1275/31"),
        (Decimal("-0.05"), "-0.05"),
        (Fraction(-1, 3), "-1/3"),
        (Decimal("1E+3"), "1000"),
        (0, "0"),
    ],
)
def test_figures_are_exact(number, text):
    assert figure(number) == text
    assert Fraction(text) == Fraction(number)


def test_figures_have_the_decimals_that_are_asked_for():
    assert figure(90, decimals=2) == "90.00"
    assert figure(Decimal("0.125"), decimals=2) == "0.125"
    assert [yuan_figure(one) for one in (0, 5, -5, 123_450)] == ["0.00", "0.05", "-0.05", "1234.50"]
    assert money_text(25_060) == "250.60元"


@given(st.fractions(-(10**9), 10**9, max_denominator=10**6))
def test_every_figure_reads_back(number):
    assert Factor(figure(number)).exact == number


def test_a_product_is_worth_its_figures():
    factors = (
        Factor("89.50", "㎡"),
        Factor("2.80", "元"),
        Factor("14/30", "个月"),
        Factor("30", "%"),
    )

    assert worth(factors) == Fraction("89.50") * Fraction("2.80") * Fraction(14, 30) * Fraction(
        3, 10
    )
    assert product_text(factors) == "89.50㎡ × 2.80元 × 14/30个月 × 30%"
