"""From an office's file to the books: looked at first, all or nothing, once."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from bot.spreadsheets.importing import ImportAsk, ImportReport, Mode, SheetKind, import_sheet
from bot.spreadsheets.writing import write_marked, write_table
from storage import ledger
from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import Account
from storage.models.bills import bills, tariffs
from storage.models.estate import units
from storage.models.people import residents
from tests.factories import NOW

ESTATE_HEADERS = ("手机号码", "建筑面积(㎡)", "业主姓名", "楼栋", "单元", "房号", "身份")
ESTATE = (
    ("１３８００００１２３４", "89.50", "李秀英", "3栋", "2单元", "1201", "业主"),
    (13800001235, 108.75, "王　建国", 3, 2, 1202, None),
)
BILL_HEADERS = ("应收金额(元)", "费用项目", "所属月份", "房屋编号", "缴费截止日期", "业主")
BILLS = (
    ("1,250.60", "物业费", "2026年10月", "3栋2单元1201", "2026/10/31", "李秀英"),
    (304.5, "物业费", 46_296, "3-2-1202", None, None),
)


class Office:
    """Writes files and imports them, as the command does."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder

    async def bring(
        self, kind: SheetKind, headers: tuple, *rows: tuple, mode: Mode = Mode.APPLY
    ) -> ImportReport:
        path = self.folder / f"{kind}.xlsx"
        write_table(path, title="云栖花园 2026 年台账", headers=headers, rows=rows)
        ask = ImportAsk(kind, path, mode, CLOCK, NOW, "云栖花园")
        return await import_sheet(self.db, ask)


@pytest.fixture
def office(db: Database, tmp_path: Path) -> Office:
    """Give an office with an empty database."""
    return Office(db, tmp_path)


def said(report: ImportReport) -> list[str]:
    return [str(problem) for problem in report.problems]


async def test_an_estate_in_columns_of_their_own_is_taken(office: Office):
    report = await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)

    assert (said(report), report.is_applied) == ([], True)
    flats = await office.db.read(lambda tx: tx.execute(select(units).order_by("id")).all())
    people = await office.db.read(lambda tx: tx.execute(select(residents).order_by("id")).all())
    assert [(one.code, one.label, one.floor_area_m2) for one in flats] == [
        ("3-2-1201", "3栋2单元1201", Decimal("89.50")),
        ("3-2-1202", "3栋2单元1202", Decimal("108.75")),
    ]
    assert sorted((one.name, one.phone) for one in people) == [
        ("李秀英", "13800001234"),
        ("王建国", "13800001235"),
    ]


async def test_bills_are_booked_to_the_fen_and_once(office: Office):
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)

    first = await office.bring(SheetKind.BILLS, BILL_HEADERS, *BILLS)
    again = await office.bring(SheetKind.BILLS, BILL_HEADERS, *BILLS)

    found = await office.db.read(lambda tx: tx.execute(select(bills).order_by("unit_id")).all())
    assert (said(first), first.is_applied, again.changes) == ([], True, ())
    assert [(one.period, one.amount_fen, one.due_on) for one in found] == [
        ("2026-10", 125_060, date(2026, 10, 31)),
        ("2026-10", 30_450, date(2026, 10, 25)),
    ]
    assert await office.db.read(ledger.balance, Account.RECEIVABLE) == 155_510


async def test_looking_writes_nothing_and_says_what_would_change(office: Office):
    report = await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE, mode=Mode.LOOK)

    assert report.changes == (
        "云栖花园 新增小区",
        "3栋2单元1201 新增房屋",
        "3栋2单元1201 登记住户",
        "3栋2单元1202 新增房屋",
        "3栋2单元1202 登记住户",
    )
    assert await office.db.read(lambda tx: tx.execute(select(units)).all()) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("1.005", "物业费", "2026-10", "3-2-1202", None, None), "第4行A列：“1.005”不是金额"),
        ((None, "物业费", "2026-10", "3-2-1202", None, None), "第4行A列：没有填金额"),
        (("100", "物业费", "十月", "3-2-1202", None, None), "第4行C列：“十月”不是账期"),
        (("100", "物业费", "2026-10", "9-9-999", None, None), "第4行D列：系统里没有这个房号"),
        (("100", "物业费", "2026-10", "3-2-1202", None, "张冠李"), "第4行F列：业主与该账期"),
        (("100", "物业费", "2026年10月", "3-2-1201", None, None), "第4行D列：与第3行重复"),
    ],
)
async def test_one_bad_row_of_money_keeps_all_out_and_is_named(
    office: Office, row: tuple, problem: str
):
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)

    report = await office.bring(SheetKind.BILLS, BILL_HEADERS, BILLS[0], row)

    assert [problem in one for one in said(report)] == [True]
    assert not report.is_applied
    assert await office.db.read(lambda tx: tx.execute(select(bills)).all()) == []


