"""The adapter against vectors that others published; WUYEBOT_VECTORS names their folder."""

import base64
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bot.gateways import unionpay_certificates as certificates
from bot.gateways import unionpay_codec as codec
from bot.gateways import unionpay_statement as statement
from bot.gateways.unionpay_certificates import NotGenuine, Trust
from storage.ports.payments import LineKind, StatementBroken

WHILE_IT_LIVED = datetime(2019, 1, 1, tzinfo=UTC)
TEST_NAME = "00040000:SIGN"


def published() -> list[dict[str, Any]]:
    folder = os.environ.get("WUYEBOT_VECTORS")
    path = Path(folder) / "pay_unionpay_python.json" if folder else None
    if path is None or not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    return found


def vectors(kind: str, *names: str) -> Any:
    cases = [
        pytest.param(vector, id=vector["id"])
        for vector in published()
        if vector["type"] == kind and (not names or vector["id"] in names)
    ]
    skipped = pytest.param(
        None, marks=pytest.mark.skip(reason="WUYEBOT_VECTORS names no folder with such vectors")
    )
    return pytest.mark.parametrize("vector", cases or [skipped])


def chain() -> dict[str, x509.Certificate]:
    return {
        vector["id"].removeprefix("unionpay-cert-"): x509.load_pem_x509_certificate(
            vector["certificate_pem"].encode()
        )
        for vector in published()
        if vector["type"] == "certificate"
    }


def shown(vector: dict[str, Any]) -> dict[str, str]:
    said = {"version": "5.1.0", "signMethod": "01", "signature": "QUJD"}
    return {**said, "signPubKeyCert": vector["certificate_pem"]}


@vectors("unionpay-sign-01", "unionpay-sign01-5.1.0")
def test_a_published_signature_is_ours_with_the_published_pfx(
    vector: dict[str, Any], tmp_path: Path
):
    holder = next(one for one in published() if len(one.get("pfx_b64", "")) > 100)
    path = tmp_path / "acp_test_sign.pfx"
    path.write_bytes(base64.b64decode(holder["pfx_b64"]))

    signer = certificates.read_signer(path, vector["pfx_password"], None)

    asked = {key: word for key, word in vector["params"].items() if key != "certId"}
    signed = signer.signed(asked)
    assert signed["certId"] == vector["params"]["certId"]
    assert signed["signature"] == vector["signature_b64"]
    assert codec.verifies(signer.key.public_key(), signed)
    assert not codec.verifies(signer.key.public_key(), {**signed, "merId": "1"})


@vectors("unionpay-sign-01", "unionpay-sign01-5.0.0")
def test_a_published_signature_of_the_older_version_is_none(vector: dict[str, Any], tmp_path: Path):
    path = tmp_path / "acp_test_sign.pfx"
    path.write_bytes(base64.b64decode(vector["pfx_b64"]))
    signer = certificates.read_signer(path, vector["pfx_password"], None)
    said = {**vector["params"], "signature": vector["signature_b64"]}

    assert not codec.verifies(signer.key.public_key(), said)


@vectors("unionpay-parse")
def test_a_published_answer_is_read(vector: dict[str, Any]):
    words = codec.read_answer(vector["string"])

    assert vector["params"].items() <= words.items()
    assert len(words) == vector["string"].count("&") + 1


@vectors("unionpay-file")
def test_a_published_file_content_is_unpacked(vector: dict[str, Any]):
    content = vector["file_content_b64_zlib"]

    assert codec.unpack(content, limit_bytes=1024).decode() == vector["plaintext"]


@vectors("certificate", "unionpay-cert-verify_test.cer")
def test_the_published_certificate_counts_in_its_time_and_under_its_roots(vector: dict[str, Any]):
    known = chain()
    root, middle = known["acp_test_root.cer"], known["acp_test_middle.cer"]
    trust = Trust([root], [middle], TEST_NAME)

    for now, cause in (
        (WHILE_IT_LIVED, "signature"),
        (datetime(2020, 11, 2, tzinfo=UTC), "validity"),
        (datetime(2017, 10, 31, tzinfo=UTC), "validity"),
    ):
        with pytest.raises(NotGenuine) as refused:
            trust.prove(shown(vector), now=now)
        assert refused.value.cause == cause
    with pytest.raises(NotGenuine, match="name"):
        Trust([root], [middle], "中国银联股份有限公司").prove(shown(vector), now=WHILE_IT_LIVED)
    with pytest.raises(NotGenuine, match="chain"):
        Trust([root], [], TEST_NAME).prove(shown(vector), now=WHILE_IT_LIVED)


@vectors("unionpay-bill-zip")
def test_the_published_statement_is_read_to_its_own_sums(vector: dict[str, Any], tmp_path: Path):
    merchant, _, day = vector["filename"].removesuffix(".zip").partition("_")
    settled_on = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
    path = tmp_path / vector["filename"]
    path.write_bytes(base64.b64decode(vector["zip_b64"]))

    lines = list(statement.lines_of(path, settled_on, merchant))

    assert len(lines) == vector["zm_rows"]
    assert {line.kind for line in lines} == {LineKind.PAYMENT}
    amount_fen = sum(line.amount_fen for line in lines)
    fee_fen = sum(line.fee_fen for line in lines)
    assert (amount_fen, fee_fen) == (vector["zm_total_fen"], vector["zm_fee_fen"])
    assert amount_fen - fee_fen == vector["zm_net_fen"]
    assert {line.at.year for line in lines} == {2015}
    with pytest.raises(StatementBroken):
        list(statement.lines_of(path, date(2015, 9, 6), merchant))
    with pytest.raises(StatementBroken):
        list(statement.lines_of(path, settled_on, "777290058110048"))
