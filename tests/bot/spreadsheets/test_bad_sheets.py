"""K01 to K06: bad files and bad rows are refused with their place and cause; nothing half done."""

import zipfile
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import insert

from bot.spreadsheets.importing import ImportReport, SheetKind
from storage.database import Database
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs
from tests.bot.spreadsheets.office import HOME, Office, said

ESTATE = ("房号", "建筑面积", "业主", "电话")
FLATS = (
    ("3-2-1201", "89.50", "李秀英", "13800001234"),
    ("3-2-1202", "108.75", "王建国", "13800001235"),
)
BILLS = ("房号", "收费项目", "账期", "金额", "业主")
GOOD = ("3-2-1201", "物业费", "2026-10", "250.60", "李秀英")
STAYS = ("房号", "姓名", "电话", "身份", "入住日期", "迁出日期")
CHOICES = ("房号", "收费项目", "标准名称", "开始日期", "结束日期", "数量", "缴费方")
TABLES = (communities, units, residents, occupancies, bills, unit_tariffs)
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> Office:
    """Give an office with two flats and a fee."""
    office = Office(db, tmp_path)
    assert said(await office.bring(SheetKind.ESTATE, ESTATE, *FLATS)) == []
    await office.price("物业费")
    return office


async def refused(office: Office, kind: SheetKind, headers: tuple, *rows: tuple) -> list[str]:
    """Import what is not taken; return what is said, less the sheet's name."""
    before = await office.rows(*TABLES)
    report = await office.bring(kind, headers, *rows)
    assert not report.is_applied
    assert await office.rows(*TABLES) == before
    return [one.removeprefix("工作表“2026 年台账”") for one in said(report)]


async def refused_file(office: Office, path: Path, kind: SheetKind = SheetKind.BILLS) -> str:
    before = await office.rows(*TABLES)
    report: ImportReport = await office.bring_file(kind, path)
    assert (report.is_applied, len(report.problems)) == (False, 1)
    assert await office.rows(*TABLES) == before
    return said(report)[0]


def bare(path: Path, sheet: bytes, *, name: str = SHEET) -> Path:
    """Write a workbook whose one sheet is this XML."""
    book = openpyxl.Workbook()
    book.save(path)
    with zipfile.ZipFile(path) as old:
        parts = {one: old.read(one) for one in old.namelist()}
    parts[name] = sheet
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for one, content in parts.items():
            new.writestr(one, content)
    return path


def rows_of(inside: bytes) -> bytes:
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return head + b"<sheetData>" + inside + b"</sheetData></worksheet>"


async def test_k01_a_name_like_a_formula_is_a_name(office: Office):
    report = await office.bring(
        SheetKind.RESIDENTS, ("姓名", "电话"), ("=HYPERLINK(1)", "13800009999")
    )

    assert (said(report), report.is_applied) == ([], True)


async def test_k02_entities_are_refused(office: Office, tmp_path: Path):
    lol = b'<!DOCTYPE x [<!ENTITY a "b">]>' + rows_of(b"<row><c><v>&a;</v></c></row>")

    assert "DOCTYPE" in await refused_file(office, bare(tmp_path / "x.xlsx", lol))


async def test_k03_a_zip_bomb_is_refused(office: Office, tmp_path: Path):
    bomb = rows_of(b'<row r="1"><c r="A1" t="str"><v>' + b"A" * 60_000_000 + b"</v></c></row>")

    assert "50 MB" in await refused_file(office, bare(tmp_path / "x.xlsx", bomb))


async def test_k03_a_million_blank_rows_are_refused_with_the_reason(office: Office, tmp_path: Path):
    dense = rows_of(b"".join(b'<row r="%d"/>' % number for number in range(1, 1_000_001)))
    sparse = rows_of(b'<row r="1048576"><c r="XFD1048576" s="1"/></row>')

    assert "没有找到表头" in await refused_file(office, bare(tmp_path / "d.xlsx", dense))
    assert "超过了 20000 行" in await refused_file(office, bare(tmp_path / "s.xlsx", sparse))


