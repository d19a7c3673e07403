"""UnionPay's own book: trades, what went back, notices; flushed to disk before it answers."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.sandbox.book import Book, Row
from bot.sandbox.clock import SHANGHAI, from_ms, iso, to_ms
from bot.sandbox.ground import Ground
from bot.sandbox.noticing import NOTICES_SCHEMA
from bot.sandbox.planting import PLANTS_SCHEMA
from bot.sandbox.unionpay_keys import UnionpayKeys

REFUND, UNDO = "04", "31"
FAILED = ("closed", "abnormal")

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (
  id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, txn_time TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, params TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL, expires_ms INTEGER, state TEXT NOT NULL,
  query_id TEXT UNIQUE, card TEXT NOT NULL DEFAULT '', paid_ms INTEGER, clearing_day TEXT,
  back_due_ms INTEGER, back_ms INTEGER, UNIQUE (order_no, txn_time));
CREATE INDEX IF NOT EXISTS trades_cleared ON trades (clearing_day);
CREATE TABLE IF NOT EXISTS returns (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, refund_no TEXT NOT NULL, txn_time TEXT NOT NULL,
  trade_id INTEGER NOT NULL REFERENCES trades (id), amount_fen INTEGER NOT NULL,
  params TEXT NOT NULL, query_id TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,
  due_ms INTEGER, outcome TEXT NOT NULL, code TEXT NOT NULL, state TEXT NOT NULL,
  ended_ms INTEGER, clearing_day TEXT, UNIQUE (refund_no, txn_time));
CREATE INDEX IF NOT EXISTS returns_of ON returns (trade_id);
CREATE INDEX IF NOT EXISTS returns_due ON returns (state, due_ms);
CREATE INDEX IF NOT EXISTS returns_cleared ON returns (clearing_day);
"""


@dataclass(frozen=True)
class Trade:
    """One thing the platform was asked to collect: open, paid, late (paid after its limit)."""

    id: int
    order_no: str
    txn_time: str
    amount_fen: int
    params: Mapping[str, str]
    token: str
    created_at: datetime
    expires_at: datetime | None
    state: str
    query_id: str
    card: str
    paid_at: datetime | None
    clearing_day: date | None


@dataclass(frozen=True)
class Return:
    """Money on its way back: a refund (04) or an undo of the same day (31)."""

    id: int
    kind: str
    refund_no: str
    txn_time: str
    trade_id: int
    amount_fen: int
    params: Mapping[str, str]
    query_id: str
    created_at: datetime
    outcome: str
    code: str
    state: str
    ended_at: datetime | None
    clearing_day: date | None


