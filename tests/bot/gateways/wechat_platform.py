"""A small WeChat Pay of the tests' own: its keys, its book, its signatures; shares no code."""

import asyncio
import base64
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from storage.ports.payments import WebhookRequest

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
API_V3_KEY = "k" * 32
MCHID = "1900000109"
APP_ID = "wxd678efh567hg6787"
KEY_ID = "PUB_KEY_ID_0119000001092026030200000000000001"
MERCHANT_SERIAL = "3775B6A45ACD588826D15E583A95F5DD0AB1C2D3"


@cache
def rsa_key(owner: str) -> rsa.RSAPrivateKey:
    """One key per owner and test run; making one is slow."""
    del owner
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate(owner: str) -> x509.Certificate:
    """A certificate of that owner's key, as the platform has several over the years."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])
    digest = hashlib.sha256(owner.encode()).digest()[:19]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key(owner).public_key())
        .serial_number(int.from_bytes(b"\x01" + digest[:18], "big"))
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1800))
        .sign(rsa_key(owner), hashes.SHA256())
    )


def serial_of(owner: str) -> str:
    return f"{certificate(owner).serial_number:040X}"


def pem_of(owner: str) -> bytes:
    return certificate(owner).public_bytes(serialization.Encoding.PEM)


def write_files(folder: Path) -> dict[str, Path]:
    """The three files that a merchant has: own key, platform's public key, platform's cert."""
    rsa_key("stranger")
    merchant = folder / "merchant.pem"
    merchant.write_bytes(
        rsa_key("merchant").private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = folder / "platform_public.pem"
    public.write_bytes(
        rsa_key("public")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    cert = folder / "platform_certificate.pem"
    cert.write_bytes(pem_of("platform"))
    return {"merchant": merchant, "public": public, "certificate": cert}


def signed(
    body: bytes,
    *,
    key: str = "public",
    serial: str = KEY_ID,
    at: datetime = NOW,
    nonce: str = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
) -> dict[str, str]:
    """The platform's five headers over a body, names in lower case."""
    stamp = str(int(at.timestamp()))
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signature = rsa_key(key).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "wechatpay-timestamp": stamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature": base64.b64encode(signature).decode(),
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
    }


def boxed(plain: bytes, *, associated: str = "transaction", nonce: str = "katvtHDDPxkw") -> dict:
    cipher = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "associated_data": associated,
        "nonce": nonce,
        "original_type": associated,
        "ciphertext": base64.b64encode(cipher).decode(),
    }


def notice(
    content: dict[str, Any] | bytes,
    *,
    event_type: str = "TRANSACTION.SUCCESS",
    event_id: str = "EV-2018022511223320873",
    at: datetime = NOW,
) -> WebhookRequest:
    """A notification exactly as the platform would send it, around any content."""
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = "refund" if event_type.startswith("REFUND") else "transaction"
    body = json.dumps(
        {
            "id": event_id,
            "create_time": at.isoformat(),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功",
            "resource": boxed(plain, associated=kind),
        },
        ensure_ascii=False,
    ).encode()
    return WebhookRequest(headers=signed(body, at=at), body=body)


def transaction(order_no: str = "P202603020001", **changes: Any) -> dict[str, Any]:
    """What the platform says about a paid order."""
    return {
        "mchid": MCHID,
        "appid": APP_ID,
        "out_trade_no": order_no,
        "transaction_id": "4200000001202603021234567890",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "bank_type": "CMC",
        "success_time": "2026-03-02T11:59:30+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {
            "total": 58000,
            "payer_total": 58000,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
        **changes,
    }


def refund_notice_words(**changes: Any) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "out_trade_no": "P202603020001",
        "transaction_id": "4200000001202603021234567890",
        "out_refund_no": "R202603020001",
        "refund_id": "50000000382026030200000000001",
        "refund_status": "SUCCESS",
        "success_time": "2026-03-02T12:00:00+08:00",
        "user_received_account": "招商银行信用卡0403",
        "amount": {"total": 58000, "refund": 58000, "payer_total": 58000, "payer_refund": 58000},
        **changes,
    }


@dataclass
class Call:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, dict[str, Any] | None]


