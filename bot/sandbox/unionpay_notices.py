"""UnionPay's notices (后台通知): signed forms, five sends at most, ended by HTTP 200."""

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from bot.sandbox.faults import Fault
from bot.sandbox.noticing import Notices
from bot.sandbox.unionpay_book import UNDO, Return, Trade, UnionpayBook
from bot.sandbox.unionpay_codec import signed
from bot.sandbox.unionpay_keys import UnionpayKeys
from bot.sandbox.unionpay_messages import outcome, told_return, told_trade

# Seconds after the failed send before: five sends in all.
SCHEDULE = (60, 120, 240, 480)
FORM = "application/x-www-form-urlencoded;charset=UTF-8"


class UnionpayNotices(Notices):
    """The notices waiting to be heard."""

    deadline_seconds = 10.0

    def __init__(self, book: UnionpayBook) -> None:
        """Send from one book."""
        super().__init__("unionpay", book.ground, book.book, schedule=SCHEDULE)
        self.book = book

    def paid(self, trade: Trade) -> None:
        """Queue a payment's notice; call inside the transaction that books it."""
        told = told_trade(trade) | outcome("00")
        self.queue(trade.order_no, "consume", trade.params["backUrl"], _kept(told))

    def ended(self, back: Return, trade: Trade) -> None:
        """Queue the notice of a refund or undo that ended, where it has an address."""
        if not back.params.get("backUrl"):
            return
        told = told_return(back) | outcome(back.code)
        event = "undo" if back.kind == UNDO else "refund"
        self.queue(trade.order_no, event, back.params["backUrl"], _kept(told))

    def letter(self, row: Mapping[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
        """Return a notice's form and headers, spoilt as the trouble says."""
        fields = message(self.book.keys, _spoilt(json.loads(row["plain"]), fault), fault)
        if fault is not None and fault.kind == "tampered":
            fields = _with_amount(fields, int(fault.settings.get("by", 1)))
        return urllib.parse.urlencode(fields).encode(), {"Content-Type": FORM}

    def is_heard(self, code: int, answer: str) -> bool:
        """Tell whether the merchant has heard: 200, whatever he says."""
        return code == 200


def message(keys: UnionpayKeys, fields: Mapping[str, str], fault: Fault | None) -> dict[str, str]:
    """Return a message signed by the platform, or by whomever the trouble says."""
    kind = fault.kind if fault else ""
    signer = keys.spoilt.get(kind, keys.platform)
    return signed(fields, signer, key=keys.stranger if kind == "wrong_signature" else None)


def _spoilt(fields: dict[str, str], fault: Fault | None) -> dict[str, str]:
    """Return the fields with a lie that will be signed well."""
    if fault is None:
        return fields
    if fault.kind == "wrong_amount":
        return _with_amount(fields, int(fault.settings.get("by", 1)))
    if fault.kind in ("wrong_merchant", "wrong_appid"):
        return fields | {"merId": "777290000000000"}
    return fields


def _with_amount(fields: dict[str, str], more_fen: int) -> dict[str, str]:
    amount = str(int(fields["txnAmt"]) + more_fen)
    return fields | {"txnAmt": amount, "settleAmt": amount}


def _kept(fields: Mapping[str, str]) -> str:
    return json.dumps(dict(fields), ensure_ascii=False)
