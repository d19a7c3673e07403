"""The table of a bank statement: what stands above it, its rows, and the sums below it."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, TypeVar

from bot.spreadsheets.bank_balances import Booked
from bot.spreadsheets.bank_cells import balance_fen as read_balance
from bot.spreadsheets.bank_cells import check_currency, clock_of, day_of, folded, is_in, signed_fen
from bot.spreadsheets.bank_layouts import Bank, Field, Header, tidy
from bot.spreadsheets.cells import Row, Sheet, SheetProblem, Value, column_letter
from bot.spreadsheets.fields import Unreadable
from storage.frozen import dataclass
from storage.money import yuan

_T = TypeVar("_T")

_OWN: Final = re.compile(r"(?:账号|帐号|卡号|账户)(?:\(卡号\))?[::] ?([0-9][0-9*]{6,30}[0-9])")
_DAY_TEXT: Final = r"(20[0-9]{2}[-/.年]?[0-9]{1,2}[-/.月]?[0-9]{1,2}日?)"
_SPAN: Final = re.compile(rf"{_DAY_TEXT} ?(?:至|到|~|--?|—) ?{_DAY_TEXT}")
_FROM: Final = re.compile(rf"(?:起始|开始)(?:日期|时间)? ?: ?{_DAY_TEXT}")
_UNTIL: Final = re.compile(rf"(?:终止|截止|结束)(?:日期|时间)? ?: ?{_DAY_TEXT}")
_COUNT: Final = re.compile(r"(?:总笔数|交易笔数|总条数) ?: ?([0-9]{1,6})|共 ?([0-9]{1,6}) ?[笔条]")
SHORT_ROWS: Final = frozenset((Bank.ABC, Bank.OTHER))
"""Banks that may end a row of text after its last cell that is filled."""
_TOTAL: Final = re.compile(r"(?:人民币)?(?:合计|总计|总额)")
_BOTH: Final = re.compile(r"(.*?)([0-9][0-9*]{5,30}[0-9])")


@dataclass(frozen=True, slots=True)
class Around:
    """What the lines around the table say; None or "" where they do not."""

    account_no: str
    first_on: date | None
    last_on: date | None
    row_count: int | None
    has_total: bool


class TableReader:
    """Reads one sheet under its header; keeps the rows and what is wrong with them."""

    def __init__(self, sheet: Sheet, header: Header) -> None:
        """Read this table."""
        self.sheet, self.header = sheet, header
        self.rows: list[Booked] = []
        self.problems: list[SheetProblem] = []
        self.own: dict[str, int] = {}
        """Own account numbers in the rows, and where each first stands."""
        self.row_count = 0
        """How many rows have a day, with an amount or not."""
        self._totals: list[Row] = []
        self._notes: list[str] = []

    def read(self) -> Around:
        """Read everything; return what stands around the table."""
        for row in self.sheet.rows:
            if row.number < self.header.number:
                self._notes.append(_text_of(row))
            elif row.number > self.header.number:
                self._take(row)
        self._check_totals()
        return self._around()

    def refuse(self, number: int, field: Field | None, reason: str) -> None:
        """Keep a problem of a row, at the column of a field where there is one."""
        index = None if field is None else self.header.index(field)
        column = "" if index is None else column_letter(index)
        self.problems.append(SheetProblem(self.sheet.name, number, column, reason))

    def _take(self, row: Row) -> None:
        day = day_of(self._cell(row, Field.DATE)) or day_of(self._cell(row, Field.TIME))
        if day is not None:
            self._book(row, day)
            return
        text = _text_of(row)
        if not text:
            return
        if _TOTAL.search(text):
            self._totals.append(row)
        has_amount = any(
            self._cell(row, field) is not None
            for field in (Field.AMOUNT, Field.BALANCE)
            if field in self.header.columns
        )
        if has_amount and not _TOTAL.search(text):
            self.refuse(row.number, Field.DATE, "日期看不懂，请用银行导出的原文件")
        else:
            self._notes.append(text)

    def _book(self, row: Row, day: date) -> None:
        known = len(self.problems)
        self.row_count += 1
        is_text = not self.sheet.name and self.header.bank not in SHORT_ROWS
        if is_text and len(row.cells) < len(self.header.names):
            self.refuse(row.number, None, "这一行缺了几列，文件没有下载完整，请重新导出")
            return
        amount_fen = self._amount(row)
        balance = self._cell(row, Field.BALANCE)
        balance_fen = None
        if balance is not None:
            balance_fen = self._tried(row, Field.BALANCE, read_balance)
        self._tried(row, Field.CURRENCY, check_currency)
        clock = self._tried(row, Field.TIME, clock_of)
        dated = day_of(self._cell(row, Field.TIME))
        self._note_own(row)
        if amount_fen is None or len(self.problems) > known or amount_fen == 0:
            return
        name, account = self._other_side(row)
        self.rows.append(
            Booked(
                row.number,
                dated or day,
                clock,
                amount_fen,
                balance_fen,
                name,
                account,
                self._memo(row),
                tidy(self._cell(row, Field.SERIAL)),
            )
        )

    def _amount(self, row: Row) -> int | None:
        """Return the amount with its sign from two columns, from a direction, or from itself."""
        columns = self.header.columns
        if Field.CREDIT in columns and Field.DEBIT in columns:
            came = self._tried(row, Field.CREDIT, _fen_or_nothing)
            went = self._tried(row, Field.DEBIT, _fen_or_nothing)
            if came is None or went is None:
                return None
            if came and went:
                self.refuse(row.number, Field.CREDIT, "收入和支出同时有金额，分不清是收是付")
                return None
            return came - went
        amount_fen = self._tried(row, Field.AMOUNT, signed_fen)
        if amount_fen is None or Field.DIRECTION not in columns:
            return amount_fen
        comes_in = self._tried(row, Field.DIRECTION, is_in)
        if comes_in is None:
            return None
        return amount_fen if comes_in else -amount_fen

    def _tried(self, row: Row, field: Field, parse: Callable[[Value], _T]) -> _T | None:
        if field not in self.header.columns:
            return None
        what = self.sheet.broken.get((row.number, self.header.index(field) or 0))
        if what not in (None, "merged"):
            self.refuse(row.number, field, "单元格里是公式错误，请用银行导出的原文件")
            return None
        try:
            return parse(self._cell(row, field))
        except Unreadable as trouble:
            self.refuse(row.number, field, str(trouble))
            return None

    def _other_side(self, row: Row) -> tuple[str, str]:
        """Return name and account of the other side; some banks write both in one cell."""
        name = folded(self._cell(row, Field.NAME))
        account = tidy(self._cell(row, Field.ACCOUNT)).replace(" ", "")
        both = _BOTH.fullmatch(name)
        if Field.ACCOUNT not in self.header.columns and both:
            return both[1].rstrip(" /:").strip(), both[2]
        return name, account

    def _memo(self, row: Row) -> str:
        """Return all that is said of a row, the payer's own words first, each once."""
        said: dict[str, None] = {}
        for index in self.header.columns.get(Field.MEMO, ()):
            text = tidy(row.cells[index]) if index < len(row.cells) else ""
            said |= {text: None} if text else {}
        return "；".join(said)

    def _note_own(self, row: Row) -> None:
        number = tidy(self._cell(row, Field.OWN)).replace(" ", "")
        if number:
            self.own.setdefault(number, row.number)

    def _cell(self, row: Row, field: Field) -> Value:
        return self.header.cell(row, field)

    # Around the table

    def _check_totals(self) -> None:
        """Compare a line of sums in the amount columns with the rows above it."""
        columns = self.header.columns
        if self.problems or not (Field.CREDIT in columns and Field.DEBIT in columns):
            return
        sums = {
            Field.CREDIT: sum(max(row.amount_fen, 0) for row in self.rows),
            Field.DEBIT: sum(max(-row.amount_fen, 0) for row in self.rows),
        }
        for row in self._totals:
            for field, summed in sums.items():
                told = self._tried(row, field, _fen_or_nothing)
                is_told = self._cell(row, field) is not None
                if is_told and told is not None and told != summed:
                    self.refuse(
                        row.number,
                        field,
                        f"合计是 {yuan(told)}，各行相加是 {yuan(summed)}；"
                        "文件不完整或改过，请重新导出",
                    )

    def _around(self) -> Around:
        text = "\n".join(self._notes)
        span = _SPAN.search(text)
        begin, end = _FROM.search(text), _UNTIL.search(text)
        own, count = _OWN.search(text), _COUNT.search(text)
        return Around(
            account_no=own[1] if own else "",
            first_on=day_of(span[1] if span else begin[1] if begin else None),
            last_on=day_of(span[2] if span else end[1] if end else None),
            row_count=int(count[1] or count[2]) if count else None,
            has_total=bool(self._totals),
        )


def _fen_or_nothing(value: Value) -> int:
    return 0 if value is None else signed_fen(value)


def _text_of(row: Row) -> str:
    return " ".join(filter(None, map(folded, row.cells)))


def own_numbers(table: TableReader, around: Around) -> Sequence[tuple[str, int]]:
    """Return the account numbers that a file gives for itself, and the row of each."""
    told = [(around.account_no, table.header.number)] if around.account_no else []
    return [*told, *table.own.items()]
