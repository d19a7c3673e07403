"""WeChat Pay's own book: trades, refunds, notices, balance; flushed to disk before it answers."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.book import Book, Row
from bot.sandbox.clock import SHANGHAI, from_ms, iso, to_ms
from bot.sandbox.ground import Ground
from bot.sandbox.keys import Keys
from bot.sandbox.noticing import NOTICES_SCHEMA
from bot.sandbox.planting import PLANTS_SCHEMA

MERCHANT_NAME = "云栖物业服务有限公司"

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (
  order_no TEXT PRIMARY KEY, kind TEXT NOT NULL, params TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, description TEXT NOT NULL, attach TEXT NOT NULL,
  notify_url TEXT NOT NULL, payer_openid TEXT, created_ms INTEGER NOT NULL,
  expires_ms INTEGER, state TEXT NOT NULL, transaction_id TEXT UNIQUE, paid_ms INTEGER,
  mode TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS handles (
  handle TEXT PRIMARY KEY, order_no TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refunds (
  refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, order_no TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, reason TEXT NOT NULL, notify_url TEXT NOT NULL,
  created_ms INTEGER NOT NULL, due_ms INTEGER, outcome TEXT NOT NULL, state TEXT NOT NULL,
  ended_ms INTEGER, mode TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refunds_of ON refunds (order_no);
CREATE INDEX IF NOT EXISTS refunds_due ON refunds (state, due_ms);
CREATE TABLE IF NOT EXISTS downloads (
  token TEXT PRIMARY KEY, content BLOB NOT NULL, at_ms INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Trade:
    """One thing the platform was asked to collect."""

    order_no: str
    kind: str
    amount_fen: int
    description: str
    attach: str
    notify_url: str
    state: str
    payer_openid: str | None
    created_at: datetime
    expires_at: datetime | None
    transaction_id: str | None
    paid_at: datetime | None
    mode: str
    merchant_name: str = MERCHANT_NAME


@dataclass(frozen=True)
class Refund:
    """Money on its way back."""

    refund_no: str
    refund_id: str
    order_no: str
    amount_fen: int
    reason: str
    notify_url: str
    state: str
    outcome: str
    created_at: datetime
    ended_at: datetime | None
    mode: str


class PayBook:
    """The tables of WeChat Pay and what can be read from them."""

    def __init__(self, ground: Ground, keys: Keys) -> None:
        """Open the book."""
        self.ground, self.keys = ground, keys
        self.book = Book(
            ground.folder / "wechat_pay.sqlite3", SCHEMA + NOTICES_SCHEMA + PLANTS_SCHEMA
        )

    def now(self) -> datetime:
        """Return the clock's instant."""
        return self.ground.clock.now()

    def now_ms(self) -> int:
        """Return the clock's milliseconds."""
        return to_ms(self.now())

    def trade(self, order_no: str) -> Trade | None:
        """Return a trade by the merchant's number."""
        row = self.book.row("SELECT * FROM trades WHERE order_no = ?", order_no)
        return None if row is None else _trade(row)

    def trade_by_id(self, transaction_id: str) -> Trade | None:
        """Return a paid trade by the platform's number."""
        row = self.book.row("SELECT * FROM trades WHERE transaction_id = ?", transaction_id)
        return None if row is None else _trade(row)

    def refund(self, refund_no: str) -> Refund | None:
        """Return a refund by the merchant's number."""
        row = self.book.row("SELECT * FROM refunds WHERE refund_no = ?", refund_no)
        return None if row is None else _refund(row)

    def refunds_of(self, order_no: str) -> list[Refund]:
        """Return a trade's refunds, oldest first."""
        rows = self.book.rows(
            "SELECT * FROM refunds WHERE order_no = ? ORDER BY created_ms, rowid", order_no
        )
        return [_refund(row) for row in rows]

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
        rows = self.book.rows("SELECT * FROM trades WHERE kind != '' ORDER BY created_ms, rowid")
        return [
            {
                "order_no": row["order_no"],
                "amount_fen": row["amount_fen"],
                "state": row["state"],
                "at": iso(from_ms(row["created_ms"])),
                "kind": row["kind"],
                "description": row["description"],
                "payer_openid": row["payer_openid"],
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
                    "transaction_id": row["transaction_id"],
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

    def long_number(self, prefix: str) -> str:
        """Return a platform number: prefix, day, digits, as long as the real ones."""
        day = self.now().astimezone(SHANGHAI).strftime("%Y%m%d")
        digits = "".join(secrets.choice("0123456789") for _ in range(20 - len(prefix)))
        return f"{prefix}{day}{digits}"


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _trade(row: Row) -> Trade:
    return Trade(
        order_no=row["order_no"],
        kind=row["kind"],
        amount_fen=row["amount_fen"],
        description=row["description"],
        attach=row["attach"],
        notify_url=row["notify_url"],
        state=row["state"],
        payer_openid=row["payer_openid"],
        created_at=from_ms(row["created_ms"]),
        expires_at=_moment(row["expires_ms"]),
        transaction_id=row["transaction_id"],
        paid_at=_moment(row["paid_ms"]),
        mode=row["mode"],
    )


def _refund(row: Row) -> Refund:
    return Refund(
        refund_no=row["refund_no"],
        refund_id=row["refund_id"],
        order_no=row["order_no"],
        amount_fen=row["amount_fen"],
        reason=row["reason"],
        notify_url=row["notify_url"],
        state=row["state"],
        outcome=row["outcome"],
        created_at=from_ms(row["created_ms"]),
        ended_at=_moment(row["ended_ms"]),
        mode=row["mode"],
    )
