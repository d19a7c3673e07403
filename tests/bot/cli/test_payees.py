"""Payees on the command line: written down, shown, and chosen for a community or one fee."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from storage.database import open_database, open_reader
from storage.models.bills import bills
from storage.queries.payees import payees_on
from tests import factories


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    async with open_database(sqlite_url) as db:
        await db.write(factories.build)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


def test_the_first_payee_collects_all_and_a_choice_takes_one_fee_from_it(wuyebot):
    assert (
        wuyebot("payee", "add", "安居物业有限公司", "--bank", "工商银行", "--account", "6222 1")[0]
        == 0
    )
    assert wuyebot("payee", "add", "安居停车有限公司", "--gateways", "alipay，wechat_pay")[0] == 0

    status, said = wuyebot(
        "payee", "choose", "安居停车有限公司", "翡翠湾", "--item", "物业费", "--from", "2020-01-01"
    )
    listed = wuyebot("payee", "list")[1]

    assert (status, said) == (0, "从 2020-01-01 起，翡翠湾物业费由 安居停车有限公司 收取。\n")
    assert "安居物业有限公司  工商银行 6222 1  全部支付方式" in listed
    assert "安居停车有限公司  没有登记账号  alipay、wechat_pay" in listed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("payee", "choose", "没有这家", "翡翠湾"), "没有叫“没有这家”的收款主体"),
        (("payee", "choose", "安居物业", "没有这里"), "没有叫“没有这里”的小区"),
        (("payee", "choose", "安居物业", "翡翠湾", "--item", "月饼费"), "没有收费项目“月饼费”"),
    ],
)
def test_what_is_not_there_is_told_and_nothing_is_chosen(wuyebot, words, told):
    wuyebot("payee", "add", "安居物业")

    status, said = wuyebot(*words)

    assert status == 1
    assert told in said


def test_a_choice_holds_from_its_day_on(wuyebot, folder: Path):
    wuyebot("payee", "add", "安居物业")
    wuyebot("payee", "add", "新来的物业")
    wuyebot("payee", "choose", "新来的物业", "翡翠湾", "--from", "2026-12-01")

    def names(tx: Connection) -> list[str]:
        row = tx.execute(select(bills).limit(1)).one()
        days = (date(2026, 11, 30), date(2026, 12, 1))
        found = [payees_on(tx, row.community_id, one).of(row.fee_item_id) for one in days]
        return [one.name for one in found if one is not None]

    async def read() -> list[str]:
        url = json.loads((folder / "demo.json").read_text(encoding="utf-8"))["database_url"]
        async with open_reader(url) as db:
            return await db.read(names)

    assert asyncio.run(read()) == ["安居物业", "新来的物业"]
