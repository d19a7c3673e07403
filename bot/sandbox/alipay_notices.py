"""Alipay's notices: a signed form, repeated in 25 hours until the merchant says `success`."""

import json
import secrets
import urllib.parse
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.sandbox.alipay_book import AlipayBook, AlipayRefund, AlipayTrade
from bot.sandbox.alipay_codec import beijing, fen_of, pairs, sign, yuan
from bot.sandbox.clock import SHANGHAI
from bot.sandbox.faults import Fault
from bot.sandbox.noticing import Notices

# Seconds after the failed attempt before: 8 sends, 24 h 22 min in all and a little.
SCHEDULE = (240, 600, 600, 3600, 7200, 21600, 54000)
CERTIFICATE, KEY = "certificate", "key"
WAP = "alipay.trade.wap.pay"


def funds(fen: int) -> str:
    """Return from which of the buyer's purses so much came, as JSON in a field."""
    return json.dumps([{"amount": yuan(fen), "fundChannel": "ALIPAYACCOUNT"}])


class AlipayNotices(Notices):
    """The notices waiting to be heard."""

    def __init__(self, book: AlipayBook) -> None:
        """Send from one book."""
        super().__init__("alipay", book.ground, book.book, schedule=SCHEDULE)
        self.book = book

    def fresh_id(self) -> str:
        """Return a notify_id: a day and hexadecimal digits."""
        day = self.book.now().astimezone(SHANGHAI).strftime("%Y%m%d")
        return f"{day}00222{secrets.token_hex(10)}"

    def moved(self, trade: AlipayTrade) -> None:
        """Queue what a trade's new state is; those of page pay hear only of success."""
        if trade.state != "TRADE_SUCCESS" and trade.method != WAP:
            return
        self._queue(trade, self.told(trade))

    def refunded(self, trade: AlipayTrade, refund: AlipayRefund) -> None:
        """Queue a refund's notice: it looks like the payment's, with three fields more."""
        told = self.told(trade) | {
            "out_biz_no": refund.refund_no,
            "refund_fee": yuan(self.book.given_back_fen(trade.order_no)),
        }
        if refund.ended_at is not None:
            at = refund.ended_at.astimezone(SHANGHAI)
            told["gmt_refund"] = beijing(at) + f".{at.microsecond // 1000:03d}"
        self._queue(trade, told)

    def told(self, trade: AlipayTrade) -> dict[str, str]:
        """Return a trade as notices tell it, without time, number and signature; none is empty."""
        names, amount = self.book.keys.names, yuan(trade.amount_fen)
        paid = {} if trade.paid_at is None else {"gmt_payment": beijing(trade.paid_at)}
        told = {
            "notify_type": "trade_status_sync",
            "charset": "utf-8",
            "version": "1.0",
            "app_id": names.app_id,
            "auth_app_id": names.app_id,
            "trade_no": trade.trade_no,
            "out_trade_no": trade.order_no,
            "buyer_id": trade.buyer_id,
            "buyer_logon_id": trade.buyer_logon_id,
            "seller_id": names.seller_id,
            "seller_email": names.seller_email,
            "trade_status": trade.state,
            "total_amount": amount,
            "subject": trade.subject,
            "body": trade.body,
            "passback_params": trade.passback,
            "gmt_create": beijing(trade.created_at),
            "gmt_close": "" if trade.closed_at is None else beijing(trade.closed_at),
            **paid,
        }
        if trade.paid_at is not None:
            told |= dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), amount)
            told |= {"point_amount": "0.00", "fund_bill_list": funds(trade.amount_fen)}
        return {name: value for name, value in told.items() if value}

    def _queue(self, trade: AlipayTrade, told: Mapping[str, str]) -> None:
        if trade.notify_url:
            plain = json.dumps(dict(told), ensure_ascii=False)
            event = "REFUND" if "refund_fee" in told else trade.state
            self.queue(trade.order_no, event, trade.notify_url, plain, trade.mode)

    def is_heard(self, code: int, answer: str) -> bool:
        """Tell whether the merchant said `success`, those seven letters and no more."""
        return code == 200 and answer == "success"

    def letter(self, row: Mapping[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
        """Return a notice's form and headers, spoilt as the trouble says."""
        kind = fault.kind if fault else ""
        late = timedelta(hours=26) if kind == "stale" else timedelta()
        params = json.loads(row["plain"])
        params |= {"notify_id": row["id"], "notify_time": beijing(self.book.now() - late)}
        if fault is not None:
            _spoil(params, fault)
        signed = self.signed(params, row["mode"], fault)
        if kind == "tampered":
            signed["subject"] = signed.get("subject", "") + "."
        kind_of = "application/x-www-form-urlencoded; charset=utf-8"
        headers = {"Content-Type": kind_of, "User-Agent": "Mozilla/4.0"}
        return urllib.parse.urlencode(signed).encode(), headers

    def signed(
        self, params: Mapping[str, str], mode: str, fault: Fault | None = None
    ) -> dict[str, str]:
        """Return a form with its signature: over all but `sign` and `sign_type`."""
        keys, kind = self.book.keys, fault.kind if fault else ""
        sign_type = str(fault.settings.get("sign_type", "RSA2")) if fault else "RSA2"
        key = keys.certified if mode == CERTIFICATE else keys.alipay
        if kind in ("wrong_signature", "signtest") and sign_type == "RSA2":
            key = keys.stranger
        signature = sign(key, pairs(params), sign_type)
        return {**params, "sign_type": sign_type, "sign": signature}


def _spoil(params: dict[str, str], fault: Fault) -> None:
    """Change what a notice says before it is signed."""
    if fault.kind == "wrong_amount":
        name = "refund_fee" if "refund_fee" in params else "total_amount"
        fen = fen_of(params[name]) or 0
        params[name] = yuan(fen + int(fault.settings.get("by", 1)))
    if fault.kind == "wrong_merchant":
        params["seller_id"] = "2088" + "0" * 12
    if fault.kind == "wrong_appid":
        params["app_id"] = "2021" + "0" * 12
