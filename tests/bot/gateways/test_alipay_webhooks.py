"""What comes to our door in Alipay's name: proven over its whole form, or refused."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import pytest
from cryptography.hazmat.primitives import hashes

from bot.gateways.alipay import Alipay
from storage.ports.payments import (
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundState,
    WebhookRejected,
    WebhookRequest,
)
from tests.bot.gateways.alipay_platform import (
    APP_ID,
    NOW,
    SELLER_ID,
    TRADE_NO,
    form_of,
    joined,
    notice,
    sign,
    trade,
)

GENUINE = notice()
REFUND = {
    "out_biz_no": "R202603020001",
    "refund_fee": "200.00",
    "gmt_refund": "2026-03-02 12:00:00.320",
}


def rejection(gateway: Alipay, request: WebhookRequest) -> tuple[int, str]:
    with pytest.raises(WebhookRejected) as rejected:
        gateway.read_webhook(request, now=NOW)
    assert rejected.value.reply.body == b"fail"
    return rejected.value.reply.status, rejected.value.cause


def changed(request: WebhookRequest, **fields: str | None) -> WebhookRequest:
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    form |= {key: value for key, value in fields.items() if value is not None}
    kept = {key: value for key, value in form.items() if fields.get(key, "") is not None}
    return replace(request, body=urlencode(kept).encode())


def test_a_genuine_payment_notice_is_a_fact(alipay: Alipay):
    assert alipay.read_webhook(GENUINE, now=NOW) == PaymentFact(
        gateway="alipay",
        order_no="P202603020001",
        state=PaymentState.PAID,
        amount_fen=58000,
        currency="CNY",
        merchant_id=SELLER_ID,
        app_id=APP_ID,
        transaction_id=TRADE_NO,
        paid_at=datetime(2026, 3, 2, 3, 59, 30, tzinfo=UTC),
        payer_id="2088102146225999",
        event_id="2026030200222120000000000000000001",
    )


def test_heard_is_exactly_success_and_everything_else_is_not(alipay: Alipay):
    assert (alipay.acknowledge().status, alipay.acknowledge().body) == (200, b"success")
    assert alipay.acknowledge().content_type == "text/plain"
    assert (alipay.ask_again().status, alipay.ask_again().body) == (503, b"fail")


# ---- faults by their number


def test_a06_an_order_number_cannot_be_swapped_under_the_signature(alipay: Alipay):
    swapped = changed(GENUINE, out_trade_no="P202603029999")

    assert rejection(alipay, swapped) == (401, "signature")


@pytest.mark.parametrize(
    ("changes", "field", "reported"),
    [
        pytest.param({"total_amount": "0.01"}, "amount_fen", 1, id="a07"),
        pytest.param({"trans_currency": "USD"}, "currency", "USD", id="a08-currency"),
        pytest.param(
            {"receipt_amount": "530.00", "buyer_pay_amount": "530.00"},
            "amount_fen",
            58000,
            id="a08-coupon",
        ),
        pytest.param({"app_id": "2021003100000099"}, "app_id", "2021003100000099", id="a10-app"),
        pytest.param(
            {"seller_id": "2088000000000000"}, "merchant_id", "2088000000000000", id="a10-seller"
        ),
        pytest.param({"out_trade_no": "P404"}, "order_no", "P404", id="a06-order"),
    ],
)
def test_what_the_platform_says_otherwise_than_we_asked_is_reported_as_said(
    alipay: Alipay, changes: dict[str, str], field: str, reported: object
):
    """All four fields that have to be compared reach the books, which compare them."""
    assert getattr(alipay.read_webhook(notice(**changes), now=NOW), field) == reported


@pytest.mark.parametrize("field", ["app_id", "seller_id"])
def test_a10_a_refund_notice_of_another_merchant_is_refused(alipay: Alipay, field: str):
    other = {"app_id": "2021003100000099", "seller_id": "2088000000000000"}[field]

    assert rejection(alipay, notice(**REFUND, **{field: other})) == (400, "malformed")


@pytest.mark.parametrize(
    "forged",
    [
        changed(GENUINE, sign="AAAA"),
        changed(GENUINE, sign=""),
        changed(GENUINE, sign=None),
        changed(GENUINE, sign="not base64 at all"),
        changed(GENUINE, sign=sign(b"another body")),
        form_of(trade(), owner="stranger"),
        form_of(trade(), owner="merchant"),
        changed(GENUINE, sign=sign(joined(trade()), kind=hashes.SHA1())),
        changed(GENUINE, sign=sign(joined(trade()), kind=hashes.SHA512())),
    ],
)
def test_a11_a_forged_signature_is_refused(alipay: Alipay, forged: WebhookRequest):
    assert rejection(alipay, forged) == (401, "signature")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost"},
        {"x-forwarded-for": "127.0.0.1"},
        {"content-type": "application/json"},
        {},
    ],
)
def test_a13_no_header_and_no_environment_skips_the_proof(
    alipay: Alipay, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("DEBUG", "TEST", "WUYEBOT_DEBUG", "ALIPAY_SKIP_SIGN"):
        monkeypatch.setitem(os.environ, name, "1")

    forged = WebhookRequest(headers, changed(GENUINE, total_amount="1.00").body)

    assert rejection(alipay, forged) == (401, "signature")


def test_a15_an_old_notice_says_the_same_as_it_did(alipay: Alipay):
    """It is sent for 25 hours with one number; that it is booked once is the books' part."""
    fact = alipay.read_webhook(GENUINE, now=NOW + timedelta(days=365))

    assert fact == alipay.read_webhook(GENUINE, now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"\xff\xfe\x00",
        "签".encode(),
        b"a",
        b"a=1&&b=2",
        b"=1",
        b"a=%",
        b"a=%2",
        b"a=%zz",
        b"a=%ff%fe",
        b"a=1;b=2&c",
        b"&".join(b"k%d=v" % one for one in range(5000)),
    ],
)
def test_a18_what_is_no_form_is_refused_unread(alipay: Alipay, body: bytes):
    assert rejection(alipay, WebhookRequest({}, body)) == (400, "malformed")


