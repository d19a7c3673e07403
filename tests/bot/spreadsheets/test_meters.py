"""Sheets of meters and of readings: looked at first, all or nothing, the same sheet once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from bot.cli.imports import run_import
from bot.spreadsheets.exporting import ExportKind, export_sheet
from bot.spreadsheets.importing import ImportAsk, ImportReport, Mode, SheetKind, import_sheet
from bot.spreadsheets.writing import write_table
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.kinds import ReadingState
from storage.models.bills import fee_items
from storage.models.meters import meters, readings
from storage.operations.meter_sheets import MeterRow, import_meters
from storage.operations.meters import MeterFact
from storage.operations.reading_sheets import ReadingRow, import_readings
from storage.operations.readings import ReadingFact, note_reading
from storage.periods import BillingPeriod, DaySpan
from storage.queries.usage import usage_of
from tests import factories
from tests.factories import NOW

METER_HEADERS = ("倍率", "房号", "收费项目", "表号", "装表日期", "起始读数", "表位数", "损耗率")
METERS = (
    (1, "3-2-1201", "水费", "S1", "2026-05-28", "１２００", 5, None),
    ("20", "3栋2单元1202", "电费", "D2", 46_170, 99_000, "5", "5%"),
)
REPLACING = ("房号", "收费项目", "新表号", "换表日期", "新表起码", "旧表止码", "表位数")
HEADERS = ("本期读数(吨)", "抄表日期", "房屋编号", "收费项目", "抄表说明")


class Office:
    """Writes sheets and imports them, as the command does."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder

    async def bring(
        self, kind: SheetKind, headers: tuple, *rows: tuple, mode: Mode = Mode.APPLY
    ) -> ImportReport:
        path = self.folder / f"{kind}.xlsx"
        write_table(path, title="翡翠湾", headers=headers, rows=rows)
        return await import_sheet(self.db, ImportAsk(kind, path, mode, CLOCK, NOW, ""))

    async def read(self, *rows: tuple, mode: Mode = Mode.APPLY) -> ImportReport:
        return await self.bring(SheetKind.READINGS, HEADERS, *rows, mode=mode)

    async def rows(self, table) -> list:
        return await self.db.read(lambda tx: list(tx.execute(select(table).order_by(table.c.id))))

    async def counted(self) -> list[tuple[str, int, str]]:
        return [
            (f"{row.read_on:%m-%d}", row.value_e3 // 1000, row.kind)
            for row in await self.rows(readings)
            if row.state == ReadingState.ACCEPTED and row.meter_id == 1
        ]


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> Office:
    """Give the office of a community with two flats and no meters."""
    await db.write(factories.build)
    return Office(db, tmp_path)


@pytest.fixture
async def metered(office: Office) -> Office:
    """Give the same office once its meters are in."""
    report = await office.bring(SheetKind.METERS, METER_HEADERS, *METERS)
    assert report.is_applied
    return office


def said(report: ImportReport) -> list[str]:
    return [str(problem) for problem in report.problems]


async def test_meters_are_put_in_with_what_they_showed(office: Office):
    looked = await office.bring(SheetKind.METERS, METER_HEADERS, *METERS, mode=Mode.LOOK)
    assert await office.rows(meters) == []

    report = await office.bring(SheetKind.METERS, METER_HEADERS, *METERS)

    assert report.changes == looked.changes
    assert list(report.changes) == [
        "新增收费项目 水费",
        "新增收费项目 电费",
        "3-2-1202 电费 装表 D2 2026-05-28 起码 99000",
        "3-2-1201 水费 装表 S1 2026-05-28 起码 1200",
    ] or sorted(report.changes) == sorted(looked.changes)
    rows = [
        (row.meter_no, row.digits, row.multiplier_e4, row.loss_rate_e4)
        for row in await office.rows(meters)
    ]
    assert sorted(rows) == [("D2", 5, 200_000, 500), ("S1", 5, 10_000, 0)]
    assert {row.code for row in await office.rows(fee_items)} >= {"water", "electricity"}


async def test_the_same_meters_and_readings_twice_change_nothing(metered: Office):
    await metered.read((1210, "2026-06-28", "3-2-1201", "水费", None))
    before = [await metered.rows(meters), await metered.rows(readings)]

    again = [
        await metered.bring(SheetKind.METERS, METER_HEADERS, *METERS),
        await metered.read((1210, "2026-06-28", "3-2-1201", "水费", None)),
    ]

    assert [(one.changes, one.problems) for one in again] == [((), ()), ((), ())]
    assert [await metered.rows(meters), await metered.rows(readings)] == before


async def test_a_meter_is_replaced_by_its_row_and_its_last_reading_is_needed(metered: Office):
    row = ("3-2-1201", "水表", "S9", "2026-07-10", 3)
    without = await metered.bring(SheetKind.METERS, REPLACING, (*row, None, 5))
    lower = await metered.bring(SheetKind.METERS, REPLACING, (*row, 1199, 5))
    assert said(without) == ["工作表“翡翠湾”第3行F列：这一户正在用表 S1；若是换表，请填“旧表止码”"]
    assert "比它上次的读数 1200 还小" in said(lower)[0]

    report = await metered.bring(SheetKind.METERS, REPLACING, (*row, "1,214", 5))

    assert report.changes == ("3-2-1201 水费 换表 S9 2026-07-10 起码 3（旧表 S1 止码 1214）",)
    again = await metered.bring(SheetKind.METERS, REPLACING, (*row, "1,214", 5))
    assert (again.changes, again.problems) == ((), ())
    await metered.read((9, "2026-07-28", "3-2-1201", "水费", None))
    item = next(row.id for row in await metered.rows(fee_items) if row.code == "water")
    found = await metered.db.read(usage_of, [1, 2], item, DaySpan.of(BillingPeriod(2026, 7)))
    assert {unit_id: made.sum for unit_id, made in found.items()} == {
        1: "(1214 − 1200) + (9 − 3) = 20"
    }


async def test_one_sheet_may_hold_a_meter_and_the_one_that_took_its_place(office: Office):
    headers = ("房号", "收费项目", "表号", "安装日期", "起码", "旧表止码")
    rows = (
        ("3-2-1201", "水费", "B", "2026-07-10", 0, 1214),
        ("3-2-1201", "水费", "A", "2026-05-28", 1200, None),
    )

    report = await office.bring(SheetKind.METERS, headers, *rows)

    assert report.is_applied
    assert [(row.meter_no, row.removed_on) for row in await office.rows(meters)] == [
        ("A", date(2026, 7, 10)),
        ("B", None),
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({0: "NaN"}, "A列：倍率“NaN”应是数字"),
        ({0: -1}, "A列：倍率“-1”应是数字"),
        ({0: "0"}, "A列：倍率 0 应大于 0"),
        ({1: "9-9-909"}, "B列：系统里没有这个房号"),
        ({4: "2026-11-24"}, "E列：安装日期不对"),
        ({4: "昨天"}, "E列：“昨天”不是日期"),
        ({5: "1000000000000"}, "F列：读数 1000000000000 太大"),
        ({5: -3}, "F列：读数不能为负：-3"),
        ({5: "NaN"}, "F列：“NaN”不是读数"),
        ({5: "1.2345"}, "F列：读数 1.2345 超过三位小数"),
        ({5: "123456"}, "F列：“123456”超出这块表的位数"),
        ({6: 12}, "G列：请填 1 到 9 的整数"),
        ({7: "101%"}, "H列：损耗 101% 应在 0 到 100 之间"),
        ({7: "五"}, "H列：损耗“五”应是百分数"),
    ],
)
async def test_a_bad_meter_is_named_by_row_and_column_and_none_is_put_in(
    office: Office, change: dict[int, object], problem: str
):
    row: list[object] = list(METERS[0])
    for column, value in change.items():
        row[column] = value

    report = await office.bring(SheetKind.METERS, METER_HEADERS, METERS[1], tuple(row))

    assert [problem in one and "第4行" in one for one in said(report)] == [True]
    assert not report.is_applied
    assert await office.rows(meters) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({0: 20}, "系统里这块表是 × 1"),
        ({4: "2026-05-29"}, "系统里这块表是 2026-05-28 1200"),
        ({5: 1201}, "系统里这块表是 2026-05-28 1200"),
        ({6: 6}, "系统里这块表是 5"),
        ({7: "5%"}, "系统里这块表是 0%"),
        ({1: "3-2-1202"}, "表号 S1 已经用在别的房屋"),
    ],
)
async def test_a_meter_that_is_in_is_not_changed_by_a_sheet(
    metered: Office, change: dict[int, object], problem: str
):
    row: list[object] = list(METERS[0])
    for column, value in change.items():
        row[column] = value

    report = await metered.bring(SheetKind.METERS, METER_HEADERS, tuple(row))

    assert [problem in one for one in said(report)] == [True]


