"""Alipay's trades: begun when a buyer reaches the cashier, paid, queried, closed, finished."""

import urllib.parse
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.alipay_book import CLOSED, FINISHED, SUCCESS, WAIT, AlipayBook, AlipayTrade
from bot.sandbox.alipay_codec import beijing, pairs, sign, yuan
from bot.sandbox.alipay_errors import AlipayError
from bot.sandbox.alipay_fields import PayAsk, trade_names
from bot.sandbox.alipay_notices import CERTIFICATE, AlipayNotices
from bot.sandbox.clock import from_ms, to_ms
from bot.sandbox.keys import word
from bot.sandbox.pay_errors import PayRefused

REFUND_DAYS = 365
PAID_ALREADY = "该订单已支付，请勿重复付款"


class AlipayTrades:
    """What merchants ask and buyers pay; a timer of the clock."""

    def __init__(self, book: AlipayBook, notices: AlipayNotices) -> None:
        """Keep trades in a book."""
        self.book, self.notices = book, notices

    # The buyer's side

    def open(self, ask: PayAsk, mode: str) -> AlipayTrade:
        """Begin the trade, or find it again for the same request; raises AlipayError."""
        known = self.book.trade(ask.order_no)
        if known is not None:
            return _reentered(known, ask)
        self.book.book.write(
            "INSERT INTO trades (order_no, trade_no, method, amount_fen, subject, body, passback, "
            "quit_url, notify_url, return_url, buyer, created_ms, expires_ms, state, mode) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ask.order_no,
            self.book.fresh_trade_no(),
            ask.method,
            ask.amount_fen,
            ask.subject,
            ask.body,
            ask.passback,
            ask.quit_url,
            ask.notify_url,
            ask.return_url,
            word(12),
            self.book.now_ms(),
            to_ms(ask.expires_at),
            WAIT,
            mode,
        )
        self._tell(ask.order_no, "open", ask.amount_fen)
        self.book.ground.clock.wake()
        return self._known(ask.order_no)

    def pay(self, order_no: str, payer: str | None = None, *, late: bool = False) -> AlipayTrade:
        """Book a payment and queue its notice; raises PayRefused.

        A late one was under way when the trade was closed.
        """
        trade = self.book.trade(order_no)
        if trade is None:
            raise PayRefused("订单不存在")
        if trade.paid_at is not None:
            raise PayRefused(PAID_ALREADY)
        is_over = trade.state != WAIT or self.book.now() >= trade.expires_at
        if is_over and not late:
            raise PayRefused("订单已关闭，请返回商家重新下单")
        with self.book.book.transaction():
            self.book.book.write(
                "UPDATE trades SET state = ?, paid_ms = ?, closed_ms = NULL, buyer = ? "
                "WHERE order_no = ?",
                SUCCESS,
                self.book.now_ms(),
                payer or trade.buyer,
                order_no,
            )
            paid = self._known(order_no)
            self.notices.moved(paid)
        self._tell(order_no, "paid", trade.amount_fen)
        self.book.ground.clock.wake()
        return paid

    def way_back(self, trade: AlipayTrade) -> str:
        """Return the merchant's address with the result in it, signed; nothing without one."""
        if not trade.return_url:
            return ""
        names = self.book.keys.names
        params = {
            "charset": "utf-8",
            "out_trade_no": trade.order_no,
            "method": trade.method + ".return",
            "total_amount": yuan(trade.amount_fen),
            "trade_no": trade.trade_no,
            "auth_app_id": names.app_id,
            "version": "1.0",
            "app_id": names.app_id,
            "seller_id": names.seller_id,
            "timestamp": beijing(self.book.now()),
        }
        key = self.book.keys.certified if trade.mode == CERTIFICATE else self.book.keys.alipay
        told = {**params, "sign_type": "RSA2", "sign": sign(key, pairs(params))}
        mark = "&" if "?" in trade.return_url else "?"
        return trade.return_url + mark + urllib.parse.urlencode(told)

    # The merchant's side

    def named(self, biz: Mapping[str, Any]) -> AlipayTrade:
        """Return the trade a request names; raises AlipayError."""
        trade = self.book.trade(*trade_names(biz))
        if trade is None:
            raise AlipayError("ACQ.TRADE_NOT_EXIST")
        return trade

    def query(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a query; raises AlipayError."""
        trade = self.named(biz)
        amount, none = yuan(trade.amount_fen), "0.00"
        paid = amount if trade.paid_at is not None else none
        told: dict[str, Any] = {
            "buyer_logon_id": trade.buyer_logon_id,
            "buyer_pay_amount": paid,
            "buyer_user_id": trade.buyer_id,
            "buyer_user_type": "PRIVATE",
            "invoice_amount": paid,
            "out_trade_no": trade.order_no,
            "point_amount": none,
            "receipt_amount": paid,
            "total_amount": amount,
            "trade_no": trade.trade_no,
            "trade_status": trade.state,
        }
        if trade.paid_at is not None:
            told["send_pay_date"] = beijing(trade.paid_at)
            told["fund_bill_list"] = [{"amount": amount, "fund_channel": "ALIPAYACCOUNT"}]
        return told

    def close(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Close an unpaid trade; raises AlipayError."""
        trade = self.named(biz)
        if trade.state != WAIT:
            raise AlipayError("ACQ.TRADE_STATUS_ERROR")
        self.end(trade, CLOSED)
        return {"out_trade_no": trade.order_no, "trade_no": trade.trade_no}

    def end(self, trade: AlipayTrade, state: str) -> None:
        """Close or finish a trade, and queue the notice of it."""
        with self.book.book.transaction():
            self.book.book.write(
                "UPDATE trades SET state = ?, closed_ms = ? WHERE order_no = ?",
                state,
                self.book.now_ms() if state == CLOSED else None,
                trade.order_no,
            )
            self.notices.moved(self._known(trade.order_no))
        if trade.paid_at is None:
            self._tell(trade.order_no, "closed", trade.amount_fen)
        self.book.ground.clock.wake()

    # Timers

    def window(self) -> timedelta:
        """Return for how long a paid trade may be given back, by contract."""
        return timedelta(days=int(self.book.book.kept("refund_days") or REFUND_DAYS))

    def next_due(self) -> datetime | None:
        """Return when the first unpaid trade runs out, or the first paid one is finished."""
        value = self.book.book.value
        ends = value("SELECT MIN(expires_ms) FROM trades WHERE state = ?", WAIT)
        paid = value("SELECT MIN(paid_ms) FROM trades WHERE state = ?", SUCCESS)
        dues = [from_ms(ends)] if ends is not None else []
        dues += [from_ms(paid) + self.window()] if paid is not None else []
        return min(dues, default=None)

    async def run_due(self, now: datetime) -> int:
        """Close what was not paid in time, finish what cannot be given back any more."""
        over = self.book.book.rows(
            "SELECT order_no, state FROM trades WHERE (state = ? AND expires_ms <= ?) "
            "OR (state = ? AND paid_ms <= ?)",
            WAIT,
            to_ms(now),
            SUCCESS,
            to_ms(now - self.window()),
        )
        for row in over:
            state = CLOSED if row["state"] == WAIT else FINISHED
            self.end(self._known(row["order_no"]), state)
        return len(over)

    def _known(self, order_no: str) -> AlipayTrade:
        trade = self.book.trade(order_no)
        if trade is None:
            raise LookupError(order_no)
        return trade

    def _tell(self, order_no: str, state: str, amount_fen: int) -> None:
        live = self.book.ground.live
        live.publish("trade", order_no=order_no, state=state, amount_fen=amount_fen)


def _reentered(known: AlipayTrade, ask: PayAsk) -> AlipayTrade:
    """Let the same request through again; raises AlipayError for anything else."""
    if known.state == FINISHED:
        raise AlipayError("ACQ.TRADE_HAS_FINISHED")
    if known.paid_at is not None:
        raise AlipayError("ACQ.TRADE_HAS_SUCCESS")
    if known.state == CLOSED:
        raise AlipayError("ACQ.TRADE_HAS_CLOSE")
    before = (known.method, known.amount_fen, known.subject, known.body)
    if before != (ask.method, ask.amount_fen, ask.subject, ask.body):
        raise AlipayError("ACQ.CONTEXT_INCONSISTENT")
    return known
