"""What comes to our door in WeChat Pay's name: proven, or refused without a word."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.gateways.wechat_pay import Config, WechatPay
from storage.ports.payments import (
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundState,
    WebhookRequest,
)
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.wechat_notices import (
    GENUINE,
    STAMP,
    envelope,
    raw,
    rejection,
    with_headers,
)
from tests.bot.gateways.wechat_platform import (
    NOW,
    boxed,
    notice,
    refund_notice_words,
    signed,
    transaction,
)


def test_a_genuine_payment_notice_is_a_fact(gateway: WechatPay):
    assert gateway.read_webhook(GENUINE, now=NOW) == PaymentFact(
        gateway="wechat_pay",
        order_no="P202603020001",
        state=PaymentState.PAID,
        amount_fen=58000,
        currency="CNY",
        merchant_id=platforms.MCHID,
        app_id=platforms.APP_ID,
        transaction_id="4200000001202603021234567890",
        paid_at=datetime(2026, 3, 2, 3, 59, 30, tzinfo=UTC),
        payer_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        event_id="EV-2018022511223320873",
    )


@pytest.mark.parametrize(
    ("event_type", "word", "state"),
    [
        ("REFUND.SUCCESS", "SUCCESS", RefundState.SUCCESS),
        ("REFUND.ABNORMAL", "ABNORMAL", RefundState.ABNORMAL),
        ("REFUND.CLOSED", "CLOSED", RefundState.CLOSED),
        ("REFUND.SUCCESS", "A_STATE_OF_NEXT_YEAR", RefundState.UNKNOWN),
    ],
)
def test_a_genuine_refund_notice_is_a_fact(
    gateway: WechatPay, event_type: str, word: str, state: RefundState
):
    request = notice(refund_notice_words(refund_status=word), event_type=event_type)

    assert gateway.read_webhook(request, now=NOW) == RefundFact(
        gateway="wechat_pay",
        refund_no="R202603020001",
        order_no="P202603020001",
        state=state,
        amount_fen=58000,
        platform_refund_id="50000000382026030200000000001",
        settled_at=datetime(2026, 3, 2, 4, 0, tzinfo=UTC),
        event_id="EV-2018022511223320873",
    )


def test_a_notice_signed_by_the_certificate_is_believed_beside_the_public_key(gateway: WechatPay):
    serial = platforms.serial_of("platform")
    headers = signed(GENUINE.body, key="platform", serial=serial)

    fact = gateway.read_webhook(WebhookRequest(headers, GENUINE.body), now=NOW)

    assert isinstance(fact, PaymentFact)


def test_heard_is_answered_without_a_body_and_not_now_with_a_fail(gateway: WechatPay):
    assert (gateway.acknowledge().status, gateway.acknowledge().body) == (204, b"")
    assert gateway.ask_again().status == 503


# ---- faults by their number


def test_a06_a_notice_for_another_order_is_reported_as_that_order(gateway: WechatPay):
    fact = gateway.read_webhook(notice(transaction("P_NOT_OURS")), now=NOW)

    assert fact.order_no == "P_NOT_OURS"


def test_a06_an_order_number_cannot_be_swapped_under_the_signature(gateway: WechatPay):
    other = notice(transaction("P202603029999"))
    swapped = WebhookRequest(headers=GENUINE.headers, body=other.body)

    assert rejection(gateway, swapped) == (401, "signature")


@pytest.mark.parametrize(
    ("changes", "field", "reported"),
    [
        pytest.param({"amount": {"total": 1}}, "amount_fen", 1, id="a07"),
        pytest.param(
            {"amount": {"total": 58000, "currency": "USD"}}, "currency", "USD", id="a08-currency"
        ),
        pytest.param(
            {"amount": {"total": 58000, "payer_total": 53000, "currency": "CNY"}},
            "amount_fen",
            58000,
            id="a08-coupon",
        ),
        pytest.param({"mchid": "1900000110"}, "merchant_id", "1900000110", id="a09"),
        pytest.param({"appid": "wx_another"}, "app_id", "wx_another", id="a10"),
    ],
)
def test_what_the_platform_says_otherwise_than_we_asked_is_reported_as_said(
    gateway: WechatPay, changes: dict[str, Any], field: str, reported: object
):
    fact = gateway.read_webhook(notice(transaction(**changes)), now=NOW)

    assert getattr(fact, field) == reported


def test_a09_a_refund_notice_of_another_merchant_is_refused(gateway: WechatPay):
    request = notice(refund_notice_words(mchid="1900000110"), event_type="REFUND.SUCCESS")

    assert rejection(gateway, request) == (400, "malformed")


@pytest.mark.parametrize(
    ("forged", "cause"),
    [
        (
            with_headers(GENUINE, signature=base64.b64encode(b"\x01" * 256).decode()),
            "signature",
        ),
        (WebhookRequest(signed(GENUINE.body, key="stranger"), GENUINE.body), "signature"),
        (WebhookRequest(GENUINE.headers, GENUINE.body + b" "), "signature"),
        (WebhookRequest(GENUINE.headers, b""), "signature"),
        (with_headers(GENUINE, signature=""), "header"),
        (with_headers(GENUINE, signature=None), "header"),
        (with_headers(GENUINE, nonce=None), "header"),
        (with_headers(GENUINE, timestamp=None), "header"),
        (with_headers(GENUINE, serial=None), "header"),
        (WebhookRequest({}, GENUINE.body), "header"),
        (with_headers(GENUINE, signature="!!!"), "signature"),
        (with_headers(GENUINE, signature="签名"), "signature"),
        (
            with_headers(GENUINE, signature="\n" + GENUINE.headers["wechatpay-signature"]),
            "signature",
        ),
        (with_headers(GENUINE, nonce="随机串"), "nonce"),
        (with_headers(GENUINE, nonce="a\nb"), "nonce"),
        (with_headers(GENUINE, signature_type="WECHATPAY2-SM2-WITH-SM3"), "header"),
        (with_headers(GENUINE, signature_type="none"), "header"),
    ],
)
def test_a11_a_forged_signature_is_refused(gateway: WechatPay, forged: WebhookRequest, cause: str):
    assert rejection(gateway, forged) == (401, cause)


def test_a11_nothing_is_decrypted_before_the_signature_holds(
    gateway: WechatPay, monkeypatch: pytest.MonkeyPatch
):
    opened: list[str] = []
    monkeypatch.setattr(
        "bot.gateways.wechat_pay_crypto.decrypt", lambda *_, **__: opened.append("opened")
    )

    rejection(gateway, WebhookRequest(signed(GENUINE.body, key="stranger"), GENUINE.body))

    assert opened == []


def test_a12_the_platforms_probe_is_refused_and_told_apart_from_a_forgery(
    gateway: WechatPay, caplog: pytest.LogCaptureFixture
):
    probe = with_headers(GENUINE, signature="WECHATPAY/SIGNTEST/abcdef==", serial="UNKNOWN")

    assert rejection(gateway, probe) == (401, "probe")
    assert caplog.records == []


@pytest.mark.parametrize(
    "extra",
    [
        {"host": "localhost"},
        {"host": "127.0.0.1"},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-host": "localhost"},
        {"x-real-ip": "::1"},
        {"x-original-url": "/notify/wechat_pay/main?test=1"},
        {"user-agent": "Mozilla/4.0"},
        {"debug": "1", "x-test": "1", "wechatpay-skip": "1"},
    ],
)
def test_a13_no_header_and_no_environment_skips_the_proof(
    gateway: WechatPay, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
):
    for name in ("DEBUG", "TEST", "WUYEBOT_DEBUG", "WUYEBOT_TEST", "PYTHONDEBUG"):
        monkeypatch.setenv(name, "1")
    unsigned = WebhookRequest(extra, GENUINE.body)
    forged = WebhookRequest({**signed(GENUINE.body, key="stranger"), **extra}, GENUINE.body)

    assert rejection(gateway, unsigned) == (401, "header")
    assert rejection(gateway, forged) == (401, "signature")


async def test_a13_no_setting_skips_the_proof(settings: dict[str, Any]):
    loopback = "http://127.0.0.1:8080"
    odd = {**settings, "base_url": loopback, "notify_url": f"{loopback}/notify", "name": "test"}
    async with ClientSession() as session:
        gateway = WechatPay(Config(**odd), session, now=lambda: NOW)

        assert rejection(gateway, WebhookRequest({}, GENUINE.body)) == (401, "header")


@pytest.mark.parametrize(
    "timestamp",
    [
        str(STAMP - 360),
        str(STAMP + 360),
        str(STAMP - 301),
        str(STAMP + 301),
        str(-STAMP),
        f"{STAMP}.0",
        f" {STAMP}",
        f"+{STAMP}",
        f"{STAMP}\n",
        f"{STAMP:,}".replace(",", "_"),
        "9" * 5000,
        "NaN",
        "1e9",
        "".join(chr(ord(digit) + 0xFEE0) for digit in str(STAMP)),
        "٣",
    ],
)
def test_a14_a_timestamp_that_is_not_of_now_is_refused(gateway: WechatPay, timestamp: str):
    assert rejection(gateway, with_headers(GENUINE, timestamp=timestamp)) == (401, "timestamp")


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a14_five_minutes_to_either_side_are_now(gateway: WechatPay, seconds: int):
    assert gateway.read_webhook(GENUINE, now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=365)])
def test_a15_a_genuine_notice_is_refused_when_it_is_old(gateway: WechatPay, age: timedelta):
    assert rejection(gateway, GENUINE, now=NOW + age) == (401, "timestamp")


@pytest.mark.parametrize(
    "serial",
    ["ABCDEF0123456789", "PUB_KEY_ID_", "PUB_KEY_ID_9", "ZZZ", "0", "序列号", "F" * 5000, "../key"],
)
def test_a16_a_serial_that_we_do_not_know_is_refused(gateway: WechatPay, serial: str):
    assert rejection(gateway, with_headers(GENUINE, serial=serial)) == (401, "serial")


def box(**changes: Any) -> dict[str, Any]:
    made = {**boxed(json.dumps(transaction()).encode()), **changes}
    return {key: word for key, word in made.items() if word is not None}


CIPHER = base64.b64decode(box()["ciphertext"])


@pytest.mark.parametrize(
    "resource",
    [
        box(ciphertext=base64.b64encode(CIPHER[:-1] + bytes([CIPHER[-1] ^ 1])).decode()),
        box(ciphertext=base64.b64encode(bytes([CIPHER[0] ^ 1]) + CIPHER[1:]).decode()),
        box(ciphertext=base64.b64encode(CIPHER[:15]).decode()),
        box(ciphertext=""),
        box(ciphertext="not base64 at all"),
        box(ciphertext="密文"),
        box(ciphertext=None),
        box(ciphertext=["a"]),
        boxed(json.dumps(transaction()).encode(), nonce="katvtHDDPxk"),
        boxed(json.dumps(transaction()).encode(), nonce="katvtHDDPxkww"),
        box(nonce="katvtHDDPxk"),
        box(nonce="katvtHDDPxkww"),
        box(nonce=None),
        box(nonce=12),
        box(associated_data="refund"),
        box(associated_data="a" * 30000),
        box(associated_data={"a": 1}),
        box(algorithm="NONE"),
        box(algorithm=None),
        None,
        [],
        "text",
        12,
    ],
)
def test_a17_a_box_that_does_not_open_is_refused(gateway: WechatPay, resource: object):
    assert rejection(gateway, envelope(resource=resource)) == (400, "malformed")


DEEP = b'{"a":' * 9000 + b"1" + b"}" * 9000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"id":"1","id":"2"}',
        b'{"id":NaN}',
        b'{"id":-Infinity}',
        b'{"id":' + b"9" * 5000 + b"}",
        b"[" * 60000,
        DEEP,
        b"{}",
    ],
)
def test_a18_a_signed_body_that_is_no_notice_is_refused(gateway: WechatPay, body: bytes):
    assert rejection(gateway, raw(body)) == (400, "malformed")


@pytest.mark.parametrize(
    "inner",
    [
        json.dumps(transaction()).replace("}}", '},"amount":{"total":1}}').encode(),
        json.dumps(transaction(extra=float("nan"))).encode(),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        json.dumps(
            transaction(extra=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]])
        ).encode(),
        json.dumps(transaction(out_trade_no="")).encode(),
        json.dumps(transaction(out_trade_no=["P1"])).encode(),
        json.dumps(transaction(out_trade_no="\ud800")).encode(),
        json.dumps(transaction(out_trade_no="P\x001")).encode(),
        json.dumps(transaction(out_trade_no="P" * 2000)).encode(),
        json.dumps(transaction(amount={"total": 580.0})).encode(),
        json.dumps(transaction(amount={"total": "58000"})).encode(),
        json.dumps(transaction(amount={"total": 2**63})).encode(),
        json.dumps(transaction(success_time="0001-01-01T00:00:00+08:00")).encode(),
        b"not json",
        b"",
    ],
)
def test_a18_decrypted_words_of_another_shape_are_refused(gateway: WechatPay, inner: bytes):
    assert rejection(gateway, notice(inner)) == (400, "malformed")


def test_a18_fields_that_we_do_not_know_are_left_alone(gateway: WechatPay):
    words = transaction(promotion_detail=[{"coupon_id": "109519"}], store={"id": 7})

    assert gateway.read_webhook(notice(words), now=NOW) == gateway.read_webhook(GENUINE, now=NOW)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("USERPAYING", PaymentState.PENDING),
        ("NOTPAY", PaymentState.PENDING),
        ("REVOKED", PaymentState.CLOSED),
        ("CLOSED", PaymentState.CLOSED),
        ("PAYERROR", PaymentState.FAILED),
        ("A_STATE_OF_NEXT_YEAR", PaymentState.UNKNOWN),
    ],
)
def test_a19_a_notice_of_anything_but_success_is_not_a_payment(
    gateway: WechatPay, word: str, state: PaymentState
):
    fact = gateway.read_webhook(notice(transaction(trade_state=word)), now=NOW)

    assert fact.state is state


@pytest.mark.parametrize("event_type", ["TRANSACTION.FAIL", "COUPON.USE", "", None, 7])
def test_an_event_that_we_do_not_know_is_refused(gateway: WechatPay, event_type: object):
    assert rejection(gateway, envelope(event_type=event_type)) == (400, "malformed")


def test_a_notice_without_its_number_is_refused(gateway: WechatPay):
    assert rejection(gateway, envelope(id=None)) == (400, "malformed")


def test_a_body_over_64_kib_is_refused_before_it_is_looked_at(gateway: WechatPay):
    request = raw(b" " * (64 * 1024 + 1))

    assert rejection(gateway, request) == (413, "too_large")
