"""Differences planted in a day's statement: rows added, dropped, changed, and whole files spoilt.

`POST {gateway}/statement` takes one of

* `{op: "add", day, kind?: payment | refund, order_no, amount_fen, ...}`: a row nobody booked,
* `{op: "drop", order_no | refund_no, day?}`: a booked row that is missing,
* `{op: "change", order_no | refund_no, day?, set: {amount_fen?, fee_fen?, ...}}`,
* `{op: "spoil", what: hash | summary | date | merchant, day?}`: a file that must not be believed,
* `{op: "withhold", day?}`: a statement that is not ready, however late it is,
* `{op: "clear", day?}`: all of that forgotten.

A `day` is a Shanghai day as YYYY-MM-DD; without one the planting holds for every day. A row's own
fields are those of `StatementRow`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from bot.sandbox.book import Book
from bot.sandbox.clock import SHANGHAI

PLANTS_SCHEMA = """
CREATE TABLE IF NOT EXISTS plants (
  id INTEGER PRIMARY KEY, day TEXT NOT NULL, op TEXT NOT NULL, body TEXT NOT NULL);
"""

OPERATIONS = ("add", "drop", "change", "spoil", "withhold", "clear")
SPOILS = ("hash", "summary", "date", "merchant")
WORDS = frozenset({"kind", "order_no", "refund_no", "number", "refund_number", "state"})
FIGURES = frozenset({"amount_fen", "fee_fen"})
PAYMENT, REFUND = "payment", "refund"


@dataclass(frozen=True)
class StatementRow:
    """One payment or refund as a statement will tell it; both amounts are positive fen."""

    kind: str
    order_no: str
    number: str
    amount_fen: int
    fee_fen: int
    at: datetime
    state: str = ""
    refund_no: str = ""
    refund_number: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


class Plants:
    """The plantings kept in one platform's book, whose schema holds PLANTS_SCHEMA."""

    def __init__(self, book: Book) -> None:
        """Plant in one book."""
        self._book = book

    def add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a control call's body; return what is planted now. Raises ValueError, KeyError."""
        op = str(body["op"])
        day = date.fromisoformat(str(body["day"])).isoformat() if body.get("day") else ""
        if op not in OPERATIONS:
            raise ValueError(f"op must be one of {', '.join(OPERATIONS)}")
        if op == "clear":
            self._book.write("DELETE FROM plants WHERE day = ? OR ? = ''", day, day)
            return self._told()
        _check(op, day, body)
        self._book.write(
            "INSERT INTO plants (day, op, body) VALUES (?, ?, ?)",
            day,
            op,
            json.dumps(dict(body), ensure_ascii=False),
        )
        return self._told()

    def applied(self, day: date, rows: Iterable[StatementRow]) -> list[StatementRow]:
        """Return a day's rows with what is planted for it, in the order of time."""
        changed = list(rows)
        for body in self._of(day, "drop"):
            changed = [row for row in changed if not _is_meant(row, body)]
        for body in self._of(day, "change"):
            wanted = _fields(body["set"])
            changed = [replace(row, **wanted) if _is_meant(row, body) else row for row in changed]
        changed += [_grown(day, body) for body in self._of(day, "add")]
        return sorted(changed, key=lambda row: row.at)

    def spoils(self, day: date) -> frozenset[str]:
        """Return in which ways a day's file is to be spoilt."""
        return frozenset(str(body["what"]) for body in self._of(day, "spoil"))

    def is_withheld(self, day: date) -> bool:
        """Tell whether a day's statement is not to be had."""
        return bool(self._of(day, "withhold"))

    def _of(self, day: date, op: str) -> list[dict[str, Any]]:
        rows = self._book.rows(
            "SELECT body FROM plants WHERE op = ? AND day IN ('', ?) ORDER BY id",
            op,
            day.isoformat(),
        )
        return [json.loads(row["body"]) for row in rows]

    def _told(self) -> dict[str, Any]:
        rows = self._book.rows("SELECT body FROM plants ORDER BY id")
        return {"planted": [json.loads(row["body"]) for row in rows]}


def _check(op: str, day: str, body: Mapping[str, Any]) -> None:
    if op == "add":
        if not day:
            raise ValueError("add needs a day")
        _grown(date.fromisoformat(day), body)
    if op in ("drop", "change") and not (body.get("order_no") or body.get("refund_no")):
        raise ValueError(f"{op} needs an order_no or a refund_no")
    if op == "change" and not _fields(body["set"]):
        raise ValueError("change needs what to set")
    if op == "spoil" and body["what"] not in SPOILS:
        raise ValueError(f"what must be one of {', '.join(SPOILS)}")


def _is_meant(row: StatementRow, body: Mapping[str, Any]) -> bool:
    """Tell whether a planting names a row: a refund by refund_no, a payment by order_no."""
    if body.get("refund_no"):
        return row.kind == REFUND and row.refund_no == body["refund_no"]
    return row.kind == PAYMENT and row.order_no == body["order_no"]


def _fields(wanted: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(wanted) - WORDS - FIGURES
    if unknown:
        raise ValueError(f"no such fields of a row: {', '.join(sorted(unknown))}")
    return {k: int(v) if k in FIGURES else str(v) for k, v in wanted.items()}


def _grown(day: date, body: Mapping[str, Any]) -> StatementRow:
    """Return the row of an `add`, at noon of its day unless `at` says otherwise."""
    at = datetime.combine(day, time(12), SHANGHAI)
    if body.get("at"):
        at = datetime.fromisoformat(str(body["at"])).astimezone(SHANGHAI)
    kind, order_no = str(body.get("kind") or PAYMENT), str(body["order_no"])
    if kind not in (PAYMENT, REFUND):
        raise ValueError("kind must be payment or refund")
    return StatementRow(
        kind=kind,
        order_no=order_no,
        number=str(body.get("number") or f"9{order_no}"),
        amount_fen=int(body["amount_fen"]),
        fee_fen=int(body.get("fee_fen") or 0),
        at=at,
        state=str(body.get("state") or "success"),
        refund_no=str(body.get("refund_no") or ""),
        refund_number=str(body.get("refund_number") or f"5{order_no}"),
    )
