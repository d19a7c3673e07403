"""Which difference a line and a row show: each kind by itself, and none where both agree."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.kinds import RefundStep
from storage.rules.agreeing import (
    DifferenceKind,
    PaymentPair,
    Payout,
    RefundPair,
    awaited_days,
    fee_agrees,
    judge_payment,
    judge_refund,
    paid_out,
)

PAID = PaymentPair(50_120, 301, "success", "42", False, 50_120, 50_120, "42")
BACK = RefundPair(100, "success", False, 100, RefundStep.SUCCESS)
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, None),
        ({"is_repeated": True}, DifferenceKind.DUPLICATE),
        ({"order_fen": None, "paid_fen": None}, DifferenceKind.PLATFORM_ONLY),
        ({"line_fen": 50_119}, DifferenceKind.AMOUNT),
        ({"paid_fen": None}, DifferenceKind.STATE),
        ({"paid_fen": None, "order_fen": 1}, DifferenceKind.AMOUNT),
        ({"line_state": "failed"}, DifferenceKind.STATE),
        ({"line_state": "processing"}, DifferenceKind.STATE),
        ({"line_state": "failed", "paid_fen": None}, None),
        ({"paid_number": "43"}, DifferenceKind.NUMBER),
        ({"fee_fen": 303}, DifferenceKind.FEE),
        ({"fee_fen": -301}, DifferenceKind.FEE),
    ],
)
def test_a_payments_line_shows_one_kind_of_difference(changed, kind):
    assert judge_payment(replace(PAID, **changed), fee_ppm=6_000) is kind


def test_without_an_agreed_rate_no_fee_is_wrong():
    assert judge_payment(replace(PAID, fee_fen=9_999), fee_ppm=None) is None


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, None),
        ({"is_repeated": True}, DifferenceKind.DUPLICATE),
        ({"sent_fen": None, "step": None}, DifferenceKind.REFUND_PLATFORM_ONLY),
        ({"sent_fen": None, "step": None, "line_state": "failed"}, None),
        ({"line_fen": 99}, DifferenceKind.REFUND_AMOUNT),
        ({"line_state": "failed"}, DifferenceKind.REFUND_STATE),
        ({"line_state": "processing"}, None),
    ],
)
def test_a_refunds_line_shows_one_kind_of_difference(changed, kind):
    assert judge_refund(replace(BACK, **changed)) is kind


@pytest.mark.parametrize("step", RefundStep)
def test_a_refund_that_is_done_there_must_be_done_here(step):
    kind = judge_refund(replace(BACK, step=step))

    assert (kind is None) == (step is RefundStep.SUCCESS)


@pytest.mark.parametrize("step", RefundStep)
def test_a_refund_under_way_there_contradicts_only_what_we_gave_up(step):
    kind = judge_refund(replace(BACK, step=step, line_state="processing"))

    has_ended = step in (RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED)
    assert (kind is DifferenceKind.REFUND_STATE) == has_ended


@given(st.integers(1, 10**9), st.integers(0, 60_000))
def test_a_fee_agrees_however_it_is_rounded_and_two_fen_more_never(amount_fen, ppm):
    down, up = amount_fen * ppm // 1_000_000, -(-amount_fen * ppm // 1_000_000)

    assert fee_agrees(amount_fen, down, ppm)
    assert fee_agrees(amount_fen, up, ppm)
    assert not fee_agrees(amount_fen, up + 2, ppm)
    assert not fee_agrees(amount_fen, down - 2, ppm)


@pytest.mark.parametrize(
    ("hour", "minute", "days"), [(0, 0, 1), (21, 59, 1), (22, 0, 2), (23, 59, 2)]
)
def test_what_is_paid_late_waits_for_the_next_days_statement(hour, minute, days):
    at = datetime(2026, 11, 23, (hour - 8) % 24, minute, tzinfo=UTC)
    if hour < 8:
        at = at.replace(day=22)

    assert awaited_days(at) == (DAY, date(2026, 11, 24))[:days]


def test_a_credit_is_for_the_oldest_days_in_a_row_whose_sum_it_is():
    days = [Payout(date(2026, 11, 20 + n), fen) for n, fen in enumerate((5, 7, 7, 14))]

    assert paid_out(days, 14) == days[1:3], "two days in a row before a later one"
    assert paid_out(days, 33) == days
    assert paid_out(days, 19) == days[:3]
    assert paid_out(days, 6) == []
    assert paid_out([], 5) == []
