"""Public income and expenditure from a sheet: looked at first, all or nothing, corrected later."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot.spreadsheets.importing import ImportAsk, ImportReport, Mode, SheetKind, import_sheet
from bot.spreadsheets.writing import write_table
from storage.audit import CLOCK
from storage.database import Database
from storage.models.operating import audit_records
from storage.models.sharing import public_accounts
from tests import factories
from tests.factories import NOW

HEADERS = ("月份", "收支", "收支项目", "金额", "收支说明")
ROWS = (
    ("2026-10", "收入", "电梯广告", "12,000.00", "分众传媒"),
    ("2026年10月", "支出", "绿化补种", 8_000, None),
)


async def bring(
    db: Database, folder: Path, *rows: tuple, mode: Mode = Mode.APPLY, headers: tuple = HEADERS
) -> ImportReport:
    path = folder / "public.xlsx"
    write_table(path, title="公共收支", headers=headers, rows=rows)
    return await import_sheet(db, ImportAsk(SheetKind.PUBLIC, path, mode, CLOCK, NOW))


@pytest.fixture
async def books(db: Database) -> Database:
    """Give books with one community."""
    await db.write(lambda tx: factories.add_community(tx))
    return db


async def kept(db: Database) -> list[tuple]:
    def read(tx: Connection) -> list[tuple]:
        asked = select(
            public_accounts.c.period,
            public_accounts.c.side,
            public_accounts.c.label,
            public_accounts.c.amount_fen,
            public_accounts.c.note,
        )
        return [tuple(row) for row in tx.execute(asked.order_by(public_accounts.c.id))]

    return await db.read(read)


async def test_a_look_changes_nothing_and_says_what_would_be_published(books, tmp_path):
    report = await bring(books, tmp_path, *ROWS, mode=Mode.LOOK)

    assert report.changes == (
        "翡翠湾 2026-10 收入 电梯广告 12,000.00元",
        "翡翠湾 2026-10 支出 绿化补种 8,000.00元",
    )
    assert not report.is_applied
    assert await kept(books) == []


async def test_the_same_sheet_again_does_nothing_and_a_corrected_one_corrects(books, tmp_path):
    assert (await bring(books, tmp_path, *ROWS)).is_applied
    assert (await bring(books, tmp_path, *ROWS)).changes == ()

    report = await bring(books, tmp_path, ROWS[0], (*ROWS[1][:3], "8,500", ""))

    assert report.changes == ("翡翠湾 2026-10 支出 绿化补种 8,000.00元 改为 8,500.00元",)
    assert await kept(books) == [
        ("2026-10", "income", "电梯广告", 1_200_000, "分众传媒"),
        ("2026-10", "expenditure", "绿化补种", 850_000, ""),
    ]
    trail = await books.read(
        lambda tx: list(tx.execute(select(audit_records.c.act, audit_records.c.detail)))
    )
    assert ("correct", "expenditure 绿化补种: 8,000.00 → 8,500.00") in [tuple(one) for one in trail]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (("2026-13", "收入", "广告", "1", ""), "没有“2026-13”这个月份"),
        (("2026-10", "结余", "广告", "1", ""), "收支“结余”不认识"),
        (("2026-10", "收入", None, "1", ""), "没有填收支项目"),
        (("2026-10", "收入", "广告", "一百", ""), "不是金额"),
        (("2026-10", "收入", "广告", "1.234", ""), "不是金额"),
        (("2026-10", "收入", "电梯广告", "1", ""), "写了两次"),
        (("2026-10", "支出", "退还3-2-501押金", "500", "欠500元"), "某一户的金额"),
        (("2026-10", "支出", "工资", "500", "王师傅13912345678"), "手机号"),
        (("2026-10", "支出", "工资", "500", "说" * 121), "说明超过"),
    ],
)
async def test_one_bad_row_names_its_place_and_nothing_is_published(
    books, tmp_path, bad: tuple, said: str
):
    report = await bring(books, tmp_path, ROWS[0], bad)

    [problem] = report.problems
    assert problem.row == 4
    assert said in problem.reason
    assert not report.is_applied
    assert await kept(books) == []


async def test_a_sheet_of_an_unknown_community_is_refused(books, tmp_path):
    report = await bring(
        books, tmp_path, ("海棠苑", *ROWS[0]), headers=("小区", *HEADERS), mode=Mode.APPLY
    )

    assert "没有这个小区" in report.problems[0].reason
    assert await kept(books) == []
