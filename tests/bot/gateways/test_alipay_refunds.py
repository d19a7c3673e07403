"""Money given back by Alipay: the number is the key, and taken is not yet moved."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.gateways.alipay import REFUND_REFUSALS, Alipay
from storage.errors import GatewayUnavailable
from storage.ports.payments import RefundAsk, RefundFact, RefundState
from tests.bot.gateways.alipay_platform import DONE, NOW, Call, Platform, refused
from tests.bot.gateways.test_alipay import ORDER_NO, visit

REFUND_NO = "R202603020001"


def refund_ask(amount_fen: int = 58000, refund_no: str = REFUND_NO) -> RefundAsk:
    return RefundAsk(refund_no, ORDER_NO, NOW, amount_fen, 58000, "重复/缴费")


async def paid(gateway: Alipay, platform: Platform) -> None:
    await visit(gateway)
    platform.pay(ORDER_NO)


async def test_a_refund_whose_money_moved_is_done(alipay: Alipay, alipay_platform: Platform):
    await paid(alipay, alipay_platform)
    done = RefundFact(
        gateway="alipay",
        refund_no=REFUND_NO,
        order_no=ORDER_NO,
        state=RefundState.SUCCESS,
        amount_fen=20000,
        platform_refund_id=REFUND_NO,
        settled_at=datetime(2026, 3, 2, 4, 0, tzinfo=UTC),
    )

    assert await alipay.refund(refund_ask(20000)) == done
    assert alipay_platform.calls[-1].content == {
        "out_trade_no": ORDER_NO,
        "out_request_no": REFUND_NO,
        "refund_amount": "200.00",
        "refund_reason": "重复缴费",
    }
    assert await alipay.query_refund(REFUND_NO, ORDER_NO, NOW) == done


async def test_the_second_refund_of_a_payment_is_told_by_its_own_sum(
    alipay: Alipay, alipay_platform: Platform
):
    """The platform's `refund_fee` is the sum of all refunds of the trade."""
    await paid(alipay, alipay_platform)
    await alipay.refund(refund_ask(20000))

    fact = await alipay.refund(refund_ask(30000, "R202603020002"))

    assert (fact.state, fact.amount_fen) == (RefundState.SUCCESS, 30000)


async def test_b10_a_refund_whose_answer_was_lost_is_the_same_refund_when_asked_again(
    alipay: Alipay, alipay_platform: Platform
):
    await paid(alipay, alipay_platform)
    alipay_platform.loses_answers = True
    with pytest.raises(GatewayUnavailable):
        await alipay.refund(refund_ask(20000))

    alipay_platform.loses_answers = False
    fact = await alipay.refund(refund_ask(20000))

    assert (fact.state, fact.amount_fen) == (RefundState.SUCCESS, 20000)
    assert alipay_platform.refunds == {REFUND_NO: {"fen": 20000}}


@pytest.mark.parametrize("said", ["N", None])
async def test_b10_a_request_that_was_taken_without_money_moving_is_under_way(
    alipay: Alipay, alipay_platform: Platform, said: str | None
):
    await paid(alipay, alipay_platform)

    def answer(call: Call) -> Any:
        is_refund = call.method == "alipay.trade.refund"
        words = {**DONE, "out_trade_no": ORDER_NO, "fund_change": said} if is_refund else DONE
        return alipay_platform.reply(call.method, words)

    alipay_platform.answer = answer

    fact = await alipay.refund(refund_ask(20000))

    assert (fact.state, fact.amount_fen) == (RefundState.PROCESSING, 20000)
    assert fact.settled_at is None


async def test_b14_a_refund_without_money_at_the_merchants_waits_under_its_number(
    alipay: Alipay, alipay_platform: Platform
):
    await paid(alipay, alipay_platform)
    alipay_platform.balance_fen = 0

    assert (await alipay.refund(refund_ask(100))).state is RefundState.UNFUNDED
    assert alipay_platform.refunds == {}

    alipay_platform.balance_fen = 100
    assert (await alipay.refund(refund_ask(100))).state is RefundState.SUCCESS


