"""What days cost, on every basis, held against a model that walks them one by one."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from storage.charge_errors import InputMissing, InputRefused, TariffGap, TariffOverlaps
from storage.kinds import Basis, ChargeInput, LineKind, RoundingMode, RoundingUnit, TierSpan
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days, exact_steps
from storage.rules.explanations import recompute
from storage.rules.meters import MeterUsage, Reading, usage
from storage.rules.rounding import Rounding
from storage.rules.tariffs import Tariff, UnitFacts
from storage.rules.tiers import Tier
from tests.storage.rules import model
from tests.storage.rules.examples import SINCE, areas, price_on, roundings, spans, versions

JUNE = DaySpan.of(BillingPeriod(2026, 6))
YEAR = DaySpan(date(2026, 1, 1), date(2027, 1, 1))
AREA = Decimal("89.50")
HOME = UnitFacts("3-2-501", AREA)
BY_AREA = Tariff(Basis.BY_AREA, 28_000, SINCE, name="7/2020-01-01")


def used(quantity: int | str) -> MeterUsage:
    value = Decimal(quantity)
    readings = [Reading(JUNE.begins_on, Decimal(0)), Reading(JUNE.ends_on, value)]
    return usage(readings, meters={})


def same(made, exact: Fraction, rounding: Rounding) -> None:
    """Compare a charge with the model, its lines with its amount, and its account with both."""
    assert made.exact_fen == exact
    assert made.amount_fen == model.rounded(exact, str(rounding.unit), str(rounding.mode))
    assert sum(line.amount_fen for line in made.lines) == made.amount_fen
    assert recompute(json.loads(json.dumps(made.explanation))) == made.amount_fen


def test_a_whole_month_is_area_times_price_and_says_so():
    made = charge_days([BY_AREA], HOME, JUNE)

    assert made.amount_fen == 25_060
    assert made.explanation["sum"] == "89.50㎡ × 2.80元 × 1个月 = 250.60元"
    assert (made.quantity, made.unit_price) == ("89.50㎡", "2.80元")


def test_a_rise_in_the_middle_of_a_month_counts_the_days_of_each_price():
    old = Tariff(Basis.BY_AREA, 28_000, SINCE, date(2026, 6, 15), name="old")
    new = Tariff(Basis.BY_AREA, 30_000, date(2026, 6, 15), name="new")

    made = charge_days([new, old], HOME, JUNE)

    assert [line.sum for line in made.lines] == [
        "89.50㎡ × 2.80元 × 14/30个月 = 116.95元",
        "89.50㎡ × 3.00元 × 16/30个月 = 143.20元",
    ]
    assert made.amount_fen == 26_015
    assert made.explanation["months"] == "1个月"
    assert made.explanation["tariff"] == "old、new"


def test_a_quarter_from_moving_in_is_a_broken_month_and_whole_ones():
    made = charge_days([BY_AREA], HOME, DaySpan(date(2026, 4, 20), date(2026, 7, 1)))

    assert [line.quantity for line in made.lines] == ["89.50㎡ × 11/30个月", "89.50㎡ × 2个月"]
    assert made.explanation["months"] == "2+11/30个月"


@given(drawn=versions(), area=areas, rounding=roundings, anchor_day=st.integers(1, 31))
@settings(max_examples=60, deadline=None)
def test_m12_days_by_area_cost_what_walking_them_adds_up_to(drawn, area, rounding, anchor_day):
    span, tariffs = drawn
    tariffs[-1] = with_rounding(tariffs[-1], rounding)

    made = charge_days(tariffs, UnitFacts(floor_area_m2=area), span, anchor_day=anchor_day)

    exact = model.by_month(
        Fraction(area), price_on(tariffs), span.begins_on, span.ends_on, anchor_day
    )
    same(made, exact, rounding if made.lines[-1].tariff == tariffs[-1].name else made_by(made))


def with_rounding(tariff: Tariff, rounding: Rounding) -> Tariff:
    return Tariff(
        tariff.basis,
        tariff.price_e4,
        tariff.effective_on,
        tariff.ends_on,
        tariff.name,
        rounding=rounding,
    )


def made_by(made) -> Rounding:
    unit, mode = made.explanation["rounding"]
    return Rounding(RoundingUnit(unit), RoundingMode(mode))


@given(span=spans, cut=st.integers(1, 419), area=areas)
@settings(deadline=None)
def test_m12_the_parts_of_a_span_cost_what_the_whole_costs(span, cut, area):
    assume(cut < span.days)
    unit = UnitFacts(floor_area_m2=area)
    middle = span.begins_on + timedelta(days=cut)

    parts = [charge_days([BY_AREA], unit, one).exact_fen for one in span.cut([middle])]

    assert sum(parts) == charge_days([BY_AREA], unit, span).exact_fen
    assert min(parts) > 0


@given(drawn=versions(Basis.PARKING), spaces=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_parking_costs_its_price_for_each_space_and_month(drawn, spaces):
    span, tariffs = drawn

    made = charge_days(tariffs, UnitFacts(count=spaces), span)

    exact = model.by_month(Fraction(spaces), price_on(tariffs), span.begins_on, span.ends_on)
    same(made, exact, Rounding())


def test_two_spaces_and_a_fixed_price_are_told_in_figures():
    parking = Tariff(Basis.PARKING, 3_000_000, SINCE)
    fixed = Tariff(Basis.FIXED, 150_000, SINCE)

    assert charge_days([parking], UnitFacts(count=2), JUNE).explanation["sum"] == (
        "2个 × 300.00元 × 1个月 = 600.00元"
    )
    assert charge_days([fixed], UnitFacts(), JUNE).explanation["sum"] == "15.00元 × 1个月 = 15.00元"


def test_a_parking_month_from_the_day_it_was_rented_is_a_whole_one():
    rented = DaySpan(date(2026, 1, 31), date(2026, 2, 28))
    parking = Tariff(Basis.PARKING, 3_000_000, SINCE)

    assert charge_days([parking], UnitFacts(), rented, anchor_day=31).amount_fen == 30_000


@given(drawn=versions(Basis.BY_METER, use_unit="度"), per_day=st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_what_a_meter_counted_is_shared_among_prices_by_days(drawn, per_day):
    span, tariffs = drawn

    made = charge_days(tariffs, UnitFacts(usage=used(per_day * span.days)), span)

    exact = model.by_use(per_day, price_on(tariffs), span.begins_on, span.ends_on)
    same(made, exact, Rounding())


TIERS = (Tier(5_283, Decimal(500)), Tier(5_783, Decimal(1_100)), Tier(8_783))
DEARER = (Tier(6_000, Decimal(300)), Tier(9_000))


@given(
    begins_on=st.dates(date(2025, 10, 1), date(2026, 6, 30)),
    length=st.integers(1, 120),
    per_day=st.integers(0, 9),
    used_before=st.integers(0, 1_500),
    change=st.integers(0, 150),
)
@settings(max_examples=60, deadline=None)
def test_every_unit_of_a_year_is_priced_by_the_step_it_lies_in(
    begins_on, length, per_day, used_before, change
):
    span = DaySpan(begins_on, begins_on + timedelta(days=length))
    changes_on = begins_on + timedelta(days=change)
    yearly: dict[str, Any] = {"tier_span": TierSpan.YEAR, "use_unit": "度"}
    tariffs = [
        Tariff(Basis.TIERED, 0, SINCE, changes_on, tiers=TIERS, name="old", **yearly),
        Tariff(Basis.TIERED, 0, changes_on, tiers=DEARER, name="new", **yearly),
    ]
    unit = UnitFacts(usage=used(per_day * length), used_before=Decimal(used_before))

    made = charge_days(tariffs, unit, span)

    def steps_on(day):
        tiers = TIERS if day < changes_on else DEARER
        return [(one.up_to, one.price_e4) for one in tiers]

    exact = model.in_steps(per_day, used_before, steps_on, span.begins_on, span.ends_on)
    same(made, exact, Rounding())


def test_a_use_that_crosses_a_step_in_the_year_has_a_line_in_each():
    yearly = Tariff(Basis.TIERED, 0, SINCE, tiers=TIERS, tier_span=TierSpan.YEAR, use_unit="度")

    made = charge_days([yearly], UnitFacts(usage=used(210), used_before=Decimal(450)), JUNE)

    assert [line.sum for line in made.lines] == [
        "50度 × 0.5283元 = 26.41元",
        "160度 × 0.5783元 = 92.53元",
    ]
    assert made.amount_fen == 11_894
    assert made.explanation["sum"] == "50度 × 0.5283元 + 160度 × 0.5783元 = 118.94元"


@pytest.mark.parametrize(("heads", "lowest"), [(3, "180"), (4, "180"), (5, "210"), (7, "270")])
def test_each_head_above_those_included_widens_the_steps(heads, lowest):
    tiers = (Tier(50_000, Decimal(180), Decimal(30)), Tier(70_000))
    water = Tariff(Basis.TIERED, 0, SINCE, tiers=tiers, tier_span=TierSpan.YEAR, included_heads=4)

    made = charge_days([water], UnitFacts(heads=heads, usage=used(300)), JUNE)

    assert made.explanation["steps"][0]["factors"][0][0] == lowest


def test_monthly_steps_of_two_months_are_twice_as_wide():
    monthly = Tariff(Basis.TIERED, 0, SINCE, tiers=(Tier(10_000, Decimal(50)), Tier(20_000)))
    two_months = DaySpan(date(2026, 5, 1), date(2026, 7, 1))

    made = charge_days([monthly], UnitFacts(usage=used(130)), two_months)

    assert [one["factors"][0][0] for one in made.explanation["steps"]] == ["100", "30"]
    assert made.amount_fen == 10_000 + 6_000


def test_a_household_of_half_a_year_has_half_of_the_steps():
    yearly = Tariff(
        Basis.TIERED, 0, SINCE, tiers=(Tier(1, Decimal(100)), Tier(2)), tier_span=TierSpan.YEAR
    )

    made = charge_days([yearly], UnitFacts(usage=used(80), year_months=6), JUNE)

    assert [one["factors"][0][0] for one in made.explanation["steps"]] == ["50", "30"]


@pytest.mark.parametrize(
    ("area", "amount_fen", "kind"),
    [("1.00", 1_000, LineKind.MINIMUM), ("5.00", 1_400, None), ("100.00", 5_000, LineKind.MAXIMUM)],
)
def test_a_charge_stays_within_its_bounds_and_a_line_says_so(area, amount_fen, kind):
    bounded = Tariff(Basis.BY_AREA, 28_000, SINCE, minimum_fen=1_000, maximum_fen=5_000)

    made = charge_days([bounded], UnitFacts(floor_area_m2=Decimal(area)), JUNE)

    assert made.amount_fen == amount_fen
    assert [line.kind for line in made.lines] == [LineKind.PIECE, *([kind] if kind else [])]
    assert sum(line.amount_fen for line in made.lines) == amount_fen
    assert recompute(made.explanation) == amount_fen


def test_the_bounds_of_half_a_month_are_half():
    bounded = Tariff(Basis.FIXED, 10_000, SINCE, minimum_fen=1_000)

    made = charge_days([bounded], UnitFacts(), DaySpan(date(2026, 6, 1), date(2026, 6, 16)))

    assert made.amount_fen == 500


def test_bounds_of_one_version_leave_the_days_of_another_as_they_are():
    old = Tariff(Basis.FIXED, 10_000, SINCE, date(2026, 6, 16), minimum_fen=1_000)
    new = Tariff(Basis.FIXED, 500_000, date(2026, 6, 16))

    made = charge_days([old, new], UnitFacts(), JUNE)

    assert made.amount_fen == 500 + 2_500
    assert recompute(made.explanation) == 3_000


def test_a_meter_that_stood_still_still_bears_the_minimum():
    metered = Tariff(Basis.BY_METER, 5_283, SINCE, minimum_fen=300)

    assert charge_days([metered], UnitFacts(usage=used(0)), JUNE).amount_fen == 300


def test_rounding_to_a_yuan_happens_once():
    yuan = Tariff(Basis.BY_AREA, 40_003, SINCE, rounding=Rounding(RoundingUnit.YUAN))

    made = charge_days([yuan], UnitFacts(floor_area_m2=Decimal("62.62")), JUNE)

    # To the fen first it would be 250.50, and that would go up to 251.
    assert made.amount_fen == 25_000
    assert made.explanation["sum"] == "62.62㎡ × 4.0003元 × 1个月 = 250.498786元 → 250.00元"
    assert [line.kind for line in made.lines] == [LineKind.PIECE, LineKind.ROUNDING]


def test_one_off_prices_are_those_of_the_first_day():
    old = Tariff(Basis.ONE_OFF, 350_000, SINCE, date(2026, 6, 15))
    new = Tariff(Basis.ONE_OFF, 500_000, date(2026, 6, 15))

    made = charge_days([old, new], UnitFacts(count=3), JUNE)

    assert made.explanation["sum"] == "3个 × 35.00元 = 105.00元"
    assert charge_days(
        [Tariff(Basis.DEPOSIT, 20_000_000, SINCE)], UnitFacts(), JUNE
    ).amount_fen == (200_000)


def test_a_formula_is_told_with_its_figures_and_recomputes():
    tariff = Tariff(Basis.FORMULA, 0, SINCE, formula="面积 × 2.8 + max(10, 层数 ÷ 3)")
    unit = UnitFacts(inputs={"面积": AREA, "层数": 35})

    made = charge_days([tariff], unit, JUNE)

    assert made.explanation["sum"] == "89.5 × 2.8 + max(10, 35 ÷ 3) = 262.27元"
    assert recompute(made.explanation) == made.amount_fen == 26_227


def test_formulas_that_change_in_mid_month_count_their_days():
    old = Tariff(Basis.FORMULA, 0, SINCE, date(2026, 6, 16), formula="100")
    new = Tariff(Basis.FORMULA, 0, date(2026, 6, 16), formula="户 * 50")

    made = charge_days([old, new], UnitFacts(inputs={"户": 4}), JUNE)

    assert made.explanation["sum"] == "(100) × 15/30 + (4 × 50) × 15/30 = 150.00元"
    assert recompute(made.explanation) == 15_000


@pytest.mark.parametrize("area", ["0", "-1", "NaN", "Infinity", "89.505", "10000000.01", "1E+9"])
def test_an_area_that_cannot_be_is_refused_with_the_unit_named(area):
    with pytest.raises(InputRefused) as refused:
        charge_days([BY_AREA], UnitFacts("3-2-501", Decimal(area)), JUNE)

    assert (refused.value.what, refused.value.row) == (ChargeInput.AREA, "3-2-501")


@pytest.mark.parametrize(
    ("basis", "what"),
    [
        (Basis.BY_AREA, ChargeInput.AREA),
        (Basis.BY_METER, ChargeInput.READING),
        (Basis.TIERED, ChargeInput.READING),
    ],
)
def test_what_is_missing_is_named_and_never_charged_as_nothing(basis, what):
    tariff = Tariff(basis, 28_000, SINCE, tiers=TIERS)

    with pytest.raises(InputMissing) as missing:
        charge_days([tariff], UnitFacts("3-2-501"), JUNE)

    assert (missing.value.what, missing.value.row) == (what, "3-2-501")


def test_steps_by_heads_need_the_heads():
    tiers = (Tier(1, Decimal(180), Decimal(30)), Tier(2))

    with pytest.raises(InputMissing) as missing:
        charge_days([Tariff(Basis.TIERED, 0, SINCE, tiers=tiers)], UnitFacts(usage=used(1)), JUNE)

    assert missing.value.what == ChargeInput.HEADS


def test_a_day_without_a_price_is_named():
    until = Tariff(Basis.FIXED, 1, SINCE, date(2026, 6, 10))
    since = Tariff(Basis.FIXED, 1, date(2026, 6, 12))

    with pytest.raises(TariffGap) as gap:
        charge_days([until, since], UnitFacts("3-2-501"), JUNE)

    assert (gap.value.missing_on, gap.value.row) == (date(2026, 6, 10), "3-2-501")
    with pytest.raises(TariffGap):
        charge_days([until], UnitFacts(), JUNE)
    with pytest.raises(TariffGap):
        charge_days([], UnitFacts(), JUNE)


def test_two_prices_on_one_day_are_refused():
    with pytest.raises(TariffOverlaps) as overlap:
        charge_days([BY_AREA, Tariff(Basis.BY_AREA, 1, date(2026, 6, 12))], HOME, JUNE)

    assert overlap.value.taken_from_on == date(2026, 6, 12)


def test_a_sum_that_no_bill_can_hold_is_refused():
    dear = Tariff(Basis.BY_AREA, 1_000_000_000_000, SINCE)

    with pytest.raises(InputRefused) as refused:
        charge_days([dear], UnitFacts(floor_area_m2=Decimal(10_000_000)), JUNE)

    assert refused.value.what == ChargeInput.AMOUNT


def test_shared_costs_are_not_charged_by_days():
    with pytest.raises(ValueError, match="sharing"):
        charge_days([Tariff(Basis.SHARED, 1, SINCE)], UnitFacts(), JUNE)


@pytest.mark.parametrize("count", [0, -1, 100_001])
def test_a_count_that_cannot_be_is_refused(count):
    with pytest.raises(InputRefused):
        charge_days([Tariff(Basis.PARKING, 1, SINCE)], UnitFacts(count=count), JUNE)


def test_an_account_that_was_tampered_with_no_longer_recomputes():
    yearly = Tariff(Basis.TIERED, 0, SINCE, tiers=TIERS, tier_span=TierSpan.YEAR)
    metered = charge_days([yearly], UnitFacts(usage=used(210)), JUNE).explanation
    by_formula = charge_days([Tariff(Basis.FORMULA, 0, SINCE, formula="7")], UnitFacts(), JUNE)

    more = json.loads(json.dumps(metered))
    more["usage"]["parts"][0]["after"] = "211"
    with pytest.raises(ValueError, match="readings"):
        recompute(more)
    less = json.loads(json.dumps(metered))
    less["steps"][0]["factors"][0][0] = "209"
    with pytest.raises(ValueError, match="meters show 210"):
        recompute(less)
    cheaper = json.loads(json.dumps(metered))
    cheaper["steps"][0]["until"] = "200"
    with pytest.raises(ValueError, match="step 1"):
        recompute(cheaper)
    other = json.loads(json.dumps(by_formula.explanation))
    other["steps"][0]["factors"][0][0] = "8"
    with pytest.raises(ValueError, match="formula"):
        recompute(other)
    with pytest.raises(ValueError, match="no steps"):
        recompute({"basis": "imported", "sum": "期初转入"})


def test_the_products_of_a_charge_are_there_for_discounts():
    assert [one.text for one in exact_steps([BY_AREA], HOME, JUNE)] == ["89.50㎡ × 2.80元 × 1个月"]


def test_a_year_is_twelve_months_in_leap_years_too():
    leap = DaySpan(date(2028, 1, 1), date(2029, 1, 1))

    assert charge_days([BY_AREA], HOME, YEAR).amount_fen == 12 * 25_060
    assert charge_days([BY_AREA], HOME, leap).amount_fen == 12 * 25_060
