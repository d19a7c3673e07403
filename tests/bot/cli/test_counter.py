"""The counter on the command line: money in, undone, handed in, waived, paid out; and the link."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from storage.database import open_database
from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.links import Links
from storage.operations.refunds import approve_refund
from storage.periods import shanghai_day
from storage.queries.proofs import prove
from tests import factories
from tests.factories import NOW

SECRET = "k" * 40
CASHIER, MATE, BOSS = (("--staff", f"139{one}") for one in ("s1", "s2", "s3"))


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, two cashiers and a manager."""

    def set_up(tx):
        world = factories.build(tx, rounding_limit_fen=100)
        for name, role, key in (
            ("小孙", StaffRole.CASHIER, "s1"),
            ("小吴", StaffRole.CASHIER, "s2"),
            ("陈经理", StaffRole.MANAGER, "s3"),
        ):
            factories.add_staff(tx, world.community_id, name, role, key)

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    facts: dict[str, Any] = {"database_url": sqlite_url, "base_url": "http://127.0.0.1:1"}
    (place / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    (place / "link_secret").write_text(SECRET, encoding="utf-8")
    return place


def found_in(shape: str, said: str) -> str:
    found = re.search(shape, said)
    assert found is not None
    return found.group()


def ask(url: str, question, *facts):
    async def asked():
        async with open_database(url) as db:
            return await db.read(question, *facts)

    return asyncio.run(asked())


def voucher_in(said: str) -> str:
    found = re.search(r"V[0-9]{11}", said)
    assert found, said
    return found.group()


TAKE = ("cash", "take", "翡翠湾", "3-2-1201")


def test_money_is_taken_once_for_a_key_and_undone_before_the_close(wuyebot, sqlite_url):
    status, said = wuyebot(*TAKE, "501", "--rounding", "0.20", "--key", "k1", *CASHIER)
    again = wuyebot(*TAKE, "501", "--rounding", "0.20", "--key", "k1", *CASHIER)[1]
    number = voucher_in(said)

    assert (status, number) == (0, voucher_in(again))
    assert "以前入过账" in again
    assert wuyebot("cash", "void", number, "输错", *MATE)[0] == 1
    assert "已冲正" in wuyebot("cash", "void", number, "输错", *CASHIER)[1]
    assert ask(sqlite_url, balance, Account.CASH) == 0
    assert ask(sqlite_url, prove) == []


@pytest.mark.parametrize(
    "words",
    [
        ("0",),
        ("-5",),
        ("abc",),
        ("250.60", "--method", "刷卡"),
        ("250.60", "--method", "比特币"),
        ("250.60", "--on", "2099-01-01"),
        ("100",),
    ],
)
def test_b20_what_may_not_be_taken_is_refused_with_a_word(wuyebot, sqlite_url, words):
    status, said = wuyebot(*TAKE, *words, *CASHIER)

    assert status != 0
    assert said
    assert ask(sqlite_url, balance, Account.CASH) == 0


def test_the_day_is_closed_received_and_final(wuyebot, sqlite_url):
    number = voucher_in(wuyebot(*TAKE, "250.60", *CASHIER)[1])
    waiting = wuyebot("cash", "sheet", "--community", "翡翠湾", *CASHIER)[1]
    closed = wuyebot("cash", "close", "翡翠湾", "250.60", *CASHIER)[1]
    sheet = found_in(r"J[0-9]{10}", closed)

    assert "还没有日结" in waiting
    assert "应交现金 250.60" in closed
    assert wuyebot("cash", "void", number, "晚了", *CASHIER)[0] == 1
    assert wuyebot("cash", "receive", sheet, *CASHIER)[0] == 1
    received = wuyebot("cash", "receive", sheet, "--slip", "ICBC1", *MATE)[1]
    assert "接收人 小吴" in received
    assert "存款单 ICBC1" in wuyebot("cash", "sheet", sheet, *BOSS)[1]
    assert ask(sqlite_url, balance, Account.BANK) == 25_060
    assert ask(sqlite_url, prove) == []


def test_a_refund_by_transfer_is_asked_for_agreed_to_and_noted(wuyebot, sqlite_url):
    number = voucher_in(wuyebot(*TAKE, "250.60", *CASHIER)[1])
    payee = ("--name", "李秀英", "--account", "6222", "--bank", "工商银行")
    said = wuyebot("cash", "refund", number, "250.60", "--reason", "搬走", *payee, *CASHIER)[1]
    refund_no = found_in(r"T[0-9]{12}", said)
    assert wuyebot("cash", "paid-out", refund_no, "--slip", "H1", *CASHIER)[0] == 1

    async def agree():
        async with open_database(sqlite_url) as db:
            boss: dict[str, Any] = {"staff_id": 3, "role": StaffRole.MANAGER, "now": NOW}
            await db.write(approve_refund, refund_no, **boss)

    asyncio.run(agree())
    assert wuyebot("cash", "paid-out", refund_no, *CASHIER)[0] == 1
    assert "转账 250.60" in wuyebot("cash", "paid-out", refund_no, "--slip", "H1", *CASHIER)[1]
    assert ask(sqlite_url, balance, Account.BANK) == -25_060
    assert ask(sqlite_url, prove) == []


def test_a_waiver_is_asked_with_its_paper_decided_and_reported(wuyebot, sqlite_url, tmp_path):
    paper, copy = tmp_path / "证明.txt", tmp_path / "copy.txt"
    paper.write_text("医院证明", encoding="utf-8")
    facts = ("--reason", "住院", "--attachment", str(paper))
    bill = ("翡翠湾", "3-2-1201", "B2026-10-000001", "50", "困难")
    missing = ("--reason", "住院", "--attachment", str(tmp_path / "none"))

    assert wuyebot("waiver", "ask", *bill, *missing, *CASHIER)[0] == 1
    said = wuyebot("waiver", "ask", *bill, *facts, *CASHIER)[1]
    number = found_in(r"JM[0-9]{9}", said)
    assert "待审批（0/1）" in wuyebot("waiver", "show", "翡翠湾")[1]
    assert "已写到" in wuyebot("waiver", "paper", number, str(copy), *BOSS)[1]
    assert copy.read_text(encoding="utf-8") == "医院证明"
    assert wuyebot("waiver", "approve", number, *CASHIER)[0] == 1
    assert "已减免" in wuyebot("waiver", "approve", number, *BOSS)[1]
    assert wuyebot("waiver", "decline", number, "晚了", *BOSS)[0] == 1
    assert "困难 50.00 元" in wuyebot("waiver", "show", "翡翠湾")[1]
    assert ask(sqlite_url, balance, Account.WAIVER) == 5_000
    assert ask(sqlite_url, prove) == []


def test_a_debt_is_written_off_by_two_people_reported_and_asked_for_again(wuyebot, sqlite_url):
    bill = ("翡翠湾", "3-2-1201", "B2026-10-000001")
    facts = ("--reason", "业主失联", "--evidence", "三封催告函退回", *CASHIER)

    assert "没有待缴账单" in wuyebot("write-off", "ask", *bill[:2], "B1", *facts)[1]
    said = wuyebot("write-off", "ask", *bill, *facts)[1]
    number = found_in(r"HX[0-9]{9}", said)
    assert "待审批" in wuyebot("write-off", "show", "翡翠湾")[1]
    assert wuyebot("write-off", "approve", number, *CASHIER)[0] == 1
    assert "已核销" in wuyebot("write-off", "approve", number, *BOSS)[1]
    assert wuyebot("write-off", "decline", number, "晚了", *BOSS)[0] == 1
    assert ask(sqlite_url, balance, Account.BAD_DEBT) == 25_060
    assert "物业费  核销 250.60 元，收回 0.00 元" in wuyebot("write-off", "show", "翡翠湾")[1]
    assert "已收回" in wuyebot("write-off", "reverse", number, "来缴了", *CASHIER)[1]
    assert "收回 250.60 元" in wuyebot("write-off", "show", "翡翠湾")[1]
    assert ask(sqlite_url, balance, Account.BAD_DEBT) == 0
    assert ask(sqlite_url, prove) == []


def test_a_write_off_is_declined_with_a_reason(wuyebot, sqlite_url):
    facts = ("--reason", "业主失联", "--evidence", "三封催告函退回", *CASHIER)
    said = wuyebot("write-off", "ask", "翡翠湾", "3-2-1201", "B2026-10-000001", *facts)[1]
    number = found_in(r"HX[0-9]{9}", said)

    assert "再催一次" in wuyebot("write-off", "decline", number, "再催一次", *BOSS)[1]
    assert ask(sqlite_url, balance, Account.BAD_DEBT) == 0


def test_the_link_opens_the_counter_of_one_cashier_on_one_day(wuyebot):
    said = wuyebot("cash", "link", "--day", "2026-11-23", *CASHIER)[1].strip()

    links = Links(SECRET.encode(), "http://127.0.0.1:1")
    token = said.rpartition("/")[2]
    assert said.startswith("http://127.0.0.1:1/counter/")
    assert links.read_counter(token, today=shanghai_day(NOW)) == 1
