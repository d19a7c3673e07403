"""What is taken off stands on lines of its own, leaves nothing below zero, and recomputes."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.charge_errors import InputRefused
from storage.kinds import Basis, DiscountReason, LineKind
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.discounts import (
    YearAhead,
    amount_off,
    claw_back,
    percent_off,
    take_off,
    vacant,
    year_ahead,
)
from storage.rules.explanations import recompute
from storage.rules.tariffs import Tariff, UnitFacts
from tests.storage.rules import model
from tests.storage.rules.examples import SINCE, areas, price_on, spans, versions

JUNE = DaySpan.of(BillingPeriod(2026, 6))
TARIFF = Tariff(Basis.BY_AREA, 28_000, SINCE)
UNIT = UnitFacts("3-2-501", Decimal("89.50"))
JUNES = charge_days([TARIFF], UNIT, JUNE)
GROUP, COUPON = DiscountReason.PERSON_GROUP, DiscountReason.COUPON


def test_each_discount_is_a_line_of_its_own():
    made = take_off(
        JUNES,
        [percent_off(GROUP, "低保户", 25_060, Decimal(10)), amount_off(COUPON, "C001", 2_000)],
    )

    assert made.amount_fen == 25_060 - 2_506 - 2_000
    assert [(line.kind, line.name, line.amount_fen) for line in made.lines[1:]] == [
        (LineKind.DISCOUNT, "低保户", -2_506),
        (LineKind.DISCOUNT, "C001", -2_000),
    ]
    assert made.lines[1].sum == "250.60元 × 10% = 25.06元"
    assert made.explanation["sum"] == (
        "89.50㎡ × 2.80元 × 1个月 = 250.60元 − 25.06元 − 20.00元 = 205.54元"
    )
    assert recompute(made.explanation) == made.amount_fen


def test_a_coupon_worth_more_than_the_bill_takes_all_of_it_and_no_more():
    made = take_off(JUNES, [amount_off(COUPON, "C001", 20_000), amount_off(COUPON, "C002", 20_000)])

    assert made.amount_fen == 0
    assert [line.amount_fen for line in made.lines] == [25_060, -20_000, -5_060]


def test_without_discounts_a_charge_stays_as_it_is():
    assert take_off(JUNES, []) is JUNES


@given(
    area=areas,
    offs=st.lists(
        st.one_of(
            st.integers(0, 10_000).map(lambda one: Decimal(one).scaleb(-2)), st.integers(0, 10**6)
        ),
        max_size=5,
    ),
)
@settings(deadline=None)
def test_m02_what_is_owed_is_the_sum_of_the_lines_and_never_below_zero(area, offs):
    charge = charge_days([TARIFF], UnitFacts(floor_area_m2=area), JUNE)
    discounts = [
        percent_off(GROUP, "p", charge.amount_fen, one)
        if isinstance(one, Decimal)
        else amount_off(COUPON, "c", one)
        for one in offs
    ]

    made = take_off(charge, discounts)

    assert made.amount_fen == sum(line.amount_fen for line in made.lines) >= 0
    left = charge.amount_fen
    for one in offs:
        off = (
            model.rounded(charge.amount_fen * Fraction(one) / 100)
            if isinstance(one, Decimal)
            else one
        )
        left = max(left - off, 0)
    assert made.amount_fen == left
    assert recompute(json.loads(json.dumps(made.explanation))) == left


def test_a_flat_that_stood_empty_half_the_month_pays_less_for_those_days():
    empty = vacant(
        [TARIFF],
        UNIT,
        [DaySpan(date(2026, 6, 16), date(2026, 9, 1))],
        charged=JUNE,
        percent=Decimal(30),
    )

    made = take_off(JUNES, [empty])

    assert made.lines[1].sum == "89.50㎡ × 2.80元 × 15/30个月 × 30% = 37.59元"
    assert made.amount_fen == 25_060 - 3_759


@given(drawn=versions(), area=areas, percent=st.integers(0, 100), empty=st.lists(spans, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_vacancy_takes_its_part_of_each_empty_day_once(drawn, area, percent, empty):
    span, tariffs = drawn
    unit = UnitFacts(floor_area_m2=area)
    charge = charge_days(tariffs, unit, span)

    made = take_off(charge, [vacant(tariffs, unit, empty, charged=span, percent=Decimal(percent))])

    walked = Fraction()
    for day in model.days(span.begins_on, span.ends_on):
        if any(one.begins_on <= day < one.ends_on for one in empty):
            walked += model.by_month(area, price_on(tariffs), day, day + model.A_DAY)
    assert made.amount_fen == charge.amount_fen - model.rounded(walked * percent / 100)


@pytest.mark.parametrize("percent", ["-1", "100.01", "NaN", "Infinity"])
def test_a_percentage_that_cannot_be_is_refused(percent):
    with pytest.raises(InputRefused):
        percent_off(GROUP, "x", 1, Decimal(percent))


def test_a_discount_below_zero_is_refused():
    with pytest.raises(InputRefused):
        amount_off(COUPON, "x", -1)


MONTHLY = (10_000,) * 13


def test_who_pays_a_year_ahead_has_the_thirteenth_month_for_nothing():
    assert year_ahead(YearAhead(), MONTHLY) == (*(10_000,) * 12, 0)
    with pytest.raises(ValueError, match="12"):
        year_ahead(YearAhead(), MONTHLY[:12])
    with pytest.raises(InputRefused):
        YearAhead(12, 0)


@pytest.mark.parametrize(
    ("used_fen", "refund_fen", "gift_lost_fen"),
    [
        (0, 120_000, 10_000),
        (60_000, 60_000, 10_000),
        (120_000, 0, 10_000),
        (125_000, 0, 5_000),
        (130_000, 0, 0),
    ],
)
def test_money_asked_back_counts_what_was_used_at_full_price(used_fen, refund_fen, gift_lost_fen):
    made = claw_back(YearAhead(), MONTHLY, used_fen=used_fen)

    assert (made.refund_fen, made.gift_lost_fen) == (refund_fen, gift_lost_fen)


def test_a_claw_back_is_told_in_figures():
    assert claw_back(YearAhead(), MONTHLY, used_fen=60_000).sum == "1200.00元 − 600.00元 = 600.00元"
    with pytest.raises(InputRefused):
        claw_back(YearAhead(), MONTHLY, used_fen=-1)


@given(used=st.lists(st.integers(0, 10**6), min_size=13, max_size=13), months=st.integers(0, 13))
def test_m03_nothing_of_a_year_ahead_vanishes(used, months):
    paid = sum(year_ahead(YearAhead(), used))

    made = claw_back(YearAhead(), used, used_fen=sum(used[:months]))

    assert 0 <= made.refund_fen <= paid
    assert made.refund_fen + min(made.used_fen, paid) == paid
    assert 0 <= made.gift_lost_fen <= used[-1]
