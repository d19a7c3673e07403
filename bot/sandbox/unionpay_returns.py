"""What goes back: refunds (退货 04), undos of the same day (撤销 31), late payments."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.sandbox.clock import from_ms, to_ms, whole_second
from bot.sandbox.faults import ANSWER
from bot.sandbox.unionpay_book import FAILED, REFUND, UNDO, Return, Trade, UnionpayBook
from bot.sandbox.unionpay_codec import beijing, clearing_day
from bot.sandbox.unionpay_codes import AcpError
from bot.sandbox.unionpay_fields import amount_fen
from bot.sandbox.unionpay_messages import echo, outcome
from bot.sandbox.unionpay_notices import UnionpayNotices

TAKES = timedelta(minutes=3)
WINDOW = timedelta(days=334)
BIZ_TYPES = ("000000", "000201")
UNFUNDED = "64"
# How a refund can be told to end: the book's word and the origRespCode that goes with it.
OUTCOMES = {
    "success": "00",
    "closed": "01",
    "failed": "01",
    "abnormal": "63",
    "unfunded": UNFUNDED,
    "processing": "05",
}
STATES = {"failed": "closed", "unfunded": "closed"}


class UnionpayReturns:
    """What merchants give back."""

    def __init__(self, book: UnionpayBook, notices: UnionpayNotices) -> None:
        """Keep refunds and undos in a book."""
        self.book, self.notices = book, notices

    # The merchant's side

    def create(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Take a back trade; raises AcpError. 00 says accepted, no more.

        A refused number is not burnt; an accepted one with the same time again is 12.
        """
        kind = self._kind(fields)
        fen = amount_fen(fields)
        if self.book.is_known(fields["orderId"], fields["txnTime"]):
            raise AcpError("12")
        trade = self._original(fields["origQryId"])
        self._check(kind, trade, fen)
        facts = {"order_no": trade.order_no, "refund_no": fields["orderId"]}
        back = self._stored(kind, fields, trade, fen, self._outcome(facts, fen))
        return (
            echo(fields)
            | outcome("00")
            | {
                "queryId": back.query_id,
                "origQryId": trade.query_id,
                "txnAmt": str(fen),
            }
        )

    def outside(self, order_no: str, fen: int) -> Return:
        """Give back by hand in the merchant's console; raises LookupError and AcpError.

        The number is the console's own, and nobody is notified.
        """
        trade = self.book.trade(order_no)
        if trade is None:
            raise LookupError(order_no)
        if trade.state != "paid":
            raise AcpError("35")
        self._check(REFUND, trade, fen)
        now = self.book.now()
        fields = {
            **echo(trade.params),
            "txnType": REFUND,
            "txnSubType": "00",
            "orderId": "console" + self.book.query_id(now),
            "txnTime": beijing(now),
            "origQryId": trade.query_id,
        }
        return self._stored(REFUND, fields, trade, fen, "success")

    def _kind(self, fields: Mapping[str, str]) -> str:
        kind = fields["txnType"]
        if kind not in (REFUND, UNDO) or fields["txnSubType"] != "00":
            raise AcpError("32")
        if fields["bizType"] not in BIZ_TYPES:
            raise AcpError("32", "bizType")
        return kind

    def _original(self, query_id: str) -> Trade:
        trade = self.book.trade_by("query_id", query_id)
        if trade is None or trade.state != "paid":
            raise AcpError("35")
        return trade

    def _check(self, kind: str, trade: Trade, fen: int) -> None:
        live = [back for back in self.book.returns_of(trade) if back.state not in FAILED]
        now = self.book.now()
        if any(back.kind == UNDO for back in live):
            raise AcpError("35", "原交易已撤销")
        if kind == UNDO:
            if live or trade.clearing_day != clearing_day(now):
                raise AcpError("35")
            if fen != trade.amount_fen:
                raise AcpError("36", "txnAmt")
            return
        if trade.paid_at is not None and now - trade.paid_at > WINDOW:
            raise AcpError("35", "超过退货期限")
        if fen < 1 or sum(back.amount_fen for back in live) + fen > trade.amount_fen:
            raise AcpError("36", "txnAmt")

    def _outcome(self, facts: Mapping[str, str], fen: int) -> str:
        """Return how a refund will end; raises AcpError 64 where there is no money now."""
        take = self.book.ground.faults.take
        unfunded = take("unionpay", ANSWER, facts, "unfunded")
        if unfunded is not None and unfunded.settings.get("after"):
            return "unfunded"
        if unfunded is not None or self.book.balance_fen() < fen:
            raise AcpError(UNFUNDED)
        ordered = take("unionpay", ANSWER, facts, "abnormal", "processing")
        return "success" if ordered is None else ordered.kind

    def _stored(
        self, kind: str, fields: Mapping[str, str], trade: Trade, fen: int, ending: str
    ) -> Return:
        now = self.book.now()
        self.book.book.write(
            "INSERT INTO returns (kind, refund_no, txn_time, trade_id, amount_fen, params, "
            "query_id, created_ms, due_ms, outcome, code, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '05', 'processing')",
            kind,
            fields["orderId"],
            fields["txnTime"],
            trade.id,
            fen,
            json.dumps(dict(fields), ensure_ascii=False),
            self.book.query_id(now),
            to_ms(now),
            None if ending == "processing" else to_ms(whole_second(now + TAKES)),
            ending,
        )
        back = self.known(fields["orderId"], fields["txnTime"])
        self._tell(back, trade)
        self.book.ground.clock.wake()
        return back

    def known(self, refund_no: str, txn_time: str = "") -> Return:
        """Return a refund or undo; raises LookupError."""
        back = self.book.given_back(refund_no, txn_time)
        if back is None:
            raise LookupError(refund_no)
        return back

    # The control plane's side

    def decide(self, refund_no: str, ending: str) -> None:
        """Let a refund under way end so, at once; `processing` holds it. Raises LookupError."""
        back = self.known(refund_no)
        if ending not in OUTCOMES:
            raise ValueError(f"state must be one of {', '.join(OUTCOMES)}")
        if back.state != "processing":
            raise ValueError(f"{refund_no} has ended: {back.state}")
        self.book.book.write(
            "UPDATE returns SET outcome = ?, due_ms = ? WHERE id = ?",
            ending,
            None if ending == "processing" else self.book.now_ms(),
            back.id,
        )
        self.book.ground.clock.wake()

    # Timers

    def next_due(self) -> datetime | None:
        """Return when the first refund ends or the first late payment goes back."""
        due = self.book.book.value(
            "SELECT MIN(due) FROM (SELECT MIN(due_ms) AS due FROM returns "
            "WHERE state = 'processing' UNION ALL SELECT MIN(back_due_ms) FROM trades "
            "WHERE back_due_ms IS NOT NULL)"
        )
        return None if due is None else from_ms(due)

    async def run_due(self, now: datetime) -> int:
        """End what is due and queue the notices."""
        rows = self.book.book.rows(
            "SELECT refund_no, txn_time FROM returns WHERE state = 'processing' AND due_ms <= ?",
            to_ms(now),
        )
        for row in rows:
            self._end(self.known(row["refund_no"], row["txn_time"]), now)
        gone = self.book.book.change(
            "UPDATE trades SET back_ms = back_due_ms, back_due_ms = NULL WHERE back_due_ms <= ?",
            to_ms(now),
        )
        return len(rows) + gone

    def _end(self, back: Return, now: datetime) -> None:
        trade = self.book.trade_by("id", back.trade_id)
        if trade is None:
            raise LookupError(back.refund_no)
        state = STATES.get(back.outcome, back.outcome)
        day = trade.clearing_day if back.kind == UNDO else clearing_day(now)
        ended = replace(
            back, state=state, code=OUTCOMES[back.outcome], ended_at=now, clearing_day=day
        )
        with self.book.book.transaction():
            self.book.book.write(
                "UPDATE returns SET state = ?, code = ?, ended_ms = ?, clearing_day = ?, "
                "due_ms = NULL WHERE id = ?",
                state,
                ended.code,
                to_ms(now),
                day.isoformat() if day else None,
                back.id,
            )
            self.notices.ended(ended, trade)
        self._tell(ended, trade)

    def _tell(self, back: Return, trade: Trade) -> None:
        self.book.ground.live.publish(
            "refund",
            refund_no=back.refund_no,
            order_no=trade.order_no,
            state=back.state,
            amount_fen=back.amount_fen,
        )
