"""What a workbook holds once it has been read: sheets of rows of cells, and what is wrong."""

from dataclasses import field
from datetime import date, datetime
from decimal import Decimal

from storage.frozen import dataclass

Value = str | Decimal | date | bool | None
"""A text, a number, a day, a truth value, or nothing. A number is never a float."""


@dataclass(frozen=True, slots=True)
class SheetProblem:
    """Something wrong in a workbook: where, and in Chinese what to do about it.

    `row` counts from 1; 0 means the whole sheet, and an empty `sheet` the whole file. `column` is
    a letter as Excel shows it, or empty.
    """

    sheet: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        """Say it on one line."""
        place = f"工作表“{self.sheet}”" if self.sheet else "文件"
        row = f"第{self.row}行" if self.row else ""
        column = f"{self.column}列" if self.column else ""
        return f"{place}{row}{column}：{self.reason}"


class WorkbookRefused(Exception):
    """The file cannot be read at all; carries the problem to show."""

    def __init__(self, reason: str) -> None:
        """Keep the reason as a problem of the whole file."""
        super().__init__(reason)
        self.problem = SheetProblem("", 0, "", reason)


@dataclass(frozen=True, slots=True)
class Row:
    """One row that has something in it, with its number as Excel shows it."""

    number: int
    cells: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its rows from the first column on, and the places of cells without a value."""

    name: str
    rows: tuple[Row, ...]
    broken: dict[tuple[int, int], str] = field(default_factory=dict)
    """(row, column from 0) → what stands there instead of a value: "#REF!" or "=" (no result)."""


@dataclass(frozen=True, slots=True)
class Workbook:
    """All visible sheets of a file."""

    sheets: tuple[Sheet, ...]


def column_letter(index: int) -> str:
    """Return the letter of a column counted from 0: 0 → "A", 27 → "AB"."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def number_of(value: float) -> Decimal:
    """Return the number that a spreadsheet shows: it keeps 15 digits, a float has a tail."""
    return Decimal(format(value, ".15g"))


def pack(value: object) -> list[str] | str | None:
    """Turn a cell's value into JSON: a text stays, all else is marked with its kind."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ["b", "1" if value else "0"]
    if isinstance(value, (int, float)):
        return ["n", format(value, ".15g") if isinstance(value, float) else str(value)]
    if isinstance(value, datetime):
        return ["d", value.date().isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    return ["t", str(value)]


def unpack(packed: list[str] | str | None) -> Value:
    """Turn what `pack` made back into a value."""
    if packed is None or isinstance(packed, str):
        return packed
    kind, text = packed
    if kind == "n":
        return Decimal(text)
    if kind == "d":
        return date.fromisoformat(text)
    return text == "1" if kind == "b" else text
