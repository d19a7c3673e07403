"""The sheets that HC小区 and 肇新 write are read as they are, in whatever order of columns."""

import random
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.spreadsheets.importing import Mode, SheetKind
from storage import ledger
from storage.database import Database
from storage.kinds import Account
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs
from tests.bot.spreadsheets.office import HOME, Office, said

HC_ROOMS = (
    *("楼号", "单元", "房间", "楼层", "总层数", "是否有电梯", "房屋类型", "房屋户型", "建筑面积"),
    *("室内面积", "租金", "房屋状态", "业主名称", "性别", "手机号", "身份证号", "业主类型"),
)
HC_FLAT = (1, 1, 1001, 1, 33, "有", 110, 10102, 94.56, 80, 0, 2001)
HC_ESTATE = (
    (*HC_FLAT, "吴学文", "男", 18909711443, None, 1001),
    (*HC_FLAT, "吴小文", "女", 18909711444, None, 1002),
    (2, 0, 101, 1, 2, "无", 119, 1, 60, 60, 0, 2006, "某某商行", "男", 18909711445, None, 1001),
)
HC_HISTORY = (
    *("房屋", "收费项目", "缴费周期", "开始时间", "结束时间"),
    *("缴费时间", "应缴金额", "实缴金额", "收银员", "备注"),
)
HC_ARREARS = (
    *("费用编号", "房号", "业主", "业主电话", "面积", "费用项", "开始时间", "结束时间"),
    *("欠费时长（天）", "欠费时长（月）", "欠费金额"),
)
HC_PAID = (
    *("订单号", "房号", "业主", "费用类型", "费用项", "费用状态", "支付方式", "费用开始时间"),
    *("费用结束时间", "缴费时间", "应缴/应收金额", "实收金额", "优惠金额", "减免金额", "赠送金额"),
    *("滞纳金", "面积", "车位", "账户抵扣", "收银员", "备注"),
)
ZX_HOUSES = ("商业区编号", "楼栋编号", "楼层", "房间号", "占地面积", "使用面积", "租金")
ZX_FEES = ("商铺区域", "商铺编号", "商铺状态", "收费项名称", "开始时间", "结束时间", "收费金额")


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> Office:
    """Give an office whose estate came from HC小区."""
    office = Office(db, tmp_path)
    report = await office.bring(SheetKind.ESTATE, HC_ROOMS, *HC_ESTATE)
    assert (said(report), report.is_applied) == ([], True)
    return office


async def owed(office: Office) -> list[tuple]:
    wanted = (
        select(units.c.code, bills.c.period, bills.c.amount_fen, bills.c.paid_fen)
        .join(bills, bills.c.unit_id == units.c.id)
        .order_by(units.c.code, bills.c.period)
    )
    return (await office.rows(wanted))[0]


async def test_the_rooms_and_owners_of_hc(office: Office):
    flats, people, lives = await office.rows(
        select(units.c.code, units.c.label, units.c.kind).order_by(units.c.code),
        select(residents.c.name, residents.c.phone).order_by(residents.c.phone),
        select(occupancies.c.role).order_by(occupancies.c.id),
    )

    assert flats == [("1-1-1001", "1栋1单元1001", "home"), ("2-101", "2栋101", "shop")]
    assert people == [
        ("吴学文", "18909711443"),
        ("吴小文", "18909711444"),
        ("某某商行", "18909711445"),
    ]
    assert lives == [("owner",), ("family",), ("owner",)]


async def test_the_history_of_hc_is_paid_and_its_end_is_the_first_day_after(office: Office):
    rows = (
        ("1-1-1001", "物业费", 12, 42370, 42736, 42736, 1000, 1000, "张三", "手工导入"),
        ("2-0-101", "物业费", 1, date(2024, 2, 1), "2024-02-29 23:59:59", None, 88.5, "88.50"),
    )

    report = await office.bring(SheetKind.BILLS, HC_HISTORY, *rows)

    assert said(report) == []
    assert await owed(office) == [
        ("1-1-1001", "2016-12", 100_000, 100_000),
        ("2-101", "2024-02", 8_850, 8_850),
    ]
    assert await office.db.read(ledger.balance, Account.RECEIVABLE) == 0


