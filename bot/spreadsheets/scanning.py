"""Reads the raw XML of a workbook for what its values do not show: declarations, errors, size."""

import posixpath
import zipfile
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from bot.spreadsheets.cells import WorkbookRefused

MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 200
MAX_CELLS: Final = 400_000

Broken = list[tuple[int, int, str]]
"""(row, column from 0, what stands there) of cells without a value."""


class _Part:
    """Parses one part; a document type declaration ends it at once."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _refuse(self, *declared: object) -> None:
        raise WorkbookRefused("文件里有不该有的声明（DOCTYPE），像是恶意文件，已拒绝")

    def read(self, archive: zipfile.ZipFile, name: str) -> None:
        """Parse the part to its end. Raises WorkbookRefused."""
        try:
            with archive.open(name) as stream:
                self.parser.ParseFile(stream)
        except (expat.ExpatError, zipfile.BadZipFile, EOFError, OSError, ValueError):
            raise WorkbookRefused("文件已损坏或没有传完整，请重新导出或重新上传") from None
        except (KeyError, NotImplementedError, RuntimeError):
            raise WorkbookRefused("文件缺少工作表的内容，请重新导出") from None


class _SheetPart(_Part):
    """Parses a sheet: counts its cells, and notes those with an error or without a result."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: Broken = []
        self._row = self._column = -1
        self._kind = ""
        self._has_formula = self._in_value = False
        self._value = ""
        self._cells = 0
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if name == "row":
            self._row = int(attributes.get("r", self._row + 2)) - 1
            self._column = -1
        elif name == "c":
            place = attributes.get("r", "")
            self._column = _column_of(place) if place else self._column + 1
            self._kind = attributes.get("t", "n")
            self._has_formula, self._value = False, ""
            self._count()
        elif name == "f":
            self._has_formula = True
        elif name in {"v", "t"}:
            self._in_value = True

    def _count(self) -> None:
        self._cells += 1
        if self._row >= MAX_ROWS:
            raise WorkbookRefused(
                f"第 {self._row + 1} 行也有内容，超过了 {MAX_ROWS} 行；"
                "请删去多余的空行或拆成几个文件"
            )
        if self._column >= MAX_COLUMNS:
            raise WorkbookRefused(f"表格超过 {MAX_COLUMNS} 列，请删去多余的空列")
        if self._cells > MAX_CELLS:
            raise WorkbookRefused("表格的单元格太多，请拆成几个文件")

    def _end(self, tag: str) -> None:
        name = tag.rpartition(" ")[2]
        if name in {"v", "t"}:
            self._in_value = False
        elif name == "c":
            if self._kind == "e":
                self.broken.append((self._row, self._column, self._value or "#ERROR!"))
            elif self._has_formula and not self._value and self._kind != "str":
                self.broken.append((self._row, self._column, "="))

    def _characters(self, text: str) -> None:
        if self._in_value and len(self._value) < 20:
            self._value += text


def _column_of(place: str) -> int:
    column = 0
    for letter in place:
        if not "A" <= letter <= "Z":
            break
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def scan(archive: zipfile.ZipFile) -> dict[str, Broken]:
    """Check every part and return the broken cells by sheet name. Raises WorkbookRefused."""
    sheets = _sheet_parts(archive)
    parts_of_sheets = set(sheets.values())
    for name in archive.namelist():
        if name not in parts_of_sheets and name.lower().endswith((".xml", ".rels", ".vml")):
            _Part().read(archive, name)
    found: dict[str, Broken] = {}
    for sheet, name in sheets.items():
        part = _SheetPart()
        part.read(archive, name)
        found[sheet] = part.broken
    return found


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return sheet name → part of the archive."""
    targets: dict[str, str] = {}
    names: list[tuple[str, str]] = []

    def relationship(tag: str, attributes: dict[str, str]) -> None:
        if tag.endswith("Relationship"):
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "sheet":
            key = next((v for k, v in attributes.items() if k.endswith(" id")), "")
            names.append((attributes.get("name", ""), key))

    _walk(archive, "xl/_rels/workbook.xml.rels", relationship)
    _walk(archive, "xl/workbook.xml", sheet)
    found = {}
    for name, key in names:
        target = targets.get(key, "")
        part = target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)
        if target:
            found[name] = posixpath.normpath(part)
    return found


def _walk(
    archive: zipfile.ZipFile, name: str, start: Callable[[str, dict[str, str]], None]
) -> None:
    part = _Part()
    part.parser.StartElementHandler = start
    part.read(archive, name)
