"""The barrier's list: what renews runs to the day that is paid, an owner is never shut out."""

import json
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import Connection, select, update

from bot.cli.main import main
from storage.audit import CLOCK
from storage.database import Database, open_database
from storage.kinds import Basis, FeeClass, UnitKind
from storage.models.bills import bills
from storage.models.estate import units
from storage.operations.assignments import assign
from storage.operations.issuing import issue_bills
from storage.operations.tariffs import TariffFact, fee_item_ids, set_tariff
from storage.periods import BillingPeriod
from storage.queries.parking import Plate, plates_of
from storage.rules.billing import Assignment
from tests.factories import NOW, add_community, add_unit, pay

SINCE = date(2026, 1, 1)
TODAY = date(2026, 11, 23)


def build(tx: Connection) -> int:
    """Rent three spaces out and own one; November of P-1-2 is paid, P-1-10 has paid nothing."""
    community_id = add_community(tx)
    for name, fee_class in (("月租车位", FeeClass.RENEWAL), ("车位管理费", FeeClass.OWN)):
        tariff = TariffFact(
            name, UnitKind.PARKING, Basis.FIXED, 3_000_000, SINCE, fee_class=fee_class
        )
        set_tariff(tx, tariff, community_id=community_id, actor=CLOCK, now=NOW)
    items = fee_item_ids(tx, community_id, {})
    rented, owned = items["月租车位"], items["车位管理费"]
    spaces = {}
    for code in ("P-1-10", "P-1-2", "P-1-3", "P-1-4"):
        spaces[code] = add_unit(tx, community_id, code)
    tx.execute(update(units).values(kind=UnitKind.PARKING))
    for code, (mine, other), plate, until_on in (
        ("P-1-10", (rented, owned), "浙A10000", None),
        ("P-1-2", (rented, owned), "浙A20000", None),
        ("P-1-3", (rented, owned), "=浙A30000", date(2026, 11, 26)),
        ("P-1-4", (owned, rented), "浙A40000", None),
    ):
        for item_id, is_charged in ((mine, True), (other, False)):
            assign(
                tx,
                Assignment(
                    is_charged=is_charged,
                    from_on=SINCE,
                    until_on=until_on if is_charged else None,
                ),
                unit_id=spaces[code],
                fee_item_id=item_id,
                actor=CLOCK,
                now=NOW,
                plate=plate if is_charged else "",
            )
    issue_bills(tx, community_id=community_id, period=BillingPeriod(2026, 11), now=NOW)
    for code in ("P-1-2", "P-1-3"):
        owed = tx.execute(select(bills.c.id).where(bills.c.unit_id == spaces[code])).scalars()
        pay(tx, spaces[code], tuple(owed))
    return community_id


async def test_each_car_passes_as_long_as_its_space_is_paid_or_owned(db: Database):
    community_id = await db.write(build)

    assert await db.read(plates_of, community_id, TODAY) == [
        Plate("P栋1单元2", "月租车位", "浙A20000", True, date(2026, 11, 30)),
        Plate("P栋1单元3", "月租车位", "=浙A30000", True, date(2026, 11, 25)),
        Plate("P栋1单元4", "车位管理费", "浙A40000", True, None),
        Plate("P栋1单元10", "月租车位", "浙A10000", False, None),
    ]
    assert len(await db.read(plates_of, community_id, date(2026, 11, 26))) == 3
    assert await db.read(plates_of, community_id, date(2025, 1, 1)) == []
    assert await db.read(plates_of, community_id + 1, TODAY) == []


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    async with open_database(sqlite_url) as db:
        await db.write(build)
    (tmp_path / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), "utf-8")
    return tmp_path


def test_the_list_is_a_sheet_without_formulas(folder: Path, capsys: pytest.CaptureFixture[str]):
    path = folder / "barrier.xlsx"

    with pytest.raises(SystemExit) as ended:
        main(["parking", "翡翠湾", str(path), "--on", "2026-11-23", "--data", str(folder)])

    assert not ended.value.code
    assert "共 4 辆车" in capsys.readouterr().out
    sheet = load_workbook(path).active
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows()]
    assert rows[0] == ("车位", "收费项目", "车牌号", "有效期至")
    assert (rows[1][:3], f"{rows[1][3]:%Y-%m-%d}") == (
        ("P栋1单元2", "月租车位", "浙A20000"),
        "2026-11-30",
    )
    assert [row[3] for row in rows[3:]] == ["长期", "未缴"]
    assert sheet["C3"].data_type == "s"


def test_what_cannot_be_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    for words, told in (
        (("翡翠湾", "barrier.csv"), ".xlsx 结尾"),
        (("海棠苑", str(folder / "a.xlsx")), "没有叫“海棠苑”的小区"),
        (("翡翠湾", str(folder / "a.xlsx"), "--on", "昨天"), "不是日期"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["parking", *words, "--data", str(folder)])
        assert ended.value.code == 1
        assert told in capsys.readouterr().err
