"""What comes to our door in UnionPay's name: proven, or refused without a word."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.gateways.unionpay import UnionPay
from storage.ports.payments import (
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundState,
    WebhookRequest,
)
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.unionpay_asks import ORDER_NO, REFUND_NO, paid, rejection
from tests.bot.gateways.unionpay_platform import (
    NOW,
    Platform,
    Words,
    paid_words,
    posted,
    refunded_words,
    sealed,
)

GENUINE = sealed(paid_words())


def notice(**changes: str) -> WebhookRequest:
    return posted(sealed(paid_words(**changes)))


def test_a_genuine_payment_notice_is_a_fact(unionpay: UnionPay):
    assert unionpay.read_webhook(posted(GENUINE), now=NOW) == PaymentFact(
        gateway="unionpay",
        order_no=ORDER_NO,
        state=PaymentState.PAID,
        amount_fen=58000,
        currency="CNY",
        merchant_id=platforms.MERCHANT,
        app_id="",
        transaction_id="202603021200003456788",
        paid_at=datetime(2026, 3, 2, 3, 59, 30, tzinfo=UTC),
        event_id="01:W2603020001:202603021200003456788:00",
    )


@pytest.mark.parametrize("kind", ["04", "31"])
@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("00", RefundState.SUCCESS),
        ("05", RefundState.PROCESSING),
        ("64", RefundState.CLOSED),
        ("61", RefundState.ABNORMAL),
        ("ZZ", RefundState.UNKNOWN),
    ],
)
def test_a_genuine_refund_notice_is_a_fact_and_no_payment(
    unionpay: UnionPay, kind: str, code: str, state: RefundState
):
    request = posted(sealed(refunded_words(txnType=kind, respCode=code)))

    assert unionpay.read_webhook(request, now=NOW) == RefundFact(
        gateway="unionpay",
        refund_no=REFUND_NO,
        order_no=ORDER_NO,
        state=state,
        amount_fen=58000,
        platform_refund_id="202603021300001112228",
        event_id=f"{kind}:T260302000001:202603021300001112228:{code}",
    )


async def test_the_platforms_own_notice_tells_what_its_answer_tells(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)

    heard = unionpay.read_webhook(unionpay_platform.notice(ORDER_NO), now=NOW)

    asked = await unionpay.query(ORDER_NO, NOW)
    assert isinstance(heard, PaymentFact)
    assert heard.event_id
    assert (heard.order_no, heard.state, heard.amount_fen) == (
        *(asked.order_no, asked.state, asked.amount_fen),
    )
    assert (heard.transaction_id, heard.paid_at) == (asked.transaction_id, asked.paid_at)


def test_heard_is_answered_200_and_not_now_503(unionpay: UnionPay):
    assert unionpay.acknowledge().status == 200
    assert unionpay.ask_again().status == 503


# ---- faults by their number


def test_a01_the_same_notice_again_is_the_same_event(unionpay: UnionPay):
    first, second = (unionpay.read_webhook(posted(GENUINE), now=NOW) for _ in range(2))

    assert first == second


def test_a03_a_refund_heard_before_its_payment_is_still_that_refund(unionpay: UnionPay):
    fact = unionpay.read_webhook(posted(sealed(refunded_words(reqReserved=""))), now=NOW)

    assert isinstance(fact, RefundFact)
    assert (fact.refund_no, fact.order_no) == (REFUND_NO, "")


def test_a04_a_notice_of_a_day_later_is_still_a_payment(unionpay: UnionPay):
    fact = unionpay.read_webhook(posted(GENUINE), now=NOW + timedelta(days=1))

    assert fact.state is PaymentState.PAID


def test_a06_a_notice_for_another_order_is_reported_as_that_order(unionpay: UnionPay):
    fact = unionpay.read_webhook(notice(order_no="NOTOURS0001"), now=NOW)

    assert isinstance(fact, PaymentFact)
    assert fact.order_no == "NOTOURS0001"


def test_a06_an_order_number_cannot_be_swapped_under_the_signature(unionpay: UnionPay):
    swapped = {**GENUINE, "orderId": "W2603029999"}

    assert rejection(unionpay, posted(swapped)) == (401, "signature")


@pytest.mark.parametrize(
    ("changes", "field", "reported"),
    [
        pytest.param({"txnAmt": "1"}, "amount_fen", 1, id="a07"),
        pytest.param({"currencyCode": "840"}, "currency", "840", id="a08"),
        pytest.param({"merId": "777290058110097"}, "merchant_id", "777290058110097", id="a09"),
    ],
)
def test_what_the_platform_says_otherwise_than_we_asked_is_reported_as_said(
    unionpay: UnionPay, changes: dict[str, str], field: str, reported: object
):
    fact = unionpay.read_webhook(notice(**changes), now=NOW)

    assert getattr(fact, field) == reported


def test_a09_a_refund_notice_of_another_merchant_is_refused(unionpay: UnionPay):
    request = posted(sealed(refunded_words(merId="777290058110097")))

    assert rejection(unionpay, request) == (400, "malformed")


def test_a10_there_is_no_app_and_none_is_made_up(unionpay: UnionPay):
    fact = unionpay.read_webhook(notice(appId="wx0000000000000000"), now=NOW)

    assert isinstance(fact, PaymentFact)
    assert fact.app_id == unionpay.app_id == ""


def lost(*keys: str) -> Words:
    return {key: word for key, word in GENUINE.items() if key not in keys}


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        pytest.param({**GENUINE, "signature": "QUJD"}, "signature", id="random"),
        pytest.param(sealed(paid_words(), owner="stranger"), "signature", id="other key"),
        pytest.param({**GENUINE, "txnAmt": "1"}, "signature", id="other body"),
        pytest.param({**GENUINE, "signature": ""}, "signature", id="empty"),
        pytest.param(lost("signature"), "signature", id="missing"),
        pytest.param(
            {**GENUINE, "signature": "é" + GENUINE["signature"]}, "signature", id="letter"
        ),
        pytest.param({**GENUINE, "signature": GENUINE["signature"] + "\n"}, "signature", id="line"),
        pytest.param(lost("signPubKeyCert"), "certificate", id="no certificate"),
        pytest.param({**GENUINE, "signPubKeyCert": "é"}, "certificate", id="no PEM"),
        pytest.param({**GENUINE, "signPubKeyCert": "x" * 20_000}, "certificate", id="long"),
        pytest.param(lost("signMethod"), "method", id="no method"),
        pytest.param(lost("version"), "method", id="no version"),
    ],
)
def test_a11_a_forged_signature_is_refused(unionpay: UnionPay, words: Words, cause: str):
    assert rejection(unionpay, posted(words)) == (401, cause)


@pytest.mark.parametrize("method", ["11", "12", "00", "", "001", "０１"])
def test_a11_the_method_is_fixed_whatever_the_message_names(unionpay: UnionPay, method: str):
    whole = {**GENUINE, "signMethod": method}
    signed = {**whole, "signature": platforms.signature_of(whole)}

    assert rejection(unionpay, posted(signed)) == (401, "method")


def test_a11_an_older_version_with_its_weaker_hash_is_refused(unionpay: UnionPay):
    whole = {**GENUINE, "version": "5.0.0"}
    signed = {**whole, "signature": platforms.signature_of(whole)}

    assert rejection(unionpay, posted(signed)) == (401, "method")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost"},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-host": "gateway.test.95516.com"},
        {"x-debug": "1", "x-test": "true"},
    ],
)
def test_a13_no_header_keeps_a_forgery_from_being_seen(
    unionpay: UnionPay, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("DEBUG", "TESTING", "WUYEBOT_DEBUG", "WUYEBOT_SANDBOX"):
        monkeypatch.setenv(name, "1")
    forged = posted(sealed(paid_words(), owner="stranger"))

    assert rejection(unionpay, WebhookRequest(headers, forged.body)) == (401, "signature")


@pytest.mark.parametrize(
    "second",
    [
        "20260302",
        "2026030212000",
        "99999999999999",
        "2026030212000x",
        "２０260302120000",
        "-1",
        "0" * 5000,
    ],
)
def test_a14_an_instant_that_is_none_is_no_reason_to_break(unionpay: UnionPay, second: str):
    fact = unionpay.read_webhook(notice(txnTime=second, traceTime=second[:10]), now=NOW)

    assert isinstance(fact, PaymentFact)
    assert fact.paid_at is None


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=365)])
def test_a15_a_replay_is_the_same_event_and_no_second_one(unionpay: UnionPay, later: timedelta):
    first = unionpay.read_webhook(posted(GENUINE), now=NOW)
    again = unionpay.read_webhook(posted(GENUINE), now=NOW + later)

    assert isinstance(again, PaymentFact)
    assert first == again


def test_a18_a_field_that_stands_twice_is_refused(unionpay: UnionPay):
    body = posted(GENUINE).body

    for more in (b"&txnAmt=58000", b"&respCode=00", b"&signature=QUJD"):
        assert rejection(unionpay, WebhookRequest({}, body + more)) == (400, "malformed")


def test_a18_fields_that_we_do_not_know_are_passed_over(unionpay: UnionPay):
    request = notice(cardTransData="{a=1&b=2}", newIn2027="[x]", payType="0001")

    assert unionpay.read_webhook(request, now=NOW).state is PaymentState.PAID


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("01", PaymentState.FAILED),
        ("02", PaymentState.CLOSED),
        ("03", PaymentState.PENDING),
        ("05", PaymentState.PENDING),
        ("A6", PaymentState.UNKNOWN),
        ("Q7", PaymentState.UNKNOWN),
        ("99", PaymentState.UNKNOWN),
    ],
)
def test_a19_only_a_clean_00_is_paid_and_the_rest_is_asked_about(
    unionpay: UnionPay, code: str, state: PaymentState
):
    assert unionpay.read_webhook(notice(respCode=code), now=NOW).state is state


@pytest.mark.parametrize(
    "changes",
    [
        {"respCode": ""},
        {"respCode": "0"},
        {"respCode": "000"},
        {"respCode": "００"},
        {"txnType": ""},
        {"txnType": "00"},
        {"txnType": "76"},
        {"txnAmt": ""},
        {"txnAmt": "-1"},
        {"txnAmt": "5.8"},
        {"txnAmt": "1e2"},
        {"txnAmt": "５８０００"},
        {"txnAmt": "9" * 13},
        {"queryId": ""},
        {"queryId": "2026 0302"},
        {"order_no": "W-260302"},
        {"order_no": "W" * 33},
        {"merId": ""},
        {"merId": "7772\n9005"},
    ],
)
def test_a19_a_proven_notice_without_its_shape_is_refused(unionpay: UnionPay, changes: Any):
    assert rejection(unionpay, notice(**changes)) == (400, "malformed")


@pytest.mark.parametrize(
    "body",
    [
        b"&",
        b"a",
        b"{}",
        b"a=%ff",
        b"\xff\xfe=1",
        b"a=1;b=2&",
        b"=1",
        b"a b=1",
        b"&".join([b"a=1"] * 200),
    ],
)
def test_a20_what_is_no_form_is_refused(unionpay: UnionPay, body: bytes):
    assert rejection(unionpay, WebhookRequest({}, body)) == (400, "malformed")


def test_a20_a_plus_is_a_blank_as_forms_say_and_a_percent_is_decoded_once(unionpay: UnionPay):
    words = sealed(paid_words(respMsg="成功 [100%25]+ok"))
    body = urlencode(words).encode()
    assert b"+" in body

    assert unionpay.read_webhook(WebhookRequest({}, body), now=NOW).state is PaymentState.PAID
    twice = urlencode({key: urlencode({"": word})[1:] for key, word in words.items()}).encode()
    assert rejection(unionpay, WebhookRequest({}, twice))[0] == 401


def test_a20_an_unsigned_field_besides_is_refused(unionpay: UnionPay):
    assert rejection(unionpay, posted({**GENUINE, "extra": "1"})) == (401, "signature")


def test_a20_fields_merged_or_split_under_one_signature_are_refused(unionpay: UnionPay):
    merged = {**lost("accessType"), "accNo": f"{GENUINE['accNo']}&accessType=0"}
    assert platforms.signed_text(merged) == platforms.signed_text(GENUINE)
    whole = sealed(paid_words(respMsg="ok&respNote=1"))
    split = {**whole, "respMsg": "ok", "respNote": "1"}
    assert platforms.signed_text(split) == platforms.signed_text(whole)

    assert rejection(unionpay, posted(merged)) == (401, "signature")
    assert rejection(unionpay, posted(whole)) == (401, "signature")


def test_a_body_without_end_is_refused_before_it_is_read(unionpay: UnionPay):
    request = WebhookRequest({}, b"a=" + b"x" * 65_536)

    assert rejection(unionpay, request) == (413, "too_large")
