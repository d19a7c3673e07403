"""What leaves the books comes in again and changes nothing; no cell of it is a formula."""

import tracemalloc
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Connection, insert, select, update

from bot.spreadsheets import writing
from bot.spreadsheets.exporting import ExportKind
from bot.spreadsheets.importing import SheetKind
from bot.spreadsheets.writing import write_parts
from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import Account, UnitKind
from storage.models.bills import bill_lines, bills, fee_items, tariffs
from storage.models.estate import buildings, communities, entrances, units
from storage.models.ledger import postings
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs
from storage.operations.bills import NewBill, book_bills
from storage.operations.unit_tariffs import Choice, import_choices
from storage.periods import BillingPeriod
from tests.bot.spreadsheets.office import HOME, Office, said
from tests.factories import NOW

LIVE = (
    "=1+1",
    "+86",
    "-5",
    "@SUM(A1)",
    "＝1+1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
)
TABLES = (
    *(communities, buildings, entrances, units, residents, occupancies, fee_items, tariffs),
    *(unit_tariffs, bills, bill_lines, postings),
)


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> Office:
    """Give an office whose books hold something of everything."""
    office = Office(db, tmp_path)
    headers = (
        "楼栋",
        "单元",
        "房号",
        "类型",
        "面积",
        "业主",
        "电话",
        "身份",
        "入住日期",
        "迁出日期",
    )
    report = await office.bring(
        SheetKind.ESTATE,
        headers,
        ("3栋", "2单元", 1201, "住宅", "89.50", "李秀英", "13800001234", "业主", None, None),
        ("3栋", "2单元", 1201, "住宅", None, "=1+1", "13800009999", "家属", None, None),
        ("3栋", "2单元", 1202, "住宅", "108.75", None, None, None, None, None),
        ("A栋", None, 101, "住宅", "60", "王建国", None, "业主", "2019-05-01", None),
        (None, None, "商铺S12", "商铺", "35.2", "@某某商行", "057188886666", "业主", None, None),
        (None, None, "商铺A101", "商铺", "35.2", None, None, None, None, None),
        (None, None, "车位B1-023", "车位", None, "李秀英", "13800001234", "业主", None, None),
    )
    assert said(report) == []
    stays = await office.bring(
        SheetKind.OCCUPANCIES,
        ("房号", "姓名", "电话", "身份", "开始时间", "结束时间"),
        ("3-2-1202", "陈老板", "13700000001", "业主", "2015-01-01", "2020-06-01"),
        ("3-2-1202", "赵六", "13700000002", "业主", "2020-06-01", None),
        ("3-2-1202", "周租客", "13700000003", "租户", "2024-01-01", "2025-01-01"),
        ("3-2-1202", "周租客", "13700000003", "租户", "2026-01-01", None),
    )
    assert said(stays) == []
    await office.price("物业费")
    await office.price("物业费", "商业用电", UnitKind.SHOP)
    await office.price("车位费", kind=UnitKind.PARKING)
    await db.write(_owe)
    return office


def _owe(tx: Connection) -> None:
    ids = {row.code: row.id for row in tx.execute(select(units))}
    items = {row.name: row.id for row in tx.execute(select(fee_items))}
    tenant = tx.execute(select(residents.c.id).where(residents.c.name == "周租客")).scalar_one()
    owner = tx.execute(select(residents.c.id).where(residents.c.name == "赵六")).scalar_one()

    def bill(code: str, item: str, month: str, fen: int, kind: int, liable: int | None) -> NewBill:
        period = BillingPeriod.parse(month)
        due_on = period.day(25)
        return NewBill(ids[code], items[item], item, period, fen, due_on, {}, liable, kind=kind)

    new = [
        *(
            bill("3-2-1201", "物业费", f"2026-{8 + at:02d}", 25_060, 2 - at, None)
            for at in range(3)
        ),
        bill("3-2-1202", "物业费", "2026-09", 1, 1, owner),
        bill("3-2-1202", "车位费", "2025-06", 30_000, 1, tenant),
    ]
    community_id = tx.execute(select(communities.c.id)).scalar_one()
    book_bills(tx, new, community_id=community_id, against=Account.OPENING, now=NOW)
    rows = [
        Choice(HOME, "S12", "物业费", date(2026, 1, 1), "商业用电", plate=""),
        Choice(HOME, "3-2-1201", "物业费", date(2025, 1, 1), until_on=date(2025, 7, 1), count=2),
        Choice(HOME, "3-2-1201", "物业费", date(2026, 1, 1), is_charged=False, heads=0),
        Choice(
            *(HOME, "B1-023", "车位费", date(2026, 3, 15)),
            anchored_on=date(2026, 3, 15),
            plate="浙A12345",
        ),
    ]
    assert import_choices(tx, rows, actor=CLOCK, now=NOW).objections == ()


KINDS = (
    *(ExportKind.ESTATE, ExportKind.RESIDENTS, ExportKind.OCCUPANCIES, ExportKind.TARIFFS),
    *(ExportKind.CHOICES, ExportKind.OPENING, ExportKind.BILLS),
)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_exported_imports_again_and_changes_nothing(
    office: Office, kind: ExportKind
):
    before = await office.rows(*TABLES)

    parts = await office.take(kind)
    report = await office.bring_file(SheetKind(kind), parts.paths[0])

    assert parts.rows > 0
    assert (said(report), report.changes, report.is_applied) == ([], (), True)
    assert await office.rows(*TABLES) == before


