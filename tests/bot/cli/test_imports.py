"""`wuyebot import` on the command line: looks first, and says so."""

from pathlib import Path

import openpyxl
import pytest

from bot.cli.imports import run_import
from bot.cli.main import main
from bot.spreadsheets.importing import Mode, SheetKind
from bot.spreadsheets.writing import MARK, write_table

HEADERS = ("小区", "房号", "建筑面积", "业主", "电话")
GOOD = ("翡翠湾", "3-2-1201", "89.50", "李秀英", "13800001234")
BAD = ("翡翠湾", "门卫", "89.50", "张三", "13800001235")


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Give an estate with a good row and a bad one."""
    path = tmp_path / "estate.xlsx"
    write_table(path, title="房屋台账", headers=HEADERS, rows=[GOOD, BAD])
    return path


def test_a_dry_run_names_every_bad_row_and_writes_nothing(
    sqlite_url: str, sheet: Path, capsys: pytest.CaptureFixture[str]
):
    exits = [run_import(sqlite_url, SheetKind.ESTATE, sheet) for _ in range(2)]

    said = capsys.readouterr().out
    assert exits == [1, 1]
    assert said.count("第4行B列：“门卫”认不出是哪一户") == 2
    assert said.count("+ 3栋2单元1201 新增房屋") == 2


def test_all_or_nothing_unless_good_rows_are_asked_for(
    sqlite_url: str, sheet: Path, capsys: pytest.CaptureFixture[str]
):
    whole = run_import(sqlite_url, SheetKind.ESTATE, sheet, Mode.APPLY)
    good = run_import(sqlite_url, SheetKind.ESTATE, sheet, Mode.GOOD_ROWS)

    said = capsys.readouterr().out
    assert (whole, good) == (1, 1)
    assert "没有导入任何内容：1 处有问题" in said
    assert "已导入：3 项变更，1 处有问题的未导入" in said
    returned = openpyxl.load_workbook(sheet.with_name("estate.marked.xlsx")).active
    marked = {cell.coordinate for row in returned for cell in row if cell.comment}
    red = {cell.coordinate for row in returned for cell in row if cell.fill.fgColor.rgb == MARK}
    assert marked == red == {"B4"}
    assert "认不出是哪一户" in returned["B4"].comment.text
    assert [returned["B4"].value, returned["B3"].value] == ["门卫", "3-2-1201"]


@pytest.mark.parametrize("kind", ["bills", "tariffs"])
def test_of_money_good_rows_alone_are_never_taken(
    sqlite_url: str, sheet: Path, capsys: pytest.CaptureFixture[str], kind: str
):
    with pytest.raises(SystemExit) as ended:
        main(["import", kind, str(sheet), "--data", str(sheet.parent), "--apply", "--good-rows"])

    assert ended.value.code == 1
    assert "money is taken whole or not at all" in capsys.readouterr().err


def test_nobodys_name_or_phone_is_printed(
    sqlite_url: str, sheet: Path, capsys: pytest.CaptureFixture[str]
):
    run_import(sqlite_url, SheetKind.ESTATE, sheet)

    said = capsys.readouterr().out
    assert "李秀英" not in said
    assert "13800001234" not in said


def test_without_a_database_it_says_so(
    tmp_path: Path, sheet: Path, capsys: pytest.CaptureFixture[str]
):
    url = f"sqlite+aiosqlite:///{tmp_path}/none.db"

    assert run_import(url, SheetKind.ESTATE, sheet) == 1
    assert "there is no database" in capsys.readouterr().err
