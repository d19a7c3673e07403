"""Tiny clients of our own for the tests: a merchant, a bot that answers, an API caller."""

import base64
import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.sandbox.world import World


class Codec:
    """Safe mode as the bot's side does it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.token, self.appid = facts["token"], facts["appid"]
        self.original_id = facts["original_id"]
        key = base64.b64decode(facts["aes_key"] + "=")
        self.cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))

    def sign(self, *parts: str) -> str:
        return hashlib.sha1("".join(sorted((self.token, *parts))).encode()).hexdigest()

    def open(self, sealed: str) -> str:
        opener = self.cipher.decryptor()
        plain = opener.update(base64.b64decode(sealed)) + opener.finalize()
        plain = plain[: -plain[-1]]
        length = struct.unpack(">I", plain[16:20])[0]
        assert plain[20 + length :].decode() == self.appid
        return plain[20 : 20 + length].decode()

    def seal(self, text: str) -> str:
        body = text.encode()
        plain = os.urandom(16) + struct.pack(">I", len(body)) + body + self.appid.encode()
        pad = 32 - len(plain) % 32
        locker = self.cipher.encryptor()
        return base64.b64encode(
            locker.update(plain + bytes([pad]) * pad) + locker.finalize()
        ).decode()

    def text_reply(self, openid: str, content: str, **wrong: str) -> str:
        fields = {
            "ToUserName": openid,
            "FromUserName": self.original_id,
            "CreateTime": "1700000000",
            "MsgType": "text",
            "Content": content,
        } | wrong
        inner = "".join(
            f"<{k}><![CDATA[{v.replace(']]>', ']]]]><![CDATA[>')}]]></{k}>"
            for k, v in fields.items()
        )
        sealed = self.seal(f"<xml>{inner}</xml>")
        signature = self.sign("1700000000", "n", sealed)
        return (
            f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            "<TimeStamp>1700000000</TimeStamp><Nonce><![CDATA[n]]></Nonce></xml>"
        )


@dataclass
class Bot:
    """A bot that hears pushes and notices and answers as told."""

    codec: Codec
    world: World
    heard: list[dict[str, str]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    say: Callable[[dict[str, str]], str | Awaitable[str]] = lambda _: "success"
    notice_code: int = 204

    async def callback(self, request: web.Request) -> web.Response:
        body, query = await request.text(), request.query
        sealed = re.search(r"<Encrypt><!\[CDATA\[(.*?)\]\]>", body)
        assert sealed is not None
        signature = self.codec.sign(query["timestamp"], query["nonce"], sealed[1])
        if signature != query["msg_signature"]:
            self.refused.append("msg_signature")
            return web.Response(status=403)
        inner = self.codec.open(sealed[1])
        found = re.findall(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", inner, re.S)
        self.heard.append({name: cdata or bare for name, cdata, bare in found})
        answer = self.say(self.heard[-1])
        text = answer if isinstance(answer, str) else await answer
        return web.Response(text=text)

    async def notice(self, request: web.Request) -> web.Response:
        body = await request.read()
        trouble = self.check_notice(request.headers, body)
        if trouble:
            self.refused.append(trouble)
            return web.json_response({"code": "FAIL", "message": trouble}, status=401)
        envelope = json.loads(body)
        sealed = envelope["resource"]
        key = AESGCM(self.world.keys.names.api_v3_key.encode())
        plain = key.decrypt(
            sealed["nonce"].encode(),
            base64.b64decode(sealed["ciphertext"]),
            sealed["associated_data"].encode(),
        )
        self.notices.append({**envelope, "plain": json.loads(plain), "headers": request.headers})
        return web.Response(status=self.notice_code)

    def check_notice(self, headers: Any, body: bytes) -> str | None:
        now = self.world.clock.now().timestamp()
        if abs(now - int(headers["Wechatpay-Timestamp"])) > 300:
            return "stale"
        return None if is_signed_by_platform(self.world, headers, body) else "signature"


def is_signed_by_platform(world: World, headers: Any, body: bytes) -> bool:
    serial = headers["Wechatpay-Serial"]
    if serial.startswith("PUB_KEY_ID_"):
        assert serial == world.keys.names.platform_public_key_id
        pem = world.keys.platform_public_key_file.read_bytes()
        key: Any = serialization.load_pem_public_key(pem)
    else:
        assert serial == world.keys.platform_serial
        pem = world.keys.platform_certificate_file.read_bytes()
        key = x509.load_pem_x509_certificate(pem).public_key()
    stamp, nonce = headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"]
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    try:
        signature = base64.b64decode(headers["Wechatpay-Signature"], validate=True)
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except Exception:
        return False
    return True


@dataclass
class Answer:
    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.json["code"])


class Merchant:
    """Signs v3 requests; each part can be spoilt."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world, self.http = world, http
        facts = world.facts()["wechat_pay"]
        with open(facts["merchant_private_key_file"], "rb") as pem:
            self.key: Any = serialization.load_pem_private_key(pem.read(), None)
        self.facts = facts
        self.prefix = "/_sandbox/wechat_pay"

    def sign(self, message: bytes) -> str:
        return base64.b64encode(
            self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        ).decode()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        signed_path: str | None = None,
        skew: int = 0,
        headers: dict[str, str] | None = None,
        **spoilt: str,
    ) -> Answer:
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        stamp = str(int(self.world.clock.now().timestamp()) + skew)
        nonce = secrets.token_hex(16)
        target = signed_path or self.prefix + path
        message = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + raw + b"\n"
        fields = {
            "mchid": self.facts["mchid"],
            "nonce_str": nonce,
            "signature": self.sign(message),
            "timestamp": stamp,
            "serial_no": self.facts["merchant_serial"],
        } | spoilt
        joined = ",".join(f'{k}="{v}"' for k, v in fields.items())
        given = {
            "Authorization": f"WECHATPAY2-SHA256-RSA2048 {joined}",
            "Accept": "application/json",
            "User-Agent": "tests",
            "Content-Type": "application/json",
        } | (headers or {})
        url = self.world.base_url + self.prefix + path
        async with self.http.request(method, url, data=raw or None, headers=given) as response:
            return Answer(response.status, response.headers, await response.read())

    def order(self, number: str = "P0000001", **other: Any) -> dict[str, Any]:
        return {
            "appid": self.facts["appid"],
            "mchid": self.facts["mchid"],
            "description": "物业费 2026年11月",
            "out_trade_no": number,
            "notify_url": self.facts["notify_url"],
            "amount": {"total": 58000, "currency": "CNY"},
            "payer": {"openid": "oResident000000000000000001"},
        } | other

    async def create(self, kind: str = "jsapi", number: str = "P0000001", **other: Any) -> Answer:
        order = self.order(number, **other)
        if kind != "jsapi":
            order.pop("payer", None)
        if kind == "h5":
            scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
            order.setdefault("scene_info", scene)
        return await self.call("POST", f"/v3/pay/transactions/{kind}", order)

    async def query(self, number: str = "P0000001") -> Answer:
        path = f"/v3/pay/transactions/out-trade-no/{number}?mchid={self.facts['mchid']}"
        return await self.call("GET", path)

    async def close(self, number: str = "P0000001") -> Answer:
        path = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return await self.call("POST", path, {"mchid": self.facts["mchid"]})

    async def refund(
        self, refund_no: str = "R1", fen: int = 58000, number: str = "P0000001", **other: Any
    ) -> Answer:
        body = {
            "out_trade_no": number,
            "out_refund_no": refund_no,
            "reason": "重复缴费",
            "notify_url": self.facts["notify_url"],
            "amount": {"refund": fen, "total": 58000, "currency": "CNY"},
        } | other
        return await self.call("POST", "/v3/refund/domestic/refunds", body)