class UnionpayBook:
    """The tables and what can be read from them."""

    def __init__(self, ground: Ground, keys: UnionpayKeys) -> None:
        """Open the book."""
        self.ground, self.keys = ground, keys
        self.book = Book(
            ground.folder / "unionpay.sqlite3", SCHEMA + NOTICES_SCHEMA + PLANTS_SCHEMA
        )

    def now(self) -> datetime:
        """Return the clock's instant."""
        return self.ground.clock.now()

    def now_ms(self) -> int:
        """Return the clock's milliseconds."""
        return to_ms(self.now())

    # Trades

    def trade(self, order_no: str, txn_time: str = "") -> Trade | None:
        """Return a trade by its number and time; without the time the newest of the number."""
        row = self.book.row(
            "SELECT * FROM trades WHERE order_no = ? AND ? IN ('', txn_time) "
            "ORDER BY id DESC LIMIT 1",
            order_no,
            txn_time,
        )
        return None if row is None else _trade(row)

    def trade_by(self, column: str, value: object) -> Trade | None:
        """Return a trade by `id`, `token` or `query_id`."""
        if column not in ("id", "token", "query_id"):
            raise ValueError(column)
        row = self.book.row(f"SELECT * FROM trades WHERE {column} = ?", value)  # noqa: S608
        return None if row is None else _trade(row)

    def is_expired(self, trade: Trade) -> bool:
        """Tell whether an open trade's payTimeout has passed."""
        is_over = trade.expires_at is not None and self.now() >= trade.expires_at
        return trade.state == "open" and is_over

    def is_known(self, order_no: str, txn_time: str) -> bool:
        """Tell whether number and time stand for something already."""
        found = self.book.value(
            "SELECT 1 FROM trades WHERE order_no = ? AND txn_time = ? "
            "UNION ALL SELECT 1 FROM returns WHERE refund_no = ? AND txn_time = ?",
            order_no,
            txn_time,
            order_no,
            txn_time,
        )
        return found is not None

    # What went back

    def given_back(self, refund_no: str, txn_time: str = "") -> Return | None:
        """Return a refund or undo by its number and time; without it the newest."""
        row = self.book.row(
            "SELECT * FROM returns WHERE refund_no = ? AND ? IN ('', txn_time) "
            "ORDER BY id DESC LIMIT 1",
            refund_no,
            txn_time,
        )
        return None if row is None else _return(row)

    def returns_of(self, trade: Trade) -> list[Return]:
        """Return what went back of a trade, oldest first."""
        rows = self.book.rows("SELECT * FROM returns WHERE trade_id = ? ORDER BY id", trade.id)
        return [_return(row) for row in rows]

    def cleared(self, day: date) -> tuple[list[Trade], list[Return]]:
        """Return what a clearing day settled: payments, and what went back."""
        paid = self.book.rows(
            "SELECT * FROM trades WHERE clearing_day = ? AND state = 'paid' ORDER BY paid_ms",
            day.isoformat(),
        )
        back = self.book.rows(
            "SELECT * FROM returns WHERE clearing_day = ? AND state = 'success' ORDER BY ended_ms",
            day.isoformat(),
        )
        return [_trade(row) for row in paid], [_return(row) for row in back]

    # Money

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform: paid, less what goes back, moved."""
        paid = self.book.value(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM trades WHERE state = 'paid'"
        )
        back = self.book.value(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM returns WHERE state NOT IN (?, ?)", *FAILED
        )
        return int(paid) - int(back) + int(self.book.kept("moved_fen") or 0)

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the balance is so much."""
        moved = int(self.book.kept("moved_fen") or 0)
        self.book.keep("moved_fen", str(moved + balance_fen - self.balance_fen()))

    # What the control plane reads

    def orders(self) -> list[dict[str, Any]]:
        """Return what the platform was asked to collect, oldest first."""
        rows = self.book.rows("SELECT * FROM trades ORDER BY id")
        return [self._order(_trade(row)) for row in rows]

    def _order(self, trade: Trade) -> dict[str, Any]:
        is_closed = trade.state == "late" or self.is_expired(trade)
        return {
            "order_no": trade.order_no,
            "amount_fen": trade.amount_fen,
            "state": "closed" if is_closed else trade.state,
            "at": iso(trade.created_at),
            "txn_time": trade.txn_time,
            "description": trade.params.get("orderDesc", ""),
            "cashier_url": f"{self.ground.base_url}/_sandbox/unionpay/cashier/{trade.token}",
        }

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """Return payments and refunds, oldest first; late payments stand apart."""
        paid = self.book.rows("SELECT * FROM trades WHERE paid_ms IS NOT NULL ORDER BY paid_ms, id")
        back = self.book.rows(
            "SELECT returns.*, trades.order_no FROM returns JOIN trades ON trades.id = trade_id "
            "ORDER BY returns.id"
        )
        late = [
            _paid(row) | {"returned_at": iso(from_ms(row["back_ms"])) if row["back_ms"] else None}
            for row in paid
            if row["state"] == "late"
        ]
        refunds = [
            {
                "refund_no": row["refund_no"],
                "order_no": row["order_no"],
                "amount_fen": row["amount_fen"],
                "state": row["state"],
                "at": iso(from_ms(row["ended_ms"] or row["created_ms"])),
                "transaction_id": row["query_id"],
                "kind": "undo" if row["kind"] == UNDO else "refund",
            }
            for row in back
        ]
        payments = [_paid(row) for row in paid if row["state"] == "paid"]
        return {"payments": payments, "refunds": refunds, "late_payments": late}

    def query_id(self, at: datetime) -> str:
        """Return a fresh queryId: two digits, the time, six of a trace number, an 8."""
        when = at.astimezone(SHANGHAI).strftime("%y%m%d%H%M%S")
        return f"{secrets.randbelow(100):02d}{when}{secrets.randbelow(10**6):06d}8"


def trace(query_id: str) -> tuple[str, str]:
    """Return traceNo and traceTime (MMDDhhmmss), which stand inside a queryId."""
    return query_id[14:20], query_id[4:14]


def _paid(row: Row) -> dict[str, Any]:
    return {
        "order_no": row["order_no"],
        "transaction_id": row["query_id"],
        "amount_fen": row["amount_fen"],
        "at": iso(from_ms(row["paid_ms"])),
    }


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


def _trade(row: Row) -> Trade:
    return Trade(
        id=row["id"],
        order_no=row["order_no"],
        txn_time=row["txn_time"],
        amount_fen=row["amount_fen"],
        params=json.loads(row["params"]),
        token=row["token"],
        created_at=from_ms(row["created_ms"]),
        expires_at=_moment(row["expires_ms"]),
        state=row["state"],
        query_id=row["query_id"] or "",
        card=row["card"],
        paid_at=_moment(row["paid_ms"]),
        clearing_day=_day(row["clearing_day"]),
    )


def _return(row: Row) -> Return:
    return Return(
        id=row["id"],
        kind=row["kind"],
        refund_no=row["refund_no"],
        txn_time=row["txn_time"],
        trade_id=row["trade_id"],
        amount_fen=row["amount_fen"],
        params=json.loads(row["params"]),
        query_id=row["query_id"],
        created_at=from_ms(row["created_ms"]),
        outcome=row["outcome"],
        code=row["code"],
        state=row["state"],
        ended_at=_moment(row["ended_ms"]),
        clearing_day=_day(row["clearing_day"]),
    )
