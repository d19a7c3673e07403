"""Our signatures and boxes against examples that other authors published."""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bot.gateways import wechat_pay_crypto as crypto
from bot.gateways.wechat_pay_facts import payment, read_json
from storage.ports.payments import PaymentState
from tests.bot.gateways.wechat_platform import rsa_key

FOLDER = os.environ.get("WUYEBOT_VECTORS", "")
needs_vectors = pytest.mark.skipif(not FOLDER, reason="WUYEBOT_VECTORS names no folder")


def vectors(kind: str) -> list[Any]:
    if not FOLDER:
        return [pytest.param({}, id="none")]
    found = []
    for path in sorted(Path(FOLDER).glob("pay_*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))["vectors"]
        found += [pytest.param(row, id=row["id"]) for row in rows if row.get("type") == kind]
    assert found, f"no vector of {kind} in {FOLDER}"
    return found


@needs_vectors
@pytest.mark.parametrize("vector", vectors("aead-aes-gcm"))
def test_published_boxes_open_to_their_published_words(vector: dict[str, str]):
    opened = crypto.decrypt(
        vector["key"].encode(),
        nonce=vector["nonce"],
        associated=vector["associated_data"],
        ciphertext=vector["ciphertext_b64"],
    )

    assert opened.decode() == vector["plaintext"]


@needs_vectors
def test_a_published_notice_reads_as_the_payment_it_tells():
    rows = [param.values[0] for param in vectors("aead-aes-gcm")]
    told = next(row for row in rows if row["associated_data"] == "transaction")

    fact = payment("wechat_pay", read_json(told["plaintext"].encode()), PaymentState.PAID)

    assert (fact.order_no, fact.amount_fen) == ("1217752501201407033233368018", 100)
    assert (fact.merchant_id, fact.payer_id) == ("1230000109", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")


def fields(header: str) -> tuple[str, set[tuple[str, str]]]:
    scheme, _, rest = header.partition(" ")
    return scheme, set(re.findall(r'(\w+)="([^"]*)"', rest))


@needs_vectors
@pytest.mark.parametrize("vector", vectors("authorization-header"))
def test_our_header_has_the_published_fields(vector: dict[str, str], monkeypatch: Any):
    monkeypatch.setattr(crypto, "sign", lambda *_: vector["signature"])
    signer = crypto.Signer(vector["mchid"], vector["serial_no"], rsa_key("merchant"))

    header = signer.authorize("GET", "/", b"", (int(vector["timestamp"]), vector["nonce_str"]))

    assert fields(header) == fields(vector["header"])


@needs_vectors
@pytest.mark.parametrize("vector", vectors("canonical-string"))
def test_what_we_sign_is_the_published_text(vector: dict[str, str]):
    signer = crypto.Signer("1900000109", "ABC", rsa_key("merchant"))
    stamp = (int(vector["timestamp"]), vector["nonce_str"])
    path, body = vector["url_path_query"], vector["body"].encode()

    header = signer.authorize(vector["method"], path, body, stamp)

    signature = base64.b64decode(dict(fields(header)[1])["signature"])
    rsa_key("merchant").public_key().verify(
        signature, vector["canonical"].encode(), padding.PKCS1v15(), hashes.SHA256()
    )


def test_the_signers_key_is_not_printed():
    signer = crypto.Signer("1900000109", "ABC", rsa_key("merchant"))

    assert repr(signer) == "Signer(mchid='1900000109', serial='ABC')"
