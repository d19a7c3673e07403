"""A UnionPay merchant and shop of our own for the tests, checking with code of their own.

Signatures are made with `cryptography` by hand and checked by the openssl program, so that nothing
of the sandbox's own codec judges the sandbox.
"""

import asyncio
import base64
import hashlib
import re
import subprocess
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from bot.sandbox.world import World

BEIJING = ZoneInfo("Asia/Shanghai")
HEX = re.compile(r"[0-9a-f]{64}")


def hashed(fields: dict[str, str]) -> str:
    """The lower-case hex of the sorted text, which is then signed again."""
    parts = [f"{k}={fields[k]}" for k in sorted(fields) if fields[k] and k != "signature"]
    return hashlib.sha256("&".join(parts).encode()).hexdigest()


def split_text(text: str) -> dict[str, str]:
    """Read an un-encoded reply: split at & outside brackets, at the first = of each part."""
    fields, depth, part = {}, 0, ""
    for letter in text + "&":
        if letter == "&" and depth == 0:
            name, _, value = part.partition("=")
            fields[name] = value
            part = ""
            continue
        depth += (letter in "{[") - (letter in "}]")
        part += letter
    return fields


class NotBelieved(Exception):
    """A reply that did not prove itself."""


class Verifier:
    """Believes a message as a careful merchant does; says why not otherwise."""

    def __init__(self, facts: dict[str, Any], folder: Path) -> None:
        self.facts, self.folder = facts, folder
        folder.mkdir(exist_ok=True)

    def trouble(
        self, fields: dict[str, str], world: World, *, merchant: str | None = None
    ) -> str | None:
        pem = fields["signPubKeyCert"].encode()
        certificate = x509.load_pem_x509_certificate(pem)
        now = world.clock.now()
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return "expired"
        if not self.is_chained(pem, int(now.timestamp())):
            return "chain"
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        if str(common).split("@")[2] != self.facts["signer_name"]:
            return "name"
        if not self.is_signed(fields, pem):
            return "signature"
        wanted = merchant or self.facts["merchant_id"]
        return None if fields.get("merId", wanted) == wanted else "merchant"

    def is_chained(self, pem: bytes, at: int) -> bool:
        leaf = self.folder / "leaf.pem"
        leaf.write_bytes(pem)
        root, middle = self.facts["root_certificate_file"], self.facts["middle_certificate_file"]
        run = ["openssl", "verify", "-attime", str(at), "-CAfile", root, "-untrusted", middle]
        done = subprocess.run([*run, str(leaf)], capture_output=True, text=True, check=False)
        return done.stdout.strip().endswith("OK")

    def is_signed(self, fields: dict[str, str], pem: bytes) -> bool:
        names = ("leaf.pem", "key.pem", "text", "signature")
        leaf, key, text, signature = (self.folder / name for name in names)
        leaf.write_bytes(pem)
        text.write_text(hashed(fields))
        signature.write_bytes(base64.b64decode(fields["signature"]))
        run = ["openssl", "x509", "-in", str(leaf), "-pubkey", "-noout"]
        key.write_bytes(subprocess.run(run, capture_output=True, check=True).stdout)
        run = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature)]
        return subprocess.run([*run, str(text)], capture_output=True, check=False).returncode == 0


