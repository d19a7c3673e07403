"""Money back by UnionPay: refunded or undone, once under one number, never called done early."""

from datetime import timedelta

import pytest

from bot.gateways.unionpay import UnionPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import RefundFact, RefundState
from tests.bot.gateways.conftest import StandingClock
from tests.bot.gateways.unionpay_asks import ORDER_NO, REFUND_NO, paid, refund_ask
from tests.bot.gateways.unionpay_platform import NOW, Platform

TOMORROW = NOW + timedelta(days=1)
BEFORE_THE_CUT = NOW + timedelta(hours=10, minutes=59)
AFTER_THE_CUT = NOW + timedelta(hours=11)


def kinds(platform: Platform) -> list[str]:
    return [
        call.words["txnType"]
        for call in platform.calls
        if call.path == "/gateway/api/backTransReq.do"
    ]


async def test_a_refund_is_accepted_first_and_paid_back_later(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)

    accepted = await unionpay.refund(refund_ask(number))

    assert accepted == RefundFact(
        gateway="unionpay",
        refund_no=REFUND_NO,
        order_no=ORDER_NO,
        state=RefundState.PROCESSING,
        amount_fen=20000,
        platform_refund_id=unionpay_platform.trades[REFUND_NO].query_id,
    )
    asked = await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)
    assert asked.state is RefundState.PROCESSING
    unionpay_platform.trades[REFUND_NO].resp_code = "00"
    told = await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)
    assert (told.state, told.amount_fen) == (RefundState.SUCCESS, 20000)


async def test_a_refund_names_itself_the_payment_and_the_order(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)

    await unionpay.refund(refund_ask(number, at=NOW + timedelta(seconds=5)))

    words = unionpay_platform.calls[-1].words
    named = ("txnType", "txnSubType", "orderId", "txnTime", "origQryId", "txnAmt", "reqReserved")
    assert [words[key] for key in named] == [
        *("04", "00", REFUND_NO, "20260302120005", number, "20000", ORDER_NO)
    ]
    assert words["backUrl"] == "https://bot.example.com/notify/unionpay/main"


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("00", RefundState.SUCCESS),
        ("A6", RefundState.SUCCESS),
        ("03", RefundState.PROCESSING),
        ("04", RefundState.PROCESSING),
        ("05", RefundState.PROCESSING),
        ("01", RefundState.CLOSED),
        ("64", RefundState.CLOSED),
        ("61", RefundState.ABNORMAL),
    ],
)
async def test_how_a_refund_ended_is_said_by_its_own_code(
    unionpay: UnionPay, unionpay_platform: Platform, code: str, state: RefundState
):
    unionpay_platform.refund_code = code
    await unionpay.refund(refund_ask(await paid(unionpay, unionpay_platform)))

    assert (await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)).state is state


@pytest.mark.parametrize("code", ["06", "37", "99", "ZZ", ""])
async def test_a_refunds_code_that_decides_nothing_leaves_it_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, code: str
):
    unionpay_platform.refund_code = code
    await unionpay.refund(refund_ask(await paid(unionpay, unionpay_platform)))

    with pytest.raises(GatewayUnavailable):
        await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)


