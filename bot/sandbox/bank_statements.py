"""Statement files of the bank: a day's lines, with what is planted and what trouble spoils."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from bot.sandbox.bank_book import BankBook, Line, Side
from bot.sandbox.bank_errors import BankRefused
from bot.sandbox.bank_files import LAYOUTS, Paper, content
from bot.sandbox.clock import SHANGHAI
from bot.sandbox.faults import NOTICE
from bot.sandbox.planting import PAYMENT, REFUND, Plants, StatementRow

USUAL = "icbc"
GAP = "gap"
KINDS = ("duplicate", "wrong_amount", "reorder", "tampered")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BankStatements:
    """Files made from the book."""

    def __init__(self, book: BankBook) -> None:
        """Read one book."""
        self.book = book
        self.plants = Plants(book.book)

    def plant(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Plant a difference; `{op: "spoil", what: "gap", day?}` leaves a line out, not its sum.

        A row is named by the `order_no` of its transfer, else by its serial as `order_no`; a payout
        by its number as `refund_no`. All other plantings leave the balances in agreement.
        """
        day = str(body.get("day") or "")
        if body.get("op") == "spoil" and body.get("what") == GAP:
            self.book.book.keep(f"{GAP}:{day}", "1")
            return {"planted": [dict(body)]}
        if body.get("op") == "clear":
            self.book.book.write(
                "DELETE FROM settings WHERE name = ? OR (? = '' AND name LIKE 'gap:%')",
                f"{GAP}:{day}",
                day,
            )
        return self.plants.add(body)

    def file(self, written: str, layout: str) -> bytes:
        """Return the file of a day (today's: so far); raises BankRefused."""
        if not _DAY.fullmatch(written):
            raise BankRefused("PARAM_ERROR", "日期应为 YYYY-MM-DD")
        if layout not in LAYOUTS:
            raise BankRefused("LAYOUT_ERROR")
        try:
            day = date.fromisoformat(written)
        except ValueError:
            raise BankRefused("PARAM_ERROR", "没有这一天") from None
        if day > self.book.now().astimezone(SHANGHAI).date() or self.plants.is_withheld(day):
            raise BankRefused("STATEMENT_NOT_READY")
        lines = self._planted(day, self.book.lines_of(day))
        spoils = self.plants.spoils(day)
        if "date" in spoils:
            lines = [replace(one, at=one.at - timedelta(days=40)) for one in lines]
        fault = self.book.ground.faults.take("bank", NOTICE, {"path": layout}, *KINDS)
        kind = fault.kind if fault else ""
        lines = spoilt(lines, kind)
        whole = content(layout, Paper(self.book.keys.account, day, lines, spoils))
        return whole[: len(whole) * 2 // 3] if kind == "tampered" else whole

    def _planted(self, day: date, lines: list[Line]) -> list[Line]:
        """Apply plantings; the balances follow, unless a gap was asked for."""
        rows = self.plants.applied(day, [_row(line) for line in lines])
        if rows != [_row(line) for line in lines]:
            opening = lines[0].balance_fen - lines[0].amount_fen if lines else 0
            lines = _rebalanced([_line(row) for row in rows], opening)
        has_gap = any(self.book.book.kept(f"{GAP}:{one}") for one in ("", day.isoformat()))
        if has_gap and len(lines) > 1:
            del lines[len(lines) // 2]
        return lines


def spoilt(lines: Sequence[Line], kind: str) -> list[Line]:
    """Return lines with a trouble: the last twice, the first with a fen more, two exchanged."""
    spoiled = list(lines)
    if kind == "duplicate":
        spoiled += spoiled[-1:]
    if kind == "wrong_amount" and spoiled:
        spoiled[0] = replace(spoiled[0], amount_fen=spoiled[0].amount_fen + 1)
    if kind == "reorder" and len(spoiled) > 1:
        spoiled[-2:] = reversed(spoiled[-2:])
    return spoiled


def _row(line: Line) -> StatementRow:
    kind = PAYMENT if line.amount_fen > 0 else REFUND
    return StatementRow(
        kind=kind,
        order_no=line.order_no or line.serial,
        number=line.serial,
        amount_fen=abs(line.amount_fen),
        fee_fen=0,
        at=line.at,
        state=line.memo,
        refund_no=line.memo.removeprefix("退款 ") if kind == REFUND else "",
        extra={"line": line},
    )


def _line(row: StatementRow) -> Line:
    """Return a planted row as a line; a row nobody booked comes from nobody we know."""
    known = row.extra.get("line")
    amount_fen = row.amount_fen if row.kind == PAYMENT else -row.amount_fen
    if isinstance(known, Line):
        return replace(known, amount_fen=amount_fen, memo=row.state, serial=row.number)
    side = Side("无名氏", "6217009999999999999")
    memo = row.order_no if row.state == "success" else row.state
    return Line(row.number, "transfer", row.at, amount_fen, 0, side, memo)


def _rebalanced(lines: Sequence[Line], opening_fen: int) -> list[Line]:
    balanced, balance_fen = [], opening_fen
    for line in lines:
        balance_fen += line.amount_fen
        balanced.append(replace(line, balance_fen=balance_fen))
    return balanced
