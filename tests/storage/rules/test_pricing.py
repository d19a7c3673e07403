"""Pricing many units at once says of each what the rules say of it alone."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.charge_errors import InputMissing
from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass, RoundingUnit
from storage.periods import BillingPeriod
from storage.rules.billing import Scheme, Version, dues_of
from storage.rules.pricing import Pricer, frozen
from storage.rules.rounding import Rounding
from storage.rules.tariffs import Tariff, UnitFacts
from tests.storage.rules.examples import areas, prices_e4

SINCE = date(2020, 1, 1)
cycles = st.sampled_from((CycleLength.MONTHLY, CycleLength.MONTHLY, CycleLength.QUARTERLY))
months = st.builds(BillingPeriod, st.integers(2024, 2028), st.integers(1, 12))


def pricer(month: BillingPeriod, cycle: CycleLength, *tariffs: Tariff) -> Pricer | None:
    versions = tuple(
        Version(number, cycle, CycleTiming.IN_ADVANCE, 25, one)
        for number, one in enumerate(tariffs, start=1)
    )
    scheme = Scheme(1, 1, "物业费", FeeClass.OWN, "home", "", versions)
    found = dues_of({"": scheme}, (), month)
    return Pricer(found[0], "物业费") if found else None


@given(months, cycles, prices_e4, st.lists(areas, min_size=5, max_size=30))
def test_every_flat_is_priced_as_if_alone(month, cycle, price_e4, several):
    found = pricer(month, cycle, Tariff(Basis.BY_AREA, price_e4, SINCE, name="7/2020-01-01"))
    assume(found is not None)
    assert found is not None
    for area in several:
        alone = frozen("物业费", found.charge(UnitFacts(floor_area_m2=area)))

        assert found.ordinary("", area, 1) == alone


@given(
    months,
    prices_e4,
    st.sampled_from([{"minimum_fen": 20_000}, {"rounding": Rounding(RoundingUnit.YUAN)}]),
    st.lists(areas, min_size=5, max_size=9),
)
def test_bounds_and_coarse_rounding_are_asked_of_the_rules(month, price_e4, terms, several):
    found = pricer(month, CycleLength.MONTHLY, Tariff(Basis.BY_AREA, price_e4, SINCE, **terms))
    assert found is not None
    for area in several:
        alone = frozen("物业费", found.charge(UnitFacts(floor_area_m2=area)))

        assert found.ordinary("", area, 1) == alone


@given(st.integers(2, 28), prices_e4, prices_e4, st.lists(areas, min_size=5, max_size=9))
def test_a_change_within_the_month_too(day, before_e4, after_e4, several):
    changes_on = date(2026, 11, day)
    found = pricer(
        BillingPeriod(2026, 11),
        CycleLength.MONTHLY,
        Tariff(Basis.BY_AREA, before_e4, SINCE, changes_on),
        Tariff(Basis.BY_AREA, after_e4, changes_on),
    )
    assert found is not None
    for area in several:
        alone = frozen("物业费", found.charge(UnitFacts(floor_area_m2=area)))

        assert found.ordinary("", area, 1) == alone


def test_a_flat_without_area_is_named_however_many_were_priced_before():
    found = pricer(
        BillingPeriod(2026, 11), CycleLength.MONTHLY, Tariff(Basis.BY_AREA, 28_000, SINCE)
    )
    assert found is not None
    for number in range(1, 9):
        found.ordinary("", Decimal(number), 1)

    with pytest.raises(InputMissing) as missing:
        found.ordinary("3栋2单元1201", None, 1)
    assert missing.value.row == "3栋2单元1201"