@dataclass
class Shop:
    """The merchant's backUrl: what it heard and what it would not believe."""

    world: World
    verifier: Verifier
    url: str
    notices: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fronts: list[dict[str, str]] = field(default_factory=list)
    code: int = 200
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def heard(self, count: int) -> list[dict[str, str]]:
        """Wait until so many notices have come, which a page's payment sends on its own."""
        async with asyncio.timeout(30):
            while len(self.notices) < count:
                self._more.clear()
                await self._more.wait()
        return self.notices

    async def front(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        assert self.verifier.trouble(fields, self.world) is None
        self.fronts.append(fields)
        page = '<link rel="icon" href="data:,"><h1>订单</h1>'
        return web.Response(text=page, content_type="text/html")

    async def notice(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        pairs = urllib.parse.parse_qsl((await request.read()).decode(), strict_parsing=True)
        fields = dict(pairs)
        assert len(fields) == len(pairs)
        trouble = self.verifier.trouble(fields, self.world)
        if trouble:
            self.refused.append(trouble)
            return web.Response(status=401)
        self.notices.append(fields)
        self._more.set()
        return web.Response(status=self.code)


@dataclass
class Page:
    """What a payer's browser got."""

    status: int
    location: str
    text: str

    @property
    def code(self) -> str:
        found = re.search(r'id="respCode">([^<]*)<', self.text)
        return found[1] if found else ""


class Merchant:
    """Signs ACP 5.1.0 forms; each part can be spoilt."""

    def __init__(self, world: World, http: aiohttp.ClientSession, shop: Shop) -> None:
        self.world, self.http, self.shop = world, http, shop
        self.verifier, self.facts = shop.verifier, shop.verifier.facts
        pfx = Path(self.facts["sign_certificate_file"]).read_bytes()
        password = self.facts["sign_certificate_password"].encode()
        key, certificate, _ = pkcs12.load_key_and_certificates(pfx, password)
        assert certificate is not None
        self.key: Any = key
        self.cert_id = str(certificate.serial_number)

    def now(self, minutes: float = 0) -> str:
        stamp = self.world.clock.now().timestamp() + minutes * 60
        at = self.world.clock.now().fromtimestamp(stamp, BEIJING)
        return at.strftime("%Y%m%d%H%M%S")

    def signed(self, fields: dict[str, Any]) -> dict[str, str]:
        kept = {k: str(v) for k, v in fields.items() if v is not None}
        digest = hashed(kept).encode()
        assert HEX.fullmatch(digest.decode())
        signature = self.key.sign(digest, padding.PKCS1v15(), hashes.SHA256())
        return {"signature": base64.b64encode(signature).decode(), **kept}

    def common(self, kind: str, sub: str, biz: str = "000201") -> dict[str, Any]:
        return {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "signMethod": "01",
            "txnType": kind,
            "txnSubType": sub,
            "bizType": biz,
            "accessType": "0",
            "merId": self.facts["merchant_id"],
            "certId": self.cert_id,
            "txnTime": self.now(),
        }

    def order(self, number: str = "UP000001", **other: Any) -> dict[str, Any]:
        return {
            **self.common("01", "01"),
            "orderId": number,
            "txnAmt": "58000",
            "currencyCode": "156",
            "channelType": "08",
            "payTimeout": self.now(15),
            "orderDesc": "物业费 2026年11月",
            "frontUrl": self.shop.url + "/front",
            "backUrl": self.shop.url + "/notice",
            "reqReserved": "{bill=1&unit=3-2-501}",
        } | other

    async def post(self, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
        url = self.facts["base_url"] + path
        async with self.http.post(url, data=fields, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def front(self, fields: dict[str, Any], **spoilt: str) -> Page:
        form = self.signed(fields) | spoilt
        return Page(*await self.post("/gateway/api/frontTransReq.do", form))

    async def call(self, path: str, fields: dict[str, Any], **spoilt: str) -> dict[str, str]:
        """Call a back interface; the reply must be signed well, whatever it says."""
        status, _, text = await self.post(path, self.signed(fields) | spoilt)
        assert status == 200
        told = split_text(text)
        trouble = self.verifier.trouble(told, self.world, merchant=fields.get("merId"))
        if trouble:
            raise NotBelieved(trouble)
        return told

    async def back(self, fields: dict[str, Any], **spoilt: str) -> dict[str, str]:
        return await self.call("/gateway/api/backTransReq.do", fields, **spoilt)

    async def query(self, number: str, txn_time: str, **other: Any) -> dict[str, str]:
        fields = self.common("00", "00", "000000") | {"orderId": number, "txnTime": txn_time}
        return await self.call("/gateway/api/queryTrans.do", fields | other)

    def refund_form(self, query_id: str, number: str = "UR000001", **other: Any) -> dict[str, Any]:
        return {
            **self.common("04", "00"),
            "orderId": number,
            "origQryId": query_id,
            "txnAmt": "58000",
            "channelType": "07",
            "backUrl": self.shop.url + "/notice",
        } | other

    async def refund(self, query_id: str, number: str = "UR000001", **other: Any) -> dict[str, str]:
        return await self.back(self.refund_form(query_id, number, **other))

    async def undo(self, query_id: str, number: str = "UU000001", **other: Any) -> dict[str, str]:
        return await self.back(self.refund_form(query_id, number, txnType="31", **other))

    async def file(self, day: str, **other: Any) -> dict[str, str]:
        fields = self.common("76", "01", "000000") | {"settleDate": day, "fileType": "00"}
        return await self.call("/", fields | other)
