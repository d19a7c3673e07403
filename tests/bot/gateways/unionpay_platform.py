"""A small UnionPay of the tests' own: certificates, a book, signatures; shares no code."""

import asyncio
import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from storage.ports.payments import WebhookRequest

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in Shanghai."""
BEIJING = timezone(timedelta(hours=8))
MERCHANT = "777290058110048"
PASSWORD = "000000"
NAME = "00040000:SIGN"
SIGNER = f"041@Z2026-3-1@{NAME}@00000001"

Words = dict[str, str]


@cache
def rsa_key(owner: str) -> rsa.RSAPrivateKey:
    """One key per owner and test run; making one is slow."""
    bits = 1024 if owner == "weak" else 2048
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def certificate(
    owner: str,
    common_name: str,
    issuer: str = "",
    *,
    begins_at: datetime = NOW - timedelta(days=30),
    ends_at: datetime = NOW + timedelta(days=1800),
) -> x509.Certificate:
    """The owner's certificate, issued by root, by middle, by anybody, or ("") by itself."""
    names = {
        "root": "CFCA TEST ROOT",
        "middle": "CFCA TEST OCA1",
        "strange": "CFCA TEST OCA1",
        "strange root": "CFCA TEST ROOT",
    }
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[issuer])]) if issuer else None
    is_authority = x509.BasicConstraints(ca=owner in names, path_length=None)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above or subject)
        .public_key(rsa_key(owner).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(owner.encode()).digest()[:5], "big") + 1)
        .not_valid_before(begins_at)
        .not_valid_after(ends_at)
        .add_extension(is_authority, critical=True)
        .sign(rsa_key(issuer or owner), hashes.SHA256())
    )


def root() -> x509.Certificate:
    return certificate("root", "CFCA TEST ROOT")


def middle() -> x509.Certificate:
    return certificate("middle", "CFCA TEST OCA1", "root")


def signer() -> x509.Certificate:
    return certificate("unionpay", SIGNER, "middle")


def merchant() -> x509.Certificate:
    return certificate("merchant", "merchant", "middle")


def pem(*chosen: x509.Certificate) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chosen)


def key_pem(owner: str) -> bytes:
    return rsa_key(owner).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_files(folder: Path) -> dict[str, Path]:
    """What a merchant is given: its own .pfx, and the certificates that prove the platform."""
    secret = serialization.BestAvailableEncryption(PASSWORD.encode())
    pfx = pkcs12.serialize_key_and_certificates(
        b"merchant", rsa_key("merchant"), merchant(), None, secret
    )
    contents = {
        "pfx": pfx,
        "certificate": pem(merchant()).encode(),
        "key": key_pem("merchant"),
        "root": pem(root()).encode(),
        "middle": pem(middle()).encode(),
    }
    files = {name: folder / f"{name}.pem" for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    return files


def signed_text(words: Mapping[str, str]) -> bytes:
    chosen = sorted((key, word) for key, word in words.items() if key != "signature" and word)
    return "&".join(f"{key}={word}" for key, word in chosen).encode()


def signature_of(words: Mapping[str, str], owner: str = "unionpay") -> str:
    hexed = hashlib.sha256(signed_text(words)).hexdigest().encode()
    return base64.b64encode(
        rsa_key(owner).sign(hexed, padding.PKCS1v15(), hashes.SHA256())
    ).decode()


def sealed(words: Words, *, owner: str = "unionpay", proof: str | None = None) -> Words:
    """The words with the platform's certificate and signature."""
    whole = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        **words,
        "signPubKeyCert": pem(signer()) if proof is None else proof,
    }
    return {**whole, "signature": signature_of(whole, owner)}


def posted(words: Mapping[str, str]) -> WebhookRequest:
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    return WebhookRequest(headers, urlencode(words).encode())


