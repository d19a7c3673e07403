"""What we ask of WeChat Pay, how we sign it, and what we make of its answers."""

import base64
import re
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bot.gateways.wechat_pay import Config, WechatPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    Collection,
    OrderRefused,
    PaymentGateway,
    PaymentState,
    TradeKind,
)
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.asks import ORDER_NO, ask, paid
from tests.bot.gateways.wechat_platform import NOW, Platform, rsa_key


def test_the_adapter_is_a_payment_gateway(gateway: WechatPay):
    as_port: PaymentGateway = gateway

    assert (as_port.name, as_port.merchant_id, as_port.app_id) == (
        "wechat_pay",
        platforms.MCHID,
        platforms.APP_ID,
    )


async def test_an_order_in_the_chat_asks_for_the_payer_and_says_shanghai_time(
    gateway: WechatPay, platform: Platform
):
    collection = await gateway.create(ask())

    call = platform.calls[0]
    assert (call.method, call.path) == ("POST", "/v3/pay/transactions/jsapi")
    assert call.content == {
        "appid": platforms.APP_ID,
        "mchid": platforms.MCHID,
        "description": "3栋2单元501 物业费",
        "out_trade_no": ORDER_NO,
        "time_expire": "2026-03-02T12:30:00+08:00",
        "notify_url": "https://bot.example.com/notify/wechat_pay/main",
        "amount": {"total": 58000, "currency": "CNY"},
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    }
    assert collection == Collection(prepay_id="wx201410272009395522657a690389285100")


async def test_an_order_in_another_browser_tells_the_payers_address(
    gateway: WechatPay, platform: Platform
):
    collection = await gateway.create(ask(TradeKind.H5))

    scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
    assert platform.calls[0].content["scene_info"] == scene
    assert "payer" not in platform.calls[0].content
    assert collection.pay_url.startswith("https://wx.tenpay.com/")


async def test_an_order_on_a_desktop_gives_a_code_to_scan(gateway: WechatPay):
    collection = await gateway.create(ask(TradeKind.NATIVE))

    assert collection.code_url.startswith("weixin://wxpay/bizpayurl")


async def test_a_description_is_cut_to_127_characters_without_what_breaks_statements(
    gateway: WechatPay, platform: Platform
):
    await gateway.create(ask(description="物业费,`2026`\n" + "长" * 200))

    description = platform.calls[0].content["description"]
    assert description.startswith("物业费2026长")
    assert len(description) == 127


@pytest.mark.parametrize(
    "changes",
    [
        {"order_no": "P2026"},
        {"order_no": "P" * 33},
        {"order_no": "P202603020001\n"},
        {"order_no": "../../certificates"},
        {"amount_fen": 0},
        {"payer_id": ""},
    ],
)
async def test_an_order_that_the_platform_cannot_take_is_not_sent(
    gateway: WechatPay, platform: Platform, changes: dict[str, Any]
):
    with pytest.raises(ValueError, match=r"number|fen|payer_id"):
        await gateway.create(ask(**changes))

    assert platform.calls == []


async def test_the_authorization_header_has_its_five_fields_once_and_no_spaces_between(
    gateway: WechatPay, platform: Platform
):
    await gateway.query(ORDER_NO, NOW)

    scheme, _, rest = platform.calls[0].headers["authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert re.findall(r'(\w+)="[^"]+"(?:,|$)', rest) == [
        "mchid",
        "nonce_str",
        "signature",
        "timestamp",
        "serial_no",
    ]
    assert " " not in rest
    assert f'timestamp="{int(NOW.timestamp())}"' in rest
    assert platform.calls[0].headers["wechatpay-serial"] == platforms.KEY_ID


async def test_what_is_signed_is_the_path_byte_for_byte_as_it_was_sent(
    gateway: WechatPay, platform: Platform
):
    fact = await gateway.query("P_1|2*3-4", NOW)

    assert platform.calls[0].path == (
        f"/v3/pay/transactions/out-trade-no/P_1%7C2%2A3-4?mchid={platforms.MCHID}"
    )
    assert fact.state is PaymentState.PENDING


async def test_no_two_requests_share_a_nonce(gateway: WechatPay, platform: Platform):
    for _ in range(5):
        await gateway.query(ORDER_NO, NOW)

    nonces = {
        re.search(r'nonce_str="(\w+)"', call.headers["authorization"])[1]  # type: ignore[index]
        for call in platform.calls
    }
    assert len(nonces) == 5


def test_the_pages_fields_are_signed_as_the_bridge_checks_them(gateway: WechatPay):
    fields = gateway.bridge_fields(Collection(prepay_id="wx20141027"))

    lines = [fields[key] for key in ("appId", "timeStamp", "nonceStr", "package")]
    message = "".join(f"{line}\n" for line in lines).encode()
    rsa_key("merchant").public_key().verify(
        base64.b64decode(fields["paySign"]), message, padding.PKCS1v15(), hashes.SHA256()
    )
    assert fields["package"] == "prepay_id=wx20141027"
    assert fields["signType"] == "RSA"
    assert set(fields) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}


def test_there_are_no_fields_for_the_bridge_without_a_prepay_id(gateway: WechatPay):
    with pytest.raises(ValueError, match="prepay_id"):
        gateway.bridge_fields(Collection(code_url="weixin://"))