class Api:
    """Calls the official account's API."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world, self.http, self.token = world, http, ""
        self.facts = world.facts()["wechat"]

    async def raw(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        url = self.facts["api_base_url"] + path
        payload = body if isinstance(body, bytes | aiohttp.FormData | None) else _json(body)
        async with self.http.request(method, url, params=query, data=payload) as response:
            assert response.status == 200
            content = await response.read()
            return json.loads(content) if content[:1] in b"{[" else content

    async def log_in(self) -> str:
        body = {
            "grant_type": "client_credential",
            "appid": self.facts["appid"],
            "secret": self.facts["app_secret"],
        }
        self.token = (await self.raw("POST", "/cgi-bin/stable_token", body))["access_token"]
        return self.token

    async def post(self, path: str, body: Any) -> Any:
        return await self.raw("POST", path, body, access_token=self.token or await self.log_in())

    async def get(self, path: str, **query: str) -> Any:
        token = self.token or await self.log_in()
        return await self.raw("GET", path, access_token=token, **query)


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


class Control:
    """Calls the control plane."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.url, self.http = world.control_url, http

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, f"{self.url}/{path}", json=body) as response:
            content = await response.json()
            assert response.status < 400, (response.status, content)
            return content

    async def refused(self, method: str, path: str, body: Any = None) -> int:
        async with self.http.request(method, f"{self.url}/{path}", json=body) as response:
            return response.status

    async def advance(self, seconds: float) -> Any:
        return await self.call("POST", "clock", {"advance_seconds": seconds})
