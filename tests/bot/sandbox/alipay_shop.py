"""A merchant of Alipay for the tests, with signatures and checks of its own."""

import base64
import hashlib
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from bot.sandbox.world import World

BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36"}
WECHAT = {"User-Agent": "Mozilla/5.0 Chrome/126.0 Mobile MicroMessenger/8.0.50 Language/zh_CN"}
WAP, PAGE = "alipay.trade.wap.pay", "alipay.trade.page.pay"


@dataclass
class Node:
    """One answer of the gateway: its node, the node's very text, and whether it was signed."""

    node: dict[str, Any]
    text: str
    whole: dict[str, Any]
    is_signed: bool

    @property
    def codes(self) -> tuple[str, str]:
        return self.node["code"], self.node.get("sub_code", "")


@dataclass
class Shop:
    """Signs requests; every common parameter can be spoilt, or left out by giving None."""

    world: World
    http: aiohttp.ClientSession
    notify_url: str = ""
    mode: str = "key"
    notices: list[dict[str, str]] = field(default_factory=list)
    answer: str = "success"

    def __post_init__(self) -> None:
        self.facts = self.world.facts()["alipay"]
        pem = Path(self.facts["app_private_key_file"]).read_bytes()
        self.key: Any = serialization.load_pem_private_key(pem, None)

    @property
    def platform(self) -> Any:
        if self.mode == "certificate":
            pem = Path(self.facts["alipay_certificate_file"]).read_bytes()
            return x509.load_pem_x509_certificate(pem).public_key()
        pem = Path(self.facts["alipay_public_key_file"]).read_bytes()
        return serialization.load_pem_public_key(pem)

    def is_platforms(self, text: str, signature: str) -> bool:
        try:
            raw = base64.b64decode(signature, validate=True)
            self.platform.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def params(self, method: str, biz: Any, /, **other: str | None) -> dict[str, str]:
        now = self.world.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
        given: dict[str, str | None] = {
            "app_id": self.facts["app_id"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": biz if isinstance(biz, str) else json.dumps(biz, ensure_ascii=False),
        }
        if self.mode == "certificate":
            given["app_cert_sn"] = self.serial("app_certificate_file")
            given["alipay_root_cert_sn"] = self.root_serial()
        sign = other.pop("sign", "")
        kept = {k: v for k, v in (given | other).items() if v is not None}
        message = "&".join(f"{k}={v}" for k, v in sorted(kept.items()) if v)
        raw = self.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        if sign is not None:
            kept["sign"] = sign or base64.b64encode(raw).decode()
        return kept

    def file(self, name: str) -> str:
        return Path(self.facts[name]).read_text()

    def serial(self, name: str) -> str:
        return number_of(x509.load_pem_x509_certificate(Path(self.facts[name]).read_bytes()))

    def root_serial(self) -> str:
        whole = self.file("alipay_root_certificate_file")
        parts = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", whole, re.S)
        read = [x509.load_pem_x509_certificate(part.encode()) for part in parts]
        rsa = "1.2.840.113549.1.1."
        return "_".join(
            number_of(one)
            for one in read
            if one.signature_algorithm_oid.dotted_string.startswith(rsa)
        )

    async def call(self, method: str, biz: Any, **other: str | None) -> Node:
        params = self.params(method, biz, **other)
        async with self.http.post(self.facts["gateway_url"], data=params) as response:
            assert response.status == 200, await response.text()
            return self.read(method, await response.text())

    def read(self, method: str, text: str) -> Node:
        whole = json.loads(text)
        name = method.replace(".", "_") + "_response"
        if name not in whole:
            return Node(whole["error_response"], "", whole, is_signed=False)
        start = text.index("{", 1)
        end = (
            text.rindex(',"alipay_cert_sn"')
            if "alipay_cert_sn" in whole
            else text.rindex(',"sign"')
        )
        node = text[start:end]
        return Node(whole[name], node, whole, self.is_platforms(node, whole.get("sign", "")))

    def order(self, number: str = "A0000001", fen: int = 98640, **other: Any) -> dict[str, Any]:
        return {
            "out_trade_no": number,
            "total_amount": f"{fen / 100:.2f}",
            "subject": "物业费 2026年11月 {3-2-501}",
            "product_code": "QUICK_WAP_WAY",
        } | other

    def pay_url(self, biz: Any = None, method: str = WAP, **other: str | None) -> str:
        common: dict[str, str | None] = {"notify_url": self.notify_url}
        params = self.params(method, self.order() if biz is None else biz, **(common | other))
        return f"{self.facts['gateway_url']}?{urllib.parse.urlencode(params)}"

    async def visit(
        self, url: str, *, agent: dict[str, str] = BROWSER, method: str = "GET"
    ) -> tuple[str, str]:
        """Return where a browser ends and what it shows."""
        async with self.http.request(method, url, headers=agent) as response:
            return str(response.url), await response.text()

    async def reach(self, number: str = "A0000001", fen: int = 98640, **other: Any) -> str:
        """Bring a buyer to the cashier; return the cashier's address."""
        address, text = await self.visit(self.pay_url(self.order(number, fen, **other)))
        assert "/cashier/" in address, text
        return address

    async def hear(self, request: web.Request) -> web.Response:
        """Hear a notice as a careful merchant does."""
        raw = (await request.read()).decode()
        pairs = urllib.parse.parse_qsl(raw, keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        assert len(form) == len(pairs), "a key stands twice"
        assert all(form.values()), "an empty value"
        signed = {k: v for k, v in form.items() if k not in ("sign", "sign_type")}
        text = "&".join(f"{k}={v}" for k, v in sorted(signed.items()))
        is_good = form["sign_type"] == "RSA2" and self.is_platforms(text, form["sign"])
        self.notices.append({**form, "verified": "yes" if is_good else "no"})
        return web.Response(text=self.answer)

    async def query(self, number: str = "A0000001") -> Node:
        return await self.call("alipay.trade.query", {"out_trade_no": number})

    async def close(self, number: str = "A0000001") -> Node:
        return await self.call("alipay.trade.close", {"out_trade_no": number})

    async def refund(
        self, request_no: str = "R1", fen: int = 98640, number: str = "A0000001", **other: Any
    ) -> Node:
        biz = {
            "out_trade_no": number,
            "refund_amount": f"{fen / 100:.2f}",
            "out_request_no": request_no,
            "refund_reason": "重复缴费",
        } | other
        return await self.call("alipay.trade.refund", biz)

    async def query_refund(self, request_no: str = "R1", number: str = "A0000001") -> Node:
        biz = {"out_trade_no": number, "out_request_no": request_no}
        return await self.call("alipay.trade.fastpay.refund.query", biz)

    async def bill_url(self, day: str) -> Node:
        biz = {"bill_type": "trade", "bill_date": day}
        return await self.call("alipay.data.dataservice.bill.downloadurl.query", biz)

    async def wait(self, **span: float) -> None:
        """Let the clock go on."""
        await self.world.clock.advance_to(self.world.clock.now() + timedelta(**span))


def number_of(certificate: x509.Certificate) -> str:
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode()).hexdigest()
