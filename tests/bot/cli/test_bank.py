"""Bank files on the command line: looked at, booked, claimed, let go; all six layouts."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.cli.main import main
from bot.sandbox.bank import Bank
from bot.sandbox.bank_files import LAYOUTS
from bot.sandbox.world import World
from storage.database import open_database
from storage.kinds import StaffRole
from storage.models.bank import bank_rows
from storage.queries.proofs import prove
from tests import factories
from tests.bot.sandbox.conftest import START

ACCOUNT = "1202026509912345678"
HEAD = "交易日期,交易时间,收入金额,支出金额,账户余额,对方户名,对方账号,摘要,交易流水号"
BY = ("--by", "139s1")
TELL_THEIR_ACCOUNT = ("ccb",)
MASK_THEIR_ACCOUNT = ("icbc",)


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world and a cashier."""

    def set_up(tx):
        world = factories.build(tx)
        factories.add_staff(tx, world.community_id, "小孙", StaffRole.CASHIER, "s1")

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    facts = {"database_url": sqlite_url, "base_url": "http://127.0.0.1:1"}
    (place / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    (place / "link_secret").write_text("k" * 40, encoding="utf-8")
    return place


@pytest.fixture
def bank(folder: Path, capsys: pytest.CaptureFixture[str]):
    """Give `wuyebot bank`; it returns the status and what was said."""

    def typed(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["bank", *words, "--data", str(folder)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return typed


def ask(url: str, question):
    async def asked():
        async with open_database(url) as db:
            return await db.read(question)

    return asyncio.run(asked())


def rows(url: str) -> list:
    found: list = ask(url, lambda tx: list(tx.execute(select(bank_rows).order_by(bank_rows.c.id))))
    return found


def file_of(folder: Path, *told: str, name: str = "流水.csv") -> str:
    path = folder / name
    path.write_text("\n".join([HEAD, *told]), "utf-8")
    return str(path)


FIRST = "2026-11-22,10:00:00,400.00,,1400.00,赵六,6222021234567890,转账,S1"
SECOND = "2026-11-22,11:00:00,250.60,,1650.60,张三,6222021234567891,3-2-1201 物业费,S2"
GIVEN = ("--account", ACCOUNT)


def test_a_file_is_looked_at_first_and_booked_once(bank, folder, sqlite_url):
    file = file_of(folder, FIRST, SECOND)

    assert bank("import", file, *GIVEN) == (
        0,
        "2026-11-22 到 2026-11-22，2 笔，收入合计 650.60 元。\n"
        "预览，尚未入账；加 --apply 正式入账。\n",
    )
    assert rows(sqlite_url) == []
    status, said = bank("import", file, *GIVEN, "--apply")
    assert (status, said.splitlines()[1:]) == (
        *(0, ["待确认 1 笔", "挂账 1 笔", "新增 2 笔，之前入过 0 笔。"]),
    )
    again = bank("import", file, *GIVEN, "--apply")[1]
    assert again.splitlines()[1:] == ["新增 0 笔，之前入过 2 笔。"]
    assert [one.state for one in rows(sqlite_url)] == ["suspense", "suggested"]
    assert ask(sqlite_url, prove) == []


@pytest.mark.parametrize(
    ("told", "account", "why"),
    [
        (FIRST.replace("400.00,", "四百,"), GIVEN, "处有问题"),
        (FIRST, (), "文件里没有完整的账号，请加 --account 账号。"),
    ],
)
def test_a_file_that_cannot_be_read_whole_books_nothing(
    bank, folder, sqlite_url, told, account, why
):
    status, said = bank("import", file_of(folder, told), *account, "--apply")

    assert (status, why in said) == (1, True), said
    assert rows(sqlite_url) == []


def test_rows_that_are_missing_between_two_files_are_told(bank, folder):
    bank("import", file_of(folder, FIRST), *GIVEN, "--apply")
    later = "2026-11-24,10:00:00,10.00,,2010.00,赵六,6222021234567890,转账,S9"

    said = bank("import", file_of(folder, later, name="b.csv"), *GIVEN)[1]

    assert "! 期初余额 2,000.00 元，之前的流水最后是 1,400.00 元：中间可能少了流水。" in said


def test_what_waits_is_listed_claimed_and_let_go(bank, folder, sqlite_url):
    assert bank("list") == (0, "没有挂账。\n")
    bank("import", file_of(folder, FIRST, SECOND), *GIVEN, "--apply")

    status, listed = bank("list")
    assert status == 0
    assert listed.startswith("1号 11月22日")
    assert "可能是 3栋2单元1201" in listed
    status, said = bank("assign", "2", "翡翠湾", "3-2-1201", *BY)
    assert status == 0
    assert re.fullmatch(r"已认领：3栋2单元1201 250.60 元，收据 \S+。\n", said)
    assert bank("assign", "2", "翡翠湾", "3-2-1201", *BY)[0] == 1
    assert bank("dismiss", "1", " ", *BY) == (1, "请写明原因。\n")
    assert bank("dismiss", "1", "银行已退回", *BY) == (0, "1号已转出挂账。\n")
    assert bank("dismiss", "7", "没有", *BY)[0] == 1
    assert [one.state for one in rows(sqlite_url)] == ["other", "assigned"]
    assert bank("list")[1] == "没有挂账。\n"
    assert ask(sqlite_url, prove) == []


def test_a_refund_that_is_not_there_gets_no_other_account(bank):
    payee = ("--name", "张三", "--account", "6217009999999999", "--bank", "招商银行")

    assert bank("another-account", "T261123000001", *payee, *BY)[0] == 1


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
async def test_c07_a_file_of_each_of_six_banks_is_booked_whole_and_once(
    layout, bank, tmp_path, sqlite_url
):
    world = World.open(tmp_path / "box", base_url="http://127.0.0.1:9", now=START)
    made = world.tills["bank"]
    assert isinstance(made, Bank)
    await made.pay({"amount_fen": 123_456, "memo": "物业费", "payer": "赵六"})
    await made.pay({"amount_fen": 123_456, "memo": "物业费", "payer": "赵六"})
    await made.pay({"amount_fen": 500, "kind": "charge"})
    file = tmp_path / f"{layout}.csv"
    file.write_bytes(made.statements.file("2026-11-23", layout))
    number = world.facts()["bank"]["account_no"]
    for till in world.tills.values():
        till.close()
    world.account.book.close()
    world.robots.book.close()
    world.office.book.close()

    def typed(*words):
        return asyncio.to_thread(bank, "import", str(file), *words)

    status, said = await typed("--account", number, "--apply")
    assert (status, "新增 3 笔，之前入过 0 笔。" in said) == (0, True), said
    assert "之前入过 3 笔" in (await typed("--account", number, "--apply"))[1]
    assert (await typed())[0] == (0 if layout in TELL_THEIR_ACCOUNT else 1)
    status, said = await typed("--account", "6222000000000000000", "--apply")
    is_refused = layout in TELL_THEIR_ACCOUNT or layout in MASK_THEIR_ACCOUNT
    assert (status, "没有入账任何内容" in said) == (int(is_refused), is_refused), said
