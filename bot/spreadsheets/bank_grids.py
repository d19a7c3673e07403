"""A bank's file as rows of cells, whether it is text in GBK or UTF-8, .xlsx or .xls."""

import codecs
import csv
import io
from pathlib import Path
from typing import Final

from bot.spreadsheets.archive import head_of, is_old
from bot.spreadsheets.cells import Row, Sheet, WorkbookRefused
from bot.spreadsheets.reading import read_old_workbook, read_workbook

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 100
MAX_CELL_CHARS: Final = 4_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AGAIN: Final = "请在网上银行重新导出 CSV 或 Excel 格式的明细"


def read_grid(path: Path) -> tuple[Sheet, ...]:
    """Return the sheets of a bank's file; a text file is one sheet without a name.

    Blocks for up to fifteen seconds where a workbook is read. Raises WorkbookRefused with a Chinese
    reason; nothing of a file that cannot be read whole is returned.
    """
    head = head_of(path)
    if head.startswith(b"PK"):
        return read_workbook(path).sheets
    if is_old(head):
        return read_old_workbook(path).sheets
    text = _decoded(path.read_bytes())
    if text.lstrip().lower().startswith(("<html", "<!doctype", "<table", "<?xml", "<meta", "%pdf")):
        raise WorkbookRefused(
            "这个文件其实是网页或 PDF，不是表格；请用 Excel 或 WPS 打开，另存为 .xlsx 后重试"
        )
    return (Sheet("", _rows(text)),)


def _decoded(raw: bytes) -> str:
    named = next((encoding for bom, encoding in _BOMS if raw.startswith(bom)), "")
    for encoding in (named,) if named else ("utf-8", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise WorkbookRefused(f"文件的编码看不懂，或没有下载完整；{_AGAIN}")


def _rows(text: str) -> tuple[Row, ...]:
    """Cut text into rows at commas, or at tabs where a line has more of those."""
    lines = text.splitlines()
    by_tabs = max((line.count("\t,") == 0) * line.count("\t") for line in lines or [""])
    by_commas = max(line.count(",") for line in lines or [""])
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter="\t" if by_tabs > by_commas else ",", strict=True
    )
    rows: list[Row] = []
    try:
        for number, cells in enumerate(reader, 1):
            if number > MAX_ROWS:
                raise WorkbookRefused(f"超过 {MAX_ROWS} 行，请按月分开导出")
            if len(cells) > MAX_COLUMNS or any(len(cell) > MAX_CELL_CHARS for cell in cells):
                raise WorkbookRefused(f"第{number}行太长，不像银行流水；{_AGAIN}")
            if any(cell.strip() for cell in cells):
                rows.append(Row(number, tuple(cell or None for cell in cells)))
    except csv.Error:
        raise WorkbookRefused(
            f"第{reader.line_num}行的引号没有配对，文件可能没有下载完整；{_AGAIN}"
        ) from None
    return tuple(rows)