@pytest.mark.parametrize("lost", ["out_trade_no", "app_id", "seller_id", "notify_id", "trade_no"])
def test_a18_a_signed_form_without_what_must_be_there_is_refused(alipay: Alipay, lost: str):
    fields = {key: value for key, value in trade().items() if key != lost}

    assert rejection(alipay, form_of(fields)) == (400, "malformed")


@pytest.mark.parametrize(
    "changes",
    [
        {"total_amount": "580.001"},
        {"total_amount": "5.8e2"},
        {"total_amount": "-580.00"},
        {"total_amount": "５８０"},
        {"total_amount": "NaN"},
        {"total_amount": "580,00"},
        {"total_amount": "9" * 5000},
        {"gmt_payment": "2026-02-30 00:00:00"},
        {"gmt_payment": "1772423970"},
        {"out_trade_no": "P\x001"},
    ],
)
def test_a18_a_signed_field_of_another_shape_is_refused(alipay: Alipay, changes: dict[str, str]):
    assert rejection(alipay, notice(**changes)) == (400, "malformed")


def test_a18_fields_that_we_do_not_know_are_left_alone(alipay: Alipay):
    fact = alipay.read_webhook(notice(a_field_of_next_year="值"), now=NOW)

    assert fact == alipay.read_webhook(GENUINE, now=NOW)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("WAIT_BUYER_PAY", PaymentState.PENDING),
        ("TRADE_CLOSED", PaymentState.CLOSED),
        ("A_STATE_OF_NEXT_YEAR", PaymentState.UNKNOWN),
    ],
)
def test_a19_a_notice_of_anything_but_success_is_not_a_payment(
    alipay: Alipay, word: str, state: PaymentState
):
    fact = alipay.read_webhook(notice(trade_status=word), now=NOW)

    assert isinstance(fact, PaymentFact)
    assert fact.state is state


@pytest.mark.parametrize("word", ["RSA", "rsa2", "", "MD5", None])
def test_a20_only_rsa2_is_taken_whatever_its_signature(alipay: Alipay, word: str | None):
    assert rejection(alipay, changed(GENUINE, sign_type=word)) == (401, "sign_type")