async def test_k04_a_formula_without_a_value_is_named(office: Office, tmp_path: Path):
    await office.bring(SheetKind.BILLS, BILLS, GOOD)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (BILLS, ("3-2-1202", "物业费", "2026-10", "=100*2.5", "王建国")):
        sheet.append(row)
    book.save(tmp_path / "f.xlsx")

    problem = await refused_file(office, tmp_path / "f.xlsx")

    assert "第2行D列：公式没有计算结果" in problem


async def test_k04_days_may_be_texts_and_serial_numbers(office: Office):
    report = await office.bring(
        SheetKind.OCCUPANCIES,
        STAYS,
        ("3-2-1201", "周租客", "13700000003", "租户", 45_292, "2025年1月1日"),
        ("3-2-1201", "周租客", "13700000003", "租户", "2026/1/1 00:00:00", None),
    )

    assert (said(report), len(report.changes)) == ([], 2)


async def test_k04_headers_twice_are_named(office: Office):
    said_of = await refused(office, SheetKind.BILLS, (*BILLS, "应收金额"), (*GOOD, 1))

    assert said_of == ["第2行F列：“应收金额”出现了两列，请只留一列"]


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        ("1.005", "第3行D列：“1.005”不是金额；请写成 1234.50，最多两位小数，不带正负号"),
        (250.605, "第3行D列：金额 250.605 超过两位小数，请先四舍五入到分"),
        (-5, "第3行D列：金额不能为负：-5；冲减请在系统里作废原账单"),
        ("NaN", "第3行D列：“NaN”不是金额；请写成 1234.50，最多两位小数，不带正负号"),
        ("1e3", "第3行D列：“1e3”不是金额；请写成 1234.50，最多两位小数，不带正负号"),
        (0, "第3行D列：金额必须大于 0 且小于 10 亿元；不用收的行请删去"),
        (None, "第3行D列：没有填金额"),
    ],
)
async def test_k05_amounts_that_are_none_are_named(office: Office, amount: object, problem: str):
    row = (*GOOD[:3], amount, GOOD[4])

    assert await refused(office, SheetKind.BILLS, BILLS, row) == [problem]


@pytest.mark.parametrize(
    ("area", "problem"),
    [
        (0, "第3行B列：面积必须大于 0 且不超过 100,000 平方米；没有面积请留空"),
        ("0.00", "第3行B列：面积必须大于 0 且不超过 100,000 平方米；没有面积请留空"),
        (-89.5, "第3行B列：面积“-89.5”应是大于 0 的数字，例如 89.50"),
        ("NaN", "第3行B列：面积“NaN”应是大于 0 的数字，例如 89.50"),
        (89.505, "第3行B列：面积 89.505 超过两位小数"),
    ],
)
async def test_k05_areas_that_are_none_are_named(office: Office, area: object, problem: str):
    row = ("3-2-1301", area, "赵六", "13800001236")

    assert await refused(office, SheetKind.ESTATE, ESTATE, row) == [problem]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("3-2-1201", *GOOD[1:]), "第4行A列：与第3行重复（同一户、同一项目"),
        (("9-9-999", *GOOD[1:]), "第4行A列：系统里没有这个房号，请先导入房屋或改正房号"),
        (("3-2-1202", *GOOD[1:]), "第4行E列：业主与该账期的登记不是同一人，请核对房号或姓名"),
    ],
)  # fmt: skip
async def test_k06_rows_that_contradict_are_named(office: Office, row: tuple, problem: str):
    (found,) = await refused(office, SheetKind.BILLS, BILLS, GOOD, row)

    assert found.startswith(problem)


