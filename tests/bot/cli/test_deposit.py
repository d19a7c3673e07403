"""Deposits on the command line: asked for, inspected, deducted from with evidence, given back."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from storage.database import open_database
from storage.kinds import FeeClass, StaffRole
from storage.models.bills import bills, fee_items
from storage.queries.proofs import prove
from tests import factories

CLERK = ("--staff", "139s1")


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, a deposit's fee item and a cashier."""

    def set_up(tx):
        world = factories.build(tx, refund_automatic_fen=0)
        item_id = factories.add_fee_item(tx, world.community_id, "装修押金", "deposit")
        wanted = update(fee_items).where(fee_items.c.id == item_id)
        tx.execute(wanted.values(fee_class=FeeClass.DEPOSIT))
        factories.add_staff(tx, world.community_id, "小孙", StaffRole.CASHIER, "s1")

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


ASK = ("deposit", "ask", "翡翠湾", "装修押金", "3-2-1201", "2000", *CLERK)


async def paid(url: str) -> str:
    """Have the deposit's bill paid; return its number."""

    def pay(tx) -> str:
        row = tx.execute(select(bills).order_by(bills.c.id.desc()).limit(1)).one()
        factories.pay(tx, row.unit_id, (row.id,), paid_at=datetime.now(UTC) - timedelta(minutes=1))
        bill_no: str = row.bill_no
        return bill_no

    async with open_database(url) as db:
        return await db.write(pay)


def test_a_deposit_is_asked_for_once_a_month_and_held_once_paid(wuyebot, sqlite_url):
    assert "没有押金在账上" in wuyebot("deposit", "show", "翡翠湾")[1]
    assert "已出押金账单 B" in wuyebot(*ASK)[1]
    assert "已经出过" in wuyebot(*ASK)[1]

    bill_no = asyncio.run(paid(sqlite_url))

    said = wuyebot("deposit", "show", "翡翠湾")[1]
    assert said == f"{bill_no}  3栋2单元1201 装修押金 2,000.00元，还有 2,000.00元  未验收\n"


def test_it_is_inspected_deducted_from_and_given_back(wuyebot, sqlite_url):
    wuyebot(*ASK)
    bill_no = asyncio.run(paid(sqlite_url))
    cash = ("deposit", "return", bill_no, "--way", "现金", "--amount", "500", "--voucher", "A1")
    assert wuyebot(*cash, *CLERK)[0] == 1, "not before it was inspected"
    bare = wuyebot("deposit", "inspect", bill_no, "--deduct", "300", *CLERK)
    assert (bare[0], "缺少凭据" in bare[1]) == (1, True)

    proof = ("--deduct", "300", "--evidence", "照片12张", "--agreed", "业主签字")
    assert "还有 1,700.00 元可以退" in wuyebot("deposit", "inspect", bill_no, *proof, *CLERK)[1]
    assert "还有 1,200.00 元押金" in wuyebot(*cash, *CLERK)[1]
    assert "还有 1,200.00 元押金" in wuyebot(*cash, *CLERK)[1]
    status, said = wuyebot("deposit", "return", bill_no, *CLERK)
    assert (status, "1,200.00 元，等经理审批" in said) == (0, True)
    assert "没有押金在账上" in wuyebot("deposit", "show", "翡翠湾")[1]

    async def proven() -> list:
        async with open_database(sqlite_url) as db:
            return await db.read(prove)

    assert asyncio.run(proven()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*ASK[:3], "物业费", *ASK[4:]), "没有找到这笔押金"),
        ((*ASK[:3], "泳池押金", *ASK[4:]), "没有找到这笔押金"),
        ((*ASK[:4], "9-9-999", *ASK[5:]), "没有房号 9-9-999"),
        ((*ASK[:5], "两千", *ASK[6:]), "不是金额"),
        (("deposit", "inspect", "B1", *CLERK), "没有找到这笔押金：B1"),
        (("deposit", "return", "B1", "--way", "微信", *CLERK), "怎么退写"),
        ((*ASK[:6], "--staff", "000"), "没有手机号是 000"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wuyebot, words, said):
    status, told = wuyebot(*words)

    assert (status, said in told) == (1, True), told