async def test_money_has_no_good_rows(office: Office):
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)
    bad = (None, "物业费", "2026-10", "3-2-1202", None, None)

    report = await office.bring(SheetKind.BILLS, BILL_HEADERS, BILLS[0], bad, mode=Mode.GOOD_ROWS)

    assert not report.is_applied


async def test_the_good_rows_of_an_estate_are_taken_and_the_bad_ones_marked(office: Office):
    bad = ("123", "89.505", "赵六", "3栋", "2单元", "1203", "业主")

    report = await office.bring(
        SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE, bad, ESTATE[0], mode=Mode.GOOD_ROWS
    )
    marked = office.folder / "marked.xlsx"
    write_marked(office.folder / "estate.xlsx", marked, report.problems)

    sheet = openpyxl.load_workbook(marked).active
    assert sheet is not None
    comments = {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment}
    assert report.is_applied
    assert sorted(comments) == ["A5", "B5", "F6"]
    assert "两位小数" in comments["B5"]
    assert len(await office.db.read(lambda tx: tx.execute(select(units)).all())) == 2


async def test_a_column_twice_or_missing_is_named_before_any_row(office: Office):
    twice = await office.bring(SheetKind.ESTATE, (*ESTATE_HEADERS, "面积"), (*ESTATE[0], "90"))
    missing = await office.bring(SheetKind.BILLS, ("房号", "业主", "账期"), ("3-2-1201", "x", "y"))
    none = await office.bring(SheetKind.BILLS, ("甲", "乙"), ("丙", "丁"))

    assert ["第2行H列：“面积”出现了两列，请只留一列" in one for one in said(twice)] == [True]
    assert [one.split("：", 1)[1] for one in said(missing)] == [
        "缺少列“收费项目”或“费用项目”或“费用名称”",
        "缺少列“金额”或“应收金额”或“应收”",
    ]
    assert "没有找到表头" in said(none)[0]


async def test_totals_and_empty_rows_are_passed_over(office: Office):
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)
    total = ("合计：1,555.10", None, None, None, None, None)

    report = await office.bring(SheetKind.BILLS, BILL_HEADERS, *BILLS, (None,) * 6, total)

    assert (said(report), len(report.changes)) == ([], 3)


async def test_a_merged_amount_is_not_counted_twice(office: Office):
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)
    await office.bring(SheetKind.BILLS, BILL_HEADERS, *BILLS, mode=Mode.LOOK)
    path = office.folder / "bills.xlsx"
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active["A4"] = None
    book.active.merge_cells("A3:A4")
    book.save(path)

    ask = ImportAsk(SheetKind.BILLS, path, Mode.APPLY, CLOCK, NOW)
    report = await import_sheet(office.db, ask)

    assert ["第4行A列：合并单元格" in one for one in said(report)] == [True]


async def test_prices_are_set_once_and_overlaps_named(office: Office):
    headers = ("收费项目", "类型", "计费方式", "单价", "生效日期", "每月应缴日")
    await office.bring(SheetKind.ESTATE, ESTATE_HEADERS, *ESTATE)
    row = ("物业费", "住宅", "按面积", 2.8, "2026-01-01", "25日")

    first = await office.bring(SheetKind.TARIFFS, headers, row)
    again = await office.bring(SheetKind.TARIFFS, headers, row)
    other = await office.bring(
        SheetKind.TARIFFS, headers, ("物业费", "住宅", "按面积", 3, "2026-01-01", 25)
    )

    assert (first.is_applied, len(first.changes), again.changes) == (True, 1, ())
    assert ["已有别的单价" in one for one in said(other)] == [True]
    (price,) = await office.db.read(lambda tx: tx.execute(select(tariffs)).all())
    assert (price.price_e4, price.due_day) == (28_000, 25)


def test_texts_that_look_like_formulas_are_written_as_texts(tmp_path: Path):
    write_table(tmp_path / "f.xlsx", title="t", headers=("a",), rows=[("=1+1",), ("@x",), (-5,)])

    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").active
    assert sheet is not None
    assert [cell.data_type for (cell,) in sheet["A3:A5"]] == ["s", "s", "n"]
