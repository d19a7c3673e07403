"""A payer's statement over many units is printed by unit and in all, and written line by line."""

import json
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import Connection

from bot.cli.main import main
from storage.database import open_database
from tests.factories import (
    Owed,
    add_bill,
    add_community,
    add_fee_item,
    add_resident,
    add_unit,
    move_in,
)


def build(tx: Connection) -> None:
    """Two shops of a firm owe 100 and 200 yuan; two residents are called 王伟."""
    community_id = add_community(tx)
    firm_id = add_resident(tx, community_id, "=翡翠商业有限公司", "13900000001")
    fee = add_fee_item(tx, community_id, "物业费", "property_fee")
    for code, fen in (("S-1-101", 10_000), ("S-1-102", 20_000)):
        unit_id = add_unit(tx, community_id, code)
        move_in(tx, firm_id, unit_id)
        add_bill(tx, Owed(unit_id, fee, "2026-11", fen, liable_id=firm_id))
    for phone in ("13900000002", "13900000003"):
        add_resident(tx, community_id, "王伟", phone)


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    async with open_database(sqlite_url) as db:
        await db.write(build)
    (tmp_path / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), "utf-8")
    return tmp_path


DAYS = ("--from", "2026-11-01", "--to", "2026-11-30")


def test_the_payer_is_told_unit_by_unit_and_gets_a_sheet_of_every_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    path = folder / "statement.xlsx"

    words = ("翡翠湾", "13900000001", *DAYS, "--file", str(path))

    with pytest.raises(SystemExit) as ended:
        main(["statement", *words, "--data", str(folder)])

    said = capsys.readouterr().out
    assert not ended.value.code
    assert "S栋1单元101  期初 0.00  新出 100.00  已缴 0.00  期末待缴 100.00元" in said
    assert "合计 2 处  期初 0.00  新出 300.00  已缴 0.00  期末待缴 300.00元" in said
    rows = [tuple(cell.value for cell in row) for row in load_workbook(path).active.iter_rows()]
    assert rows[1][:7] == (
        *("日期", "房屋", "事项", "说明", "单号"),
        *("应缴变动（元）", "待缴余额（元）"),
    )
    assert [(row[1], row[2], row[5], row[6]) for row in rows[2:]] == [
        ("全部房屋", "期初", None, 0),
        ("S栋1单元101", "出账", 100, 100),
        ("S栋1单元102", "出账", 200, 300),
        ("S栋1单元101", "期末", None, 100),
        ("S栋1单元102", "期末", None, 200),
        ("全部房屋", "期末", None, 300),
    ]
    assert rows[2][0].date() == date(2026, 11, 1)


def test_what_cannot_be_is_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    for words, told in (
        (("翡翠湾", "李四"), "没有叫“李四”的住户或单位"),
        (("翡翠湾", "王伟"), "13900000002、王伟 13900000003"),
        (("翡翠湾", "13900000002"), "没有要缴费的房屋"),
        (("翡翠湾", "开发商"), "没有要缴费的房屋"),
        (("海棠苑", "王伟"), "没有叫“海棠苑”的小区"),
        (("翡翠湾", "13900000001", "--from", "2026-12-01", "--to", "2026-11-01"), "--from"),
        (("翡翠湾", "13900000001", "--file", "a.csv"), ".xlsx 结尾"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["statement", *words, "--data", str(folder)])
        assert ended.value.code == 1, words
        assert told in capsys.readouterr().err, words