def stamp(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")


def paid_words(order_no: str = "W2603020001", **changes: str) -> Words:
    """What the platform says about a paid order."""
    return {
        "txnType": "01",
        "txnSubType": "01",
        "bizType": "000201",
        "accessType": "0",
        "merId": MERCHANT,
        "orderId": order_no,
        "txnTime": stamp(NOW),
        "txnAmt": "58000",
        "currencyCode": "156",
        "queryId": "202603021200003456788",
        "traceNo": "345678",
        "traceTime": "0302115930",
        "settleDate": "0302",
        "settleAmt": "58000",
        "settleCurrencyCode": "156",
        "accNo": "6226********0048",
        "respCode": "00",
        "respMsg": "成功[0000000]",
        **changes,
    }


def refunded_words(refund_no: str = "T260302000001", **changes: str) -> Words:
    return paid_words(
        refund_no,
        **{
            "txnType": "04",
            "txnSubType": "00",
            "queryId": "202603021300001112228",
            "origQryId": "202603021200003456788",
            "reqReserved": "W2603020001",
            **changes,
        },
    )


@dataclass
class Call:
    """One request as it came over the wire."""

    path: str
    words: Words


@dataclass
class Trade:
    """One line of the platform's own book."""

    asked: Words
    query_id: str
    resp_code: str
    traced_at: datetime

    @property
    def fen(self) -> int:
        return int(self.asked["txnAmt"])


@dataclass
class Platform:
    """The platform: answers, signs, and keeps its own book."""

    now: Callable[[], datetime]
    orders: dict[str, Words] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    balance_fen: int = 10**9
    refund_code: str = "05"
    undoes: bool = True
    file: bytes | None = None
    loses_answers: bool = False
    is_hanging: bool = False
    answer: Callable[[Call], web.Response] | None = None
    seal: Callable[[Words], Words] = sealed

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**20)
        app.router.add_route("POST", "/{tail:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        words = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        call = Call(request.path, words)
        self.calls.append(call)
        if self.answer is not None:
            return self.answer(call)
        said = self._work(call) if is_signed_by_merchant(words) else {"respCode": "11"}
        if self.is_hanging:
            await asyncio.sleep(30)
        if self.loses_answers and request.transport is not None:
            request.transport.abort()
        return self.reply({**_echo(words), **said})

    def reply(self, words: Words) -> web.Response:
        text = "&".join(f"{key}={word}" for key, word in self.seal(words).items())
        return web.Response(body=text.encode(), content_type="text/plain", charset="utf-8")

    def _work(self, call: Call) -> Words:
        words = call.words
        if call.path == "/gateway/api/queryTrans.do":
            return self._told(words["orderId"], words["txnTime"])
        if call.path == "/gateway/api/backTransReq.do":
            return self._give_back(words)
        if self.file is None:
            return {"respCode": "98", "respMsg": "文件不存在[9800000]"}
        content = base64.b64encode(zlib.compress(self.file)).decode()
        return {"respCode": "00", "fileName": "any.zip", "fileContent": content}

    def arrive(self, words: Words) -> str:
        """A browser posts a form to the cashier: "" where it opens, else the code of the page."""
        if not is_signed_by_merchant(words):
            return "11"
        known = self.orders.get(words["orderId"])
        if words["orderId"] in self.trades or (known is not None and known != words):
            return "12"
        self.orders[words["orderId"]] = words
        return ""

    def pay(self, order_no: str, code: str = "00") -> None:
        at = self.now()
        query_id = f"{stamp(at)}{len(self.trades):06d}8"
        self.trades[order_no] = Trade(self.orders[order_no], query_id, code, at)

    def _told(self, number: str, txn_time: str) -> Words:
        trade = self.trades.get(number)
        if trade is None or trade.asked["txnTime"] != txn_time:
            return {"respCode": "34", "respMsg": "查无此交易[2600000]"}
        orig = {"origRespCode": trade.resp_code, "origRespMsg": "-"}
        return {"respCode": "00", "respMsg": "成功[0000000]", **orig, **self.said_of(number)}

    def said_of(self, number: str) -> Words:
        trade = self.trades[number]
        return {
            "orderId": number,
            "txnTime": trade.asked["txnTime"],
            "txnAmt": trade.asked["txnAmt"],
            "currencyCode": "156",
            "queryId": trade.query_id,
            "traceTime": stamp(trade.traced_at)[4:],
            "settleDate": stamp(trade.traced_at)[4:8],
        }

    def notice(self, number: str) -> WebhookRequest:
        asked = self.trades[number].asked
        echoed = {key: asked[key] for key in ("txnType", "txnSubType", "bizType", "merId")}
        words = {**echoed, **self.said_of(number), "respCode": self.trades[number].resp_code}
        return posted(self.seal(words))

    def given_back(self) -> dict[str, int]:
        kinds = ("04", "31")
        return {no: one.fen for no, one in self.trades.items() if one.asked["txnType"] in kinds}

    def _give_back(self, words: Words) -> Words:
        if words["orderId"] in self.trades:
            return {"respCode": "12", "respMsg": "重复交易[1200000]"}
        found = [one for one in self.trades.values() if one.query_id == words.get("origQryId")]
        if not found:
            return {"respCode": "35", "respMsg": "原交易不存在[3500000]"}
        paid, is_undo = found[0], words["txnType"] == "31"
        back = [one for one in self.trades.values() if one.asked.get("origQryId") == paid.query_id]
        rest_fen = paid.fen - sum(one.fen for one in back)
        wanted_fen = int(words["txnAmt"])
        if wanted_fen > rest_fen or (is_undo and (not self.undoes or wanted_fen != paid.fen)):
            return {"respCode": "36", "respMsg": "与原交易信息不符[3600000]"}
        if wanted_fen > self.balance_fen:
            return {"respCode": "64", "respMsg": "商户余额不足[6400000]"}
        query_id = f"{stamp(self.now())}{len(self.trades):06d}9"
        code = "00" if is_undo else self.refund_code
        self.trades[words["orderId"]] = Trade(words, query_id, code, self.now())
        return {"respCode": "00", "respMsg": "成功[0000000]", "queryId": query_id}


def _echo(words: Words) -> Words:
    kept = ("txnType", "txnSubType", "bizType", "accessType", "merId", "orderId", "txnTime")
    return {key: words[key] for key in (*kept, "settleDate") if key in words}


def is_signed_by_merchant(words: Words) -> bool:
    hexed = hashlib.sha256(signed_text(words)).hexdigest().encode()
    try:
        rsa_key("merchant").public_key().verify(
            base64.b64decode(words["signature"]), hexed, padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    named = (words["merId"], words["certId"], words["version"], words["signMethod"])
    return named == (MERCHANT, str(merchant().serial_number), "5.1.0", "01")
