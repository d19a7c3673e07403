"""Refunds of WeChat Pay: asked for, under way for three minutes, then heard of."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.clock import from_ms, iso, to_ms, whole_second
from bot.sandbox.faults import ANSWER
from bot.sandbox.pay_book import PayBook, Refund, Trade
from bot.sandbox.pay_errors import PayError
from bot.sandbox.pay_fields import RefundAsk, refund_ask, words
from bot.sandbox.pay_notices import PayNotices

TAKES = timedelta(minutes=3)
UNFUNDED_TAKES = timedelta(days=7, minutes=1)
GAP = timedelta(minutes=1)
WINDOW = timedelta(days=365)
MOST_PARTS = 50
OUTCOMES = ("success", "abnormal", "closed")


class PayRefunds:
    """What merchants give back."""

    def __init__(self, book: PayBook, notices: PayNotices) -> None:
        """Keep refunds in a book."""
        self.book, self.notices = book, notices

    def create(self, body: Mapping[str, Any], mode: str) -> dict[str, Any]:
        """Answer a refund call; raises PayError. The same number again is the same refund."""
        ask = refund_ask(body)
        trade = self._trade(ask)
        known = self.book.refund(ask.refund_no)
        if known is not None:
            return self._repeated(known, ask, trade)
        facts = {"order_no": trade.order_no, "refund_no": ask.refund_no}
        take = self.book.ground.faults.take
        unfunded = take("wechat_pay", ANSWER, facts, "unfunded")
        is_later = unfunded is not None and bool(unfunded.settings.get("after"))
        self._check(ask, trade)
        if (unfunded is not None and not is_later) or self.book.balance_fen() < ask.amount_fen:
            raise PayError("NOT_ENOUGH")
        outcome, takes = "success", TAKES
        if is_later:
            outcome, takes = "closed", UNFUNDED_TAKES
        elif take("wechat_pay", ANSWER, facts, "abnormal") is not None:
            outcome = "abnormal"
        self._store(ask, trade, outcome, takes, mode)
        stored = self._stored(ask.refund_no)
        self._tell(stored)
        self.book.ground.clock.wake()
        return self.told(stored, trade)

    def outside(self, order_no: str, amount_fen: int) -> Refund:
        """Give back by hand in the merchant's console; the number is the console's own.

        Raises LookupError and PayError. Nobody is notified: such a refund has no address.
        """
        trade = self.book.trade(order_no)
        if trade is None:
            raise LookupError(order_no)
        number = "console" + self.book.long_number("")
        body = {"out_trade_no": order_no, "out_refund_no": number, "reason": "商户平台退款"}
        amount = {"refund": amount_fen, "total": trade.amount_fen, "currency": "CNY"}
        self.create({**body, "amount": amount}, "")
        return self._stored(number)

    def _stored(self, refund_no: str) -> Refund:
        stored = self.book.refund(refund_no)
        if stored is None:
            raise LookupError(refund_no)
        return stored

    def _trade(self, ask: RefundAsk) -> Trade:
        if ask.order_no is not None:
            trade = self.book.trade(ask.order_no)
        else:
            trade = self.book.trade_by_id(ask.transaction_id or "")
        if trade is None or trade.kind == "":
            raise PayError("RESOURCE_NOT_EXISTS", "订单不存在")
        if ask.transaction_id is not None and ask.transaction_id != trade.transaction_id:
            raise PayError("INVALID_REQUEST", "transaction_id和out_trade_no不匹配")
        if trade.paid_at is None:
            raise PayError("INVALID_REQUEST", "订单未支付，不能退款")
        return trade

    def _repeated(self, known: Refund, ask: RefundAsk, trade: Trade) -> dict[str, Any]:
        asked = (ask.amount_fen, ask.total_fen, trade.order_no)
        if asked != (known.amount_fen, trade.amount_fen, known.order_no):
            raise PayError("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        return self.told(known, trade)

    def _check(self, ask: RefundAsk, trade: Trade) -> None:
        earlier = self.book.refunds_of(trade.order_no)
        gone_fen = sum(r.amount_fen for r in earlier if r.state != "closed")
        now = self.book.now()
        if ask.total_fen != trade.amount_fen:
            raise PayError("INVALID_REQUEST", "订单金额与原订单不一致，请核实后再试")
        if trade.paid_at is not None and now - trade.paid_at > WINDOW:
            raise PayError("INVALID_REQUEST", "订单已超过可退款的最大期限")
        if gone_fen + ask.amount_fen > trade.amount_fen:
            raise PayError("INVALID_REQUEST", "退款金额大于可退金额")
        if len(earlier) >= MOST_PARTS:
            raise PayError("INVALID_REQUEST", "部分退款次数超过限制")
        if earlier and now - earlier[-1].created_at < GAP:
            raise PayError("FREQUENCY_LIMITED", "同一笔订单的退款间隔须大于1分钟")

    def _store(
        self, ask: RefundAsk, trade: Trade, outcome: str, takes: timedelta, mode: str
    ) -> None:
        now = self.book.now()
        self.book.book.write(
            "INSERT INTO refunds (refund_no, refund_id, order_no, amount_fen, reason, notify_url, "
            "created_ms, due_ms, outcome, state, mode) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'processing', ?)",
            ask.refund_no,
            self.book.long_number("50300"),
            trade.order_no,
            ask.amount_fen,
            ask.reason,
            ask.notify_url,
            to_ms(now),
            to_ms(whole_second(now + takes)),
            outcome,
            mode,
        )

    def queried(self, refund_no: str) -> dict[str, Any]:
        """Answer a refund query; raises PayError."""
        refund = self.book.refund(refund_no)
        trade = self.book.trade(refund.order_no) if refund else None
        if refund is None or trade is None:
            raise PayError("RESOURCE_NOT_EXISTS", "退款单不存在")
        return self.told(refund, trade)

    def apply_abnormal(self, refund_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send an abnormal refund another way; raises PayError."""
        refund = self.book.refund(words(body, "out_refund_no", 64))
        if refund is None or refund.refund_id != refund_id:
            raise PayError("RESOURCE_NOT_EXISTS", "退款单不存在")
        if body.get("type") not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
            raise PayError("PARAM_ERROR", "type应为USER_BANK_CARD或MERCHANT_BANK_CARD")
        if refund.state != "abnormal":
            raise PayError("INVALID_REQUEST", "退款单状态不是退款异常")
        self.book.book.write(
            "UPDATE refunds SET state = 'processing', outcome = 'success', ended_ms = NULL, "
            "due_ms = ? WHERE refund_no = ?",
            to_ms(whole_second(self.book.now() + TAKES)),
            refund.refund_no,
        )
        self.book.ground.clock.wake()
        return self.queried(refund.refund_no)

    def told(self, refund: Refund, trade: Trade) -> dict[str, Any]:
        """Return a refund as the API tells it."""
        shown: dict[str, Any] = {
            "refund_id": refund.refund_id,
            "out_refund_no": refund.refund_no,
            "transaction_id": trade.transaction_id,
            "out_trade_no": trade.order_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": iso(refund.created_at),
            "status": refund.state.upper(),
            "funds_account": "AVAILABLE",
            "amount": {
                "total": trade.amount_fen,
                "refund": refund.amount_fen,
                "payer_total": trade.amount_fen,
                "payer_refund": refund.amount_fen,
                "settlement_refund": refund.amount_fen,
                "settlement_total": trade.amount_fen,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        if refund.state == "success" and refund.ended_at is not None:
            shown["success_time"] = iso(refund.ended_at)
        return shown

    def decide(self, refund_no: str, outcome: str) -> None:
        """Let a refund under way end so, at once; raises LookupError for an unknown one."""
        if outcome not in OUTCOMES or self.book.refund(refund_no) is None:
            raise LookupError(refund_no)
        self.book.book.write(
            "UPDATE refunds SET outcome = ?, due_ms = ?, state = 'processing' WHERE refund_no = ?",
            outcome,
            self.book.now_ms(),
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
        rows = self.book.book.rows(
            "SELECT refund_no FROM refunds WHERE state = 'processing' AND due_ms <= ?", to_ms(now)
        )
        for row in rows:
            refund = self.book.refund(row["refund_no"])
            trade = self.book.trade(refund.order_no) if refund else None
            if refund is None or trade is None:
                continue
            ended = replace(refund, state=refund.outcome, ended_at=now)
            with self.book.book.transaction():
                self.book.book.write(
                    "UPDATE refunds SET state = ?, ended_ms = ? WHERE refund_no = ?",
                    ended.state,
                    to_ms(now),
                    refund.refund_no,
                )
                self.notices.refunded(ended, trade)
            self._tell(ended)
        return len(rows)

    def _tell(self, refund: Refund) -> None:
        self.book.ground.live.publish(
            "refund",
            refund_no=refund.refund_no,
            order_no=refund.order_no,
            state=refund.state,
            amount_fen=refund.amount_fen,
        )
