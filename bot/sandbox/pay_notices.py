"""Notices to the merchant: sealed, signed, and repeated on WeChat Pay's own schedule."""

import asyncio
import json
import logging
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.sandbox.clock import from_ms, iso, to_ms
from bot.sandbox.faults import NOTICE, Fault
from bot.sandbox.pay_book import PayBook, Refund, Trade
from bot.sandbox.pay_codec import compact, lines, sealed, signed

log = logging.getLogger(__name__)

# Seconds after the failed attempt before: 15 repeats, 24 h 4 min in all.
SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
DEADLINE_SECONDS = 5.0
SUMMARIES = {"transaction": "支付成功", "refund": "退款通知"}
PUBLIC_KEY, CERTIFICATE = "public_key", "certificate"


def transaction(book: PayBook, trade: Trade) -> dict[str, Any]:
    """Return a trade as queries and notices tell it."""
    names = book.keys.names
    told: dict[str, Any] = {
        "mchid": names.mchid,
        "appid": names.appid,
        "out_trade_no": trade.order_no,
        "trade_type": trade.kind,
        "trade_state": _trade_state(book, trade),
        "attach": trade.attach,
        "amount": {"total": trade.amount_fen, "currency": "CNY"},
    }
    told["trade_state_desc"] = STATE_WORDS[told["trade_state"]]
    if trade.paid_at is not None:
        told |= {
            "transaction_id": trade.transaction_id,
            "bank_type": "OTHERS",
            "success_time": iso(trade.paid_at),
            "payer": {"openid": trade.payer_openid},
        }
        told["amount"] |= {"payer_total": trade.amount_fen, "payer_currency": "CNY"}
    return told


STATE_WORDS = {
    "SUCCESS": "支付成功",
    "REFUND": "订单发生过退款，退款详情请查询退款单",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
}


def _trade_state(book: PayBook, trade: Trade) -> str:
    if trade.paid_at is None:
        return {"open": "NOTPAY", "closed": "CLOSED"}[trade.state]
    return "REFUND" if book.refunds_of(trade.order_no) else "SUCCESS"


