"""Money asked back from WeChat Pay: once, and never called refused where it may be booked."""

import pytest

from bot.gateways.wechat_pay import WechatPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import RefundState
from tests.bot.gateways.asks import ORDER_NO, REFUND_NO, paid, refund_ask
from tests.bot.gateways.wechat_platform import NOW, Call, Platform


async def test_b10_a_refund_whose_answer_was_lost_is_the_same_refund_when_asked_again(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    platform.loses_answers = True
    with pytest.raises(GatewayUnavailable, match=r"ServerDisconnected|ClientOSError"):
        await gateway.refund(refund_ask())

    platform.loses_answers = False
    fact = await gateway.refund(refund_ask())

    assert (fact.state, fact.amount_fen) == (RefundState.PROCESSING, 58000)
    assert list(platform.refunds) == [REFUND_NO]


async def test_b14_a_refund_without_money_at_the_merchants_is_unfunded_and_can_be_retried(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    platform.balance_fen = 0
    assert (await gateway.refund(refund_ask())).state is RefundState.UNFUNDED

    platform.balance_fen = 58000

    assert (await gateway.refund(refund_ask())).state is RefundState.PROCESSING


async def test_b09_a_refund_over_the_sum_is_rejected_and_the_platform_denies_the_number(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    await gateway.refund(refund_ask(40000, "R1"))

    fact = await gateway.refund(refund_ask(40000, "R2"))

    assert (fact.state, fact.amount_fen) == (RefundState.REJECTED, 0)
    assert fact.detail == "INVALID_REQUEST 申请退款金额大于可退金额"
    assert platform.calls[-1].path.endswith("/refunds/R2")


async def test_a_refund_refused_because_it_is_already_booked_is_what_the_platform_says_it_is(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    await gateway.refund(refund_ask(40000))

    fact = await gateway.refund(refund_ask(30000))

    assert (fact.state, fact.amount_fen) == (RefundState.PROCESSING, 40000)


async def test_a_refund_that_the_platform_does_not_know_is_not_found(gateway: WechatPay):
    assert (await gateway.query_refund(REFUND_NO, ORDER_NO, NOW)).state is RefundState.NOT_FOUND


@pytest.mark.parametrize(
    ("status", "code"), [(429, "FREQUENCY_LIMITED"), (500, "SYSTEM_ERROR"), (400, "NEW_CODE")]
)
async def test_a_refund_that_may_have_been_booked_is_never_called_rejected(
    gateway: WechatPay, platform: Platform, status: int, code: str
):
    platform.answer = lambda _: platform.reply(status, {"code": code, "message": "-"})

    with pytest.raises(GatewayUnavailable, match=code):
        await gateway.refund(refund_ask())


@pytest.mark.parametrize("word", ["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"])
async def test_every_state_of_a_refund_has_its_meaning(
    gateway: WechatPay, platform: Platform, word: str
):
    await paid(gateway, platform)
    await gateway.refund(refund_ask())
    platform.refunds[REFUND_NO]["status"] = word

    fact = await gateway.query_refund(REFUND_NO, ORDER_NO, NOW)

    assert fact.state is RefundState(word.lower())


async def test_a_refund_in_a_state_of_next_year_is_unknown_and_not_guessed(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    await gateway.refund(refund_ask())
    platform.refunds[REFUND_NO]["status"] = "HALFWAY"

    with pytest.raises(GatewayUnavailable, match="HALFWAY"):
        await gateway.query_refund(REFUND_NO, ORDER_NO, NOW)


async def test_a_refund_has_its_own_notify_address_only_where_one_is_set(
    gateway: WechatPay, platform: Platform
):
    await paid(gateway, platform)
    await gateway.refund(refund_ask())

    asked: Call = platform.calls[-1]
    assert asked.content["notify_url"] == "https://bot.example.com/notify/wechat_pay/main"
    assert asked.content["amount"] == {"refund": 58000, "total": 58000, "currency": "CNY"}
