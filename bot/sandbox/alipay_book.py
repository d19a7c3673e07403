"""Alipay's own book: trades, refunds, notices, balance; flushed to disk before it answers."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.alipay_keys import open_alipay_keys
from bot.sandbox.book import Book, Row
from bot.sandbox.clock import SHANGHAI, from_ms, iso, to_ms
from bot.sandbox.ground import Ground
from bot.sandbox.noticing import NOTICES_SCHEMA
from bot.sandbox.planting import PLANTS_SCHEMA

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (
  order_no TEXT PRIMARY KEY, trade_no TEXT NOT NULL UNIQUE, method TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, passback TEXT NOT NULL,
  quit_url TEXT NOT NULL, notify_url TEXT NOT NULL, return_url TEXT NOT NULL,
  buyer TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  state TEXT NOT NULL, paid_ms INTEGER, closed_ms INTEGER, mode TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trades_due ON trades (state, expires_ms);
CREATE INDEX IF NOT EXISTS trades_paid ON trades (state, paid_ms);
CREATE TABLE IF NOT EXISTS refunds (
  order_no TEXT NOT NULL, refund_no TEXT NOT NULL, amount_fen INTEGER NOT NULL,
  reason TEXT NOT NULL, created_ms INTEGER NOT NULL, due_ms INTEGER, outcome TEXT NOT NULL,
  state TEXT NOT NULL, ended_ms INTEGER, PRIMARY KEY (order_no, refund_no));
CREATE INDEX IF NOT EXISTS refunds_due ON refunds (state, due_ms);
CREATE TABLE IF NOT EXISTS downloads (
  token TEXT PRIMARY KEY, content BLOB NOT NULL, at_ms INTEGER NOT NULL);
"""

WAIT, SUCCESS, FINISHED, CLOSED = (
    "WAIT_BUYER_PAY",
    "TRADE_SUCCESS",
    "TRADE_FINISHED",
    "TRADE_CLOSED",
)


@dataclass(frozen=True)
class AlipayTrade:
    """One trade that a buyer has reached the cashier with; `state` is Alipay's own word."""

    order_no: str
    trade_no: str
    method: str
    amount_fen: int
    subject: str
    body: str
    passback: str
    quit_url: str
    notify_url: str
    return_url: str
    buyer: str
    created_at: datetime
    expires_at: datetime
    state: str
    paid_at: datetime | None
    closed_at: datetime | None
    mode: str

    @property
    def buyer_id(self) -> str:
        """The buyer's user number, always the same for one buyer."""
        digits = int(hashlib.sha256(self.buyer.encode()).hexdigest(), 16) % 10**12
        return f"2088{digits:012d}"

    @property
    def buyer_logon_id(self) -> str:
        """The buyer's phone number, most of it hidden."""
        return f"13{self.buyer_id[-9]}******{self.buyer_id[-2:]}"


@dataclass(frozen=True)
class AlipayRefund:
    """Money given back; `refund_no` is the out_request_no."""

    order_no: str
    refund_no: str
    amount_fen: int
    reason: str
    created_at: datetime
    state: str
    outcome: str
    ended_at: datetime | None