@pytest.mark.parametrize("kind", [ExportKind.ESTATE, ExportKind.RESIDENTS])
async def test_an_export_says_all_that_an_empty_house_needs(
    office: Office, kind: ExportKind, tmp_path: Path
):
    parts = [await office.take(one, f"{one}.xlsx") for one in (ExportKind.ESTATE, kind)]
    wanted = await office.rows(select(units.c.code, units.c.kind, units.c.floor_area_m2))

    await office.db.write(_rename)
    for one, part in zip((ExportKind.ESTATE, kind), parts, strict=True):
        assert said(await office.bring_file(SheetKind(one), part.paths[0])) == []

    found = await office.rows(
        select(units.c.code, units.c.kind, units.c.floor_area_m2)
        .join(communities)
        .where(communities.c.name == HOME)
    )
    assert sorted(found[0]) == sorted(wanted[0])


def _rename(tx: Connection) -> None:
    tx.execute(communities.update().values(name="旧小区"))


async def test_only_the_community_that_was_asked_for_leaves(office: Office):
    await office.db.write(lambda tx: tx.execute(insert(communities).values(name="翡翠湾")).rowcount)

    assert (await office.take(ExportKind.ESTATE, community="翡翠湾")).rows == 0
    assert (await office.take(ExportKind.ESTATE, community=HOME)).rows == 6


def values(path: Path) -> list[list]:
    """Return the cells of a sheet, row by row, without its headers."""
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1:]


async def test_a_debt_that_was_written_off_is_told_and_imports_again(office: Office):
    def write_off(tx: Connection) -> None:
        gone = update(bills).where(bills.c.amount_fen == 30_000)
        tx.execute(gone.values(amount_fen=0, written_off_fen=30_000))
        waived = update(bills).where(bills.c.amount_fen == 1)
        tx.execute(waived.values(amount_fen=0, waived_fen=1))

    await office.db.write(write_off)
    before = await office.rows(*TABLES)
    parts = await office.take(ExportKind.BILLS)
    told = [row for row in values(parts.paths[0]) if "已核销" in row]
    report = await office.bring_file(SheetKind.BILLS, parts.paths[0])

    assert [(row[2], row[4], row[9]) for row in told] == [("车位费", 300, 0)]
    assert not any(row[4] == 0 for row in values(parts.paths[0]))
    assert (said(report), report.changes) == ([], ())
    assert await office.rows(*TABLES) == before


async def test_k01_no_exported_cell_is_a_formula(office: Office):
    people = [
        {"community_id": 1, "name": text, "phone": f"1380000000{at}"}
        for at, text in enumerate(LIVE)
    ]
    await office.db.write(lambda tx: tx.execute(insert(residents), people).rowcount)

    (path,) = (await office.take(ExportKind.RESIDENTS)).paths

    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    assert {cell.data_type for row in sheet for cell in row if cell.value is not None} == {"s"}
    names = {row[1] for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()}
    assert names >= set(LIVE)


def test_k01_texts_stay_texts_and_numbers_numbers(tmp_path: Path):
    row = ("\t=1", "\r=1", *LIVE, -5, Decimal("-0.01"), date(2026, 3, 1), "a\x00\x1bb")

    write_parts(tmp_path / "a.xlsx", title="t", headers=("a",), rows=[row])

    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None
    kinds = [cell.data_type for cell in sheet[2]]
    assert kinds == ["s"] * 9 + ["n", "n", "d", "s"]
    assert all(cell.quotePrefix for cell in sheet[2][:9])
    (read,) = CalamineWorkbook.from_path(tmp_path / "a.xlsx").get_sheet_by_index(0).to_python()[1:]
    assert read[2:9] == [*LIVE]
    assert (read[9], read[10], read[12]) == (-5, -0.01, "ab")


def test_the_guard_against_formulas_is_what_keeps_them_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "_LIVE", ())

    write_parts(tmp_path / "a.xlsx", title="t", headers=("a",), rows=[("=1+1",)])

    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None
    assert sheet["A2"].data_type == "f"


def test_more_rows_than_a_sheet_may_have_go_into_more_files(tmp_path: Path):
    rows = [(f"3-2-{room}",) for room in range(100, 125)]

    parts = write_parts(tmp_path / "a.xlsx", title="t", headers=("房号",), rows=rows, most=10)

    assert [path.name for path in parts.paths] == ["a.xlsx", "a-2.xlsx", "a-3.xlsx"]
    found = [
        row
        for path in parts.paths
        for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1:]
    ]
    assert ([tuple(row) for row in found], parts.rows) == (rows, 25)


def test_an_export_without_rows_still_has_its_headers(tmp_path: Path):
    parts = write_parts(tmp_path / "a.xlsx", title="t", headers=("房号", "业主"), rows=[])

    book = CalamineWorkbook.from_path(parts.paths[0])
    assert (book.get_sheet_by_index(0).to_python(), parts.rows) == ([["房号", "业主"]], 0)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path):
    def peak(count: int) -> int:
        rows: Iterator[tuple] = ((f"3-2-{n}", "李秀英", Decimal("89.50")) for n in range(count))
        tracemalloc.start()
        write_parts(tmp_path / f"{count}.xlsx", title="t", headers=("a", "b", "c"), rows=rows)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(50)

    assert peak(6_000) < peak(1_000) * 1.5
