"""Writes workbooks whose texts stay texts, and marks the bad cells of one that came in."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from bot.spreadsheets.cells import SheetProblem, column_letter
from bot.spreadsheets.scanning import MAX_ROWS
from storage.frozen import dataclass
from storage.lazy import load

Cell = str | int | Decimal | date | None
_LIVE: Final = ("=", "+", "-", "@", "\t", "\r", "＝")
"""A text that begins like this would be taken for a formula."""
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
MOST_ROWS: Final = MAX_ROWS - 1
"""What the reader takes from one sheet, less the headers."""
A4: Final = 9
"""The number of the paper in a workbook."""
MARK: Final = "FFFFC7CE"
MARKED_BY: Final = "wuyebot"


@dataclass(frozen=True, slots=True)
class Parts:
    """The files that were written, and how many rows they hold."""

    paths: tuple[Path, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook: its name, a title row, headers and rows."""

    name: str
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def book_of(sheets: Sequence[Sheet]) -> bytes:
    """Return a workbook of several sheets, each set up for A4; no text of it is a formula."""
    workbook = load("openpyxl").Workbook()
    workbook.remove(workbook.active)
    for one in sheets:
        sheet = workbook.create_sheet(one.name[:31])
        _fill(sheet, one.title, one.headers, one.rows)
        _for_paper(sheet, len(one.headers))
    made = BytesIO()
    workbook.save(made)
    return made.getvalue()


def write_table(
    path: Path, *, title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    """Write a sheet with a merged title row, headers and rows; whole, or not at all."""
    _save(_table(title, headers, rows), path)


def write_page(
    path: Path, *, title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    """Write such a sheet set up for paper: A4 in portrait, as wide as one page."""
    workbook = _table(title, headers, rows)
    _for_paper(workbook.active, len(headers))
    _save(workbook, path)


def _for_paper(sheet: Any, columns: int) -> None:  # noqa: ANN401 - openpyxl's own
    sheet.page_setup.orientation = "portrait"
    sheet.page_setup.paperSize = A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = load("openpyxl.worksheet.properties").PageSetupProperties(
        fitToPage=True
    )
    sheet.print_title_rows = "1:2"
    for number in range(columns):
        sheet.column_dimensions[column_letter(number)].width = 14


def _table(title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Any:  # noqa: ANN401 - openpyxl's own
    workbook = load("openpyxl").Workbook()
    sheet = workbook.active
    sheet.title = title[:31]
    _fill(sheet, title, headers, rows)
    return workbook


def _fill(
    sheet: Any,  # noqa: ANN401 - openpyxl's own
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
) -> None:
    sheet.append([title])
    if title[:1] in _LIVE:
        sheet["A1"].data_type = "s"
        sheet["A1"].quotePrefix = True
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(headers))
    sheet.append(list(headers))
    for number, row in enumerate(rows, start=3):
        sheet.append(list(row))
        for column, value in enumerate(row, start=1):
            if isinstance(value, str) and value[:1] in _LIVE:
                cell = sheet.cell(number, column)
                cell.data_type = "s"
                cell.quotePrefix = True
    sheet.freeze_panes = "A3"


def write_parts(
    path: Path,
    *,
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    most: int = MOST_ROWS,
) -> Parts:
    """Write headers and rows, a row at a time, into as many files as it takes; whole or not at all.

    The second file of "a.xlsx" is "a-2.xlsx". Each can be read again by itself. Raises OSError.
    """
    books: list[tuple[Any, Path]] = []
    count = 0
    sheet: Any = None
    for count, row in enumerate(rows, start=1):
        if sheet is None or (count - 1) % most == 0:
            sheet = _begun(books, path, title, headers)
        sheet.append([_cell(sheet, value) for value in row])
    if sheet is None:
        _begun(books, path, title, headers)
    fresh = [
        (workbook, target.with_name(target.name + ".new"), target) for workbook, target in books
    ]
    for workbook, place, _ in fresh:
        workbook.save(place)
    for _, place, target in fresh:
        place.replace(target)
    return Parts(tuple(target for _, target in books), count)


def _begun(books: list[tuple[Any, Path]], path: Path, title: str, headers: Sequence[str]) -> Any:  # noqa: ANN401 - openpyxl's own
    """Begin the next file with its headers; its rows go to the disk as they come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook = load("openpyxl").Workbook(write_only=True)
    sheet = workbook.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for number, name in enumerate(headers):
        sheet.column_dimensions[column_letter(number)].width = max(12, 2 * len(name) + 2)
    sheet.append(list(headers))
    number = len(books) + 1
    books.append((workbook, path if number == 1 else path.with_stem(f"{path.stem}-{number}")))
    return sheet


def _cell(sheet: Any, value: Cell) -> Any:  # noqa: ANN401 - openpyxl's own
    """Return a value that no program takes for a formula, without what no workbook can hold."""
    if not isinstance(value, str):
        return value
    text = _UNPRINTABLE.sub("", value)
    if text[:1] not in _LIVE or not text:
        return text or None
    cell = load("openpyxl.cell").WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


def write_marked(source: Path, target: Path, problems: Sequence[SheetProblem]) -> None:
    """Write a copy of a workbook in which each problem stands as a comment on a red cell."""
    openpyxl = load("openpyxl")
    fill = load("openpyxl.styles").PatternFill("solid", fgColor=MARK)
    workbook = openpyxl.load_workbook(source)
    reasons: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        if problem.sheet in workbook.sheetnames and problem.row:
            place = f"{problem.column or 'A'}{problem.row}"
            reasons.setdefault((problem.sheet, place), []).append(problem.reason)
    for (sheet, place), texts in reasons.items():
        cell = _top_left(workbook[sheet], place)
        cell.fill = fill
        cell.comment = load("openpyxl.comments").Comment("\n".join(texts), MARKED_BY)
    _save(workbook, target)


def _top_left(sheet: Any, place: str) -> Any:  # noqa: ANN401 - openpyxl's own
    """Return the cell of a place; of merged cells the one that can be written."""
    for merged in sheet.merged_cells.ranges:
        if place in merged:
            return sheet.cell(merged.min_row, merged.min_col)
    return sheet[place]


def _save(workbook: Any, path: Path) -> None:  # noqa: ANN401 - openpyxl's own
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    workbook.save(fresh)
    fresh.replace(path)
