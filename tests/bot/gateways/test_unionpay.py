"""What we say to UnionPay when a resident pays by bank card, and what we make of its answers."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.gateways.unionpay import UnionPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import OrderRefused, PaymentFact, PaymentState, TradeKind
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.conftest import StandingClock
from tests.bot.gateways.unionpay_asks import ORDER_NO, ask, begun, form_of, paid
from tests.bot.gateways.unionpay_platform import NOW, Platform


async def test_an_order_is_a_signed_form_for_the_payers_browser(
    unionpay: UnionPay, unionpay_platform: Platform
):
    form = form_of(await unionpay.create(ask()))

    assert form["action"].endswith("/gateway/api/frontTransReq.do")
    signature = form["fields"].pop("signature")
    assert form["fields"] == {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "certId": str(platforms.merchant().serial_number),
        "accessType": "0",
        "merId": platforms.MERCHANT,
        "txnType": "01",
        "txnSubType": "01",
        "bizType": "000201",
        "channelType": "08",
        "orderId": ORDER_NO,
        "txnTime": "20260302120000",
        "payTimeout": "20260302123000",
        "txnAmt": "58000",
        "currencyCode": "156",
        "frontUrl": "https://bot.example.com/pay/token?order=W2603020001",
        "backUrl": "https://bot.example.com/notify/unionpay/main",
    }
    assert unionpay_platform.arrive({**form["fields"], "signature": signature}) == ""


async def test_a_desktop_is_another_channel_and_without_a_page_the_front_page_is_named(
    unionpay: UnionPay,
):
    fields = form_of(await unionpay.create(ask(TradeKind.NATIVE, back_url="")))["fields"]

    assert fields["channelType"] == "07"
    assert fields["frontUrl"] == "https://bot.example.com/"


async def test_inside_wechat_there_is_no_cashier(unionpay: UnionPay):
    collection = await unionpay.create(ask())

    with pytest.raises(ValueError, match="WeChat"):
        await unionpay.create(ask(TradeKind.JSAPI))
    with pytest.raises(ValueError, match="WeChat"):
        unionpay.bridge_fields(collection)


@pytest.mark.parametrize("order_no", ["W26-0302", "W26_030201", "short", "W" * 33, "Ｗ2603020001"])
async def test_a_number_that_the_platform_does_not_take_is_never_sent(
    unionpay: UnionPay, unionpay_platform: Platform, order_no: str
):
    with pytest.raises(ValueError, match="number"):
        await unionpay.create(ask(order_no=order_no))

    assert unionpay_platform.calls == []


async def test_the_same_ask_is_the_same_form(unionpay: UnionPay):
    assert await unionpay.create(ask()) == await unionpay.create(ask())


async def test_a_paid_order_is_not_collected_again(unionpay: UnionPay, unionpay_platform: Platform):
    await paid(unionpay, unionpay_platform)

    with pytest.raises(OrderRefused) as refused:
        await unionpay.create(ask())

    assert refused.value.is_paid


@pytest.mark.parametrize("code", ["01", "64", "02"])
async def test_an_order_that_ended_without_money_needs_a_new_number(
    unionpay: UnionPay, unionpay_platform: Platform, code: str
):
    await begun(unionpay, unionpay_platform)
    unionpay_platform.pay(ORDER_NO, code)

    with pytest.raises(OrderRefused) as refused:
        await unionpay.create(ask())

    assert not refused.value.is_paid


async def test_an_order_under_way_with_another_sum_is_refused(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await begun(unionpay, unionpay_platform)
    unionpay_platform.pay(ORDER_NO, "05")

    await unionpay.create(ask())
    with pytest.raises(OrderRefused):
        await unionpay.create(ask(amount_fen=1))


async def test_an_order_without_a_card_yet_is_pending_with_nothing(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await begun(unionpay, unionpay_platform)

    fact = await unionpay.query(ORDER_NO, NOW)

    assert fact == PaymentFact(
        gateway="unionpay",
        order_no=ORDER_NO,
        state=PaymentState.PENDING,
        amount_fen=0,
        currency="CNY",
        merchant_id=platforms.MERCHANT,
        app_id="",
    )


async def test_a_paid_order_is_told_with_its_number_and_instant(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock
):
    await begun(unionpay, unionpay_platform)
    clock.at = NOW + timedelta(seconds=90)
    unionpay_platform.pay(ORDER_NO)

    assert await unionpay.query(ORDER_NO, NOW) == PaymentFact(
        gateway="unionpay",
        order_no=ORDER_NO,
        state=PaymentState.PAID,
        amount_fen=58000,
        currency="CNY",
        merchant_id=platforms.MERCHANT,
        app_id="",
        transaction_id="202603021201300000008",
        paid_at=datetime(2026, 3, 2, 4, 1, 30, tzinfo=UTC),
    )


async def test_number_and_instant_name_a_trade_together(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)

    stranger = await unionpay.query(ORDER_NO, NOW + timedelta(seconds=1))

    assert stranger.state is PaymentState.PENDING
    assert unionpay_platform.calls[-1].words["txnTime"] == "20260302120001"


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("00", PaymentState.PAID),
        ("A6", PaymentState.PAID),
        ("03", PaymentState.PENDING),
        ("04", PaymentState.PENDING),
        ("05", PaymentState.PENDING),
        ("02", PaymentState.CLOSED),
        ("01", PaymentState.FAILED),
        ("33", PaymentState.FAILED),
        ("42", PaymentState.FAILED),
        ("60", PaymentState.FAILED),
        ("64", PaymentState.FAILED),
        ("80", PaymentState.FAILED),
    ],
)
async def test_how_a_trade_ended_is_said_by_its_own_code(
    unionpay: UnionPay, unionpay_platform: Platform, code: str, state: PaymentState
):
    await begun(unionpay, unionpay_platform)
    unionpay_platform.pay(ORDER_NO, code)

    assert (await unionpay.query(ORDER_NO, NOW)).state is state


@pytest.mark.parametrize("code", ["06", "37", "98", "99", "Z9", "0", "", "９９"])
async def test_a_code_that_decides_nothing_leaves_the_order_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, code: str
):
    await begun(unionpay, unionpay_platform)
    unionpay_platform.pay(ORDER_NO, code)

    with pytest.raises(GatewayUnavailable):
        await unionpay.query(ORDER_NO, NOW)


async def test_closing_asks_nobody_and_leaves_the_order_as_it_is(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await begun(unionpay, unionpay_platform)
    before = len(unionpay_platform.calls)

    await unionpay.close(ORDER_NO, NOW)

    assert len(unionpay_platform.calls) == before
    unionpay_platform.pay(ORDER_NO)
    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_a_payment_over_new_year_is_of_the_year_it_was_made_in(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock
):
    asked_at = datetime(2026, 12, 31, 15, 59, 30, tzinfo=UTC)
    await begun(unionpay, unionpay_platform, asked_at=asked_at)
    clock.at = datetime(2026, 12, 31, 16, 0, 10, tzinfo=UTC)
    unionpay_platform.pay(ORDER_NO)

    fact = await unionpay.query(ORDER_NO, asked_at)

    assert fact.paid_at == clock.at
    assert unionpay_platform.calls[-1].words["txnTime"] == "20261231235930"
