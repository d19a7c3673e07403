"""A statement of account as a workbook for the resident: amounts are numbers, texts stay texts."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.spreadsheets.writing import Cell, write_table
from handlers import statements, words
from storage.queries.payer_statements import PayerStatement
from storage.queries.statements import Statement, StatementRow

TITLE: Final = "往来明细"
HEADERS: Final = ("日期", "事项", "说明", "单号", "应缴变动（元）", "待缴余额（元）")
HEADERS_AHEAD: Final = ("预存变动（元）", "预存余额（元）")
ALL_UNITS: Final = "全部房屋"
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def workbook_of(statement: Statement) -> bytes:
    """Return the .xlsx file of a statement."""
    ahead = HEADERS_AHEAD if statement.has_prepayment else ()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "statement.xlsx"
        write_table(path, title=TITLE, headers=(*HEADERS, *ahead), rows=_rows(statement))
        return path.read_bytes()


def workbook_of_payer(statement: PayerStatement) -> bytes:
    """Return the .xlsx file of one statement over many units: sums by unit, then every line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "statement.xlsx"
        write_payer_table(path, statement)
        return path.read_bytes()


def write_payer_table(path: Path, statement: PayerStatement) -> None:
    """Write such a file. Raises OSError."""
    ahead = HEADERS_AHEAD if statement.has_prepayment else ()
    headers = (HEADERS[0], "房屋", *HEADERS[1:], *ahead)
    write_table(path, title=TITLE, headers=headers, rows=_payer_rows(statement))


def _payer_rows(statement: PayerStatement) -> Iterator[tuple[Cell, ...]]:
    has_ahead = statement.has_prepayment

    def standing(title: str, where: str, open_fen: int, ahead_fen: int) -> tuple[Cell, ...]:
        on = statement.first_on if title == "期初" else statement.last_on
        ahead = (None, _yuan(ahead_fen)) if has_ahead else ()
        return (on, *_safe(where), title, words.day(on), "", None, _yuan(open_fen), *ahead)

    opening = statement.opening_open_fen, statement.opening_in_advance_fen
    yield standing("期初", ALL_UNITS, *opening)
    for one in statement.rows:
        row = one.row
        said = _safe(one.unit_label, statements.title(row), statements.detail(row), row.number)
        ahead = (_yuan(row.prepaid_fen), _yuan(row.in_advance_fen)) if has_ahead else ()
        yield (row.on, *said, _yuan(row.owed_fen), _yuan(row.open_fen), *ahead)
    for part in statement.parts:
        yield standing("期末", part.unit_label, part.open_fen, part.in_advance_fen)
    yield standing("期末", ALL_UNITS, statement.open_fen, statement.in_advance_fen)


def _rows(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    span = statements.days(statement.first_on, statement.last_on)
    yield _safe("房屋", f"{statement.community_name} {statement.unit_label}", span)
    yield _balances("期初", statement, statement.opening_open_fen, statement.opening_in_advance_fen)
    for row in statement.rows:
        yield _row(statement, row)
    yield _balances("期末", statement, statement.open_fen, statement.in_advance_fen)


def _row(statement: Statement, row: StatementRow) -> tuple[Cell, ...]:
    said = _safe(statements.title(row), statements.detail(row), row.number)
    amounts: tuple[Cell, ...] = (_yuan(row.owed_fen), _yuan(row.open_fen))
    if statement.has_prepayment:
        amounts += (_yuan(row.prepaid_fen), _yuan(row.in_advance_fen))
    return (row.on, *said, *amounts)


def _balances(
    title: str, statement: Statement, open_fen: int, in_advance_fen: int
) -> tuple[Cell, ...]:
    day = statement.first_on if title == "期初" else statement.last_on
    ahead = (None, _yuan(in_advance_fen)) if statement.has_prepayment else ()
    return (day, title, words.day(day), "", None, _yuan(open_fen), *ahead)


def _safe(*texts: str) -> tuple[str, ...]:
    """Leave out what no workbook can hold."""
    return tuple(_UNPRINTABLE.sub("", text) for text in texts)


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
