"""Prices of every kind come in by a sheet, leave by one, and come in again unchanged."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import delete

from bot.spreadsheets.exporting import ExportKind
from bot.spreadsheets.fields import Unreadable
from bot.spreadsheets.importing import SheetKind
from bot.spreadsheets.tariff_terms import tiers, tiers_text
from storage.database import Database
from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass
from storage.models.bills import fee_items, tariffs
from storage.queries.tariffs import schemes_of
from storage.rules.tiers import Tier
from tests.bot.spreadsheets.office import HOME, Office
from tests.factories import add_community, add_unit

HEADERS = (
    *("收费项目", "类型", "计费方式", "单价", "生效日期", "每月应缴日", "标准名称", "费用类别"),
    *("周期", "收费时点", "单位", "阶梯", "阶梯周期", "基准人数", "最低", "取整", "公式"),
)
NOTHING = (None,) * 11


def price(item: str, basis: str, yuan: str | None, *more, kind: str = "住宅") -> tuple:
    """Write a row: what is not said is left empty."""
    given = (item, kind, basis, yuan, date(2026, 1, 1), 25, *more)
    return (*given, *NOTHING)[: len(HEADERS)]


ROWS = (
    price("物业费", "按面积", "2.80", None, None, "每季", "预收"),
    price("车位费", "车位", "150", "租用", "续费"),
    price("水费", "按表", "3.10", None, "代收", None, "后收", "吨"),
    (
        *price("电费", "阶梯", None, None, "代收", "每月", "后收", "度")[:11],
        *("170.5+30:0.5283;以上:0.8783", "按年", 4, None, "角舍去", None),
    ),
    price("装修押金", "押金", "2000", "装修", "押金"),
    (*price("电梯费", "公式", None)[:16], "max(面积 × 0.5, 30)"),
)


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> Office:
    def set_up(tx) -> None:
        add_unit(tx, add_community(tx, HOME), "3-2-1201")

    await db.write(set_up)
    return Office(db, tmp_path)


async def test_a_sheet_says_all_that_a_price_can_say(office: Office):
    report = await office.bring(SheetKind.TARIFFS, HEADERS, *ROWS)

    assert (report.problems, len(report.changes)) == ((), len(ROWS))
    found = {
        scheme.item_name: (scheme, scheme.versions[0])
        for named in (await office.db.read(schemes_of, 1)).values()
        for scheme in named.values()
    }
    assert found["物业费"][1].cycle == CycleLength.QUARTERLY
    assert (found["车位费"][0].name, found["车位费"][0].fee_class) == ("租用", FeeClass.RENEWAL)
    water, power = found["水费"][1], found["电费"][1]
    assert (water.timing, water.tariff.use_unit) == (CycleTiming.IN_ARREARS, "吨")
    assert power.tariff.tiers == (Tier(5_283, Decimal("170.5"), Decimal(30)), Tier(8_783))
    assert (power.tariff.included_heads, power.tariff.rounding.mode) == (4, "down")
    assert found["装修押金"][0].fee_class == FeeClass.DEPOSIT
    assert found["电梯费"][1].tariff.basis == Basis.FORMULA


async def test_what_was_exported_comes_in_again_and_changes_nothing(office: Office):
    await office.bring(SheetKind.TARIFFS, HEADERS, *ROWS)
    before = await office.rows(tariffs, fee_items)

    parts = await office.take(ExportKind.TARIFFS)
    report = await office.bring_file(SheetKind.TARIFFS, parts.paths[0])

    assert (report.problems, report.changes, parts.rows) == ((), (), len(ROWS))
    assert await office.rows(tariffs, fee_items) == before


async def test_an_export_says_all_that_empty_books_need(office: Office):
    await office.bring(SheetKind.TARIFFS, HEADERS, *ROWS)
    [before] = await office.rows(tariffs)
    parts = await office.take(ExportKind.TARIFFS)
    await office.db.write(lambda tx: tx.execute(delete(tariffs)).rowcount)

    await office.bring_file(SheetKind.TARIFFS, parts.paths[0])

    [after] = await office.rows(tariffs)
    assert [row[1:] for row in after] == [row[1:] for row in before]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (price("物业费", "按面积", "2.80001"), "超过四位小数"),
        (price("物业费", "按面积", None), "没有填单价"),
        (price("电费", "阶梯", None), "请核对"),
        (price("电费", "阶梯", None, *(None,) * 5, "170=0.5"), "看不懂"),
        ((*price("电梯费", "公式", None)[:16], "面积 / (面积 − 面积)"), "请核对"),
        ((*price("电梯费", "公式", None)[:16], "层数 × 2"), "层数"),
    ],
)
async def test_a_price_that_cannot_be_is_refused_at_its_cell(office: Office, row, told):
    await office.db.write(
        lambda tx: tx.exec_driver_sql("UPDATE units SET floor_area_m2 = 8950") and None
    )

    report = await office.bring(SheetKind.TARIFFS, HEADERS, *ROWS[:1], row)

    assert len(report.problems) == 1
    assert told in report.problems[0].reason
    assert await office.rows(tariffs) == [[]]


@pytest.mark.parametrize("text", ["", "170", "170:", ":1", "a:1", "170+:1", "170:1:2"])
def test_steps_that_make_no_sense_are_refused(text: str):
    with pytest.raises(Unreadable):
        tiers(text)


def test_steps_are_printed_as_they_are_read():
    text = "170:0.5283;260+30:0.5783;以上:0.8783"

    assert tiers_text(tiers(f" {text}； ")) == text
