"""The bank's book of the merchant's account: every line in order, with the balance after it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.sandbox.bank_keys import BankKeys
from bot.sandbox.book import Book, Row
from bot.sandbox.clock import SHANGHAI, from_ms, iso, shanghai_day, to_ms
from bot.sandbox.ground import Ground
from bot.sandbox.planting import PLANTS_SCHEMA

OPENING_FEN = 5_000_000
"""What was in the account before its first line."""

TRANSFER, SENT_BACK, PAYOUT, PAYOUT_BACK = "transfer", "sent_back", "payout", "payout_back"
SETTLEMENT, CHARGE, INTEREST, MOVED = "settlement", "charge", "interest", "moved"

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  at_ms INTEGER NOT NULL, day TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen != 0),
  balance_fen INTEGER NOT NULL, name TEXT NOT NULL, account TEXT NOT NULL, bank TEXT NOT NULL,
  memo TEXT NOT NULL, order_no TEXT NOT NULL, about TEXT UNIQUE);
CREATE INDEX IF NOT EXISTS lines_of_day ON lines (day);
CREATE TABLE IF NOT EXISTS payouts (
  payout_no TEXT PRIMARY KEY, wish TEXT NOT NULL, amount_fen INTEGER NOT NULL,
  name TEXT NOT NULL, account TEXT NOT NULL, bank TEXT NOT NULL, memo TEXT NOT NULL,
  order_no TEXT NOT NULL, serial TEXT NOT NULL, created_ms INTEGER NOT NULL,
  due_ms INTEGER, outcome TEXT NOT NULL, state TEXT NOT NULL, ended_ms INTEGER,
  reason TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS payouts_due ON payouts (due_ms);
"""
    + PLANTS_SCHEMA
)


@dataclass(frozen=True)
class Side:
    """The other side of a line: name, account number, bank."""

    name: str
    account: str
    bank: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the account; `amount_fen` is above 0 for money in."""

    serial: str
    kind: str
    at: datetime
    amount_fen: int
    balance_fen: int
    side: Side
    memo: str
    order_no: str = ""


class BankBook:
    """The tables of the bank and what can be read from them."""

    def __init__(self, ground: Ground, keys: BankKeys) -> None:
        """Open the book."""
        self.ground, self.keys = ground, keys
        self.book = Book(ground.folder / "bank.sqlite3", SCHEMA, durability="FULL")

    def now(self) -> datetime:
        """Return the clock's instant."""
        return self.ground.clock.now()

    def now_ms(self) -> int:
        """Return the clock's milliseconds."""
        return to_ms(self.now())

    def balance_fen(self) -> int:
        """Return what is in the account."""
        last = self.book.value("SELECT balance_fen FROM lines ORDER BY id DESC LIMIT 1")
        return OPENING_FEN if last is None else int(last)

    def enter(
        self,
        kind: str,
        amount_fen: int,
        side: Side,
        memo: str,
        *,
        order_no: str = "",
        about: str | None = None,
    ) -> Line:
        """Write one line, on disk when it returns; `about` may be there once only."""
        at, serial = self.now(), self._serial()
        with self.book.transaction():
            self.book.write(
                "INSERT INTO lines (serial, kind, at_ms, day, amount_fen, balance_fen, name, "
                "account, bank, memo, order_no, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                serial,
                kind,
                to_ms(at),
                shanghai_day(at),
                amount_fen,
                self.balance_fen() + amount_fen,
                side.name,
                side.account,
                side.bank,
                memo,
                order_no,
                about,
            )
        self.ground.live.publish("bank", serial=serial, amount_fen=amount_fen, memo=memo)
        found = self.line(serial)
        if found is None:
            raise LookupError(serial)
        return found

    def line(self, serial: str) -> Line | None:
        """Return a line by its serial."""
        row = self.book.row("SELECT * FROM lines WHERE serial = ?", serial)
        return None if row is None else _line(row)

    def lines_of(self, day: date) -> list[Line]:
        """Return the lines of a Shanghai day, oldest first."""
        rows = self.book.rows("SELECT * FROM lines WHERE day = ? ORDER BY id", day.isoformat())
        return [_line(row) for row in rows]

    def lines_after(self, serial: str, limit: int) -> list[Line]:
        """Return lines after a serial ("" for all), oldest first; raises LookupError."""
        after = 0
        if serial:
            after = self.book.value("SELECT id FROM lines WHERE serial = ?", serial) or -1
        if after < 0:
            raise LookupError(serial)
        rows = self.book.rows("SELECT * FROM lines WHERE id > ? ORDER BY id LIMIT ?", after, limit)
        return [_line(row) for row in rows]

    def of_kinds(self, *kinds: str) -> list[Line]:
        """Return the lines of some kinds, oldest first."""
        marks = ", ".join("?" * len(kinds))
        sql = f"SELECT * FROM lines WHERE kind IN ({marks}) ORDER BY id"  # noqa: S608 - marks only
        return [_line(row) for row in self.book.rows(sql, *kinds)]

    def transfer(self, number: str) -> Line:
        """Return an incoming transfer by serial or order number; raises LookupError."""
        row = self.book.row(
            "SELECT * FROM lines WHERE kind = 'transfer' AND (serial = ? OR order_no = ?) "
            "ORDER BY id DESC LIMIT 1",
            number,
            number,
        )
        if row is None or not number:
            raise LookupError(number)
        return _line(row)

    def is_sent_back(self, serial: str) -> bool:
        """Tell whether a transfer went back to whoever sent it."""
        return self.book.value("SELECT 1 FROM lines WHERE about = ?", f"back:{serial}") is not None

    def orders(self) -> list[dict[str, Any]]:
        """Return incoming transfers, oldest first; one that went back is closed."""
        return [
            {
                "order_no": line.order_no,
                "amount_fen": line.amount_fen,
                "state": "closed" if self.is_sent_back(line.serial) else "paid",
                "at": iso(line.at),
                "memo": line.memo,
                "payer": line.side.name,
                "transaction_id": line.serial,
            }
            for line in self.of_kinds(TRANSFER)
        ]

    def _serial(self) -> str:
        day = self.now().astimezone(SHANGHAI).strftime("%Y%m%d")
        return day + "".join(secrets.choice("0123456789") for _ in range(12))


def account_of(name: str) -> str:
    """Return a person's card number: always the same for a name, and nobody's in earnest."""
    digest = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return f"621700{digest % 10**13:013d}"


def _line(row: Row) -> Line:
    return Line(
        serial=row["serial"],
        kind=row["kind"],
        at=from_ms(row["at_ms"]),
        amount_fen=row["amount_fen"],
        balance_fen=row["balance_fen"],
        side=Side(row["name"], row["account"], row["bank"]),
        memo=row["memo"],
        order_no=row["order_no"],
    )
