"""What a month costs, checked against exact fractions."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage import money
from storage.charge_errors import InputMissing, InputRefused
from storage.kinds import Basis, ChargeInput
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.tariffs import (
    MAX_PRICE_E4,
    Charge,
    Span,
    Tariff,
    UnitFacts,
    price_text,
    succeed,
)
from storage.rules.tiers import Tier

JANUARY, JUNE, NEXT_JUNE = date(2026, 1, 1), date(2026, 6, 1), date(2027, 6, 1)


def span(effective_on: date, ends_on: date | None = None, price_e4: int = 28_000) -> Span:
    return Span(Basis.BY_AREA, price_e4, 25, effective_on, ends_on)


def a_month(price_e4: int, area_m2: Decimal | None = None, *, name: str = "") -> Charge:
    """Charge a whole month by area, or a fixed price where there is none."""
    basis = Basis.FIXED if area_m2 is None else Basis.BY_AREA
    tariff = Tariff(basis, price_e4, JANUARY, name=name)
    month = DaySpan.of(BillingPeriod(2026, 3))
    return charge_days([tariff], UnitFacts(floor_area_m2=area_m2), month)


@given(
    area_e2=st.integers(1, 10_000_000),
    price_e4=st.integers(0, 1_000_000_000),
)
def test_area_times_price_is_rounded_half_up_once(area_e2: int, price_e4: int):
    exact = Decimal(area_e2).scaleb(-2) * Decimal(price_e4).scaleb(-4) * 100
    assume(exact < money.MAX_FEN)

    fen = a_month(price_e4, Decimal(area_e2).scaleb(-2)).amount_fen

    assert fen == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def test_what_floats_get_wrong_is_right():
    assert a_month(1_500, Decimal("130.70")).amount_fen == 1_961


def test_an_area_with_three_decimals_is_refused():
    with pytest.raises(InputRefused):
        a_month(28_000, Decimal("89.505"))


def test_a_fixed_price_is_rounded_half_up_to_the_fen():
    prices = (1_500_000, 149, 150, 50, 49)

    assert [a_month(one).amount_fen for one in prices] == [15_000, 1, 2, 1, 0]


@pytest.mark.parametrize(
    ("price_e4", "text"),
    [(28_000, "2.80"), (28_500, "2.85"), (28_505, "2.8505"), (28_550, "2.855"), (0, "0.00")],
)
def test_a_price_is_printed_with_two_to_four_decimals(price_e4: int, text: str):
    assert price_text(price_e4) == text


def test_a_charge_says_how_it_came_about():
    made = a_month(28_000, Decimal("89.5"), name="7/x")

    assert made.amount_fen == 25_060
    assert (
        made.explanation
        | {
            "basis": "by_area",
            "quantity": "89.50㎡",
            "unit_price": "2.80元",
            "months": "1个月",
            "sum": "89.50㎡ × 2.80元 × 1个月 = 250.60元",
            "tariff": "7/x",
        }
        == made.explanation
    )


def test_without_an_area_there_is_no_charge_by_area():
    nothing_known = UnitFacts(floor_area_m2=None)
    by_area = Tariff(Basis.BY_AREA, 28_000, JANUARY)

    with pytest.raises(InputMissing):
        charge_days([by_area], nothing_known, DaySpan.of(BillingPeriod(2026, 3)))


def test_a_new_price_ends_the_open_one_before_it():
    assert succeed([span(JANUARY)], span(JUNE, price_e4=30_000)) == [
        span(JANUARY, JUNE),
        span(JUNE, price_e4=30_000),
    ]


@pytest.mark.parametrize(
    "new",
    [
        span(JANUARY, price_e4=30_000),
        span(date(2025, 1, 1), price_e4=30_000),
        span(date(2026, 3, 1), JUNE, price_e4=30_000),
    ],
)
def test_a_price_that_meets_another_is_refused(new: Span):
    assert succeed([span(JANUARY, JUNE), span(JUNE)], new) is None


def test_the_same_price_again_changes_nothing():
    known = [span(JANUARY, JUNE), span(JUNE)]

    assert succeed(known, span(JANUARY)) == known
    assert succeed(known, span(JUNE)) == known


def test_a_price_before_the_first_must_end_where_the_first_begins():
    past = span(date(2025, 1, 1), JANUARY)

    assert succeed([span(JANUARY)], past) == [span(JANUARY), past]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"price_e4": -1}, ChargeInput.PRICE),
        ({"price_e4": MAX_PRICE_E4 + 1}, ChargeInput.PRICE),
        ({"minimum_fen": -1}, ChargeInput.BOUNDS),
        ({"minimum_fen": 2, "maximum_fen": 1}, ChargeInput.BOUNDS),
        ({"maximum_fen": -1}, ChargeInput.BOUNDS),
        ({"basis": Basis.TIERED}, ChargeInput.TIERS),
        ({"basis": Basis.TIERED, "tiers": (Tier(-1),)}, ChargeInput.PRICE),
    ],
)
def test_a_tariff_that_cannot_be_is_refused_by_name(wrong: dict, what: ChargeInput):
    with pytest.raises(InputRefused) as refused:
        Tariff(**({"basis": Basis.FIXED, "price_e4": 1, "effective_on": JANUARY} | wrong))

    assert refused.value.what == what


@pytest.mark.parametrize(
    "tiers",
    [
        (Tier(1, Decimal(100)),),
        (Tier(1), Tier(2)),
        (Tier(1, Decimal(0)), Tier(2)),
        (Tier(1, Decimal(-1)), Tier(2)),
        (Tier(1, Decimal("NaN")), Tier(2)),
        (Tier(1, Decimal(1), Decimal("Infinity")), Tier(2)),
        (Tier(1, Decimal(100)), Tier(2, Decimal(100)), Tier(3)),
        (Tier(1, Decimal(100)), Tier(2, Decimal(50)), Tier(3)),
        (Tier(1, Decimal(100), Decimal(30)), Tier(2, Decimal(150), Decimal(20)), Tier(3)),
    ],
)
def test_steps_rise_and_only_the_last_is_open(tiers: tuple[Tier, ...]):
    with pytest.raises(InputRefused):
        Tariff(Basis.TIERED, 0, JANUARY, tiers=tiers)


def test_steps_may_count_by_heads_alone():
    by_heads = (Tier(1, Decimal(0), Decimal(3)), Tier(2, Decimal(0), Decimal(5)), Tier(3))

    assert Tariff(Basis.TIERED, 0, JANUARY, tiers=by_heads).tiers == by_heads


def test_a_tariff_ends_after_it_begins_and_its_years_begin_in_a_month():
    with pytest.raises(ValueError, match="ends after"):
        Tariff(Basis.FIXED, 1, JUNE, JANUARY)
    with pytest.raises(ValueError, match="month"):
        Tariff(Basis.FIXED, 1, JUNE, tier_year_starts=13)
