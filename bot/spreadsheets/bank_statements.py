"""Bank statements (银行流水): a file of any of six banks becomes rows, or problems and no rows.

A file is taken whole or not at all: a row that cannot be read, a sum below that is not the rows', a
balance that does not continue the one before, an account that is not the one asked for.
"""

import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from bot.spreadsheets.bank_balances import Booked, gaps, in_order, without_repeats
from bot.spreadsheets.bank_grids import read_grid
from bot.spreadsheets.bank_layouts import Bank, Field, Header, header_in
from bot.spreadsheets.bank_table import Around, TableReader, own_numbers
from bot.spreadsheets.cells import Sheet, SheetProblem, WorkbookRefused
from storage.frozen import dataclass
from storage.periods import shanghai_instant
from storage.rules.bank_rows import RowFacts, row_keys

MOST_PROBLEMS: Final = 50
NAME_CHARS, ACCOUNT_CHARS, MEMO_CHARS, SERIAL_CHARS = 80, 40, 200, 64
_MASK: Final = re.compile(r"\*+")


@dataclass(frozen=True, slots=True)
class BankRow:
    """One row of an account: fen above 0 for money in, an aware instant, the bank's own words."""

    row_number: int
    booked_at: datetime
    """Midnight in Shanghai where `has_time` is False."""
    has_time: bool
    day_on: date
    amount_fen: int
    balance_fen: int | None
    counterparty_name: str
    counterparty_account: str
    memo: str
    serial: str
    line_key: str


@dataclass(frozen=True, slots=True)
class BankStatement:
    """What a file holds, oldest row first; where there are problems there are no rows.

    `account_no` is the one asked for, else what the file says (masked with * by some banks), else
    "". `first_on` and `last_on` are the days that the file says it covers, else those of its rows.
    """

    bank: Bank
    account_no: str
    first_on: date | None
    last_on: date | None
    rows: tuple[BankRow, ...]
    problems: tuple[SheetProblem, ...]
    repeated: int = 0
    """How many rows the file held twice running."""

    @property
    def opening_fen(self) -> int | None:
        """What was in the account before the first row, where the bank tells balances."""
        if not self.rows or self.rows[0].balance_fen is None:
            return None
        return self.rows[0].balance_fen - self.rows[0].amount_fen

    @property
    def closing_fen(self) -> int | None:
        """What is in the account after the last row, where the bank tells balances."""
        return self.rows[-1].balance_fen if self.rows else None


def read_statement(path: Path, *, account_no: str = "") -> BankStatement:
    """Read a bank's file as it was downloaded.

    Give the account's number: it is part of every row's key, and a file of another account is
    refused. Blocks for up to fifteen seconds: call it in a thread where others wait.
    """
    try:
        sheet, header = _table(read_grid(path))
    except WorkbookRefused as refused:
        return _refused(Bank.OTHER, account_no, [refused.problem])
    table = TableReader(sheet, header)
    around = table.read()
    _check_account(table, around, account_no)
    rows, repeated = _ordered(table)
    _check_around(table, around, rows)
    said = account_no or next((number for number, _ in own_numbers(table, around)), "")
    if table.problems:
        return _refused(header.bank, said, table.problems)
    days = [row.day for row in rows]
    return BankStatement(
        header.bank,
        said,
        around.first_on or min(days, default=None),
        around.last_on or max(days, default=None),
        _keyed(said, rows),
        (),
        repeated,
    )


def _refused(bank: Bank, account_no: str, problems: list[SheetProblem]) -> BankStatement:
    shown = sorted(problems, key=lambda one: one.row)[:MOST_PROBLEMS]
    return BankStatement(bank, account_no, None, None, (), tuple(shown))


def _table(sheets: tuple[Sheet, ...]) -> tuple[Sheet, Header]:
    """Return the one sheet with a statement's header. Raises WorkbookRefused."""
    found = [(sheet, header) for sheet in sheets if (header := header_in(sheet.rows)) is not None]
    if not found:
        raise WorkbookRefused(
            "没有找到流水的表头（要有日期、金额或收入支出、余额等列）；"
            "请用网上银行导出的原文件，不要删改表头"
        )
    if len(found) > 1:
        names = "、".join(sheet.name for sheet, _ in found)
        raise WorkbookRefused(f"有几张表都像流水（{names}），请只保留一张")
    return found[0]


def _check_account(table: TableReader, around: Around, account_no: str) -> None:
    """Object to a file of another account, or of several."""
    told = own_numbers(table, around)
    for number, row in told:
        if account_no and not _is_same_account(number, account_no):
            reason = f"这是账号尾号 {number[-4:]} 的明细，要导入的是尾号 {account_no[-4:]} 的账户"
            table.refuse(row, Field.OWN, reason)
            return
    whole = {number for number, _ in told if "*" not in number}
    if len(whole) > 1:
        table.refuse(table.header.number, Field.OWN, "文件里有几个账号的明细，请按账户分别导出")


def _is_same_account(told: str, account_no: str) -> bool:
    if "*" not in told:
        return told == account_no
    head, tail = _MASK.split(told)[0], _MASK.split(told)[-1]
    return account_no.startswith(head) and account_no.endswith(tail)


def _ordered(table: TableReader) -> tuple[tuple[Booked, ...], int]:
    """Return the rows oldest first and how many stood twice; keep a problem at every gap."""
    kept, repeated = without_repeats(table.rows)
    rows = in_order(kept)
    for gap in gaps(rows):
        table.refuse(gap.behind.number, Field.BALANCE, str(gap))
    return rows, repeated


def _check_around(table: TableReader, around: Around, rows: tuple[Booked, ...]) -> None:
    """Compare the days, the count and the end that a file says of itself with its rows."""
    if table.problems:
        return
    for row in rows:
        is_early = around.first_on is not None and row.day < around.first_on
        if is_early or (around.last_on is not None and row.day > around.last_on):
            table.refuse(row.number, Field.DATE, "日期不在文件写明的起止日期之内，请重新导出")
    if around.row_count is not None and around.row_count not in (len(rows), table.row_count):
        reason = f"文件写明共 {around.row_count} 笔，实际读到 {len(rows)} 笔；请重新导出"
        table.refuse(table.header.number, None, reason)
    if table.header.bank is Bank.ICBC and not around.has_total:
        table.refuse(0, None, "末尾没有“人民币合计”，文件没有下载完整，请重新导出")


def _keyed(account_no: str, rows: tuple[Booked, ...]) -> tuple[BankRow, ...]:
    facts = [
        RowFacts(
            row.day,
            "" if row.clock is None else row.clock.isoformat(),
            row.amount_fen,
            row.balance_fen,
            row.name,
            row.account,
            row.memo,
            row.serial,
        )
        for row in rows
    ]
    return tuple(
        BankRow(
            row.number,
            shanghai_instant(row.day, row.clock or time()),
            row.clock is not None,
            row.day,
            row.amount_fen,
            row.balance_fen,
            row.name[:NAME_CHARS],
            row.account[:ACCOUNT_CHARS],
            row.memo[:MEMO_CHARS],
            row.serial[:SERIAL_CHARS],
            key,
        )
        for row, key in zip(rows, row_keys(account_no, facts), strict=True)
    )