class AlipayBook:
    """The tables of Alipay and what can be read from them."""

    def __init__(self, ground: Ground) -> None:
        """Open the book and the keys."""
        self.ground = ground
        self.keys = open_alipay_keys(ground.folder / "keys" / "alipay", ground.clock.now())
        schema = SCHEMA + NOTICES_SCHEMA + PLANTS_SCHEMA
        self.book = Book(ground.folder / "alipay.sqlite3", schema)

    def now(self) -> datetime:
        """Return the clock's instant."""
        return self.ground.clock.now()

    def now_ms(self) -> int:
        """Return the clock's milliseconds."""
        return to_ms(self.now())

    def trade(self, order_no: str, trade_no: str = "") -> AlipayTrade | None:
        """Return a trade by Alipay's number where there is one, else by the merchant's."""
        row = (
            self.book.row("SELECT * FROM trades WHERE trade_no = ?", trade_no)
            if trade_no
            else self.book.row("SELECT * FROM trades WHERE order_no = ?", order_no)
        )
        return None if row is None else _trade(row)

    def refund(self, order_no: str, refund_no: str) -> AlipayRefund | None:
        """Return a trade's refund by its out_request_no."""
        row = self.book.row(
            "SELECT * FROM refunds WHERE order_no = ? AND refund_no = ?", order_no, refund_no
        )
        return None if row is None else _refund(row)

    def refund_named(self, refund_no: str) -> AlipayRefund | None:
        """Return the newest refund of that out_request_no, of whatever trade."""
        row = self.book.row(
            "SELECT * FROM refunds WHERE refund_no = ? ORDER BY created_ms DESC", refund_no
        )
        return None if row is None else _refund(row)

    def refunds_of(self, order_no: str) -> list[AlipayRefund]:
        """Return a trade's refunds, oldest first."""
        rows = self.book.rows(
            "SELECT * FROM refunds WHERE order_no = ? ORDER BY created_ms, rowid", order_no
        )
        return [_refund(row) for row in rows]

    def refunds_due(self, until: datetime) -> list[AlipayRefund]:
        """Return the refunds under way whose time has come."""
        rows = self.book.rows(
            "SELECT * FROM refunds WHERE state = 'processing' AND due_ms <= ?", to_ms(until)
        )
        return [_refund(row) for row in rows]

    def given_back_fen(self, order_no: str) -> int:
        """Return the sum of a trade's refunds that have succeeded."""
        return sum(r.amount_fen for r in self.refunds_of(order_no) if r.state == "success")

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform: paid, less refunds not failed, moved."""
        paid = self.book.value(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM trades WHERE paid_ms IS NOT NULL"
        )
        back = self.book.value(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM refunds WHERE state != 'closed'"
        )
        return int(paid) - int(back) + int(self.book.kept("moved_fen") or 0)

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the balance is so much."""
        moved = int(self.book.kept("moved_fen") or 0)
        self.book.keep("moved_fen", str(moved + balance_fen - self.balance_fen()))

    def orders(self) -> list[dict[str, Any]]:
        """Return what the platform was asked to collect, oldest first."""
        rows = self.book.rows("SELECT * FROM trades ORDER BY created_ms, rowid")
        return [
            {
                "order_no": row["order_no"],
                "amount_fen": row["amount_fen"],
                "state": _contract_state(row),
                "at": iso(from_ms(row["created_ms"])),
                "kind": row["method"],
                "description": row["subject"],
            }
            for row in rows
        ]

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """Return payments and refunds, oldest first."""
        paid = self.book.rows("SELECT * FROM trades WHERE paid_ms IS NOT NULL ORDER BY paid_ms")
        back = self.book.rows("SELECT * FROM refunds ORDER BY created_ms, rowid")
        return {
            "payments": [
                {
                    "order_no": row["order_no"],
                    "transaction_id": row["trade_no"],
                    "amount_fen": row["amount_fen"],
                    "at": iso(from_ms(row["paid_ms"])),
                }
                for row in paid
            ],
            "refunds": [
                {
                    "refund_no": row["refund_no"],
                    "order_no": row["order_no"],
                    "amount_fen": row["amount_fen"],
                    "state": row["state"],
                    "at": iso(from_ms(row["ended_ms"] or row["created_ms"])),
                }
                for row in back
            ],
        }

    def fresh_trade_no(self) -> str:
        """Return a trade number: the day, 2200, digits; 28 in all."""
        day = self.now().astimezone(SHANGHAI).strftime("%Y%m%d")
        return day + "2200" + "".join(secrets.choice("0123456789") for _ in range(16))


def _contract_state(row: Row) -> str:
    if row["paid_ms"] is not None:
        return "paid"
    return "open" if row["state"] == WAIT else "closed"


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _trade(row: Row) -> AlipayTrade:
    return AlipayTrade(
        order_no=row["order_no"],
        trade_no=row["trade_no"],
        method=row["method"],
        amount_fen=row["amount_fen"],
        subject=row["subject"],
        body=row["body"],
        passback=row["passback"],
        quit_url=row["quit_url"],
        notify_url=row["notify_url"],
        return_url=row["return_url"],
        buyer=row["buyer"],
        created_at=from_ms(row["created_ms"]),
        expires_at=from_ms(row["expires_ms"]),
        state=row["state"],
        paid_at=_moment(row["paid_ms"]),
        closed_at=_moment(row["closed_ms"]),
        mode=row["mode"],
    )


def _refund(row: Row) -> AlipayRefund:
    return AlipayRefund(
        order_no=row["order_no"],
        refund_no=row["refund_no"],
        amount_fen=row["amount_fen"],
        reason=row["reason"],
        created_at=from_ms(row["created_ms"]),
        state=row["state"],
        outcome=row["outcome"],
        ended_at=_moment(row["ended_ms"]),
    )
