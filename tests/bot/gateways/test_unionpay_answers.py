"""What comes back over the wire is proven before it is read, or it says nothing."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import ClientSession, web

from bot.gateways.unionpay import Config, UnionPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import PaymentState
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.conftest import StandingClock
from tests.bot.gateways.unionpay_asks import ORDER_NO, REFUND_NO, paid, refund_ask
from tests.bot.gateways.unionpay_platform import NOW, Platform, Words, sealed

Spoil = Callable[[Words], Words]


def touched(words: Words) -> Words:
    return {**sealed(words), "txnAmt": "1"}


def unsigned(words: Words) -> Words:
    return {key: word for key, word in sealed(words).items() if key != "signature"}


def without_certificate(words: Words) -> Words:
    whole = {key: word for key, word in sealed(words).items() if key != "signPubKeyCert"}
    return {**whole, "signature": platforms.signature_of(whole)}


def by_a_stranger(words: Words) -> Words:
    return sealed(words, owner="stranger")


def by_the_merchant_itself(words: Words) -> Words:
    return sealed(words, owner="merchant", proof=platforms.pem(platforms.merchant()))


def of_an_older_version(words: Words) -> Words:
    whole = {**sealed(words), "version": "5.0.0"}
    return {**whole, "signature": platforms.signature_of(whole)}


def with_another_method(words: Words) -> Words:
    whole = {**sealed(words), "signMethod": "11"}
    return {**whole, "signature": platforms.signature_of(whole)}


def about_another_order(words: Words) -> Words:
    return sealed({**words, "orderId": "W2603029999"})


def about_another_instant(words: Words) -> Words:
    return sealed({**words, "txnTime": "20260302120001"})


def of_another_merchant(words: Words) -> Words:
    return sealed({**words, "merId": "777290058110097"})


def about_nothing(words: Words) -> Words:
    return sealed({key: word for key, word in words.items() if key != "orderId"})


def with_a_field_hidden(words: Words) -> Words:
    """Signed as they were, but one field stands inside another's value."""
    whole = sealed(words)
    order_id = whole.pop("orderId")
    return {**whole, "merId": f"{whole['merId']}&orderId={order_id}"}


SPOILS: tuple[Spoil, ...] = (
    touched,
    unsigned,
    without_certificate,
    by_a_stranger,
    by_the_merchant_itself,
    of_an_older_version,
    with_another_method,
    about_another_order,
    about_another_instant,
    of_another_merchant,
    about_nothing,
)


@pytest.mark.parametrize("spoil", SPOILS)
async def test_an_answer_that_is_not_proven_leaves_everything_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, spoil: Spoil
):
    number = await paid(unionpay, unionpay_platform)
    unionpay_platform.seal = spoil

    with pytest.raises(GatewayUnavailable):
        await unionpay.query(ORDER_NO, NOW)
    with pytest.raises(GatewayUnavailable):
        await unionpay.refund(refund_ask(number))
    with pytest.raises(GatewayUnavailable):
        await unionpay.query_refund(REFUND_NO, ORDER_NO, NOW)


async def test_the_same_answers_are_believed_when_nothing_is_spoilt(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)

    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PAID


def text(body: str, status: int = 200) -> web.Response:
    return web.Response(text=body, status=status)


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(lambda: text(""), id="empty"),
        pytest.param(lambda: text("<html>503</html>"), id="html"),
        pytest.param(lambda: text("respCode=00&respCode=00"), id="twice"),
        pytest.param(lambda: text("respCode"), id="no value"),
        pytest.param(lambda: text("=00"), id="no name"),
        pytest.param(lambda: text("a" * 300_000), id="without end"),
        pytest.param(lambda: text("a=[[[[" * 20_000), id="nested"),
        pytest.param(lambda: web.Response(body=b"respCode=\xff\xfe"), id="no text"),
        pytest.param(lambda: text("respCode=00", 500), id="500"),
        pytest.param(lambda: text("respCode=00", 302), id="302"),
    ],
)
async def test_whatever_else_answers_leaves_everything_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, answered: Callable[[], web.Response]
):
    unionpay_platform.answer = lambda _: answered()

    with pytest.raises(GatewayUnavailable):
        await unionpay.query(ORDER_NO, NOW)


async def test_a_proven_answer_counts_only_as_a_whole_and_good_one(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)
    told = {"merId": platforms.MERCHANT, "orderId": ORDER_NO, "respCode": "34"}
    unionpay_platform.answer = lambda _: unionpay_platform.reply(told)
    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PENDING

    for status in (500, 404, 302, 201):
        bad = unionpay_platform.reply(told)
        bad.set_status(status)
        unionpay_platform.answer = lambda _, bad=bad: bad
        with pytest.raises(GatewayUnavailable, match=f"HTTP {status}"):
            await unionpay.query(ORDER_NO, NOW)
    long = {**told, "respMsg": "x" * 300_000}
    unionpay_platform.answer = lambda _: unionpay_platform.reply(long)
    with pytest.raises(GatewayUnavailable, match="without end"):
        await unionpay.query(ORDER_NO, NOW)


async def test_a_value_may_hold_signs_that_divide_fields(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)
    more = {
        "reserved": "{discount=1&more={inner=2}}",
        "respMsg": "查询成功[0000000]=ok",
        "payCardNo": "",
        "zeta": "open [ and } only",
    }
    unionpay_platform.seal = lambda words: sealed({**words, **more})

    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_an_empty_field_may_be_signed_or_left_out(
    unionpay: UnionPay, unionpay_platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    await paid(unionpay, unionpay_platform)
    unionpay_platform.seal = lambda words: sealed({**words, "payCardNo": ""})
    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PAID

    all_of_them = lambda words: "&".join(  # noqa: E731
        f"{key}={word}" for key, word in sorted(words.items()) if key != "signature"
    ).encode()
    monkeypatch.setattr(platforms, "is_signed_by_merchant", lambda _: True)
    monkeypatch.setattr(platforms, "signed_text", all_of_them)
    assert (await unionpay.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_a_field_hidden_in_another_is_not_read_and_not_believed(
    unionpay: UnionPay, unionpay_platform: Platform
):
    await paid(unionpay, unionpay_platform)
    unionpay_platform.seal = lambda words: {
        **with_a_field_hidden(words),
        "orderId": words["orderId"],
    }

    with pytest.raises(GatewayUnavailable):
        await unionpay.query(ORDER_NO, NOW)


async def test_a_platform_that_does_not_answer_in_time_is_unavailable(
    unionpay_platform: Platform,
    unionpay_settings: dict[str, object],
    unionpay: UnionPay,
    clock: StandingClock,
):
    unionpay_platform.is_hanging = True
    url = unionpay._config.base_url
    config = Config(**unionpay_settings, base_url=url, timeout_seconds=0.05)  # type: ignore[arg-type]
    async with ClientSession() as session:
        with pytest.raises(GatewayUnavailable, match="TimeoutError"):
            await UnionPay(config, session, now=clock.now).query(ORDER_NO, NOW)
    await asyncio.sleep(0)


async def test_a_canary_in_an_answer_is_not_carried_into_the_trouble(
    unionpay: UnionPay, unionpay_platform: Platform
):
    unionpay_platform.answer = lambda _: unionpay_platform.reply(
        {"respCode": "99", "accNo": "6222000000000000", "respMsg": "通用错误\n[99]"}
    )

    with pytest.raises(GatewayUnavailable) as trouble:
        await unionpay.query(ORDER_NO, NOW)

    assert "6222" not in trouble.value.reason
    assert "\n" not in trouble.value.reason
