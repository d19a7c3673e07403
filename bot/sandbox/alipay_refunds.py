"""Alipay's refunds: done at once where the money is there, unless they were told to take time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.alipay_book import CLOSED, FINISHED, SUCCESS, WAIT, AlipayRefund, AlipayTrade
from bot.sandbox.alipay_codec import beijing, yuan
from bot.sandbox.alipay_errors import AlipayError
from bot.sandbox.alipay_fields import RefundAsk, refund_ask, words, wrong
from bot.sandbox.alipay_notices import AlipayNotices
from bot.sandbox.alipay_trades import AlipayTrades
from bot.sandbox.clock import from_ms, to_ms, whole_second
from bot.sandbox.faults import ANSWER

GAP = timedelta(seconds=3)
SLOW_SECONDS = 180.0
OUTCOMES = ("success", "closed", "abnormal")


class AlipayRefunds:
    """What merchants give back; a timer of the clock."""

    def __init__(self, trades: AlipayTrades, notices: AlipayNotices) -> None:
        """Keep refunds in the trades' book."""
        self.trades, self.book, self.notices = trades, trades.book, notices

    def refund(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a refund; the same out_request_no again is the same refund. Raises AlipayError.

        One that failed is nothing: its number may be asked for again.
        """
        ask = refund_ask(biz)
        trade = self.trades.named(biz)
        refund_no = ask.request_no or trade.order_no
        known = self.book.refund(trade.order_no, refund_no)
        if known is not None and known.state != "closed":
            if known.amount_fen != ask.amount_fen:
                raise AlipayError("ACQ.DISCORDANT_REPEAT_REQUEST")
            return self._answered(trade, known, "N")
        self._check(ask, trade)
        facts = {"order_no": trade.order_no, "refund_no": refund_no}
        if self._fault(facts, "unfunded") or self.book.balance_fen() < ask.amount_fen:
            raise AlipayError("ACQ.SELLER_BALANCE_NOT_ENOUGH")
        refund = self._stored(trade, refund_no, ask, facts)
        return self._answered(trade, refund, "Y" if refund.state == "success" else "N")

    def _fault(self, facts: Mapping[str, str], *kinds: str) -> float | None:
        """Use up a trouble of these kinds; return its seconds, or None where there is none."""
        found = self.book.ground.faults.take("alipay", ANSWER, facts, *kinds)
        return None if found is None else found.seconds(SLOW_SECONDS)

    def _check(self, ask: RefundAsk, trade: AlipayTrade) -> None:
        if trade.state == FINISHED:
            raise AlipayError("ACQ.TRADE_HAS_FINISHED")
        if trade.paid_at is None or trade.state == WAIT:
            raise AlipayError("ACQ.TRADE_STATUS_ERROR")
        if ask.amount_fen > trade.amount_fen:
            raise AlipayError("ACQ.REASON_TRADE_REFUND_FEE_ERR")
        if not ask.request_no and ask.amount_fen != trade.amount_fen:
            raise wrong("out_request_no", "部分退款时必传")
        earlier = self.book.refunds_of(trade.order_no)
        gone_fen = sum(one.amount_fen for one in earlier if one.state != "closed")
        if gone_fen + ask.amount_fen > trade.amount_fen:
            raise AlipayError("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        if earlier and self.book.now() - earlier[-1].created_at < GAP:
            raise AlipayError("ACQ.SYSTEM_ERROR", "同一笔交易的退款请求间隔须大于3秒")

    def _stored(
        self, trade: AlipayTrade, refund_no: str, ask: RefundAsk, facts: Mapping[str, str]
    ) -> AlipayRefund:
        now = self.book.now()
        slow = self._fault(facts, "processing")
        is_stuck = slow is None and self._fault(facts, "abnormal") is not None
        due = whole_second(now + timedelta(seconds=slow or 0))
        with self.book.book.transaction():
            self.book.book.write(
                "INSERT OR REPLACE INTO refunds (order_no, refund_no, amount_fen, reason, "
                "created_ms, due_ms, outcome, state) VALUES (?, ?, ?, ?, ?, ?, 'success', ?)",
                trade.order_no,
                refund_no,
                ask.amount_fen,
                ask.reason,
                to_ms(now),
                to_ms(due),
                "abnormal" if is_stuck else "processing",
            )
            if slow is None and not is_stuck:
                self._end(self._known(trade.order_no, refund_no))
        refund = self._known(trade.order_no, refund_no)
        self._tell(refund)
        self.book.ground.clock.wake()
        return refund

    def _end(self, refund: AlipayRefund) -> None:
        """Let a refund end as it is to end; a trade wholly given back is closed."""
        order_no = refund.order_no
        self.book.book.write(
            "UPDATE refunds SET state = outcome, ended_ms = ? WHERE order_no = ? AND refund_no = ?",
            self.book.now_ms(),
            order_no,
            refund.refund_no,
        )
        trade = self.book.trade(order_no)
        ended = self._known(order_no, refund.refund_no)
        if trade is None or ended.state != "success":
            return
        if self.book.given_back_fen(order_no) == trade.amount_fen and trade.state == SUCCESS:
            self.book.book.write(
                "UPDATE trades SET state = ?, closed_ms = ? WHERE order_no = ?",
                CLOSED,
                self.book.now_ms(),
                order_no,
            )
        self.notices.refunded(self.book.trade(order_no) or trade, ended)

    def _answered(self, trade: AlipayTrade, refund: AlipayRefund, change: str) -> dict[str, Any]:
        """Return a refund's answer; `refund_fee` is all that the trade has given back."""
        told = {
            "buyer_logon_id": trade.buyer_logon_id,
            "buyer_user_id": trade.buyer_id,
            "fund_change": change,
            "out_trade_no": trade.order_no,
            "refund_fee": yuan(self.book.given_back_fen(trade.order_no)),
            "send_back_fee": yuan(refund.amount_fen if refund.state == "success" else 0),
            "trade_no": trade.trade_no,
        }
        if refund.ended_at is not None:
            told["gmt_refund_pay"] = beijing(refund.ended_at)
        return told

    def query(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a refund query; without `refund_status` it has not been given back (yet)."""
        refund_no = words(biz, "out_request_no", 64)
        trade = self.trades.named(biz)
        refund = self.book.refund(trade.order_no, refund_no)
        if refund is None or refund.state == "closed":
            return {}
        told = {
            "out_request_no": refund_no,
            "out_trade_no": trade.order_no,
            "refund_amount": yuan(refund.amount_fen),
            "total_amount": yuan(trade.amount_fen),
            "trade_no": trade.trade_no,
        }
        if refund.reason:
            told["refund_reason"] = refund.reason
        if refund.state == "success" and refund.ended_at is not None:
            told["refund_status"] = "REFUND_SUCCESS"
            told["gmt_refund_pay"] = beijing(refund.ended_at)
        return told

    def cancel(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Undo a trade: an unpaid one is closed, a paid one given back; raises AlipayError."""
        trade = self.trades.named(biz)
        told = {"out_trade_no": trade.order_no, "retry_flag": "N", "trade_no": trade.trade_no}
        if trade.state == WAIT:
            self.trades.end(trade, CLOSED)
            return {**told, "action": "close"}
        if trade.state == SUCCESS:
            rest_fen = trade.amount_fen - self.book.given_back_fen(trade.order_no)
            number = f"cancel{trade.trade_no}"
            whole = {"trade_no": trade.trade_no, "refund_amount": yuan(rest_fen)}
            self.refund({**whole, "out_request_no": number})
            return {**told, "action": "refund"}
        return told

    def outside(self, order_no: str, amount_fen: int) -> AlipayRefund:
        """Give back by hand in the merchant's console; raises LookupError, AlipayError."""
        if self.book.trade(order_no) is None:
            raise LookupError(order_no)
        number = f"console{self.book.fresh_trade_no()}"
        asked = {"out_trade_no": order_no, "refund_amount": yuan(amount_fen)}
        self.refund({**asked, "out_request_no": number, "refund_reason": "商家平台退款"})
        return self._known(order_no, number)

    def decide(self, refund_no: str, outcome: str) -> None:
        """Let a refund under way end so, now; raises LookupError, ValueError."""
        refund = self.book.refund_named(refund_no)
        if refund is None or outcome not in OUTCOMES:
            raise LookupError(refund_no)
        if refund.state == "success":
            raise ValueError("the refund has been paid out")
        state = "abnormal" if outcome == "abnormal" else "processing"
        self.book.book.write(
            "UPDATE refunds SET outcome = ?, due_ms = ?, state = ? "
            "WHERE order_no = ? AND refund_no = ?",
            "success" if outcome == "abnormal" else outcome,
            self.book.now_ms(),
            state,
            refund.order_no,
            refund_no,
        )
        self.book.ground.clock.wake()

    # Timers

    def next_due(self) -> datetime | None:
        """Return when the first refund under way ends."""
        due = self.book.book.value("SELECT MIN(due_ms) FROM refunds WHERE state = 'processing'")
        return None if due is None else from_ms(due)

    async def run_due(self, now: datetime) -> int:
        """End the refunds whose time has come and queue their notices."""
        over = self.book.refunds_due(now)
        for refund in over:
            with self.book.book.transaction():
                self._end(refund)
            self._tell(self._known(refund.order_no, refund.refund_no))
        return len(over)

    def _known(self, order_no: str, refund_no: str) -> AlipayRefund:
        refund = self.book.refund(order_no, refund_no)
        if refund is None:
            raise LookupError(refund_no)
        return refund

    def _tell(self, refund: AlipayRefund) -> None:
        self.book.ground.live.publish(
            "refund",
            refund_no=refund.refund_no,
            order_no=refund.order_no,
            state=refund.state,
            amount_fen=refund.amount_fen,
        )
