"""Notices to the merchant: sealed, signed, and repeated on WeChat Pay's own schedule."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from bot.sandbox.clock import from_ms, iso
from bot.sandbox.faults import Fault
from bot.sandbox.noticing import Notices
from bot.sandbox.pay_book import PayBook, Refund, Trade
from bot.sandbox.pay_codec import compact, lines, sealed, signed

# Seconds after the failed attempt before: 15 repeats, 24 h 4 min in all.
SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
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


class PayNotices(Notices):
    """The notices waiting to be heard."""

    def __init__(self, book: PayBook) -> None:
        """Send from one book."""
        super().__init__("wechat_pay", book.ground, book.book, schedule=SCHEDULE)
        self.book = book

    def paid(self, trade: Trade) -> None:
        """Queue TRANSACTION.SUCCESS; call inside the transaction that books the payment."""
        told = transaction(self.book, trade)
        plain = compact(told).decode()
        self.queue(trade.order_no, "TRANSACTION.SUCCESS", trade.notify_url, plain, trade.mode)

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
        self.queue(trade.order_no, event, url, compact(told).decode(), refund.mode)

    def letter(self, row: Mapping[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
        """Return a notice's body and headers, spoilt as the trouble says."""
        body = self.envelope(row, fault)
        return body, self.headers(body, row["mode"], fault)

    def is_heard(self, code: int, answer: str) -> bool:
        """Tell whether the merchant has heard: 200 or 204, whatever he says."""
        return code in (200, 204)

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
