"""Prices are tried; months are previewed, issued, corrected, closed and opened by command."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.spreadsheets.writing import write_table
from storage.kinds import StaffRole
from tests.factories import add_community, add_staff, add_unit

Type = Callable[..., tuple[int, str]]
PRICES = ("收费项目", "计费方式", "单价", "生效日期", "公式")


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder of books: two flats, one of unknown size, and a manager."""
    engine = create_engine(sqlite_url.replace("+aiosqlite", ""))
    with engine.begin() as tx:
        community_id = add_community(tx)
        for room in (1201, 1202):
            add_unit(tx, community_id, f"3-2-{room}")
        tx.execute(text("UPDATE units SET floor_area_m2 = 8950 WHERE code = '3-2-1201'"))
        add_staff(tx, community_id, "经理", StaffRole.MANAGER, "100")
    engine.dispose()
    (tmp_path / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), "utf-8")
    return tmp_path


def sheet(folder: Path, *rows: tuple) -> str:
    path = folder / "prices.xlsx"
    write_table(path, title="收费标准", headers=PRICES, rows=rows)
    return str(path)


def test_a_month_is_previewed_issued_corrected_and_closed(wuyebot: Type, folder: Path):
    prices = sheet(folder, ("物业费", "按面积", "2.80", date(2026, 1, 1), None))
    assert wuyebot("import", "tariffs", prices, "--apply")[0] == 0

    _, preview = wuyebot("bills", "preview", "翡翠湾", "2026-02")
    _, issued = wuyebot("bills", "issue", "翡翠湾", "2026-02")
    _, again = wuyebot("bills", "issue", "翡翠湾", "2026-02")
    by = ("--by", "139100")
    _, corrected = wuyebot("bills", "correct", "B2026-02-000001", "--reason", "重算", *by)
    _, closed = wuyebot("period", "close", "翡翠湾", "2026-02", *by)
    _, late = wuyebot("bills", "correct", "B2026-02-000002", "--reason", "再算", *by)
    _, listed = wuyebot("period", "list", "翡翠湾")
    _, opened = wuyebot("period", "reopen", "翡翠湾", "2026-02", "--reason", "补录", *by)

    assert "物业费  1 笔  250.60元" in preview
    assert "! 3栋2单元1202 物业费 2026-02 没有面积" in preview
    assert "已出账 1 笔，共 250.60元" in issued
    assert "已出账 0 笔" in again
    assert "新账单 B2026-02-000002（250.60元）" in corrected
    assert (closed.strip(), listed.strip()) == ("2026-02 已结账。", "2026-02")
    assert "新账单 B2026-02-000003（250.60元）" in late
    assert "原账单的月份已结账，数字不动；差额记在这个月。" in late
    assert opened.strip() == "2026-02 已反结账。"


def test_prices_are_tried_before_they_are_saved(wuyebot: Type, folder: Path):
    good = sheet(folder, ("物业费", "按面积", "2.80", date(2026, 1, 1), None))
    status, tried = wuyebot("tariff", "try", "翡翠湾", good)
    bad = sheet(folder, ("电梯费", "公式", None, date(2026, 1, 1), "面积 × 层数"))
    failed, refused = wuyebot("tariff", "try", "翡翠湾", bad)
    _, listed = wuyebot("tariff", "list", "翡翠湾")

    assert (status, "89.50㎡ × 2.80元 × 1个月 = 250.60元" in tried) == (0, True)
    assert (failed, "层数" in refused) == (1, True)
    assert listed == ""


def test_what_cannot_be_done_is_said(wuyebot: Type):
    for words in (
        ("bills", "preview", "翡翠湾", "2026-13"),
        ("bills", "issue", "没有的小区", "2026-02"),
        ("bills", "correct", "B1", "--reason", "x", "--by", "139100"),
        ("period", "close", "翡翠湾", "2126-01", "--by", "139100"),
    ):
        status, said = wuyebot(*words)
        assert (status, bool(said.strip())) == (1, True), words