@pytest.mark.parametrize("word", ["gbk", "GB18030", "utf-16", ""])
def test_a20_only_utf_8_is_taken(alipay: Alipay, word: str):
    assert rejection(alipay, notice(charset=word)) == (401, "charset")


def test_a20_a_key_that_stands_twice_is_refused(alipay: Alipay):
    for pair in (b"&total_amount=0.01", b"&total_amount=580.00", b"&sign=AAAA", b"&%73ign=AAAA"):
        doubled = replace(GENUINE, body=GENUINE.body + pair)
        assert rejection(alipay, doubled) == (400, "malformed")


def test_a20_a_key_that_is_not_signed_is_refused(alipay: Alipay):
    assert rejection(alipay, replace(GENUINE, body=GENUINE.body + b"&x=1")) == (401, "signature")


@pytest.mark.parametrize("escape", [quote, quote_plus])
def test_a20_the_form_is_decoded_once_and_plus_is_a_space(
    alipay: Alipay, escape: Callable[[str], str]
):
    fields = trade(subject="3栋 2单元+501 100%25 & a", passback_params="a%3Db+c")
    signed = {**fields, "sign_type": "RSA2", "sign": sign(joined(fields))}
    body = "&".join(f"{key}={escape(value)}" for key, value in signed.items())
    body = body if escape is quote_plus else body.replace("/", "%2F")

    assert alipay.read_webhook(WebhookRequest({}, body.encode()), now=NOW)


def test_a20_empty_fields_may_be_signed_or_left_out(alipay: Alipay):
    """Senders differ; what says something is covered either way."""
    fields = trade(body="", passback_params="")

    with_them = form_of(fields)
    without = changed(GENUINE, body="", passback_params="")

    assert alipay.read_webhook(with_them, now=NOW) == alipay.read_webhook(without, now=NOW)
    assert rejection(alipay, changed(GENUINE, subject="")) == (401, "signature")


def test_a20_a_field_cannot_be_hidden_in_the_one_before_it(alipay: Alipay):
    """The signed text does not say where a value ends: a refund could be made to look paid."""
    genuine = notice(**REFUND)
    hidden = changed(
        genuine,
        out_biz_no=None,
        notify_type=f"trade_status_sync&out_biz_no={REFUND['out_biz_no']}",
        refund_fee=None,
        receipt_amount=f"580.00&refund_fee={REFUND['refund_fee']}",
        gmt_refund=None,
        gmt_payment=None,
        gmt_create="2026-03-02 11:58:00&gmt_payment=2026-03-02 11:59:30"
        f"&gmt_refund={REFUND['gmt_refund']}",
    )

    assert rejection(alipay, hidden) == (401, "hidden_field")


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED"])
def test_a21_a_notice_of_a_refund_is_never_a_payment(alipay: Alipay, status: str):
    """How much it was for it does not say: its `refund_fee` is the sum of all of them."""
    fact = alipay.read_webhook(notice(trade_status=status, **REFUND), now=NOW)

    assert fact == RefundFact(
        gateway="alipay",
        refund_no="R202603020001",
        order_no="P202603020001",
        state=RefundState.UNKNOWN,
        amount_fen=0,
        platform_refund_id="R202603020001",
        settled_at=datetime(2026, 3, 2, 4, 0, 0, 320000, tzinfo=UTC),
        detail="refund_fee 200.00",
        event_id="2026030200222120000000000000000001",
    )


@pytest.mark.parametrize("key", sorted(REFUND))
def test_a21_one_field_of_a_refund_is_enough(alipay: Alipay, key: str):
    assert isinstance(alipay.read_webhook(notice(**{key: REFUND[key]}), now=NOW), RefundFact)


def test_a21_a_trade_that_is_finished_is_the_payment_that_it_was(alipay: Alipay):
    finished = notice(trade_status="TRADE_FINISHED", refund_fee="200.00")

    fact = alipay.read_webhook(finished, now=NOW)

    assert isinstance(fact, PaymentFact)
    assert (fact.state, fact.amount_fen) == (PaymentState.PAID, 58000)


def test_a_body_over_64_kib_is_refused_before_it_is_looked_at(alipay: Alipay):
    request = WebhookRequest({}, b"a=" + b"b" * 64 * 1024)

    assert rejection(alipay, request) == (413, "too_large")