async def test_the_arrears_of_hc_are_owed(office: Office):
    row = (1, "1-1-1001", "吴学文", "18909711443", "94.56", "物业费")
    report = await office.bring(
        SheetKind.OPENING,
        HC_ARREARS,
        (*row, "2026-09-01", "2026-10-01", 30, 1, 264.77),
        (*row, "2026-10-15", "2026-11-15", 30, 1, 264.77),
    )

    assert said(report) == []
    assert await owed(office) == [
        ("1-1-1001", "2026-09", 26_477, 0),
        ("1-1-1001", "2026-11", 26_477, 0),
    ]
    assert await office.db.read(ledger.balance, Account.RECEIVABLE) == 52_954


def paid(amount: object, received: object, *, off: object = 0, late: object = 0) -> tuple:
    """Return a row of HC小区's list of payments."""
    head = ("1020", "1-1-1001", "吴学文", "物业费", "物业费标准", "有效", "微信")
    days = ("2026-08-01", "2026-09-01", "2026-08-05 10:11:12")
    return (*head, *days, amount, received, off, 0, 0, late, "94.56", None, None, "张三", "")


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (paid(100, 100), (10_000, 10_000)),
        (paid(100, 90, off=10), (9_000, 9_000)),
        (paid(100, 103.5, late=3.5), (10_000, 10_000)),
        (paid(100, 0), (10_000, 0)),
        (paid(100, None), (10_000, 0)),
    ],
)
async def test_what_hc_received_is_paid_and_the_rest_is_not(
    office: Office, row: tuple, found: tuple
):
    report = await office.bring(SheetKind.BILLS, HC_PAID, row)

    assert said(report) == []
    assert [one[2:] for one in await owed(office)] == [found]


async def test_a_part_that_was_paid_in_hc_is_not_guessed(office: Office):
    report = await office.bring(SheetKind.BILLS, HC_PAID, paid(100, 40), paid(100, 10, off=100))

    assert [one.split("：", 1) for one in said(report)] == [
        ["工作表“2026 年台账”第3行L列", "实收 40.00 元，应收 100.00 元，对不上；"
         "只收了一部分的，请拆成已收、未收两行"],
        ["工作表“2026 年台账”第4行K列",
         "优惠、减免加起来不少于应收金额，没有可收的钱；请删去这一行"],
    ]  # fmt: skip
    assert await owed(office) == []


async def test_the_order_of_columns_says_nothing(office: Office):
    order = list(range(len(HC_PAID)))
    random.Random(7).shuffle(order)
    row = paid(100, 90, off=10)

    report = await office.bring(
        SheetKind.BILLS, tuple(HC_PAID[at] for at in order), tuple(row[at] for at in order)
    )

    assert said(report) == []
    assert [one[2:] for one in await owed(office)] == [(9_000, 9_000)]


async def test_who_pays_what_in_hc(office: Office):
    await office.price("物业费")
    headers = (
        *("房号", "类型", "费用项ID", "收费项目", "建账时间"),
        *("计费起始时间", "计费结束时间", "房屋状态"),
    )
    row = ("1-1-1001", "1001", "92024", "物业费", "2020-01-01", "2020-01-01", None, "已入住")

    report = await office.bring(SheetKind.CHOICES, headers, row)
    again = await office.bring(SheetKind.CHOICES, headers, row)

    assert (said(report), len(report.changes), again.changes) == ([], 1, ())
    (kept,) = (await office.rows(unit_tariffs))[0]
    assert date(2020, 1, 1) in kept


async def test_the_shops_and_fees_of_zhaoxin(office: Office):
    await office.bring(
        SheetKind.ESTATE,
        ZX_HOUSES,
        ("1", "A", 1, 101, "35.5", "30", None),
        ("1", "2", 1, "B-202", "35.5", "30", None),
    )

    report = await office.bring(
        SheetKind.BILLS,
        ZX_FEES,
        ("1", 101, "已租", "租金", "2026-09-01", "2026-09-30", "1,500.00"),
        ("1", "B202", "已租", "租金", "2026-09-01", "2026-11-30", "4500"),
    )

    assert said(report) == []
    assert await owed(office) == [
        ("B202", "2026-11", 450_000, 0),
        ("商铺101", "2026-09", 150_000, 0),
    ]


async def test_looking_at_a_foreign_sheet_writes_nothing(office: Office):
    report = await office.bring(SheetKind.BILLS, HC_PAID, paid(100, 100), mode=Mode.LOOK)

    assert report.changes == (
        "新增收费项目 物业费标准",
        "1-1-1001 2026-08 物业费标准 100.00元 已缴历史",
    )
    assert (await owed(office), HOME) == ([], "云栖花园")
