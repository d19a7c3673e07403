"""How a fee came about is told from its own newest bill, however late that fee is billed."""

import pytest
from sqlalchemy import update

from storage.database import Database
from storage.models.bills import bills
from tests.handlers import situations as on
from tests.handlers.conftest import Talk


@pytest.fixture
async def li(db: Database, talk) -> Talk:
    """Give Ms Li's talk; her water and her lift are billed a month after her flat."""
    one: Talk = talk(await db.write(on.billed_later))
    return one


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("水费怎么算的", ["2026年10月 水费 100.00元"]),
        ("电梯费怎么算的", ["2026年10月 电梯费公摊 68.04元"]),
        ("物业费怎么算的", ["2026年11月 物业费 250.60元"]),
        ("公摊是怎么算的", ["2026年10月 电梯费公摊 68.04元", "2026年8月 楼道照明 2.00元"]),
        ("9月公摊是怎么算的", ["2026年9月 电梯费公摊 49.50元"]),
    ],
)
async def test_a_fee_named_is_told_by_its_newest_bill_also_when_asked_again(li, asked, told):
    first = await li.say(asked)
    again = await li.say("为什么这么多")

    assert [row.partition("（")[0] for row in first.split("\n") if row[:2] == "20"] == told
    assert again == first


async def test_a_fee_that_was_never_billed_is_not_found(li):
    assert "没有找到您问的账单" in await li.say("暖气费怎么算的")


async def test_a_shared_fee_is_compared_alone(li):
    told = await li.say("公摊为什么比上个月多")

    assert "2026年10月比9月多 18.54元" in told
    assert "水费" not in told


@pytest.mark.parametrize(
    ("given_up", "told", "following"),
    [
        ("written_off_fen", "250.60元（已核销，现在不用缴）", "现在没有要缴的；"),
        ("waived_fen", "0.00元（已减免，不用缴）", "现在没有要缴的；"),
    ],
)
async def test_what_is_asked_no_more_is_neither_owed_nor_called_paid(
    db: Database, li, given_up, told, following
):
    change = update(bills).where(bills.c.amount_fen == 25_060, bills.c.period == "2026-11")
    await db.write(lambda tx: tx.execute(change.values({"amount_fen": 0, given_up: 25_060})))

    answer = await li.say("物业费怎么算的")

    assert f"2026年11月 物业费 {told}" in answer
    assert following in answer
    assert "缴清" not in answer
    assert "2026年11月 物业费" not in await li.say("账单")