@dataclass
class Platform:
    """The platform: answers, signs, and keeps its own book."""

    now: Callable[[], datetime]
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    balance_fen: int = 10**9
    signs_as: tuple[str, str] = ("public", KEY_ID)
    listed: tuple[str, ...] = ("platform",)
    loses_answers: bool = False
    is_hanging: bool = False
    answer: Callable[[Call], web.Response] | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        call = Call(
            request.method,
            request.raw_path,
            {key.lower(): value for key, value in request.headers.items()},
            await request.read(),
        )
        self.calls.append(call)
        if self.answer is not None:
            return self.answer(call)
        if not self._is_signed_by_merchant(call):
            return self.reply(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        status, words = self._work(call)
        if self.is_hanging:
            await asyncio.sleep(30)
        if self.loses_answers and request.transport is not None:
            request.transport.abort()
        return self.reply(status, words)

    def reply(self, status: int, words: dict[str, Any] | None) -> web.Response:
        body = b"" if words is None else json.dumps(words, ensure_ascii=False).encode()
        key, serial = self.signs_as
        headers = signed(body, key=key, serial=serial, at=self.now())
        if words is not None:
            headers["content-type"] = "application/json"
        return web.Response(status=status, body=body, headers=headers)

    def _is_signed_by_merchant(self, call: Call) -> bool:
        scheme, _, rest = call.headers["authorization"].partition(" ")
        parts = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        lines = [call.method, call.path, parts["timestamp"], parts["nonce_str"]]
        message = "".join(f"{line}\n" for line in lines).encode() + call.body + b"\n"
        try:
            rsa_key("merchant").public_key().verify(
                base64.b64decode(parts["signature"]), message, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        is_now = abs(int(parts["timestamp"]) - self.now().timestamp()) < 300
        names = (scheme, parts["mchid"], parts["serial_no"])
        return is_now and names == ("WECHATPAY2-SHA256-RSA2048", MCHID, MERCHANT_SERIAL)

    def _work(self, call: Call) -> Reply:
        path, _, query = call.path.partition("?")
        if path == "/v3/certificates":
            return 200, {"data": [self._listed(owner) for owner in self.listed]}
        if path == "/v3/refund/domestic/refunds":
            return self._refund(call.content)
        if path.startswith("/v3/refund/domestic/refunds/"):
            refund = self.refunds.get(path.rsplit("/", 1)[1])
            missing = {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}
            return (200, refund) if refund else (404, missing)
        if path.endswith("/close"):
            return self._close(path.rsplit("/", 2)[1])
        if "/out-trade-no/" in path:
            return self._query(path.rsplit("/", 1)[1], query)
        return self._create(path.rsplit("/", 1)[1], call.content)

    def _listed(self, owner: str) -> dict[str, Any]:
        return {
            "serial_no": serial_of(owner),
            "encrypt_certificate": boxed(
                pem_of(owner), associated="certificate", nonce=os.urandom(6).hex()
            ),
        }

    def _create(self, kind: str, asked: dict[str, Any]) -> Reply:
        known = self.orders.get(asked["out_trade_no"])
        if known and known["state"] == "SUCCESS":
            return 400, {"code": "INVALID_REQUEST", "message": "该订单已支付"}
        if known and known["state"] == "CLOSED":
            return 400, {"code": "ORDER_CLOSED", "message": "订单已关闭"}
        if known and known["asked"] != asked:
            message = "请求重入时，参数与首次请求时不一致"
            return 400, {"code": "INVALID_REQUEST", "message": message}
        if known is None:
            self.orders[asked["out_trade_no"]] = {"asked": asked, "state": "NOTPAY"}
        answers = {
            "jsapi": {"prepay_id": "wx201410272009395522657a690389285100"},
            "h5": {"h5_url": "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=1"},
            "native": {"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"},
        }
        return 200, answers[kind]

    def _query(self, order_no: str, query: str) -> Reply:
        known = self.orders.get(order_no)
        if query != f"mchid={MCHID}" or known is None:
            return 404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}
        return 200, self.said_of(order_no)

    def said_of(self, order_no: str) -> dict[str, Any]:
        order = self.orders[order_no]
        total = order["asked"]["amount"]["total"]
        if order["state"] == "SUCCESS":
            return transaction(order_no, amount={"total": total, "currency": "CNY"})
        return {
            "mchid": MCHID,
            "appid": APP_ID,
            "out_trade_no": order_no,
            "trade_state": order["state"],
            "trade_state_desc": "-",
            "amount": {"total": total},
        }

    def _close(self, order_no: str) -> Reply:
        known = self.orders.setdefault(order_no, {"asked": {}, "state": "CLOSED"})
        if known["state"] == "SUCCESS":
            return 400, {"code": "TRADE_ERROR", "message": "订单已支付"}
        known["state"] = "CLOSED"
        return 204, None

    def pay(self, order_no: str) -> None:
        self.orders[order_no]["state"] = "SUCCESS"

    def _refund(self, asked: dict[str, Any]) -> Reply:
        order = self.orders.get(asked["out_trade_no"])
        known = self.refunds.get(asked["out_refund_no"])
        if order is None or order["state"] != "SUCCESS":
            return 404, {"code": "RESOURCE_NOT_EXISTS", "message": "订单不存在"}
        amount = asked["amount"]
        if known:
            is_same = known["amount"]["refund"] == amount["refund"]
            refusal = {"code": "INVALID_REQUEST", "message": "退款单号已使用，金额不一致"}
            return (200, known) if is_same else (400, refusal)
        given = sum(refund["amount"]["refund"] for refund in self.refunds.values())
        if given + amount["refund"] > order["asked"]["amount"]["total"]:
            return 400, {"code": "INVALID_REQUEST", "message": "申请退款金额大于可退金额"}
        if amount["refund"] > self.balance_fen:
            return 403, {"code": "NOT_ENOUGH", "message": "基本账户余额不足"}
        self.refunds[asked["out_refund_no"]] = {
            "refund_id": f"5000000038{len(self.refunds):019d}",
            "out_refund_no": asked["out_refund_no"],
            "out_trade_no": asked["out_trade_no"],
            "status": "PROCESSING",
            "create_time": self.now().astimezone(timezone(timedelta(hours=8))).isoformat(),
            "amount": {**amount, "payer_total": amount["total"], "payer_refund": amount["refund"]},
        }
        return 200, self.refunds[asked["out_refund_no"]]
