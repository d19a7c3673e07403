"""A small bank of the tests' own: one account, its rows, payouts, signatures; shares no code."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.bot.gateways.wechat_platform import rsa_key

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ACCOUNT_NO = "1202026509912345678"
FEN = 58000


def write_files(folder: Path) -> dict[str, Path]:
    """The merchant's own key and the bank's public one."""
    merchant, bank = folder / "bank_merchant.pem", folder / "bank_public.pem"
    merchant.write_bytes(
        rsa_key("merchant").private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    bank.write_bytes(
        rsa_key("bank")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return {"merchant": merchant, "bank": bank}


@dataclass
class Bank:
    """What the bank holds, and the troubles that a test orders."""

    now: Callable[[], datetime]
    rows: list[dict[str, Any]] = field(default_factory=list)
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    balance_fen: int = 5_000_000
    loses_answers: bool = False
    spoil: dict[str, Any] = field(default_factory=dict)
    """Of answers: signer, stamp, nonce, sent (another body), unsigned; `code` refuses."""
    nonces: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        return app

    def receive(self, fen: int = FEN, memo: str = "", **more: Any) -> str:
        """Book money in; return its serial."""
        serial = f"S{len(self.rows) + 1:08d}"
        self.balance_fen += fen
        row = {
            "serial": serial,
            "booked_at": self.now().isoformat(),
            "amount_fen": fen,
            "balance_fen": self.balance_fen,
            "counterparty_name": "张三",
            "counterparty_account": "6222021234567890",
            "counterparty_bank": "工商银行",
            "memo": memo,
            "kind": "transfer",
        }
        self.rows.append(row | more)
        return serial

    def end(self, payout_no: str, state: str) -> None:
        payout = self.payouts[payout_no]
        payout.update(state=state, ended_at=(self.now() + timedelta(minutes=3)).isoformat())
        if state == "returned":
            payout["reason"] = "账号户名不符"

    def given_back(self) -> dict[str, int]:
        return {number: one["amount_fen"] for number, one in self.payouts.items()}

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._check(request, body)
        status, told = self._done(request, json.loads(body) if body else {})
        if self.loses_answers:
            request.transport.close()  # type: ignore[union-attr]
            await asyncio.sleep(0)
            return web.Response()
        return self._signed(request, status, json.dumps(told, ensure_ascii=False).encode())

    def _check(self, request: web.Request, body: bytes) -> None:
        """The merchant's signature must be right, else the test fails."""
        stamp, nonce = request.headers["X-Bank-Timestamp"], request.headers["X-Bank-Nonce"]
        assert request.headers["X-Bank-Account"] == ACCOUNT_NO
        assert int(stamp) == int(self.now().timestamp())
        assert nonce not in self.nonces
        self.nonces.append(nonce)
        text = f"{request.method}\n{request.raw_path}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        proof = base64.b64decode(request.headers["X-Bank-Signature"])
        try:
            rsa_key("merchant").public_key().verify(
                proof, text, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as wrong:
            raise AssertionError("the merchant signed something else") from wrong

    def _signed(self, request: web.Request, status: int, raw: bytes) -> web.Response:
        stamp = str(int(self.now().timestamp()) + self.spoil.get("skew", 0))
        nonce = self.spoil.get("nonce", request.headers["X-Bank-Nonce"])
        text = f"{request.method}\n{request.raw_path}\n{stamp}\n{nonce}\n".encode() + raw + b"\n"
        signer = rsa_key(self.spoil.get("signer", "bank"))
        proof = base64.b64encode(signer.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
        headers = {
            "X-Bank-Timestamp": stamp,
            "X-Bank-Nonce": nonce,
            "X-Bank-Signature": proof,
        }
        if self.spoil.get("unsigned"):
            headers = {}
        return web.Response(status=status, body=self.spoil.get("sent", raw), headers=headers)

    def _done(self, request: web.Request, asked: dict[str, Any]) -> tuple[int, Any]:
        if "code" in self.spoil:
            return self.spoil.get("status", 400), {"code": self.spoil["code"], "message": ""}
        path = request.path
        if path.endswith("/v1/transactions"):
            return 200, self._page(request.query["after"], int(request.query["limit"]))
        if request.method == "POST":
            return self._pay_out(asked)
        payout = self.payouts.get(path.rpartition("/")[2])
        if payout is None:
            return 404, {"code": "PAYOUT_NOT_FOUND", "message": ""}
        return 200, {name: told for name, told in payout.items() if name != "asked"}

    def _page(self, after: str, limit: int) -> dict[str, Any]:
        serials = [one["serial"] for one in self.rows]
        begin = serials.index(after) + 1 if after else 0
        page = self.rows[begin : begin + limit]
        return {
            "transactions": page,
            "next_cursor": page[-1]["serial"] if page else after,
            "has_more": begin + limit < len(self.rows),
        }

    def _pay_out(self, asked: dict[str, Any]) -> tuple[int, Any]:
        self.heard.append(asked)
        number = asked["payout_no"]
        if number in self.payouts:
            if self.payouts[number]["asked"] != asked:
                return 409, {"code": "PAYOUT_NO_USED", "message": ""}
            return 200, {n: told for n, told in self.payouts[number].items() if n != "asked"}
        if asked["original_serial"] not in [one["serial"] for one in self.rows]:
            return 404, {"code": "ORIGINAL_NOT_FOUND", "message": ""}
        if self.balance_fen < asked["amount_fen"]:
            return 403, {"code": "INSUFFICIENT_FUNDS", "message": ""}
        self.receive(-asked["amount_fen"], asked["memo"], kind="payout")
        self.payouts[number] = {
            "asked": asked,
            "payout_no": number,
            "amount_fen": asked["amount_fen"],
            "state": "processing",
            "serial": f"P{len(self.payouts) + 1:08d}",
            "order_no": asked["order_no"],
            "accepted_at": self.now().isoformat(),
            "ended_at": None,
        }
        return 200, {n: told for n, told in self.payouts[number].items() if n != "asked"}