async def test_digits_that_were_not_known_may_be_told_later(office: Office):
    headers = ("房号", "收费项目", "安装日期", "起码", "表位数")
    await office.bring(SheetKind.METERS, headers, ("3-2-1201", "水费", "2026-05-28", 1200, None))

    report = await office.bring(
        SheetKind.METERS, headers, ("3-2-1201", "水费", "2026-05-28", 1200, 5)
    )

    assert report.changes == ("3-2-1201 水费 补登位数 3-2-1201 5位",)
    assert [(row.meter_no, row.digits) for row in await office.rows(meters)] == [("3-2-1201", 5)]


async def test_readings_in_any_shape_of_number_and_day(metered: Office):
    rows = (
        ("１，２１０", "2026年6月28日", "3-2-1201", "水费", None),
        ("1220吨", 46_231, "3栋2单元1201", "水表", "实抄"),
        (1230.5, "20260828", "3-2-1201", "水费", ""),
        (99_020, date(2026, 6, 28), "3-2-1202", "电费", None),
    )
    looked = await metered.read(*rows, mode=Mode.LOOK)

    report = await metered.read(*rows)

    assert said(report) == []
    assert (looked.changes, looked.is_applied, report.is_applied) == (report.changes, False, True)
    assert "3-2-1201 水费 2026-06-28 实抄 1210" in report.changes
    assert [row.value_e3 for row in await metered.rows(readings) if row.meter_id == 1] == [
        *(1_200_000, 1_210_000, 1_220_000, 1_230_500)
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((1000000000000, "2026-06-28", "3-2-1201", "水费", None), "A列：读数 1000000000000 太大"),
        ((-1, "2026-06-28", "3-2-1201", "水费", None), "A列：读数不能为负：-1"),
        (("NaN", "2026-06-28", "3-2-1201", "水费", None), "A列：“NaN”不是读数"),
        ((None, "2026-06-28", "3-2-1201", "水费", None), "A列：没有填读数"),
        ((123456, "2026-06-28", "3-2-1201", "水费", None), "A列：读数 123456 超出这块表的位数"),
        ((1199, "2026-06-28", "3-2-1201", "水费", None), "A列：比上次的 1200 还小"),
        ((1210, "2026-02-30", "3-2-1201", "水费", None), "B列：没有“2026-02-30”这一天"),
        ((1210, "2026-11-24", "3-2-1201", "水费", None), "B列：这一天不能登记"),
        ((1210, "2026-05-27", "3-2-1201", "水费", None), "B列：这一天不能登记"),
        ((1210, "2026-06-28", "9-9-909", "水费", None), "C列：系统里没有这个房号"),
        ((1210, "2026-06-28", "3-2-1202", "水费", None), "D列：这一户没有登记这块表"),
        ((1210, "2026-06-28", "3-2-1201", "水费", "大概"), "E列：抄表说明“大概”不认识"),
        ((1201, "2026-05-28", "3-2-1201", "水费", None), "A列：这一天已有读数 1200"),
    ],
)
async def test_a_bad_reading_is_named_by_row_and_column_and_none_is_noted(
    metered: Office, row: tuple, problem: str
):
    report = await metered.read((99_020, "2026-06-28", "3-2-1202", "电费", None), row)

    assert [problem in one and "第4行" in one for one in said(report)] == [True]
    assert not report.is_applied
    assert len(await metered.rows(readings)) == 2


