"""Many forgeries, and anything at all: what is not proven is refused, and nothing breaks."""

import base64
import dataclasses
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.gateways.wechat_pay import WechatPay
from storage.ports.payments import WebhookRejected, WebhookRequest
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.wechat_notices import GENUINE, STAMP, envelope, rejection, with_headers
from tests.bot.gateways.wechat_platform import NOW, notice, signed, transaction


def flipped(raw_bytes: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw_bytes))
    return (
        raw_bytes[:at] + bytes([raw_bytes[at] ^ (1 << chance.randrange(8))]) + raw_bytes[at + 1 :]
    )


def a_flipped_body(chance: random.Random) -> WebhookRequest:
    return WebhookRequest(GENUINE.headers, flipped(GENUINE.body, chance))


def a_cut_body(chance: random.Random) -> WebhookRequest:
    return WebhookRequest(GENUINE.headers, GENUINE.body[: chance.randrange(len(GENUINE.body))])


def a_flipped_signature(chance: random.Random) -> WebhookRequest:
    signature = flipped(base64.b64decode(GENUINE.headers["wechatpay-signature"]), chance)
    return with_headers(GENUINE, signature=base64.b64encode(signature).decode())


def a_random_signature(chance: random.Random) -> WebhookRequest:
    length = chance.choice([0, 1, 128, 255, 256, 257, 512])
    return with_headers(GENUINE, signature=base64.b64encode(chance.randbytes(length)).decode())


def another_moment(chance: random.Random) -> WebhookRequest:
    return with_headers(
        GENUINE, timestamp=str(STAMP + chance.choice([-1, 1]) * chance.randint(1, 900))
    )


def another_nonce(chance: random.Random) -> WebhookRequest:
    return with_headers(GENUINE, nonce=chance.randbytes(16).hex())


def a_lost_header(chance: random.Random) -> WebhookRequest:
    lost = chance.choice(["timestamp", "nonce", "serial", "signature"])
    return with_headers(GENUINE, **{lost: None})


def another_serial(chance: random.Random) -> WebhookRequest:
    known = platforms.serial_of("platform")
    return with_headers(GENUINE, serial=chance.choice([known, chance.randbytes(20).hex()]))


def a_strangers_own(chance: random.Random) -> WebhookRequest:
    words = transaction(amount={"total": chance.randint(1, 10**8), "currency": "CNY"})
    body = notice(words).body
    return WebhookRequest(signed(body, key="stranger"), body)


def a_split_moved(chance: random.Random) -> WebhookRequest:
    nonce, stamp = GENUINE.headers["wechatpay-nonce"], GENUINE.headers["wechatpay-timestamp"]
    cut = chance.randrange(1, len(stamp))
    return with_headers(GENUINE, timestamp=stamp[:cut], nonce=stamp[cut:] + "\n" + nonce)


FORGERS: tuple[Callable[[random.Random], WebhookRequest], ...] = (
    a_flipped_body,
    a_cut_body,
    a_flipped_signature,
    a_random_signature,
    another_moment,
    another_nonce,
    a_lost_header,
    another_serial,
    a_strangers_own,
    a_split_moved,
)


@pytest.mark.parametrize("forge", FORGERS)
def test_fifty_forgeries_of_each_of_ten_kinds_are_refused(
    gateway: WechatPay, forge: Callable[[random.Random], WebhookRequest]
):
    chance = random.Random(forge.__name__)

    statuses = {rejection(gateway, forge(chance))[0] for _ in range(50)}

    assert statuses == {401}
    assert gateway.read_webhook(GENUINE, now=NOW)


anything = hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
header_names = st.sampled_from([*GENUINE.headers, "host", "content-type"])
json_words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@anything
@given(headers=st.dictionaries(header_names, st.text()), body=st.binary())
def test_whatever_strangers_send_only_a_rejection_comes_out(
    gateway: WechatPay, headers: dict[str, str], body: bytes
):
    assert rejection(gateway, WebhookRequest(headers, body))[0] == 401


@anything
@given(name=st.sampled_from([*GENUINE.headers]), word=st.text())
def test_whatever_one_header_is_changed_to_only_a_rejection_comes_out(
    gateway: WechatPay, name: str, word: str
):
    request = dataclasses.replace(GENUINE, headers={**GENUINE.headers, name: word})

    if word != GENUINE.headers[name]:
        assert rejection(gateway, request)[0] == 401


def outcome(gateway: WechatPay, request: WebhookRequest) -> int:
    """200 for a fact, else the rejection's status; anything else that comes out is a failure."""
    try:
        gateway.read_webhook(request, now=NOW)
    except WebhookRejected as rejected:
        return rejected.reply.status
    return 200


@anything
@given(
    key=st.sampled_from([*json.loads(GENUINE.body), *transaction()]),
    word=json_words,
    is_outer=st.booleans(),
)
def test_whatever_the_platform_itself_says_is_a_fact_or_a_rejection(
    gateway: WechatPay, key: str, word: Any, is_outer: bool
):
    request = envelope(**{key: word}) if is_outer else notice(transaction(**{key: word}))

    assert outcome(gateway, request) in (200, 400)