async def test_b09_a_refund_over_the_sum_is_rejected_and_the_platform_denies_the_number(
    alipay: Alipay, alipay_platform: Platform
):
    await paid(alipay, alipay_platform)
    await alipay.refund(refund_ask(40000))

    fact = await alipay.refund(refund_ask(40000, "R202603020002"))

    assert (fact.state, fact.amount_fen) == (RefundState.REJECTED, 0)
    assert fact.detail.startswith("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    assert list(alipay_platform.refunds) == [REFUND_NO]


async def test_b10_the_same_number_with_another_sum_is_told_as_it_stands_there(
    alipay: Alipay, alipay_platform: Platform
):
    """DISCORDANT_REPEAT_REQUEST: the books see the sum that the platform has and say no."""
    await paid(alipay, alipay_platform)
    await alipay.refund(refund_ask(20000))

    fact = await alipay.refund(refund_ask(30000))

    assert (fact.state, fact.amount_fen) == (RefundState.SUCCESS, 20000)


@pytest.mark.parametrize(
    "code", ["ACQ.SYSTEM_ERROR", "ACQ.REASON_TRADE_BEEN_FREEZEN", "ACQ.A_CODE_OF_NEXT_YEAR", ""]
)
async def test_b17_a_refund_that_may_have_been_booked_is_never_called_rejected(
    alipay: Alipay, alipay_platform: Platform, code: str
):
    await paid(alipay, alipay_platform)
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, refused(code))

    with pytest.raises(GatewayUnavailable):
        await alipay.refund(refund_ask(20000))


@pytest.mark.parametrize("code", sorted(REFUND_REFUSALS))
async def test_a_no_for_good_is_rejected_only_where_the_number_is_denied(
    alipay: Alipay, alipay_platform: Platform, code: str
):
    await paid(alipay, alipay_platform)
    is_down = False

    def answer(call: Call) -> Any:
        if call.method == "alipay.trade.refund":
            return alipay_platform.reply(call.method, refused(code))
        return alipay_platform.reply(call.method, refused("ACQ.SYSTEM_ERROR") if is_down else DONE)

    alipay_platform.answer = answer
    assert (await alipay.refund(refund_ask(20000))).state is RefundState.REJECTED

    is_down = True
    with pytest.raises(GatewayUnavailable):
        await alipay.refund(refund_ask(20000))


async def test_b08_a_refund_of_an_order_never_paid_is_rejected(
    alipay: Alipay, alipay_platform: Platform
):
    await visit(alipay)

    assert (await alipay.refund(refund_ask(100))).state is RefundState.REJECTED
    assert (await alipay.refund(RefundAsk("R1", "P404", NOW, 1, 1, ""))).state is (
        RefundState.REJECTED
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"refund_status": "REFUND_SUCCESS"}, RefundState.SUCCESS),
        ({"refund_status": "REFUND_PROCESSING"}, RefundState.PROCESSING),
        ({"refund_status": "REFUND_FAIL"}, RefundState.ABNORMAL),
        ({}, RefundState.PROCESSING),
    ],
)
async def test_b11_every_state_of_a_refund_has_its_meaning(
    alipay: Alipay, alipay_platform: Platform, said: dict[str, str], state: RefundState
):
    words = {
        **DONE,
        "out_trade_no": ORDER_NO,
        "out_request_no": REFUND_NO,
        "refund_amount": "200.00",
        **said,
    }
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, words)

    assert (await alipay.query_refund(REFUND_NO, ORDER_NO, NOW)).state is state


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_status": "A_STATE_OF_NEXT_YEAR"},
        {"out_request_no": "R202603029999"},
        {"out_trade_no": "P202603029999"},
        {"refund_amount": "200.001"},
    ],
)
async def test_a_refund_that_is_told_in_other_words_is_not_guessed(
    alipay: Alipay, alipay_platform: Platform, changes: dict[str, str]
):
    words = {
        **DONE,
        "out_trade_no": ORDER_NO,
        "out_request_no": REFUND_NO,
        "refund_amount": "200.00",
        "refund_status": "REFUND_SUCCESS",
        **changes,
    }
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, words)

    with pytest.raises(GatewayUnavailable):
        await alipay.query_refund(REFUND_NO, ORDER_NO, NOW)


@pytest.mark.parametrize("amount_fen", [0, -1, 58001])
async def test_b05_an_impossible_sum_is_never_sent(
    alipay: Alipay, alipay_platform: Platform, amount_fen: int
):
    with pytest.raises(ValueError, match="fen"):
        await alipay.refund(refund_ask(amount_fen))

    assert alipay_platform.calls == []
