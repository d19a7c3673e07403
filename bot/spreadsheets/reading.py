"""Reads a stranger's workbook in a child process that may use little time and memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from bot.spreadsheets.archive import head_of, inspect, is_old
from bot.spreadsheets.cells import Row, Sheet, Workbook, WorkbookRefused, unpack

WALL_SECONDS: Final = 15
_ROOT: Final = Path(__file__).parent.parent.parent


def read_workbook(path: Path) -> Workbook:
    """Return the visible sheets of a workbook. Raises WorkbookRefused with a Chinese reason.

    Blocks for up to fifteen seconds: call it in a thread where others wait.
    """
    inspect(path)
    return _read_by_child(path)


def read_old_workbook(path: Path) -> Workbook:
    """Return the visible sheets of an .xls workbook, as banks give them. Raises WorkbookRefused.

    Its formulas cannot be told from values: only for files that people do not fill in.
    """
    if not is_old(head_of(path)):
        raise WorkbookRefused("不是 .xls 文件，请检查后缀名")
    return _read_by_child(path)


def _read_by_child(path: Path) -> Workbook:
    command = [sys.executable, "-m", "bot.spreadsheets.child", str(path.resolve())]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and a path that is not a command
            command,
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkbookRefused("文件读了太久也没读完，请拆成几个文件") from None
    lines = done.stdout.decode("ascii", "replace").splitlines()
    return _assembled(lines)


def _assembled(lines: list[str]) -> Workbook:
    """Put the child's lines together; without the last one it was stopped half-way."""
    last: dict[str, Any] = _parsed(lines[-1]) if lines else {}
    if "refused" in last:
        raise WorkbookRefused(last["refused"])
    if "end" not in last:
        raise WorkbookRefused("文件太大或太复杂，读取时超出了限制；请拆成几个文件")
    sheets: list[tuple[str, dict[tuple[int, int], str], list[Row]]] = []
    for line in lines[:-1]:
        facts = _parsed(line)
        if "sheet" in facts:
            broken = {(row + 1, column): what for row, column, what in facts["broken"]}
            sheets.append((facts["sheet"], broken, []))
        else:
            cells = tuple(unpack(cell) for cell in facts["cells"])
            sheets[-1][2].append(Row(facts["row"], cells))
    return Workbook(tuple(Sheet(name, tuple(rows), broken) for name, broken, rows in sheets))


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