async def test_b10_a_refund_whose_answer_is_lost_is_asked_about_and_done_once(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform.loses_answers = True
    with pytest.raises(GatewayUnavailable):
        await unionpay.refund(refund_ask(number))

    unionpay_platform.loses_answers = False
    again = await unionpay.refund(refund_ask(number))

    assert again.state is RefundState.PROCESSING
    assert unionpay_platform.given_back() == {REFUND_NO: 20000}


async def test_b10_the_same_number_with_another_sum_is_told_as_it_stands_there(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)
    await unionpay.refund(refund_ask(number))

    again = await unionpay.refund(refund_ask(number, amount_fen=30000))

    assert again.amount_fen == 20000


async def test_b09_a_refund_over_what_is_left_is_rejected_and_books_nothing(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)
    await unionpay.refund(refund_ask(number, amount_fen=40000))

    second = await unionpay.refund(refund_ask(number, 40000, "T260302000002"))

    assert second.state is RefundState.REJECTED
    assert second.detail == "36 与原交易信息不符[3600000]"
    assert unionpay_platform.given_back() == {REFUND_NO: 40000}


async def test_b14_without_money_a_refund_waits_and_is_retried_under_its_number(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform.balance_fen = 0

    refused = await unionpay.refund(refund_ask(number))

    assert (refused.state, refused.amount_fen) == (RefundState.UNFUNDED, 0)
    assert unionpay_platform.given_back() == {}
    unionpay_platform.balance_fen = 58000
    assert (await unionpay.refund(refund_ask(number))).state is RefundState.PROCESSING
    assert unionpay_platform.given_back() == {REFUND_NO: 20000}


@pytest.mark.parametrize("code", ["03", "04", "05"])
async def test_b11_an_undecided_answer_is_asked_about_at_once(
    unionpay: UnionPay, unionpay_platform: Platform, code: str
):
    number = await paid(unionpay, unionpay_platform)
    work = unionpay_platform._give_back
    unionpay_platform._give_back = lambda words: {**work(words), "respCode": code}  # type: ignore[method-assign]

    fact = await unionpay.refund(refund_ask(number))

    assert (fact.state, fact.amount_fen) == (RefundState.PROCESSING, 20000)


@pytest.mark.parametrize("code", ["03", "12", "02", "06", "11", "99", "Q1"])
async def test_b11_what_decides_nothing_and_is_not_found_stays_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, code: str
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform._give_back = lambda words: {"respCode": code}  # type: ignore[method-assign]

    with pytest.raises(GatewayUnavailable):
        await unionpay.refund(refund_ask(number))


async def test_a_refund_that_never_arrived_is_not_found(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)

    told = await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)

    assert (told.state, told.amount_fen) == (RefundState.NOT_FOUND, 0)


@pytest.mark.parametrize("amount_fen", [0, -1, 58001])
async def test_an_impossible_sum_is_never_sent(
    unionpay: UnionPay, unionpay_platform: Platform, amount_fen: int
):
    number = await paid(unionpay, unionpay_platform)

    with pytest.raises(ValueError, match="fen"):
        await unionpay.refund(refund_ask(number, amount_fen))

    assert kinds(unionpay_platform) == []


# ---- undone on the same clearing day


async def test_all_of_todays_payment_is_undone_and_back_at_once(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock
):
    number = await paid(unionpay, unionpay_platform)
    clock.at = BEFORE_THE_CUT

    await unionpay.refund(refund_ask(number, 58000))

    assert kinds(unionpay_platform) == ["31"]
    told = await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)
    assert (told.state, told.amount_fen) == (RefundState.SUCCESS, 58000)


@pytest.mark.parametrize("later", [AFTER_THE_CUT, TOMORROW])
async def test_after_the_cut_of_23_all_is_refunded(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock, later: object
):
    number = await paid(unionpay, unionpay_platform)
    clock.at = later  # type: ignore[assignment]

    await unionpay.refund(refund_ask(number, 58000))

    assert kinds(unionpay_platform) == ["04"]


async def test_a_part_is_refunded_never_undone(unionpay: UnionPay, unionpay_platform: Platform):
    await unionpay.refund(refund_ask(await paid(unionpay, unionpay_platform), 57999))

    assert kinds(unionpay_platform) == ["04"]


@pytest.mark.parametrize("prefix", ["20", "36", "78"])
async def test_a_payments_number_tells_its_day_behind_two_digits(
    unionpay: UnionPay, unionpay_platform: Platform, prefix: str
):
    number = await paid(unionpay, unionpay_platform)
    trade = unionpay_platform.trades[ORDER_NO]
    trade.query_id = prefix + number[2:]

    await unionpay.refund(refund_ask(trade.query_id, 58000))

    assert kinds(unionpay_platform) == ["31"]


@pytest.mark.parametrize("number", ["", "4200000001", "99999999999999000000"])
async def test_a_payments_number_that_tells_no_instant_is_refunded(
    unionpay: UnionPay, unionpay_platform: Platform, number: str
):
    await unionpay.refund(refund_ask(number, 58000))

    assert kinds(unionpay_platform) == ["04"]


async def test_what_the_platform_will_not_undo_is_refunded_under_the_same_number(
    unionpay: UnionPay, unionpay_platform: Platform
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform.undoes = False

    fact = await unionpay.refund(refund_ask(number, 58000))

    assert kinds(unionpay_platform) == ["31", "04"]
    assert fact.state is RefundState.PROCESSING
    assert unionpay_platform.given_back() == {REFUND_NO: 58000}


async def test_b10_an_undone_payment_whose_answer_is_lost_is_not_refunded_besides(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform.loses_answers = True
    with pytest.raises(GatewayUnavailable):
        await unionpay.refund(refund_ask(number, 58000))

    unionpay_platform.loses_answers = False
    clock.at = TOMORROW
    again = await unionpay.refund(refund_ask(number, 58000))

    assert again.state is RefundState.SUCCESS
    assert unionpay_platform.given_back() == {REFUND_NO: 58000}
