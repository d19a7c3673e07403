"""Many forgeries, and anything at all: what is not proven is refused, and nothing breaks."""

import base64
import random
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.gateways.alipay import Alipay
from storage.ports.payments import WebhookRejected, WebhookRequest
from tests.bot.gateways.alipay_platform import NOW, form_of, joined, notice, sign, trade
from tests.bot.gateways.test_alipay_webhooks import GENUINE

FORM = dict(parse_qsl(GENUINE.body.decode()))
SIGNED = sorted(set(FORM) - {"sign", "sign_type"})


def posted(fields: dict[str, str]) -> WebhookRequest:
    return replace(GENUINE, body=urlencode(fields).encode())


def a_flipped_body(chance: random.Random) -> WebhookRequest:
    raw, at = GENUINE.body, chance.randrange(len(GENUINE.body))
    return replace(
        GENUINE, body=raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]
    )


def a_cut_body(chance: random.Random) -> WebhookRequest:
    return replace(GENUINE, body=GENUINE.body[: chance.randrange(len(GENUINE.body))])


def a_flipped_signature(chance: random.Random) -> WebhookRequest:
    raw = bytearray(base64.b64decode(FORM["sign"]))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return posted(FORM | {"sign": base64.b64encode(raw).decode()})


def a_random_signature(chance: random.Random) -> WebhookRequest:
    raw = chance.randbytes(chance.choice([0, 1, 128, 255, 256, 257, 512]))
    return posted(FORM | {"sign": base64.b64encode(raw).decode()})


def another_sum(chance: random.Random) -> WebhookRequest:
    fen = chance.choice([1, chance.randint(1, 57999), chance.randint(58001, 10**9)])
    return posted(FORM | {"total_amount": f"{fen // 100}.{fen % 100:02d}"})


def a_lost_field(chance: random.Random) -> WebhookRequest:
    lost = chance.choice([*SIGNED, "sign", "sign_type"])
    return posted({key: value for key, value in FORM.items() if key != lost})


def an_emptied_field(chance: random.Random) -> WebhookRequest:
    return posted(FORM | {chance.choice(SIGNED): ""})


def a_strangers_own(chance: random.Random) -> WebhookRequest:
    fen = chance.randint(1, 10**8)
    return form_of(trade(total_amount=f"{fen // 100}.{fen % 100:02d}"), owner="stranger")


def a_split_moved(chance: random.Random) -> WebhookRequest:
    """The same signed text, cut into other keys and values."""
    key = chance.choice(SIGNED[1:])
    before = SIGNED[SIGNED.index(key) - 1]
    fields = {name: value for name, value in FORM.items() if name != key}
    return posted(fields | {before: f"{FORM[before]}&{key}={FORM[key]}"})


def anothers_signature(chance: random.Random) -> WebhookRequest:
    other = trade(f"P20260302{chance.randrange(10**4):04d}9")
    return posted(FORM | {"sign": sign(joined(other))})


FORGERS: tuple[Callable[[random.Random], WebhookRequest], ...] = (
    a_flipped_body,
    a_cut_body,
    a_flipped_signature,
    a_random_signature,
    another_sum,
    a_lost_field,
    an_emptied_field,
    a_strangers_own,
    a_split_moved,
    anothers_signature,
)


def outcome(gateway: Alipay, request: WebhookRequest) -> int:
    """200 for a fact, else the rejection's status; anything else that comes out is a failure."""
    try:
        gateway.read_webhook(request, now=NOW)
    except WebhookRejected as rejected:
        return rejected.reply.status
    return 200


@pytest.mark.parametrize("forge", FORGERS)
def test_a11_fifty_forgeries_of_each_of_ten_kinds_are_refused(
    alipay: Alipay, forge: Callable[[random.Random], WebhookRequest]
):
    chance = random.Random(forge.__name__)
    genuine = alipay.read_webhook(GENUINE, now=NOW)

    forged = [forge(chance) for _ in range(50)]

    accepted = [one for one in forged if outcome(alipay, one) not in (400, 401)]
    assert accepted == []
    assert alipay.read_webhook(GENUINE, now=NOW) == genuine


anything = hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@anything
@given(body=st.binary())
def test_whatever_strangers_send_only_a_rejection_comes_out(alipay: Alipay, body: bytes):
    assert outcome(alipay, WebhookRequest({}, body)) in (400, 401)


@anything
@given(key=st.sampled_from([*FORM]), word=st.text())
def test_whatever_one_field_is_changed_to_only_a_rejection_comes_out(
    alipay: Alipay, key: str, word: str
):
    try:
        request = posted(FORM | {key: word})
    except UnicodeEncodeError:
        return

    if word != FORM[key]:
        expected = (200,) if key == "charset" and word.lower() == "utf8" else (400, 401)
        assert outcome(alipay, request) in expected


@anything
@given(key=st.sampled_from([*trade(), "gmt_refund", "out_biz_no", "refund_fee"]), word=st.text())
def test_whatever_the_platform_itself_says_is_a_fact_or_a_rejection(
    alipay: Alipay, key: str, word: str
):
    try:
        request = notice(**{key: word}) if key != "out_trade_no" else notice(word)
    except UnicodeEncodeError:
        return

    assert outcome(alipay, request) in (200, 400, 401)
