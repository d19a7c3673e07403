"""A charge shared among parties by days: to the fen, none below nothing, and it recomputes."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.kinds import Basis, DiscountReason, Payer
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.discounts import amount_off, take_off
from storage.rules.explanations import recompute
from storage.rules.pricing import Priced, frozen, parted
from storage.rules.tariffs import Tariff, UnitFacts

YEAR = DaySpan(date(2026, 1, 1), date(2027, 1, 1))
JUNE = DaySpan.of(BillingPeriod(2026, 6))
cuts = st.lists(st.integers(1, 364), max_size=5)


def priced(price_e4: int, days: DaySpan, off_fen: int = 0) -> Priced:
    tariff = Tariff(Basis.BY_AREA, price_e4, date(2020, 1, 1), name="2020-01-01")
    made = charge_days([tariff], UnitFacts(floor_area_m2=Decimal("89.50")), days)
    if off_fen:
        made = take_off(made, [amount_off(DiscountReason.COUPON, "券", off_fen)])
    return frozen("物业费", made)


@given(st.integers(1, 99_999), cuts, st.integers(0, 5_000))
def test_parts_sum_to_the_whole_and_recompute(price_e4: int, at: list[int], off_fen: int):
    spans = YEAR.cut([YEAR.begins_on + timedelta(days=one) for one in at])
    whole = priced(price_e4, YEAR, off_fen)

    parts = parted(whole, spans, [Payer.OWNER] * len(spans))

    assert sum(one.amount_fen for one in parts) == whole.amount_fen
    for span, one in zip(spans, parts, strict=True):
        assert abs(one.amount_fen * YEAR.days - whole.amount_fen * span.days) < YEAR.days
        assert sum(line.amount_fen for line in one.lines) == one.amount_fen >= 0
        assert recompute(json.loads(one.explanation)) == one.amount_fen


def test_a_part_says_which_days_of_how_many():
    first, second = parted(
        priced(28_000, JUNE), JUNE.cut([date(2026, 6, 15)]), [Payer.DEVELOPER, Payer.OWNER]
    )

    known = json.loads(first.explanation)
    whole = "89.50㎡ × 2.80元 × 1个月 = 250.60元"
    assert known["sum"] == f"{whole}；其中 6月1日–6月14日 14/30天 = 116.95元"
    assert known["part"] == {
        "of_fen": 25_060,
        "shares": [["2026-06-01", "2026-06-14", 14], ["2026-06-15", "2026-06-30", 16]],
        "unit": "天",
        "at": 0,
        "whose": "developer",
    }
    [line] = second.lines
    assert (line.quantity, line.amount_fen) == ("89.50㎡ × 16/30天", 13_365)


def test_a_part_of_another_whole_does_not_recompute():
    [first, _] = parted(
        priced(28_000, JUNE), JUNE.cut([date(2026, 6, 15)]), [Payer.OWNER, Payer.OWNER]
    )
    known = json.loads(first.explanation)
    known["part"]["of_fen"] += 1

    with pytest.raises(ValueError, match="the whole is 25060 fen"):
        recompute(known)
