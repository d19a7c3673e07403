"""Collecting by Alipay: an address for the payer, and what is true of her trade."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from bot.gateways import rsa
from bot.gateways.alipay import Alipay, Config
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    OrderRefused,
    PaymentAsk,
    PaymentFact,
    PaymentGateway,
    PaymentState,
    TradeKind,
)
from tests.bot.gateways.alipay_platform import (
    APP_ID,
    DONE,
    NOW,
    SELLER_ID,
    TRADE_NO,
    Platform,
    refused,
)
from tests.bot.gateways.conftest import StandingClock

ORDER_NO = "P202603020001"
BACK = "https://bot.example.com/pay/token?order=P202603020001"


def ask(kind: TradeKind = TradeKind.H5, **changes: Any) -> PaymentAsk:
    fields: dict[str, Any] = {
        "order_no": ORDER_NO,
        "asked_at": NOW,
        "amount_fen": 58000,
        "description": "金桂苑 3栋2单元501 物业缴费",
        "expires_at": NOW + timedelta(minutes=30),
        "kind": kind,
        "back_url": BACK,
    }
    return PaymentAsk(**{**fields, **changes})


async def visit(gateway: Alipay, **changes: Any) -> str:
    """Have an order, and let its payer get to the cashier; return the address."""
    address = (await gateway.create(ask(**changes))).pay_url
    async with ClientSession() as browser, browser.get(URL(address, encoded=True)) as page:
        assert page.status == 200
    return address


def params(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, strict_parsing=True))


def test_the_adapter_is_a_payment_gateway(alipay: Alipay):
    gateway: PaymentGateway = alipay

    assert (gateway.name, gateway.merchant_id, gateway.app_id) == ("alipay", SELLER_ID, APP_ID)


@pytest.mark.parametrize(
    ("kind", "method", "product"),
    [
        (TradeKind.H5, "alipay.trade.wap.pay", "QUICK_WAP_WAY"),
        (TradeKind.NATIVE, "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    ],
)
async def test_an_order_is_a_signed_address_that_begins_the_trade_when_it_is_opened(
    alipay: Alipay, alipay_platform: Platform, kind: TradeKind, method: str, product: str
):
    collection = await alipay.create(ask(kind))
    before = dict(alipay_platform.trades)
    await visit(alipay, kind=kind)

    found = params(collection.pay_url)
    content = json.loads(found["biz_content"])
    assert before == {}
    assert alipay_platform.trades == {ORDER_NO: {"state": "WAIT_BUYER_PAY", "fen": 58000}}
    assert (found["method"], content["product_code"]) == (method, product)
    assert (content["out_trade_no"], content["total_amount"]) == (ORDER_NO, "580.00")
    assert content["time_expire"] == "2026-03-02 12:30:00"
    assert found["timestamp"] == "2026-03-02 12:00:00"
    assert found["return_url"] == BACK
    assert found["notify_url"] == "https://bot.example.com/notify/alipay/main"
    assert (found["sign_type"], found["charset"], found["version"]) == ("RSA2", "utf-8", "1.0")
    assert ("quit_url" in content) == (kind is TradeKind.H5)


async def test_inside_wechat_there_is_no_cashier(alipay: Alipay, alipay_platform: Platform):
    with pytest.raises(ValueError, match="inside WeChat"):
        await alipay.create(ask(TradeKind.JSAPI))

    assert alipay_platform.calls == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": 0},
        {"amount_fen": -1},
        {"amount_fen": 10_000_000_001},
        {"order_no": "P 1"},
        {"order_no": "订单"},
        {"order_no": "P" * 65},
    ],
)
async def test_an_order_that_the_platform_cannot_take_is_not_sent(
    alipay: Alipay, alipay_platform: Platform, changes: dict[str, Any]
):
    with pytest.raises(ValueError, match=r"fen|number"):
        await alipay.create(ask(**changes))

    assert alipay_platform.calls == []


async def test_a_subject_has_nothing_that_breaks_the_call_or_the_bill(alipay: Alipay):
    address = (await alipay.create(ask(description="3/2=1&, \ud800\x07" + "费" * 200))).pay_url

    assert json.loads(params(address)["biz_content"])["subject"] == "321 " + "费" * 124


async def test_a_paid_order_is_not_collected_again(alipay: Alipay, alipay_platform: Platform):
    await visit(alipay)
    alipay_platform.pay(ORDER_NO)

    with pytest.raises(OrderRefused) as trouble:
        await alipay.create(ask())

    assert trouble.value.is_paid


async def test_b04_a_closed_order_needs_a_new_number(alipay: Alipay, alipay_platform: Platform):
    await visit(alipay)
    await alipay.close(ORDER_NO, NOW)

    with pytest.raises(OrderRefused) as trouble:
        await alipay.create(ask())

    assert not trouble.value.is_paid


async def test_a_trade_under_way_with_another_sum_is_refused(alipay: Alipay):
    await visit(alipay)

    with pytest.raises(OrderRefused) as trouble:
        await alipay.create(ask(amount_fen=57999))

    assert not trouble.value.is_paid


async def test_b03_an_order_asked_again_is_the_same_trade(
    alipay: Alipay, alipay_platform: Platform, clock: StandingClock
):
    await visit(alipay)
    clock.at += timedelta(minutes=2)
    await visit(alipay)

    assert list(alipay_platform.trades) == [ORDER_NO]


async def test_before_the_cashier_an_order_is_pending_with_nothing(
    alipay: Alipay, alipay_platform: Platform
):
    await alipay.create(ask())

    fact = await alipay.query(ORDER_NO, NOW)

    assert (fact.state, fact.amount_fen) == (PaymentState.PENDING, 0)


async def test_a_paid_order_is_told_with_all_that_the_books_compare(
    alipay: Alipay, alipay_platform: Platform
):
    await visit(alipay)
    alipay_platform.pay(ORDER_NO)

    assert await alipay.query(ORDER_NO, NOW) == PaymentFact(
        gateway="alipay",
        order_no=ORDER_NO,
        state=PaymentState.PAID,
        amount_fen=58000,
        currency="CNY",
        merchant_id=SELLER_ID,
        app_id=APP_ID,
        transaction_id=TRADE_NO,
        paid_at=datetime(2026, 3, 2, 3, 59, 30, tzinfo=UTC),
        payer_id="2088102146225999",
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"trade_status": "WAIT_BUYER_PAY"}, PaymentState.PENDING),
        ({"trade_status": "TRADE_SUCCESS"}, PaymentState.PAID),
        ({"trade_status": "TRADE_FINISHED"}, PaymentState.PAID),
        ({"trade_status": "TRADE_CLOSED"}, PaymentState.CLOSED),
        (
            {"trade_status": "TRADE_CLOSED", "send_pay_date": "2026-03-02 11:59:30"},
            PaymentState.PAID,
        ),
    ],
)
async def test_a21_every_state_of_a_trade_has_its_meaning(
    alipay: Alipay, alipay_platform: Platform, said: dict[str, str], state: PaymentState
):
    """Closed with a day of payment: it was paid, and given back whole."""
    await visit(alipay)
    words = {**DONE, "out_trade_no": ORDER_NO, "trade_no": TRADE_NO, "total_amount": "580.00"}
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, words | said)

    assert (await alipay.query(ORDER_NO, NOW)).state is state


@pytest.mark.parametrize(
    "changes",
    [
        {"trade_status": "A_STATE_OF_NEXT_YEAR"},
        {"trade_status": ""},
        {"out_trade_no": "P202603029999"},
        {"total_amount": "580.001"},
        {"total_amount": "5.8e2"},
        {"total_amount": 580.0},
        {"total_amount": "-580.00"},
        {"total_amount": None},
        {"trade_no": ""},
        {"send_pay_date": "2026-02-30 11:00:00"},
        {"send_pay_date": "just now"},
    ],
)
async def test_a19_an_answer_that_we_cannot_read_says_nothing_about_the_order(
    alipay: Alipay, alipay_platform: Platform, changes: dict[str, Any]
):
    await visit(alipay)
    words = {
        **DONE,
        "out_trade_no": ORDER_NO,
        "trade_no": TRADE_NO,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "580.00",
    }
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, words)
    assert (await alipay.query(ORDER_NO, NOW)).amount_fen == 58000

    words |= changes

    with pytest.raises(GatewayUnavailable):
        await alipay.query(ORDER_NO, NOW)


async def test_a_no_that_we_do_not_know_says_nothing_about_the_order(
    alipay: Alipay, alipay_platform: Platform
):
    for code in ("ACQ.SYSTEM_ERROR", "ACQ.A_CODE_OF_NEXT_YEAR", ""):
        alipay_platform.answer = lambda call, code=code: alipay_platform.reply(
            call.method, refused(code)
        )
        for asked in (alipay.query(ORDER_NO, NOW), alipay.close(ORDER_NO, NOW)):
            with pytest.raises(GatewayUnavailable):
                await asked


async def test_b16_closing_what_is_paid_or_not_begun_leaves_it_as_it_is(
    alipay: Alipay, alipay_platform: Platform
):
    await alipay.create(ask())
    await alipay.close(ORDER_NO, NOW)
    assert (await alipay.query(ORDER_NO, NOW)).state is PaymentState.PENDING

    await visit(alipay)
    alipay_platform.pay(ORDER_NO)
    await alipay.close(ORDER_NO, NOW)
    assert (await alipay.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_a_platform_that_does_not_answer_in_time_leaves_the_outcome_unknown(
    alipay_platform: Platform, alipay_settings: dict[str, Any]
):
    def hang(call: object) -> web.Response:
        raise web.HTTPGatewayTimeout

    alipay_platform.answer = hang
    gateway_url = f"{alipay_platform.base_url}/gateway.do"
    async with ClientSession() as session:
        gateway = Alipay(
            Config(**alipay_settings, gateway_url=gateway_url, timeout_seconds=0.2),
            session,
            now=lambda: NOW,
        )
        with pytest.raises(GatewayUnavailable):
            await gateway.query(ORDER_NO, NOW)


async def test_the_keys_are_read_from_their_files_once(
    alipay: Alipay, monkeypatch: pytest.MonkeyPatch
):
    def never(*_: object) -> None:
        raise AssertionError("a key was read again")

    monkeypatch.setattr(rsa, "read_private_key", never)
    monkeypatch.setattr(rsa, "read_public_key", never)

    await visit(alipay)

    assert (await alipay.query(ORDER_NO, NOW)).amount_fen == 58000


async def test_no_secret_and_no_signature_reaches_the_log(
    alipay: Alipay, alipay_platform: Platform, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")
    address = await visit(alipay)
    alipay_platform.answer = lambda call: web.Response(status=500, text="canary")
    with pytest.raises(GatewayUnavailable) as trouble:
        await alipay.query(ORDER_NO, NOW)

    said = caplog.text + trouble.value.reason
    assert params(address)["sign"] not in said
    assert "canary" not in said
