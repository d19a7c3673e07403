"""The child process that opens a stranger's workbook: it may use little, and is killed beyond.

Prints JSON lines: one per sheet, one per row that has something in it, and a last one.
"""

import json
import resource
import sys
import zipfile
from pathlib import Path
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from bot.spreadsheets.archive import head_of, is_old
from bot.spreadsheets.cells import WorkbookRefused, pack
from bot.spreadsheets.scanning import Broken, scan

MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 10
MAX_OUTPUT_CHARS: Final = 20_000_000
MERGED: Final = "merged"


class _Printer:
    """Prints lines until there are too many."""

    def __init__(self) -> None:
        self._left = MAX_OUTPUT_CHARS

    def line(self, **facts: object) -> None:
        text = json.dumps(facts, ensure_ascii=True)
        self._left -= len(text)
        if self._left < 0:
            raise WorkbookRefused("表格里的文字太多，请拆成几个文件")
        sys.stdout.write(text + "\n")


def main(path: str) -> None:
    """Read the workbook at the path and print what it holds, or why it is refused."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    printer = _Printer()
    try:
        _read(path, printer)
        printer.line(end=True)
    except WorkbookRefused as refused:
        sys.stdout.write(json.dumps({"refused": refused.problem.reason}) + "\n")
    except (CalamineError, OSError, zipfile.BadZipFile):
        reason = "文件已损坏，或不是 Excel 工作簿；请重新导出"
        sys.stdout.write(json.dumps({"refused": reason}) + "\n")
    except MemoryError:
        sys.stdout.write(json.dumps({"refused": "文件太大，请拆成几个文件"}) + "\n")


def _read(path: str, printer: _Printer) -> None:
    broken: dict[str, Broken] = {}
    if not is_old(head_of(Path(path))):
        with zipfile.ZipFile(path) as archive:
            broken = scan(archive)
    with CalamineWorkbook.from_path(path) as workbook:
        for place in workbook.sheets_metadata:
            is_shown = place.visible == SheetVisibleEnum.Visible
            if is_shown and place.typ == SheetTypeEnum.WorkSheet:
                sheet = workbook.get_sheet_by_name(place.name)
                _print_sheet(sheet, broken.get(place.name, []), printer)


def _print_sheet(sheet: CalamineSheet, broken: Broken, printer: _Printer) -> None:
    grid: list[list[object]] = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    merged = _spread_merged(sheet, grid)
    printer.line(sheet=sheet.name, broken=[*broken, *merged])
    for index, row in enumerate(grid):
        cells = [pack(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            printer.line(row=index + 1, cells=cells)


def _spread_merged(sheet: CalamineSheet, grid: list[list[object]]) -> Broken:
    """Write the value of merged cells into each of them; return those that were empty before."""
    filled: Broken = []
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if top >= len(grid) or left >= len(grid[top]) or grid[top][left] == "":
            continue
        for row in range(top, min(bottom + 1, len(grid))):
            for column in range(left, min(right + 1, len(grid[row]))):
                if grid[row][column] == "":
                    grid[row][column] = grid[top][left]
                    filled.append((row, column, MERGED))
    return filled


if __name__ == "__main__":
    main(sys.argv[1])