# ---- what the platform refuses


async def test_an_order_that_is_paid_is_refused_as_paid(gateway: WechatPay, platform: Platform):
    await paid(gateway, platform)

    with pytest.raises(OrderRefused) as refused:
        await gateway.create(ask())

    assert refused.value.is_paid


async def test_an_order_asked_again_with_another_sum_is_refused(gateway: WechatPay):
    await gateway.create(ask())

    with pytest.raises(OrderRefused) as refused:
        await gateway.create(ask(amount_fen=1))

    assert (refused.value.code, refused.value.is_paid) == ("INVALID_REQUEST", False)


async def test_b04_an_order_that_was_closed_is_refused_and_says_closed_when_asked(
    gateway: WechatPay,
):
    await gateway.create(ask())
    await gateway.close(ORDER_NO, NOW)

    with pytest.raises(OrderRefused) as refused:
        await gateway.create(ask())

    assert (refused.value.code, refused.value.is_paid) == ("ORDER_CLOSED", False)
    assert (await gateway.query(ORDER_NO, NOW)).state is PaymentState.CLOSED


@pytest.mark.parametrize(
    ("status", "code", "is_for_good"),
    [
        (403, "OUT_TRADE_NO_USED", True),
        (400, "APPID_MCHID_NOT_MATCH", True),
        (500, "OPENID_MISMATCH", True),
        (400, "PARAM_ERROR", True),
        (429, "FREQUENCY_LIMITED", False),
        (500, "SYSTEM_ERROR", False),
        (500, "BANK_ERROR", False),
        (401, "SIGN_ERROR", False),
        (400, "A_CODE_OF_NEXT_YEAR", False),
    ],
)
async def test_a_no_to_an_order_is_for_good_only_where_the_code_says_so(
    gateway: WechatPay, platform: Platform, status: int, code: str, is_for_good: bool
):
    platform.answer = lambda _: platform.reply(status, {"code": code, "message": "-"})

    with pytest.raises(OrderRefused if is_for_good else GatewayUnavailable, match=code):
        await gateway.create(ask())


async def test_closing_a_paid_order_leaves_it_paid(gateway: WechatPay, platform: Platform):
    await paid(gateway, platform)

    await gateway.close(ORDER_NO, NOW)

    assert (await gateway.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_closing_while_the_payer_types_her_password_is_not_known_to_be_done(
    gateway: WechatPay, platform: Platform
):
    platform.answer = lambda _: platform.reply(202, {"code": "USER_PAYING", "message": "-"})

    with pytest.raises(GatewayUnavailable, match="USER_PAYING"):
        await gateway.close(ORDER_NO, NOW)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NOTPAY", PaymentState.PENDING),
        ("USERPAYING", PaymentState.PENDING),
        ("CLOSED", PaymentState.CLOSED),
        ("REVOKED", PaymentState.CLOSED),
        ("PAYERROR", PaymentState.FAILED),
        ("SUCCESS", PaymentState.PAID),
        ("REFUND", PaymentState.PAID),
    ],
)
async def test_every_state_of_an_order_has_its_meaning(
    gateway: WechatPay, platform: Platform, word: str, state: PaymentState
):
    said = platforms.transaction(trade_state=word)
    platform.answer = lambda _: platform.reply(200, said)

    fact = await gateway.query(ORDER_NO, NOW)

    assert (fact.state, fact.amount_fen, fact.event_id) == (state, 58000, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"trade_state": "A_STATE_OF_NEXT_YEAR"},
        {"trade_state": None},
        {"out_trade_no": "P202603029999"},
        {"amount": {"currency": "CNY"}},
        {"amount": {"total": 580.0, "currency": "CNY"}},
        {"amount": {"total": True}},
        {"amount": {"total": -1}},
        {"amount": []},
        {"success_time": "yesterday"},
        {"success_time": "2026-03-02T11:59:30"},
        {"transaction_id": ""},
        {"mchid": 1900000109},
    ],
)
async def test_an_answer_that_we_cannot_read_says_nothing_about_the_order(
    gateway: WechatPay, platform: Platform, changes: dict[str, Any]
):
    platform.answer = lambda _: platform.reply(200, platforms.transaction(**changes))

    with pytest.raises(GatewayUnavailable):
        await gateway.query(ORDER_NO, NOW)


async def test_b03_an_order_whose_answer_was_lost_is_the_same_order_when_asked_again(
    gateway: WechatPay, platform: Platform
):
    platform.loses_answers = True
    with pytest.raises(GatewayUnavailable, match=r"ServerDisconnected|ClientOSError"):
        await gateway.create(ask())

    platform.loses_answers = False
    again = await gateway.create(ask())

    assert again.prepay_id
    assert list(platform.orders) == [ORDER_NO]
    assert platform.calls[0].content == platform.calls[1].content


async def test_a_platform_that_does_not_answer_in_time_leaves_the_outcome_unknown(
    platform: Platform, settings: dict[str, Any]
):
    platform.is_hanging = True
    server = TestServer(platform.app())
    await server.start_server()
    config = Config(**settings, base_url=str(server.make_url("/")), timeout_seconds=0.05)
    async with ClientSession() as session:
        with pytest.raises(GatewayUnavailable, match="Timeout"):
            await WechatPay(config, session, now=lambda: NOW).create(ask())
    await server.close()
