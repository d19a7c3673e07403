"""Why a bill differs from an earlier one: each cause in fen, summing to the whole."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.kinds import Basis, DiscountReason, Payer, RoundingMode, RoundingUnit, ShareMethod
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.comparing import CauseKind, Charged, compare, compare_bills
from storage.rules.discounts import amount_off, percent_off, take_off
from storage.rules.meters import MeterUsage
from storage.rules.pricing import frozen, parted
from storage.rules.rounding import Rounding
from storage.rules.sharing import Sharer, share_cost
from storage.rules.tariffs import Tariff, Tier, UnitFacts
from tests.storage.rules.examples import areas, prices_e4, roundings, spans

JUNE = DaySpan.of(BillingPeriod(2026, 6))
MAY = DaySpan.of(BillingPeriod(2026, 5))
HOME = UnitFacts(floor_area_m2=Decimal("89.50"))
OLD = Tariff(Basis.BY_AREA, 28_000, date(2020, 1, 1), date(2026, 6, 1), name="2020-01-01")
NEW = Tariff(Basis.BY_AREA, 30_000, date(2026, 6, 1), name="2026-06-01")


def bill(made, name="物业费") -> Charged:
    return Charged(name, made.amount_fen, made.explanation)


def used(quantity) -> UnitFacts:
    usage = MeterUsage(Fraction(quantity), Fraction(), date(2026, 5, 1), date(2026, 6, 1), {})
    return UnitFacts(usage=usage)


def told(before: Charged, after: Charged) -> list[tuple[str, int, str, str]]:
    found = compare(before, after)
    assert sum(one.more_fen for one in found.causes) == found.more_fen
    return [(str(one.kind), one.more_fen, one.before, one.after) for one in found.causes]


def test_a_rise_of_the_price_is_told_with_both_prices_and_its_day():
    may, june = charge_days([OLD], HOME, MAY), charge_days([OLD, NEW], HOME, JUNE)

    difference = compare(bill(may), bill(june))

    [cause] = difference.causes
    assert (cause.kind, cause.more_fen) == (CauseKind.PRICE, 1790)
    assert (cause.before, cause.after) == ("2.80元", "3.00元")
    assert cause.since_on == date(2026, 6, 1)


def test_a_rise_in_mid_month_counts_by_its_days():
    rise = Tariff(Basis.BY_AREA, 30_000, date(2026, 6, 11), name="2026-06-11")
    before = Tariff(Basis.BY_AREA, 28_000, date(2020, 1, 1), date(2026, 6, 11))

    causes = told(
        bill(charge_days([before], HOME, MAY)), bill(charge_days([before, rise], HOME, JUNE))
    )

    assert causes == [("price", 1193, "2.80元", "2.80元、3.00元")]


def test_more_days_and_a_larger_flat_are_told_apart():
    short = DaySpan(date(2026, 6, 17), date(2026, 7, 1))
    flat = UnitFacts(floor_area_m2=Decimal("100.00"))

    causes = told(bill(charge_days([NEW], HOME, short)), bill(charge_days([NEW], flat, JUNE)))

    assert causes == [
        ("quantity", 1470, "89.50㎡", "100.00㎡"),
        ("days", 16_000, "14/30个月", "1个月"),
    ]


def test_use_that_reaches_a_dearer_step_is_told_step_by_step():
    steps = (Tier(5_283, Decimal(230)), Tier(5_783, Decimal(400)), Tier(8_283))
    power = Tariff(Basis.TIERED, 0, date(2020, 1, 1), use_unit="度", tiers=steps)

    causes = told(
        bill(charge_days([power], used(200), MAY)), bill(charge_days([power], used(260), JUNE))
    )

    assert causes == [("quantity", 1585, "200度", "230度"), ("new_line", 1735, "", "30度")]


def test_a_shared_cost_tells_the_whole_cost_from_the_share():
    def share_of(total_fen, factor):
        sharers = [Sharer("a", Decimal("89.50"), factor_percent=factor), Sharer("b", Decimal(100))]
        proof = share_cost(total_fen, sharers, method=ShareMethod.BY_AREA)
        return Charged("公摊", proof.shares[0].amount_fen, proof.explain(proof.shares[0]))

    dearer = told(share_of(10_000, 100), share_of(20_000, 100))
    left_out = told(share_of(10_000, 100), share_of(10_000, 50))

    assert dearer == [("total", 4723, "100.00元", "200.00元")]
    assert left_out == [("share", -1631, "89.5/189.5", "44.75/144.75")]


def test_a_discount_that_ended_and_one_that_began_have_lines_of_their_own():
    plain = charge_days([NEW], HOME, JUNE)
    first = take_off(plain, [amount_off(DiscountReason.COUPON, "新户券", 1_000)])
    second = take_off(
        plain, [percent_off(DiscountReason.PERSON_GROUP, "老人优惠", 26_850, Decimal(10))]
    )

    assert told(bill(first), bill(second)) == [
        ("discount", -2685, "", "26.85元"),
        ("discount", 1000, "10.00元", ""),
    ]


def test_a_bound_that_was_met_is_a_cause():
    bounded = Tariff(Basis.BY_AREA, 30_000, date(2020, 1, 1), maximum_fen=20_000)

    causes = told(bill(charge_days([OLD], HOME, MAY)), bill(charge_days([bounded], HOME, MAY)))

    assert causes == [("price", 1790, "2.80元", "3.00元"), ("bound", -6850, "", "")]


def test_rounding_to_the_yuan_is_a_cause():
    round_up = Rounding(RoundingUnit.YUAN, RoundingMode.UP)
    rounded = Tariff(Basis.BY_AREA, 28_000, date(2020, 1, 1), rounding=round_up)

    causes = told(bill(charge_days([OLD], HOME, MAY)), bill(charge_days([rounded], HOME, MAY)))

    assert causes == [("rounding", 40, "", "")]


def test_older_explanations_are_compared_by_the_figures_of_their_sum():
    before = Charged("水费", 9_000, {"sum": "18吨 × 5.00元 = 90.00元"})
    after = Charged("水费", 11_000, {"sum": "20吨 × 5.50元 = 110.00元"})

    assert told(before, after) == [
        ("quantity", 1000, "18吨", "20吨"),
        ("price", 1000, "5.00元", "5.50元"),
    ]


@pytest.mark.parametrize(
    "sum_text", ["", "见原账单", "1/0吨 × 5.00元 = 90.00元", "18吨 × 4元 = 72元"]
)
def test_an_explanation_that_tells_nothing_gives_the_plain_difference(sum_text):
    before = Charged("水费", 9_000, {"sum": sum_text})
    after = Charged("水费", 9_500, {"sum": "19吨 × 5.00元 = 95.00元"})

    assert told(before, after) == [("other", 500, "90.00元", "95.00元")]


def parts_of(month: DaySpan, at: int) -> Charged:
    days = month.cut([date(2026, 6, 15)]) if month == JUNE else month.cut([date(2026, 5, 15)])
    made = parted(frozen("物业费", charge_days([OLD, NEW], HOME, month)), days, [Payer.OWNER] * 2)
    return Charged("物业费", made[at].amount_fen, json.loads(made[at].explanation))


def test_a_bill_of_one_partys_days_names_them_as_the_cause():
    whole = bill(charge_days([OLD, NEW], HOME, MAY))

    assert told(whole, parts_of(MAY, 1)) == [("part", -11_317, "", "17/31天")]
    assert told(parts_of(MAY, 0), parts_of(JUNE, 1)) == [
        ("price", 1_790, "2.80元", "3.00元"),
        ("part", 1_213, "14/31天", "16/30天"),
    ]


def test_equal_bills_have_no_cause():
    made = bill(charge_days([OLD], HOME, MAY))

    assert told(made, made) == []


def test_items_that_came_and_went_are_named():
    water = Charged("水费", 3_000, {})
    late = Charged("违约金", 120, {"basis": "late_fee"})

    found = compare_bills([water], [late])

    assert [(one.item_name, one.causes[0].kind, one.more_fen) for one in found.items] == [
        ("违约金", "late_fee", 120),
        ("水费", "gone_item", -3_000),
    ]
    assert found.more_fen == -2_880
    with pytest.raises(ValueError, match="nothing"):
        compare(None, None)


offs = st.lists(st.tuples(st.sampled_from(["甲", "乙"]), st.integers(0, 50_000)), max_size=3)
bounds = st.one_of(st.none(), st.integers(0, 500_000))


@st.composite
def charged(draw):
    """Draw any bill: by area, by use or in steps, of any days, with bounds and discounts."""
    basis = draw(st.sampled_from([Basis.BY_AREA, Basis.FIXED, Basis.BY_METER, Basis.TIERED]))
    low, high = draw(bounds), draw(bounds)
    if low is not None and high is not None and low > high:
        low, high = high, low
    change = draw(st.dates(date(2023, 1, 1), date(2029, 12, 31)))
    parts = [
        Tariff(
            basis,
            draw(prices_e4),
            begins_on,
            ends_on,
            use_unit="度",
            tiers=(Tier(draw(prices_e4), Decimal(draw(st.integers(1, 90)))), Tier(90_000)),
            minimum_fen=low,
            maximum_fen=high,
            rounding=draw(roundings),
            name=str(begins_on),
        )
        for begins_on, ends_on in ((date(2000, 1, 1), change), (change, None))
    ]
    quantity = Fraction(draw(st.integers(0, 9_999)), 10)
    unit = UnitFacts(floor_area_m2=draw(areas), usage=used(quantity).usage)
    made = charge_days(parts, unit, draw(spans))
    taken = [amount_off(DiscountReason.COUPON, name, fen) for name, fen in draw(offs)]
    return bill(take_off(made, taken))


@given(charged(), charged())
def test_whatever_was_charged_the_causes_sum_to_the_difference(before, after):
    found = compare(before, after)

    assert sum(one.more_fen for one in found.causes) == after.amount_fen - before.amount_fen
    assert all(one.more_fen for one in found.causes)


@given(charged(), charged())
def test_a_difference_looked_at_from_the_other_side_is_its_opposite(before, after):
    assert compare(before, after).more_fen == -compare(after, before).more_fen


@given(areas, areas, prices_e4, prices_e4, spans)
def test_what_did_not_change_is_never_a_cause(area, other_area, price_e4, other_price_e4, span):
    def charged_for(area_m2, price):
        tariff = Tariff(Basis.BY_AREA, price, date(2000, 1, 1))
        return bill(charge_days([tariff], UnitFacts(floor_area_m2=area_m2), span))

    start = charged_for(area, price_e4)
    dearer = compare(start, charged_for(area, other_price_e4))
    larger = compare(start, charged_for(other_area, price_e4))

    assert {one.kind for one in dearer.causes} <= {CauseKind.PRICE}
    assert {one.kind for one in larger.causes} <= {CauseKind.QUANTITY}
