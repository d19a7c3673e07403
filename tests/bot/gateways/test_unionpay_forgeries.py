"""Many forgeries, and anything at all: what is not proven is refused, and nothing breaks."""

import base64
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.gateways.unionpay import UnionPay
from storage.ports.payments import WebhookRejected, WebhookRequest
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.unionpay_asks import rejection
from tests.bot.gateways.unionpay_platform import (
    NOW,
    SIGNER,
    Words,
    certificate,
    paid_words,
    pem,
    posted,
    sealed,
)

GENUINE = sealed(paid_words())
SAID = sorted(set(GENUINE) - {"signature", "signPubKeyCert", "version", "signMethod"})


def flipped(raw_bytes: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw_bytes))
    bit = bytes([raw_bytes[at] ^ (1 << chance.randrange(8))])
    return raw_bytes[:at] + bit + raw_bytes[at + 1 :]


def another_word(chance: random.Random) -> Words:
    return {**GENUINE, chance.choice(SAID): str(chance.randrange(10**12))}


def a_lost_word(chance: random.Random) -> Words:
    lost = chance.choice(SAID)
    return {key: word for key, word in GENUINE.items() if key != lost}


def two_words_exchanged(chance: random.Random) -> Words:
    first, second = chance.sample([key for key in SAID if GENUINE[key] not in ("01", "58000")], 2)
    return {**GENUINE, first: GENUINE[second], second: GENUINE[first] + "0"}


def one_word_more(chance: random.Random) -> Words:
    return {**GENUINE, f"more{chance.randrange(10**6)}": "1"}


def a_flipped_signature(chance: random.Random) -> Words:
    raw = flipped(base64.b64decode(GENUINE["signature"]), chance)
    return {**GENUINE, "signature": base64.b64encode(raw).decode()}


def a_random_signature(chance: random.Random) -> Words:
    length = chance.choice([0, 1, 128, 255, 256, 257, 512])
    return {**GENUINE, "signature": base64.b64encode(chance.randbytes(length)).decode()}


def a_flipped_certificate(chance: random.Random) -> Words:
    proof = GENUINE["signPubKeyCert"]
    body = flipped(base64.b64decode("".join(proof.splitlines()[1:-1])), chance)
    lines = ["-----BEGIN CERTIFICATE-----", base64.b64encode(body).decode()]
    return {**GENUINE, "signPubKeyCert": "\n".join([*lines, "-----END CERTIFICATE-----"])}


def a_strangers_own(chance: random.Random) -> Words:
    words = paid_words(txnAmt=str(chance.randint(1, 10**8)))
    issuer = chance.choice(["", "strange", "strange root"])
    return sealed(words, owner="stranger", proof=pem(certificate("stranger", SIGNER, issuer)))


def a_merchants_own(chance: random.Random) -> Words:
    words = paid_words(txnAmt=str(chance.randint(1, 10**8)))
    return sealed(words, owner="merchant", proof=pem(platforms.merchant()))


def a_split_moved(chance: random.Random) -> Words:
    keys = sorted(set(GENUINE) - {"signature"})
    at = chance.randrange(len(keys) - 1)
    first, second = keys[at], keys[at + 1]
    merged = {key: word for key, word in GENUINE.items() if key != second}
    return {**merged, first: f"{GENUINE[first]}&{second}={GENUINE[second]}"}


FORGERS: tuple[Callable[[random.Random], Words], ...] = (
    another_word,
    a_lost_word,
    two_words_exchanged,
    one_word_more,
    a_flipped_signature,
    a_random_signature,
    a_flipped_certificate,
    a_strangers_own,
    a_merchants_own,
    a_split_moved,
)


@pytest.mark.parametrize("forge", FORGERS)
def test_fifty_forgeries_of_each_of_ten_kinds_are_refused(
    unionpay: UnionPay, forge: Callable[[random.Random], Words]
):
    chance = random.Random(forge.__name__)

    statuses = {rejection(unionpay, posted(forge(chance)))[0] for _ in range(50)}

    assert statuses == {401}
    assert unionpay.read_webhook(posted(GENUINE), now=NOW)


anything = hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def outcome(gateway: UnionPay, request: WebhookRequest) -> int:
    """200 for a fact, else the rejection's status; anything else that comes out is a failure."""
    try:
        gateway.read_webhook(request, now=NOW)
    except WebhookRejected as rejected:
        return rejected.reply.status
    return 200


@anything
@given(headers=st.dictionaries(st.text(), st.text()), body=st.binary())
def test_whatever_strangers_send_only_a_rejection_comes_out(
    unionpay: UnionPay, headers: dict[str, str], body: bytes
):
    assert outcome(unionpay, WebhookRequest(headers, body)) in (400, 401)


@anything
@given(key=st.sampled_from(sorted(GENUINE)), word=st.text())
def test_whatever_one_word_is_changed_to_only_a_rejection_comes_out(
    unionpay: UnionPay, key: str, word: str
):
    changed = {**GENUINE, key: word.encode("utf-8", "replace").decode()}
    request = posted(changed)

    assert changed == GENUINE or outcome(unionpay, request) in (400, 401)


@anything
@given(key=st.sampled_from(SAID), word=st.text(max_size=40))
def test_whatever_the_platform_itself_says_is_a_fact_or_a_rejection(
    unionpay: UnionPay, key: str, word: str
):
    said = {**paid_words(), key: word.encode("utf-8", "replace").decode()}

    assert outcome(unionpay, posted(sealed(said))) in (200, 400, 401)
