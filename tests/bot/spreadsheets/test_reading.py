"""Strangers' workbooks: read within limits, or refused with a word on what to do."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from bot.spreadsheets import archive, reading
from bot.spreadsheets.cells import WorkbookRefused
from bot.spreadsheets.reading import read_workbook

SHEET = "xl/worksheets/sheet1.xml"
Change = Callable[[bytes], bytes]


def workbook(path: Path, *rows: tuple) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def altered(path: Path, part: str, change: Change) -> Path:
    """Write the file again with one part changed."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = change(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Give a sound little workbook."""
    return workbook(tmp_path / "plain.xlsx", ("房号", "金额"), ("1-1-101", 0.29))


def refusal(path: Path) -> str:
    with pytest.raises(WorkbookRefused) as refused:
        read_workbook(path)
    return refused.value.problem.reason


def test_cells_come_with_their_kind_and_place(tmp_path: Path):
    path = workbook(
        tmp_path / "a.xlsx", (), ("x", None, 0.1 + 0.2, 250, date(2026, 3, 1), True, "１２")
    )

    (sheet,) = read_workbook(path).sheets

    (row,) = sheet.rows
    assert row.number == 2
    assert row.cells == (
        "x",
        None,
        Decimal("0.3"),
        Decimal(250),
        date(2026, 3, 1),
        True,
        "１２",
    )


def test_merged_cells_say_the_same_in_each(tmp_path: Path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["B1"], sheet["B2"] = "3栋", "101", "102"
    sheet.merge_cells("A1:A2")
    book.save(tmp_path / "m.xlsx")

    (found,) = read_workbook(tmp_path / "m.xlsx").sheets

    assert [row.cells for row in found.rows] == [("3栋", "101"), ("3栋", "102")]
    assert found.broken == {(2, 0): "merged"}


def test_errors_and_formulas_without_a_result_are_named(plain: Path):
    cells = (
        b'<c r="C2" t="e"><v>#REF!</v></c><c r="D2"><f>A1*2</f></c><c r="E2"><f>1+1</f><v>2</v></c>'
    )
    altered(
        plain, SHEET, lambda xml: xml.replace(b"</row></sheetData>", cells + b"</row></sheetData>")
    )

    (sheet,) = read_workbook(plain).sheets

    assert sheet.broken == {(2, 2): "#REF!", (2, 3): "="}
    assert sheet.rows[1].cells[4] == Decimal(2)


def test_hidden_sheets_are_not_read(tmp_path: Path):
    book = openpyxl.Workbook()
    book.create_sheet("藏").sheet_state = "hidden"
    book.save(tmp_path / "h.xlsx")

    assert [sheet.name for sheet in read_workbook(tmp_path / "h.xlsx").sheets] == ["Sheet"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "空的"),
        ("房号,金额\n3-2-1201,100".encode("gbk"), "CSV"),
        ("房号,金额".encode("utf-16"), "CSV"),
        (b"\xef\xbb\xbfa,b", "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "密码"),
        (b"PK\x03\x04" + b"\0" * 50, "损坏"),
        (b"<html><table></table></html>", "不是 .xlsx"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, word: str):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)

    assert word in refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    assert "打不开" in refusal(tmp_path / "none.xlsx")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(plain: Path, share: float):
    whole = plain.read_bytes()
    plain.write_bytes(whole[: int(len(whole) * share)])

    assert "损坏" in refusal(plain)


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml"])
def test_declarations_are_refused_in_every_part(plain: Path, part: str):
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">'
        b'<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    )
    altered(plain, part, lambda xml: bomb + xml.split(b"?>", 1)[-1])

    assert "DOCTYPE" in refusal(plain)


def test_a_cell_at_the_end_of_the_world_is_refused_before_it_is_loaded(plain: Path):
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    altered(plain, SHEET, lambda xml: xml.replace(b"</sheetData>", far))

    assert "1048576 行" in refusal(plain)


def test_too_many_columns_are_refused(tmp_path: Path):
    assert "200 列" in refusal(workbook(tmp_path / "w.xlsx", tuple(range(300))))


def test_a_bomb_is_refused_by_its_table_of_contents(plain: Path):
    altered(plain, "xl/media/a.bin", lambda _: b"\0" * 51_000_000)

    assert "50 MB" in refusal(plain)


def test_a_dense_part_is_refused_by_its_ratio(plain: Path):
    altered(plain, "xl/media/a.bin", lambda _: b"\0" * 5_000_000)

    assert "紧密" in refusal(plain)


def test_a_nested_archive_is_refused(plain: Path):
    inner = io.BytesIO()
    zipfile.ZipFile(inner, "w").close()
    altered(plain, "xl/embeddings/a.zip", lambda _: inner.getvalue())

    assert "套着" in refusal(plain)


def test_too_many_parts_are_refused(plain: Path):
    with zipfile.ZipFile(plain, "a") as more:
        for number in range(archive.MAX_ENTRIES):
            more.writestr(f"xl/worksheets/sheet{number + 2}.xml", "<x/>")

    assert "太多" in refusal(plain)


def test_a_zip_without_a_workbook_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "z.xlsx", "w") as other:
        other.writestr("word/document.xml", "<x/>")

    assert "没有工作簿" in refusal(tmp_path / "z.xlsx")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET])
def test_a_part_that_is_no_xml_is_refused(plain: Path, part: str):
    altered(plain, part, lambda _: b"<sheetData><row r='x'>")

    assert "损坏" in refusal(plain)


def test_a_workbook_that_grows_in_memory_dies_in_the_child_alone(plain: Path):
    row = b"<row>" + b'<c t="s"><v>0</v></c>' * 150 + b"</row>"
    sheet = b"<sheetData>" + row * 1_000 + b"</sheetData>"
    with zipfile.ZipFile(plain) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    spread = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    parts[SHEET] = b"<worksheet " + spread + b">" + sheet + b"</worksheet>"
    text = b"<si><t>" + b"x" * 30_000 + b"</t></si>"
    parts["xl/sharedStrings.xml"] = b"<sst " + spread + b">" + text + b"</sst>"
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as new:
        for name, content in parts.items():
            new.writestr(name, content)

    assert "拆成几个文件" in refusal(plain)


def test_a_child_that_dies_is_a_refusal(plain: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.executable", "/bin/false")

    assert "超出了限制" in refusal(plain)


def test_a_child_that_takes_too_long_is_a_refusal(plain: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "WALL_SECONDS", 0.001)

    assert "太久" in refusal(plain)
