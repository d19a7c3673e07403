"""Rates, the summary of fees, ages and the forecast on the command line and as a workbook."""

import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import update

from bot.cli.main import main
from storage.database import open_database
from storage.models.bills import fee_items
from tests import factories

NAMED = "=1+1"
"""A fee item whose name would be a formula."""


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, where she paid October."""

    def set_up(tx) -> None:
        world = factories.build(tx)
        at = datetime(2026, 11, 24, 2, tzinfo=UTC)
        factories.pay(tx, world.unit_id, (world.october_id,), paid_at=at)
        tx.execute(update(fee_items).values(name=NAMED))

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


def typed(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--data", str(folder)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_the_summary_is_printed_and_written_for_a4(folder, capsys, tmp_path):
    file = tmp_path / "汇总.xlsx"

    status, said = typed(
        folder, capsys, "figures", "summary", "翡翠湾", "2026-11", "--file", str(file)
    )

    assert status == 0
    assert said.splitlines()[:3] == [
        "翡翠湾 收费汇总表 2026年11月（元）",
        *(
            f"{one}  期初欠费 0.00  本期应收 1,500.20  减免 0.00  坏账核销 0.00"
            "  收款 250.60  预存抵扣 0.00  期末欠费 1,249.60"
            for one in (NAMED, "合计")
        ),
    ]
    sheet = openpyxl.load_workbook(file).active
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "portrait")
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    first = sheet["A3"]
    assert (first.value, first.data_type, first.quotePrefix) == (NAMED, "s", True)
    assert [cell.value for cell in sheet[4]][1:] == [0, 1500.2, 0, 0, 250.6, 0, 1249.6]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rate", "翡翠湾", "2026-11"), "当期收缴率 0.00%：实收 0.00元 / 应收 1,249.60元"),
        (("rate", "翡翠湾", "2026-11"), "往月清欠率 100.00%：实收 250.60元 / 应收 250.60元"),
        (("ages", "翡翠湾", "--as-of", "2026-12-26"), "31到60天  2 户  1,249.60元"),
        (("summary", "翡翠湾", "2026-13"), "不是月份"),
        (("summary", "海棠苑", "2026-11"), "没有叫“海棠苑”的小区"),
        (("summary", "翡翠湾", "2026-11", "--file", "a.pdf"), "要以 .xlsx 结尾"),
        (("forecast", "翡翠湾"), "到月底预计收到"),
    ],
)
def test_each_figure_is_told_with_both_its_sides(folder, capsys, words, told):
    _, said = typed(folder, capsys, "figures", *words)

    assert told in said