class PayNotices:
    """The notices waiting to be heard."""

    def __init__(self, book: PayBook) -> None:
        """Send from one book."""
        self.book = book
        self._sending: set[str] = set()
        self._held: str | None = None

    def paid(self, trade: Trade) -> None:
        """Queue TRANSACTION.SUCCESS; call inside the transaction that books the payment."""
        told = transaction(self.book, trade)
        self._queue(trade.order_no, "TRANSACTION.SUCCESS", trade.notify_url, told, trade.mode)

    def refunded(self, refund: Refund, trade: Trade) -> None:
        """Queue REFUND.SUCCESS, .ABNORMAL or .CLOSED, where the refund has an address."""
        url = refund.notify_url
        if not url:
            return
        told = {
            "mchid": self.book.keys.names.mchid,
            "out_trade_no": trade.order_no,
            "transaction_id": trade.transaction_id,
            "out_refund_no": refund.refund_no,
            "refund_id": refund.refund_id,
            "refund_status": refund.state.upper(),
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": trade.amount_fen,
                "refund": refund.amount_fen,
                "payer_total": trade.amount_fen,
                "payer_refund": refund.amount_fen,
            },
        }
        if refund.state == "success" and refund.ended_at is not None:
            told["success_time"] = iso(refund.ended_at)
        event = f"REFUND.{refund.state.upper()}"
        self._queue(trade.order_no, event, url, told, refund.mode)

    def _queue(
        self, order_no: str, event_type: str, url: str, told: Mapping[str, Any], mode: str
    ) -> None:
        now = self.book.now_ms()
        self.book.book.write(
            "INSERT INTO notices (id, order_no, event_type, url, plain, created_ms, due_ms, mode) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            str(uuid.uuid4()),
            order_no,
            event_type,
            url,
            compact(told).decode(),
            now,
            now,
            mode,
        )

    # Timers

    def next_due(self) -> datetime | None:
        """Return when the first notice that is not under way falls due."""
        rows = self.book.book.rows(
            "SELECT id, due_ms FROM notices WHERE state = 'waiting' ORDER BY due_ms LIMIT 200"
        )
        waiting = [row["due_ms"] for row in rows if row["id"] not in self._sending]
        return from_ms(waiting[0]) if waiting else None

    async def run_due(self, now: datetime) -> int:
        """Send what is due, all at once; return how many were sent."""
        rows = self.book.book.rows(
            "SELECT * FROM notices WHERE state = 'waiting' AND due_ms <= ? "
            "ORDER BY due_ms LIMIT 50",
            to_ms(now),
        )
        mine = [dict(row) for row in rows if row["id"] not in self._sending]
        self._sending |= {row["id"] for row in mine}
        try:
            await asyncio.gather(*(self._send(row) for row in mine))
        finally:
            self._sending -= {row["id"] for row in mine}
        return len(mine)

    async def _send(self, row: dict[str, Any]) -> None:
        facts = {"order_no": row["order_no"], "event": row["event_type"]}
        fault = self.book.ground.faults.take("wechat_pay", NOTICE, facts)
        if fault is not None and fault.kind == "delay":
            self._later(row, fault.seconds(30.0), row["attempt"])
            return
        if fault is not None and fault.kind == "reorder" and self._held is None:
            self._hold(row, fault)
            return
        heard = False
        times = 2 if fault is not None and fault.kind == "duplicate" else 1
        if fault is None or fault.kind != "drop":
            outcomes = [await self._post(row, fault) for _ in range(times)]
            heard = outcomes[0]
        self._release()
        if heard:
            self.book.book.write("UPDATE notices SET state = 'heard' WHERE id = ?", row["id"])
            return
        attempt = row["attempt"] + 1
        if attempt > len(SCHEDULE):
            self.book.book.write("UPDATE notices SET state = 'given up' WHERE id = ?", row["id"])
            return
        self._later(row, SCHEDULE[attempt - 1], attempt)

    def _hold(self, row: dict[str, Any], fault: Fault) -> None:
        """Let the next notice go first; without one this goes after a minute."""
        self._later(row, fault.seconds(60.0), row["attempt"])
        self._held = row["id"]

    def _release(self) -> None:
        """After one notice has gone, the one that was held may go at once."""
        if self._held is not None:
            held, self._held = self._held, None
            self.book.book.write(
                "UPDATE notices SET due_ms = MIN(due_ms, ?) WHERE id = ?", self.book.now_ms(), held
            )

    def _later(self, row: dict[str, Any], seconds: float, attempt: int) -> None:
        due = to_ms(self.book.now() + timedelta(seconds=seconds))
        self.book.book.write(
            "UPDATE notices SET due_ms = ?, attempt = ? WHERE id = ?", due, attempt, row["id"]
        )

    async def _post(self, row: dict[str, Any], fault: Fault | None) -> bool:
        body = self.envelope(row, fault)
        headers = self.headers(body, row["mode"], fault)
        answer, code = "", 0
        try:
            async with self.book.ground.http().post(
                row["url"],
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=DEADLINE_SECONDS),
                allow_redirects=False,
            ) as response:
                code, answer = response.status, await response.text("utf-8", "replace")
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            answer = type(wrong).__name__
        heard = code in (200, 204)
        self.book.ground.calls.note(
            "wechat_pay",
            "NOTICE",
            row["url"],
            order_no=row["order_no"],
            event=row["event_type"],
            attempt=row["attempt"] + 1,
            code=code,
            answer=answer[:500],
            fault=fault.kind if fault else None,
        )
        if not heard:
            log.info("notice.not_heard", extra={"order_no": row["order_no"], "code": code})
        return heard

    def envelope(self, row: Mapping[str, Any], fault: Fault | None = None) -> bytes:
        """Return a notice's body, spoilt as the trouble says."""
        plain = json.loads(row["plain"])
        original = "transaction" if row["event_type"].startswith("TRANSACTION") else "refund"
        kind = fault.kind if fault else ""
        if kind == "wrong_amount":
            name = "total" if original == "transaction" else "refund"
            plain["amount"][name] += int(fault.settings.get("by", 1)) if fault else 0
            plain["amount"]["payer_" + name] = plain["amount"][name]
        if kind == "wrong_merchant":
            plain["mchid"] = "1" + "0" * 9
        if kind == "wrong_appid":
            plain["appid"] = "wx" + "0" * 16
        resource = sealed(self.book.keys.names.api_v3_key, compact(plain), original)
        if kind == "tampered":
            resource["ciphertext"] = "AAAA" + resource["ciphertext"][4:]
        return compact(
            {
                "id": row["id"],
                "create_time": iso(from_ms(row["created_ms"])),
                "resource_type": "encrypt-resource",
                "event_type": row["event_type"],
                "summary": SUMMARIES[original],
                "resource": {"original_type": original, **resource},
            }
        )

    def headers(self, body: bytes, mode: str, fault: Fault | None = None) -> dict[str, str]:
        """Return a notice's headers, signed in the merchant's mode."""
        kind = fault.kind if fault else ""
        seconds = int(self.book.now().timestamp()) - (600 if kind == "stale" else 0)
        stamp, nonce = str(seconds), secrets.token_hex(16)
        keys = self.book.keys
        serial = keys.names.platform_public_key_id
        key = keys.public_mode
        if mode == CERTIFICATE:
            serial, key = keys.platform_serial, keys.platform
        if kind == "wrong_signature":
            key = keys.stranger
        signature = signed(key, lines(stamp, nonce, body.decode()))
        if kind == "signtest":
            signature = "WECHATPAY/SIGNTEST/" + signature[19:]
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "*/*",
            "User-Agent": "Mozilla/4.0",
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Wechatpay-Serial": serial,
        }
