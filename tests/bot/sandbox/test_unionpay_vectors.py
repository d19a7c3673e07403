"""UnionPay's messages and files against what others published; WUYEBOT_VECTORS names the folder."""

import base64
import io
import json
import os
import re
import subprocess
import zipfile
import zlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from bot.sandbox import pay_codec, unionpay_codec
from bot.sandbox.unionpay_layout import LENGTHS, NAMES, Sums, summary, zm_line
from tests.bot.sandbox.unionpay_client import Verifier, hashed, split_text


def published() -> list[dict[str, Any]]:
    folder = os.environ.get("WUYEBOT_VECTORS")
    if not folder:
        return []
    found = []
    for path in sorted(Path(folder).glob("pay_*.json")):
        vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
        found += [one | {"file": path.name} for one in vectors]
    return found


def is_signed_message(vector: dict[str, Any]) -> bool:
    """One of UnionPay's own messages, with its certificate in it."""
    fields = vector.get("params") or vector.get("fields") or {}
    return isinstance(fields, dict) and {"signPubKeyCert", "signature"} <= set(fields)


def vectors(*kinds: str, chosen: Any = None) -> Any:
    wanted = chosen or (lambda vector: vector.get("type") in kinds)
    cases = [pytest.param(one, id=one["id"]) for one in published() if wanted(one)]
    skipped = pytest.param(
        None, marks=pytest.mark.skip(reason="WUYEBOT_VECTORS names no folder with such vectors")
    )
    return pytest.mark.parametrize("vector", cases or [skipped])


def key_of(vector: dict[str, Any]) -> rsa.RSAPrivateKey:
    source = next(one for one in published() if len(one.get("pfx_b64", "")) > 100)
    password = source["pfx_password"].encode()
    key = pkcs12.load_key_and_certificates(base64.b64decode(source["pfx_b64"]), password)[0]
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@vectors(chosen=lambda one: one["id"] == "unionpay-sign01-5.1.0")
def test_a_published_signature_is_ours_and_the_tests_own(vector: dict[str, Any]) -> None:
    fields, key = vector["params"], key_of(vector)

    made = pay_codec.signed(key, unionpay_codec.digest(fields))

    assert made == vector["signature_b64"]
    assert hashed(fields).encode() == unionpay_codec.digest(fields)
    signed = fields | {"signature": vector["signature_b64"]}
    assert unionpay_codec.is_signed(key.public_key(), signed)
    assert not unionpay_codec.is_signed(key.public_key(), signed | {"transType": "02"})


@vectors(chosen=is_signed_message)
def test_a_message_of_unionpay_itself_is_believed(vector: dict[str, Any], tmp_path: Path) -> None:
    fields = vector.get("params") or vector["fields"]
    verifier = Verifier({}, tmp_path)

    assert verifier.is_signed(fields, fields["signPubKeyCert"].encode())
    assert not verifier.is_signed(fields | {"txnAmt": "9"}, fields["signPubKeyCert"].encode())


@vectors("unionpay-parse")
def test_a_published_reply_is_read_and_written_again(vector: dict[str, Any]) -> None:
    fields = split_text(vector["string"])

    assert vector["params"].items() <= fields.items()
    assert unionpay_codec.answer_text(fields) == vector["string"]


def test_brackets_hold_a_reply_together() -> None:
    text = "respCode=00&reqReserved={a=1&b=[2&3]}&signature=AA=="

    assert split_text(text) == {
        "respCode": "00",
        "reqReserved": "{a=1&b=[2&3]}",
        "signature": "AA==",
    }


@vectors("unionpay-file")
def test_a_published_file_content_is_unpacked(vector: dict[str, Any]) -> None:
    raw = zlib.decompress(base64.b64decode(vector["file_content_b64_zlib"]))

    assert raw.decode() == vector["plaintext"]


@vectors("unionpay-bill-zip")
def test_our_layout_writes_the_published_statement_byte_for_byte(vector: dict[str, Any]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(vector["zip_b64"])))
    name, told = archive.namelist()
    rows = archive.read(name).split(b"\r\n")[:-1]
    cells = [cells_of(row) for row in rows]
    total = Sums(
        len(rows),
        amount_credit=sum(int(one["txnAmt"]) for one in cells),
        fee_debit=sum(int(one["merCharge"][1:]) for one in cells),
    )

    written = "".join(zm_line(one) for one in cells).encode("gbk")
    head = archive.read(told).decode("gbk")
    merchant, shop = re.findall(r"商户代码:(\w+)|商户名称:(\S+)", head)
    ours = summary(merchant[0], shop[1], date(2015, 9, 5), {"自助消费": total}, total)

    assert written == archive.read(name)
    assert ours.encode("gbk") == archive.read(told)
    sums = (total.count, total.amount_credit, total.fee_debit, total.cells[-1])
    expected = ("zm_rows", "zm_total_fen", "zm_fee_fen", "zm_net_fen")
    assert sums == tuple(vector[name] for name in expected)


def cells_of(row: bytes) -> dict[str, str]:
    cells, place = {}, 0
    for name, width in zip(NAMES, LENGTHS, strict=True):
        cells[name] = row[place : place + width].decode("gbk").rstrip()
        place += width + 1
    return cells


@vectors(chosen=lambda one: one["id"] == "unionpay-cert-verify_test.cer")
def test_the_published_chain_is_a_chain_to_the_tests_verifier(
    vector: dict[str, Any], tmp_path: Path
) -> None:
    if subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the openssl program is not installed")
    facts = {}
    for part in ("root", "middle"):
        name = f"unionpay-cert-acp_test_{part}.cer"
        pem = next(one["certificate_pem"] for one in published() if one["id"] == name)
        facts[f"{part}_certificate_file"] = str(tmp_path / part)
        (tmp_path / part).write_text(pem)
    verifier = Verifier(facts, tmp_path)
    pem = vector["certificate_pem"].encode()
    in_time, too_late = (int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) for year in (2018, 2021))

    assert verifier.is_chained(pem, in_time)
    assert not verifier.is_chained(pem, too_late)
    subject = x509.load_pem_x509_certificate(pem).subject.rfc4514_string()
    assert "@00040000:SIGN@" in subject.replace("\\", "")
