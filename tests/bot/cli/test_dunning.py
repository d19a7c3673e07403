"""Dunning on the command line: the plan, holds, ages, and a letter that a manager approves."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.cli.main import main
from storage.database import open_database
from storage.kinds import StaffRole
from storage.models.bills import bills
from tests import factories

STEWARD, MANAGER = "139s1", "139s2"


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, in which all is long overdue."""

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


@pytest.fixture
def dunning(folder: Path, capsys: pytest.CaptureFixture[str]):
    """Give `wuyebot dunning` on those books; it returns the status and what was said."""

    def typed(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["dunning", *words, "--data", str(folder)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return typed


def test_the_plan_is_shown_and_set(dunning):
    status, before = dunning("plan", "翡翠湾", "--from", "2026-03-01")
    assert (status, before.splitlines()[1]) == (0, "应缴日前3天：提醒，温和")

    steps = ("-3", "0:提醒:温和", "3:提醒:平实", "30:上门:平实:100", "60:催告函:郑重:500")
    done = dunning("plan", "翡翠湾", "--from", "2026-03-01", *steps)

    assert done == (
        0,
        "2026-03-01 起的催缴计划：\n"
        "应缴日前3天：提醒，平实\n"
        "应缴日当天：提醒，温和\n"
        "应缴日后3天：提醒，平实\n"
        "应缴日后30天：上门，平实，100.00 元以上\n"
        "应缴日后60天：催告函，郑重，500.00 元以上\n",
    )


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (("三",), "看不懂"),
        (("3:打电话",), "看不懂"),
        (("3:提醒:凶",), "看不懂"),
        (("3:提醒:平实:一百",), "看不懂"),
        (("3", "3"), "同一天只能有一步"),
        (("0:催告函",), "催告函只能在应缴日以后"),
        (("2000",), "天数在"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(dunning, steps, told):
    status, said = dunning("plan", "翡翠湾", *steps)

    assert status == 1
    assert told in said


def test_a_flat_is_held_and_let_go_on(dunning):
    flat = ("翡翠湾", "3-2-1201")
    by = ("--by", STEWARD)

    done = dunning("hold", *flat, "--until", "2999-01-01", "--reason", "住院", *by)

    assert done == (0, "3栋2单元1201 已暂停催缴，到 2999-01-01（含当天）。\n")
    assert dunning("resume", *flat, *by) == (0, "3栋2单元1201 已恢复催缴。\n")
    assert dunning("resume", *flat, *by) == (0, "3栋2单元1201 没有暂停催缴。\n")
    refused = dunning("hold", *flat, "--until", "2020-01-01", "--reason", "住院", *by)
    assert (refused[0], "不能是过去" in refused[1]) == (1, True)


def test_debts_are_printed_by_age(dunning):
    status, said = dunning("ageing", "翡翠湾", "--on", "2022-12-01")

    assert status == 0
    assert "逾期2到3年  1,500.20 元" in said
    assert "2023-01-10  3栋2单元1201 B2026-10-000001 物业费 250.60 元，应缴日 2020-01-10" in said


def test_a_letter_is_approved_by_a_manager_printed_and_its_delivery_kept(dunning, tmp_path):
    out = tmp_path / "letter.html"
    asked = ("letter", "翡翠湾", "3-2-1201", "--out", str(out))

    assert "有权限" in dunning(*asked, "--approved-by", STEWARD)[1]
    assert "期限要在" in dunning(*asked, "--approved-by", MANAGER, "--days", "3")[1]
    assert not out.exists()
    status, said = dunning(*asked, "--approved-by", MANAGER)

    year = datetime.now(UTC).year
    assert (status, f"催告函 L{year}-00001：3栋2单元1201，501.20 元" in said) == (0, True)
    page = out.read_text(encoding="utf-8")
    for part in (
        "物业费用催告函",
        "501.20",
        "伍佰零壹元贰角",
        "前缴清",
        "3栋2单元1201",
        "安心物业",
    ):
        assert part in page
    assert not [one for one in ("李秀英", "138", "停水", "停电", "起诉", "失信") if one in page]
    number = f"L{year}-00001"
    proof = ("--evidence", "挂号信 XA123", "--by", STEWARD)
    assert dunning("delivered", number, *proof) == (0, f"已登记 {number} 的送达证据。\n")
    assert dunning("delivered", "L1999-00001", *proof)[0] == 1


def test_nobodys_letter_waits_where_no_step_asked_for_one(dunning):
    assert dunning("letters", "翡翠湾") == (0, "没有等着批准的催告函。\n")
