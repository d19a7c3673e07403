"""Late fees on the command line: terms are set and shown, a waiver needs two people."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from storage.database import open_database
from storage.kinds import StaffRole
from storage.models.bills import bills
from tests import factories


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, a steward and a manager."""

    def set_up(tx):
        world = factories.build(tx)
        long_ago = datetime(2020, 1, 2, tzinfo=UTC)
        tx.execute(update(bills).values(issued_at=long_ago, due_on=date(2020, 1, 10)))
        factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "s1")
        factories.add_staff(tx, world.community_id, "王经理", StaffRole.MANAGER, "s2")

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


SET = ("late-fee", "set", "翡翠湾")
RATE = ("--rate", "0.05", "--from", "2020-01-01")
CLAUSE = ("--clause", "合同第十二条")


def test_terms_are_set_and_shown(wuyebot):
    assert "没有登记违约金规则，不收。" in wuyebot("late-fee", "show", "翡翠湾")[1]

    done = wuyebot(*SET, "收", *RATE, *CLAUSE, "--grace", "15", "--cap", "20")

    told = "收，每天0.05%，宽限15天，从宽限期后算，最多为本金的20%，依据“合同第十二条”"
    assert done == (0, f"已登记，从 2020-01-01 起生效：{told}。\n")
    assert wuyebot("late-fee", "show", "翡翠湾") == (0, f"2020-01-01 起：{told}\n")


def test_without_a_cap_the_operator_is_warned(wuyebot):
    assert "法院可能调低" in wuyebot(*SET, "收", *RATE, *CLAUSE)[1]
    assert "法院可能调低" in wuyebot(*SET, "收", *RATE, *CLAUSE, "--cap", "31")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("收", *RATE), "要写明是合同的哪一条"),
        (("多收", *RATE), "方式写"),
        (("收", *RATE, *CLAUSE, "--grace", "400"), "超出范围"),
        (("收", "--rate", "0.00005", *CLAUSE), "太细"),
        (("收", "--rate", "nan", *CLAUSE), "不是百分数"),
        (("收", "--rate", "-1", *CLAUSE), "不是百分数"),
        (("收", *RATE, *CLAUSE, "--from", "昨天"), "不是日期"),
    ],
)
def test_terms_that_cannot_be_are_refused(wuyebot, words, told):
    status, said = wuyebot(*SET, *words)

    assert status == 1
    assert told in said


def test_what_a_flat_owes_up_to_a_day_is_shown(wuyebot):
    wuyebot(*SET, "收", *RATE, *CLAUSE)

    status, said = wuyebot("late-fee", "show", "翡翠湾", "3-2-1201", "--on", "2020-01-15")

    assert status == 0
    assert "250.60元 × 0.05% × 5天 = 0.63元" in said
    assert "截至 2020-01-15 的违约金 1.26 元，应收 1.26 元，其中已出账 0.00 元。" in said


def test_a_waiver_is_asked_by_one_and_approved_by_another(wuyebot):
    wuyebot(*SET, "收", *RATE, *CLAUSE)
    asked = ("late-fee", "waive", "B2026-10-000001")
    why = ("--reason", "住院")
    steward, manager = ("--asked-by", "139s1"), ("--approved-by", "139s2")

    assert "自己提出的事" in wuyebot(*asked, "0.10", *why, "--asked-by", "139s2", *manager)[1]
    assert "最多还能减免" in wuyebot(*asked, "99999", *why, *steward, *manager)[1]
    assert "没有手机号" in wuyebot(*asked, "0.10", *why, "--asked-by", "1", *manager)[1]
    assert "不是金额" in wuyebot(*asked, "一元", *why, *steward, *manager)[1]
    assert wuyebot(*asked, "0.10", *why, *steward, *manager) == (0, "已减免违约金 0.10 元。\n")
