"""A merchant's program at the bank: signs what it asks, checks what it is told."""

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from bot.sandbox.world import World


@dataclass
class Told:
    """An answer, and whether the bank signed it."""

    code: int
    raw: bytes
    is_signed: bool

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Depositor:
    """Signs requests with the merchant's key; each part can be spoilt."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world, self.http = world, http
        self.facts = world.facts()["bank"]
        own = Path(self.facts["merchant_private_key_file"]).read_bytes()
        theirs = Path(self.facts["bank_public_key_file"]).read_bytes()
        self.key: Any = serialization.load_pem_private_key(own, None)
        self.bank: Any = serialization.load_pem_public_key(theirs)

    async def call(
        self, method: str, path: str, body: Any = None, *, skew: int = 0, **spoilt: str
    ) -> Told:
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        url = self.facts["base_url"] + path
        target = url.removeprefix(self.world.base_url)
        stamp = str(int(self.world.clock.now().timestamp()) + skew)
        nonce = spoilt.get("nonce") or secrets.token_hex(16)
        text = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + raw + b"\n"
        signature = self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "X-Bank-Account": spoilt.get("account", self.facts["account_no"]),
            "X-Bank-Timestamp": stamp,
            "X-Bank-Nonce": nonce,
            "X-Bank-Signature": spoilt.get("signature") or base64.b64encode(signature).decode(),
        }
        raw = spoilt["sent"].encode() if "sent" in spoilt else raw
        async with self.http.request(method, url, data=raw or None, headers=headers) as response:
            content = await response.read()
            heard = response.headers
            stamp = heard.get("X-Bank-Timestamp", "")
            text = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + content + b"\n"
            proof = heard.get("X-Bank-Signature", "")
            is_own = heard.get("X-Bank-Nonce") == nonce and self._proves(proof, text)
            return Told(response.status, content, is_own)

    def _proves(self, proof: str, text: bytes) -> bool:
        try:
            self.bank.verify(base64.b64decode(proof), text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    async def lines(self, after: str = "", limit: int = 100) -> Any:
        told = await self.call("GET", f"/v1/transactions?after={after}&limit={limit}")
        assert (told.code, told.is_signed) == (200, True), told.raw
        return told.json

    async def pay_out(self, number: str = "RF1", fen: int = 58000, **other: Any) -> Told:
        wish = {
            "payout_no": number,
            "amount_fen": fen,
            "account_name": "张三",
            "account_no": "6217001234567890123",
            "memo": "退物业费",
        }
        return await self.call("POST", "/v1/payouts", wish | other)
