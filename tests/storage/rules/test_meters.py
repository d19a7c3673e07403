"""What meters say was used: rollover, replacement, estimates, corrections, and what is refused."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.charge_errors import InputMissing, InputRefused, ReadingLower
from storage.kinds import ChargeInput, ReadingKind, ReadingVerdict
from storage.rules.meters import (
    Loss,
    Meter,
    Reading,
    check_reading,
    estimate,
    judge,
    recompute,
    usage,
)
from tests.storage.rules import model

MAY, JUNE, JULY = date(2026, 5, 28), date(2026, 6, 28), date(2026, 7, 28)


def read(on: date, value: str | int, **more) -> Reading:
    return Reading(on, Decimal(value), **more)


def test_what_a_meter_counted_times_its_multiplier_and_loss():
    readings = [read(MAY, 1_200), read(JUNE, 1_285)]

    made = usage(readings, meters={"": Meter(multiplier=Decimal(20))}, loss=Loss(500))

    assert made.quantity == 1_785
    assert made.sum == "(1285 − 1200) × 20 × 105% = 1785"
    assert recompute(json.loads(json.dumps(made.explanation))) == 1_785
    assert (made.begins_on, made.ends_on) == (MAY, JUNE)


def test_a_fixed_loss_is_added_once():
    made = usage([read(MAY, 0), read(JUNE, 10)], meters={}, loss=Loss(quantity=Decimal("1.5")))

    assert made.sum == "(10 − 0) + 1.5 = 11.5"


@given(
    before=st.integers(0, 999),
    after=st.integers(0, 999),
    turns=st.integers(0, 3),
    multiplier=st.integers(1, 50),
)
def test_a_dial_that_turned_over_counted_every_click(before, after, turns, multiplier):
    meter = Meter(3, Decimal(multiplier))
    readings = [read(MAY, before), read(JUNE, after, turns=turns)]
    if after < before and not turns:
        with pytest.raises(ReadingLower):
            usage(readings, meters={"": meter})
        return

    made = usage(readings, meters={"": meter})

    assert made.quantity == model.ticks(before, after, turns, 3) * multiplier
    assert recompute(json.loads(json.dumps(made.explanation))) == made.quantity


def test_a_rollover_is_told():
    readings = [read(MAY, 99_980), read(JUNE, 12, turns=1)]

    assert usage(readings, meters={"": Meter(5)}).sum == "(100000 + 12 − 99980) = 32"


def test_a_meter_replaced_in_mid_period_counts_on_from_the_new_one():
    readings = [
        read(JUNE, 30, meter_no="B"),
        read(MAY, 1_200, meter_no="A"),
        read(date(2026, 6, 10), 0, meter_no="B"),
        read(date(2026, 6, 10), 1_285, meter_no="A"),
    ]

    made = usage(readings, meters={"A": Meter(multiplier=Decimal(2)), "B": Meter()})

    assert made.quantity == 85 * 2 + 30
    assert made.sum == "(1285 − 1200) × 2 + (30 − 0) = 200"
    assert made.begins_on == MAY


@given(
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    starts=st.lists(st.integers(0, 500), min_size=7, max_size=7),
    used=st.lists(st.integers(0, 300), min_size=7, max_size=7),
)
@settings(deadline=None)
def test_however_often_a_meter_is_replaced_nothing_is_lost(cuts, starts, used):
    readings, day = [], MAY
    for number, cut in enumerate(cuts):
        readings.append(read(day, starts[number], meter_no=str(number)))
        day += timedelta(days=cut)
        readings.append(read(day, starts[number] + used[number], meter_no=str(number)))

    made = usage(readings, meters={})

    assert made.quantity == sum(used[: len(cuts)])


@pytest.mark.parametrize(
    "readings",
    [
        [],
        [read(MAY, 1)],
        [read(MAY, 1, meter_no="A"), read(JUNE, 0, meter_no="B"), read(JULY, 3, meter_no="B")],
    ],
)
def test_a_reading_that_is_missing_is_named_and_nothing_is_guessed(readings):
    with pytest.raises(InputMissing) as missing:
        usage(readings, meters={}, row="3-2-501")

    assert (missing.value.what, missing.value.row) == (ChargeInput.READING, "3-2-501")


def test_a_new_meter_on_the_last_day_has_counted_nothing_yet():
    readings = [
        read(MAY, 5, meter_no="A"),
        read(JUNE, 9, meter_no="A"),
        read(JUNE, 0, meter_no="B"),
    ]

    assert usage(readings, meters={}).quantity == 4


def test_a_corrected_reading_counts_before_one_that_was_read_and_that_before_an_estimate():
    estimated = read(JUNE, 1_290, kind=ReadingKind.ESTIMATED)
    corrected = read(JUNE, 1_258, kind=ReadingKind.CORRECTED)
    seen = read(JUNE, 1_285)

    def quantity(*latest):
        return usage([read(MAY, 1_200), *latest], meters={}).quantity

    assert quantity(corrected, seen, estimated) == 58
    assert quantity(seen, estimated) == 85
    assert quantity(estimated) == 90
    assert quantity(seen, read(JUNE, 1_286)) == 86


def test_an_estimate_that_was_too_high_is_made_good_by_what_comes_after():
    too_high = read(MAY, 1_250, kind=ReadingKind.ESTIMATED)

    june = usage([too_high, read(JUNE, 1_240)], meters={})
    july = usage([read(JUNE, 1_240), read(JULY, 1_270)], meters={}, credit=june.credit)

    assert (int(june.quantity), int(june.credit)) == (0, 10)
    assert (int(july.quantity), int(july.credit)) == (20, 0)
    assert july.sum == "(1270 − 1240) − 10 = 20"
    assert recompute(july.explanation) == 20
    assert recompute(june.explanation) == 0


@given(st.lists(st.integers(-40, 60), min_size=1, max_size=12))
def test_estimates_and_credits_never_bill_more_than_was_used_in_the_end(errors):
    """Each month an estimate is billed, then the real reading; only the sum is known."""
    shown, credit, billed, day = 1_000, Fraction(), Fraction(), MAY
    last = read(day, shown)
    for error in errors:
        shown += 20
        for value, kind in ((shown + error, ReadingKind.ESTIMATED), (shown, ReadingKind.READ)):
            day += timedelta(days=15)
            value = max(value, int(last.value)) if kind == ReadingKind.ESTIMATED else value
            new = read(day, value, kind=kind)
            made = usage([last, new], meters={}, credit=credit)
            billed, credit, last = billed + made.quantity, made.credit, new

    assert billed - credit == shown - 1_000
    assert credit >= 0


def test_an_estimate_is_the_usual_use_of_as_many_days():
    last = read(MAY, 99_990, meter_no="A")

    found = estimate(last, usual=(Decimal(60), 30), on=JUNE, meter=Meter(5))

    assert found == Reading(JUNE, Decimal(52), ReadingKind.ESTIMATED, "A", 1)
    assert usage([last, found], meters={"A": Meter(5)}).quantity == 62


@pytest.mark.parametrize(
    "value",
    ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "-0.001", "1E+12", "1000000000000", "1.0005"],
)
def test_a_reading_that_no_dial_shows_is_refused(value):
    with pytest.raises(InputRefused) as refused:
        check_reading(Decimal(value), row="3-2-501")

    assert (refused.value.what, refused.value.row) == (ChargeInput.READING, "3-2-501")
    with pytest.raises(InputRefused):
        usage([read(MAY, 0), read(JUNE, value)], meters={})


def test_a_dial_shows_no_more_than_its_digits():
    assert check_reading(Decimal("99999.999"), digits=5) == Decimal("99999.999")
    with pytest.raises(InputRefused):
        check_reading(Decimal(100_000), digits=5)


@pytest.mark.parametrize(
    ("value", "usual", "verdict"),
    [
        (1_199, (Decimal(30), 31), ReadingVerdict.LOWER),
        (1_200, (Decimal(30), 31), ReadingVerdict.PLAUSIBLE),
        (1_289, (Decimal(30), 31), ReadingVerdict.PLAUSIBLE),
        (1_290, (Decimal(30), 31), ReadingVerdict.TOO_HIGH),
        (1_290, (Decimal(60), 62), ReadingVerdict.TOO_HIGH),
        (1_290, (Decimal(30), 30), ReadingVerdict.PLAUSIBLE),
        (9_999, None, ReadingVerdict.PLAUSIBLE),
        (9_999, (Decimal(0), 31), ReadingVerdict.PLAUSIBLE),
    ],
)
def test_a_reading_is_judged_beside_last_time_and_last_year(value, usual, verdict):
    assert judge(read(JUNE, value), last=read(MAY, 1_200), usual=usual) == verdict


def test_a_meter_that_turned_over_is_judged_by_what_it_counted():
    last, usual = read(MAY, 99_990), (Decimal(20), 31)

    assert judge(read(JUNE, 5, turns=1), last=last, usual=usual, meter=Meter(5)) == (
        ReadingVerdict.PLAUSIBLE
    )
    assert judge(read(JUNE, 500, turns=1), last=last, usual=usual, meter=Meter(5)) == (
        ReadingVerdict.TOO_HIGH
    )


def test_meters_and_losses_that_cannot_be_are_refused():
    for wrong in (
        lambda: Meter(0),
        lambda: Meter(10),
        lambda: Meter(5, Decimal(0)),
        lambda: Meter(5, Decimal("NaN")),
        lambda: Loss(-1),
        lambda: Loss(10_001),
        lambda: Loss(quantity=Decimal(-1)),
        lambda: Loss(quantity=Decimal("NaN")),
    ):
        with pytest.raises(InputRefused):
            wrong()


def test_what_was_used_is_exact_to_the_last_digit():
    readings = [read(MAY, "0.001"), read(JUNE, "99999.999")]

    made = usage(readings, meters={"": Meter(5, Decimal("1.3333"))}, loss=Loss(1))

    assert made.quantity == Fraction("99999.998") * Fraction("1.3333") * Fraction("1.0001")