async def test_a_row_that_went_bad_since_the_look_lets_none_in(metered: Office):
    good = ReadingRow("翡翠湾", "3-2-1201", "水费", "water", date(2026, 6, 28), Decimal(1210))
    fact = MeterFact("S5", date(2026, 6, 28), Decimal(0))
    meter = MeterRow("翡翠湾", "3-2-1202", "水费", "water", fact)
    before = [await metered.rows(meters), await metered.rows(readings)]

    noted = await metered.db.write(
        import_readings, [good, replace(good, value=Decimal(1))], actor=CLOCK, now=NOW
    )
    put_in = await metered.db.write(
        import_meters, [meter, replace(meter, code="9-9-909")], actor=CLOCK, now=NOW
    )

    assert (len(noted.objections), len(put_in.objections)) == (1, 1)
    assert [await metered.rows(meters), await metered.rows(readings)] == before


async def test_two_rows_of_one_meter_and_day_are_named(metered: Office):
    report = await metered.read(
        (1210, "2026-06-28", "3-2-1201", "水费", None),
        (1211, "2026-06-28", "3-2-1201", "水费", None),
    )

    assert said(report) == ["工作表“翡翠湾”第4行C列：与第3行重复（同一块表、同一天），请只留一行"]


async def test_three_times_the_usual_wants_to_be_confirmed_and_a_turn_to_be_told(metered: Office):
    months = [
        (1200 + 10 * n, f"2026-{5 + n:02d}-28", "3-2-1201", "水费", None) for n in range(1, 6)
    ]
    high = (1300, "2026-11-20", "3-2-1201", "水费")
    asked = await metered.read(*months, (*high, None))
    assert "用量 50 达到平时或去年同期的三倍" in said(asked)[0]

    assert (await metered.read(*months, (*high, "确认"))).is_applied

    low = (12, "2026-11-21", "3-2-1201", "水费")
    assert "请在“抄表说明”填“转一圈”" in said(await metered.read((*low, None)))[0]
    assert "用量 98712 达到" in said(await metered.read((*low, "转一圈")))[0]


