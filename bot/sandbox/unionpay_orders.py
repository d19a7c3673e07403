"""Trades of UnionPay: sent in by the payer's browser, paid at the cashier, queried."""

import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.sandbox.clock import to_ms
from bot.sandbox.keys import word
from bot.sandbox.unionpay_book import Return, Trade, UnionpayBook
from bot.sandbox.unionpay_codec import clearing_day
from bot.sandbox.unionpay_codes import WORDS, AcpError, CardRefused
from bot.sandbox.unionpay_fields import amount_fen, moment
from bot.sandbox.unionpay_messages import echo, original, outcome, told_return, told_trade
from bot.sandbox.unionpay_notices import UnionpayNotices

GATEWAY_PAY, QUERY_KINDS = "000201", ("00",)
LATE_GOES_BACK = timedelta(days=5)
QUERIES_A_MINUTE = 30
SHOWN_CARD, SHOWN_CODE = "6216261000000000018", "111111"
CARD, CODE = re.compile("[0-9]{13,19}"), re.compile("[0-9]{6}")
UNFUNDED_ENDING = "0064"
STATES = {"open": "05", "paid": "00", "late": "42"}


class UnionpayOrders:
    """What merchants collect and card holders pay."""

    def __init__(self, book: UnionpayBook, notices: UnionpayNotices) -> None:
        """Keep trades in a book."""
        self.book, self.notices = book, notices
        self._asked: dict[tuple[str, str], deque[int]] = {}

    # The merchant's side

    def consume(self, fields: Mapping[str, str]) -> Trade:
        """Take a front trade (01/01); raises AcpError. The same form again is the same trade."""
        if (fields["txnType"], fields["txnSubType"]) != ("01", "01"):
            raise AcpError("32")
        if fields["bizType"] != GATEWAY_PAY:
            raise AcpError("32", "bizType")
        fen = amount_fen(fields)
        known = self.book.trade(fields["orderId"], fields["txnTime"])
        if known is not None and known.state == "open" and known.params == dict(fields):
            return known
        if self.book.is_known(fields["orderId"], fields["txnTime"]):
            raise AcpError("12")
        expires_at = moment(fields, "payTimeout") if fields.get("payTimeout") else None
        if expires_at is not None and expires_at <= self.book.now():
            raise AcpError("39")
        return self._stored(fields, fen, expires_at)

    def _stored(self, fields: Mapping[str, str], fen: int, expires_at: datetime | None) -> Trade:
        token = word(32)
        self.book.book.write(
            "INSERT INTO trades (order_no, txn_time, amount_fen, params, token, created_ms, "
            "expires_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, 'open')",
            fields["orderId"],
            fields["txnTime"],
            fen,
            json.dumps(dict(fields), ensure_ascii=False),
            token,
            self.book.now_ms(),
            None if expires_at is None else to_ms(expires_at),
        )
        self._tell(fields["orderId"], "open", fen)
        return self._known(token)

    def _known(self, token: str) -> Trade:
        trade = self.book.trade_by("token", token)
        if trade is None:
            raise LookupError(token)
        return trade

    def queried(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Answer a query (00) about a payment, a refund or an undo; raises AcpError."""
        if fields["txnType"] not in QUERY_KINDS:
            raise AcpError("32")
        order_no, txn_time = fields["orderId"], fields["txnTime"]
        self._count(order_no, txn_time)
        trade = self.book.trade(order_no, txn_time)
        if trade is not None:
            return echo(fields) | self.told(trade)
        back = self.book.given_back(order_no, txn_time)
        if back is None:
            raise AcpError("34")
        return echo(fields) | told_of_return(back)

    def told(self, trade: Trade) -> dict[str, str]:
        """Return what a query says of a payment: 05 open, 00 paid, 42 late, 69 never paid."""
        code = "69" if self.book.is_expired(trade) else STATES[trade.state]
        shown = told_trade(trade) if trade.query_id else echo(trade.params)
        if not trade.query_id:
            shown |= {"txnAmt": str(trade.amount_fen), "currencyCode": "156"}
        return shown | outcome("00") | original(code)

    def _count(self, order_no: str, txn_time: str) -> None:
        now = self.book.now_ms()
        asked = self._asked.setdefault((order_no, txn_time), deque(maxlen=QUERIES_A_MINUTE))
        if len(asked) == QUERIES_A_MINUTE and now - asked[0] < 60_000:
            raise AcpError("37")
        asked.append(now)

    # The card holder's side

    def refusal(self, trade: Trade) -> str | None:
        """Return why a trade cannot be paid, as the card holder reads it."""
        if trade.state != "open":
            return "该订单已支付，请勿重复支付"
        if self.book.is_expired(trade):
            return "订单已超过支付时间，请返回商户重新下单"
        return None

    def pay(self, trade: Trade, card: str = SHOWN_CARD, code: str = SHOWN_CODE) -> Trade:
        """Book a payment and queue its notice; raises CardRefused."""
        refusal = self.refusal(trade)
        if refusal is not None:
            raise CardRefused(refusal)
        self._check_card(card, code)
        return self._booked(trade, card, "paid")

    def pay_late(self, trade: Trade, card: str = SHOWN_CARD) -> Trade:
        """Take a payment that came after its limit (42): it goes back by itself, days later."""
        if trade.state != "open":
            raise CardRefused("该订单已支付，请勿重复支付")
        return self._booked(trade, card, "late")

    def _check_card(self, card: str, code: str) -> None:
        if not CARD.fullmatch(card):
            raise CardRefused(WORDS["61"])
        if not CODE.fullmatch(code):
            raise CardRefused(WORDS["71"])
        if card.endswith(UNFUNDED_ENDING):
            raise CardRefused(WORDS["64"])

    def _booked(self, trade: Trade, card: str, state: str) -> Trade:
        now = self.book.now()
        with self.book.book.transaction():
            self.book.book.write(
                "UPDATE trades SET state = ?, paid_ms = ?, query_id = ?, card = ?, "
                "clearing_day = ?, back_due_ms = ? WHERE id = ?",
                state,
                to_ms(now),
                self.book.query_id(now),
                f"{card[:4]}{'*' * (len(card) - 8)}{card[-4:]}",
                clearing_day(now).isoformat() if state == "paid" else None,
                to_ms(now + LATE_GOES_BACK) if state == "late" else None,
                trade.id,
            )
            paid = self._known(trade.token)
            if state == "paid":
                self.notices.paid(paid)
        self._tell(trade.order_no, "paid" if state == "paid" else "closed", trade.amount_fen)
        self.book.ground.clock.wake()
        return paid

    def _tell(self, order_no: str, state: str, fen: int) -> None:
        live = self.book.ground.live
        live.publish("trade", order_no=order_no, state=state, amount_fen=fen)


def told_of_return(back: Return) -> dict[str, str]:
    """Return what a query says of a refund or undo."""
    return told_return(back) | outcome("00") | original(back.code)