async def test_k06_a_unit_in_two_communities_is_not_guessed(office: Office, db: Database):
    other = insert(communities).values(name="翡翠湾")
    await db.write(lambda tx: tx.execute(other).rowcount)

    report = await office.bring(SheetKind.BILLS, BILLS, GOOD, community="")
    strange = await refused(office, SheetKind.BILLS, ("小区", *BILLS), ("翡翠湾", *GOOD))
    estate = await refused(office, SheetKind.ESTATE, ("小区", *ESTATE), ("翡翠湾", *FLATS[0]))

    assert ["第3行：不知道是哪个小区" in one for one in said(report)] == [True]
    assert strange[0] == f"第3行A列：这一行写的是小区“翡翠湾”，要导入的却是“{HOME}”"
    assert estate == strange[:1]


FLAT = "3-2-1201"
TENANT = (FLAT, "周租客", "13700000003", "租户")
OWNER = (FLAT, "李秀英", "13800001234", "业主")
NEW_OWNER = (FLAT, "新业主", "13700000004", "业主")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((*TENANT, "2026-05-01", "2026-05-01"), "F列：迁出日期应晚于入住日期"),
        ((*TENANT, "2025-01-01", None), "B列：与第3行重复，请只留一行"),
        ((*TENANT, "2025-06-01", None), "E列：同一人在这一户的同一身份，日期与第3行重叠"),
        (("9-9-999", *TENANT[1:], "2026-01-01", None), "A列：系统里没有这个房号"),
        ((*NEW_OWNER, "2026-05-01", None), "B列：这一户还登记着别的业主"),
        ((*OWNER, "2000-01-01", "1999-01-01"), "F列：迁出日期应晚于入住日期"),
        ((*OWNER, "三月", None), "E列：“三月”不是日期"),
    ],
)
async def test_k06_stays_that_contradict_are_named(office: Office, row: tuple, problem: str):
    first = (*TENANT, "2025-01-01", "2026-01-01")

    (found,) = await refused(office, SheetKind.OCCUPANCIES, STAYS, first, row)

    assert found.startswith(f"第4行{problem}")


NEXT_DOOR = ("3-2-1202", "物业费")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("3-2-1202", "电梯费", None, "2026-01-01", None, 1, None), "B列：系统里没有这个收费"),
        ((*NEXT_DOOR, "优惠价", "2026-01-01", None, 1, None), "C列：这个收费项目没有叫这个名字"),
        ((*NEXT_DOOR, None, "2026-01-01", "2026-01-01", 1, None), "E列：结束日期应晚于"),
        ((*NEXT_DOOR, None, "2026-01-01", None, 0, None), "F列：请填 1 到 100000 的整数"),
        ((*NEXT_DOOR, None, "2026-01-01", None, 1, "物业"), "G列：缴费方“物业”不认识"),
        ((FLAT, "物业费", None, "2026-01-01", None, 1, None), "A列：与第3行重复"),
        ((FLAT, "物业费", None, "2026-03-01", None, 1, None), "D列：日期与第3行重叠"),
    ],
)
async def test_k06_choices_that_contradict_are_named(office: Office, row: tuple, problem: str):
    first = ("3-2-1201", "物业费", "默认", "2026-01-01", "2026-06-01", 2, "业主")

    (found,) = await refused(office, SheetKind.CHOICES, CHOICES, first, row)

    assert found.startswith(f"第4行{problem}")


async def test_k06_a_past_choice_is_ended_but_never_rewritten(office: Office):
    open_end = ("3-2-1201", "物业费", None, "2026-01-01", None, 1, None)
    await office.bring(SheetKind.CHOICES, CHOICES, open_end)

    (found,) = await refused(office, SheetKind.CHOICES, CHOICES, (*open_end[:5], 2, None))
    ended = await office.bring(SheetKind.CHOICES, CHOICES, (*open_end[:4], "2026-06-01", 1, None))

    assert found.startswith("第3行D列：系统里从 2026-01-01 起已有别的设置")
    assert ended.changes == ("3-2-1201 物业费 默认 到2026-06-01为止",)
