"""Writes workbooks whose texts stay texts, and marks the bad cells of one that came in."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.lazy import load
from bot.spreadsheets.cells import SheetProblem

Cell = str | int | Decimal | date | None
_LIVE: Final = ("=", "+", "-", "@", "\t", "\r", "＝")
"""A text that begins like this would be taken for a formula."""
MARK: Final = "FFFFC7CE"
MARKED_BY: Final = "wuyebot"


def write_table(
    path: Path, *, title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    """Write a sheet with a merged title row, headers and rows; whole, or not at all."""
    workbook = load("openpyxl").Workbook()
    sheet = workbook.active
    sheet.title = title[:31]
    sheet.append([title])
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
    _save(workbook, path)


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
