"""The codec against vectors that others published; WUYEBOT_VECTORS names their folder."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.channels.wechat_codec import BadCallback, Codec, sign
from tests.bot.channels.pushed import wrapped


def published(*patterns: str) -> list[dict[str, Any]]:
    folder = os.environ.get("WUYEBOT_VECTORS")
    if not folder:
        return []
    found = []
    for pattern in patterns:
        for path in sorted(Path(folder).glob(pattern)):
            document = json.loads(path.read_text(encoding="utf-8"))
            common = {k: v for k, v in document.items() if k != "vectors"}
            found += [common | vector | {"file": path.name} for vector in document["vectors"]]
    return found


def vectors(*kinds: str) -> Any:
    chosen = published("mp_*.json", "wecom*.json", "signatures_misc.json")
    cases = [pytest.param(v, id=f"{v['file']}-{v['kind']}") for v in chosen if v["kind"] in kinds]
    skipped = pytest.param(
        None, marks=pytest.mark.skip(reason="WUYEBOT_VECTORS names no folder with such vectors")
    )
    return pytest.mark.parametrize("vector", cases or [skipped])


def codec_of(vector: dict[str, Any], **more: Any) -> Codec:
    return Codec(vector["token"], vector["encoding_aes_key"], vector["receive_id"], **more)


def pushed_vector(vector: dict[str, Any]) -> tuple[dict[str, str], bytes, datetime]:
    names = ("timestamp", "nonce", "msg_signature")
    query = {name: vector[name] for name in names} | {"encrypt_type": "aes"}
    return query, wrapped(vector["encrypt"]), datetime.fromtimestamp(int(vector["timestamp"]), UTC)


@vectors("post_safe")
def test_a_published_push_is_opened(vector: dict[str, Any]):
    query, body, now = pushed_vector(vector)

    fields = codec_of(vector).open(query, body, now=now)

    assert vector["expect_fields"].items() <= fields.items()
    plaintext = codec_of(vector).decrypt(vector["encrypt"].encode())
    assert plaintext.decode() == vector["plaintext"]


@vectors("post_safe_bad_signature", "post_safe_wrong_appid")
def test_a_published_forgery_is_refused(vector: dict[str, Any]):
    query, body, now = pushed_vector(vector)

    with pytest.raises(BadCallback) as refused:
        codec_of(vector).open(query, body, now=now)
    assert refused.value.status == (401 if vector["expect_error"] == "signature" else 400)


@vectors("encrypt_fixed_random")
def test_a_published_encryption_is_ours_byte_for_byte(vector: dict[str, Any]):
    fixed = codec_of(vector, entropy=lambda _count: vector["random"].encode())

    assert fixed.encrypt(vector["plaintext"].encode()).decode() == vector["encrypt"]
    assert fixed.decrypt(vector["encrypt"].encode()).decode() == vector["plaintext"]


@vectors("url_verify_aes")
def test_a_published_echo_is_decrypted(vector: dict[str, Any]):
    parts = (vector["token"], vector["timestamp"], vector["nonce"], vector["echostr"])

    assert sign(*(part.encode() for part in parts)).decode() == vector["msg_signature"]
    echoed = codec_of(vector).verify_sealed_url(vector)
    assert echoed == vector["expect_body"].encode()
    assert codec_of(vector).verify_sealed_url(vector | {"nonce": "1"}) is None


@vectors("sha1_sorted_concat", "signature3", "signature3_bad", "signature4")
def test_a_published_signature_is_ours(vector: dict[str, Any]):
    named = [vector[k] for k in ("token", "timestamp", "nonce", "encrypt") if k in vector]
    parts = vector.get("parts") or named

    made = sign(*(part.encode() for part in parts)).decode()

    expected = vector.get("digest") or vector.get("signature") or vector["msg_signature"]
    assert (made == expected) is (vector["kind"] != "signature3_bad")