async def test_a_turned_dial_is_taken(metered: Office):
    await metered.read((99_990, "2026-06-28", "3-2-1202", "电费", None))

    report = await metered.read((12, "2026-07-28", "3-2-1202", "电费", "转一圈"))

    assert report.is_applied
    assert [row.turns for row in await metered.rows(readings)][-1] == 1


async def test_estimates_give_way_and_what_was_read_is_only_corrected(metered: Office):
    await metered.read((1215, "2026-06-28", "3-2-1201", "水费", "估抄"))
    await metered.read((1210, "2026-06-28", "3-2-1201", "水费", None))
    refused = await metered.read((1209, "2026-06-28", "3-2-1201", "水费", None))
    assert "这一天已有读数 1210；确实要改，请在“抄表说明”填“更正”" in said(refused)[0]

    report = await metered.read((1209, "2026-06-28", "3-2-1201", "水费", "更正"))

    assert report.changes == ("3-2-1201 水费 2026-06-28 更正 1209（原来 1210）",)
    assert await metered.counted() == [("05-28", 1200, "read"), ("06-28", 1209, "corrected")]


async def test_what_a_resident_was_asked_about_is_answered_by_the_sheet(metered: Office):
    li = Actor(identity_id=7)
    fact = ReadingFact(1, date(2026, 6, 28), Decimal(1190), photo="media-9")
    await metered.db.write(note_reading, fact, actor=li, now=NOW)

    await metered.read((1210, "2026-06-28", "3-2-1201", "水费", None))

    rows = [(row.state, row.photo) for row in await metered.rows(readings) if row.meter_id == 1]
    assert rows == [("accepted", ""), ("replaced", "media-9"), ("accepted", "media-9")]


async def test_what_is_exported_comes_in_again_and_changes_nothing(metered: Office):
    await metered.bring(
        SheetKind.METERS, REPLACING, ("3-2-1201", "水表", "S9", "2026-07-10", 3, 1214, 5)
    )
    await metered.read((99_020.5, "2026-06-28", "3-2-1202", "电费", "估抄"))
    low = ReadingFact(3, date(2026, 8, 28), Decimal(1))
    await metered.db.write(note_reading, low, actor=Actor(identity_id=7), now=NOW)
    before = [await metered.rows(meters), await metered.rows(readings)]

    for kind in ("meters", "readings"):
        path = metered.folder / f"{kind}.out.xlsx"
        wrote = await metered.db.read(export_sheet, ExportKind(kind), path)
        ask = ImportAsk(SheetKind(kind), path, Mode.APPLY, CLOCK, NOW, "")
        report = await import_sheet(metered.db, ask)
        assert (report.changes, report.problems) == ((), ())
        assert wrote.rows == {"meters": 3, "readings": 6}[kind]

    assert [await metered.rows(meters), await metered.rows(readings)] == before


async def test_nothing_that_is_exported_is_a_formula(metered: Office):
    evil = '=HYPERLINK("http://x","y")'
    await metered.db.write(
        lambda tx: tx.execute(meters.update().where(meters.c.id == 1).values(meter_no=evil))
    )
    path = metered.folder / "out.xlsx"

    await metered.db.read(export_sheet, ExportKind.READINGS, path)

    rows = list(openpyxl.load_workbook(path).active.iter_rows(min_row=2))
    [cell] = [cell for row in rows for cell in row if cell.value == evil]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_the_command_line_looks_first_and_names_every_bad_row(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    estate, path = tmp_path / "estate.xlsx", tmp_path / "meters.xlsx"
    write_table(estate, title="房屋", headers=("小区", "房号"), rows=[("翡翠湾", "3-2-1201")])
    write_table(path, title="水电表", headers=METER_HEADERS, rows=METERS)
    run_import(sqlite_url, SheetKind.ESTATE, estate, Mode.APPLY)
    capsys.readouterr()

    bad = run_import(sqlite_url, SheetKind.METERS, path)
    write_table(path, title="水电表", headers=METER_HEADERS, rows=METERS[:1])
    exits = [
        run_import(sqlite_url, SheetKind.METERS, path, mode)
        for mode in (Mode.LOOK, *[Mode.APPLY] * 2)
    ]

    said = capsys.readouterr().out
    assert (bad, exits) == (1, [0, 0, 0])
    assert "! 工作表“水电表”第4行B列：系统里没有这个房号" in said
    assert said.count("+ 3-2-1201 水费 装表 S1 2026-05-28 起码 1200") == 3
    assert "预览：将有 2 项变更，尚未写入" in said
    assert said.rstrip().endswith("没有需要变更的内容。")
