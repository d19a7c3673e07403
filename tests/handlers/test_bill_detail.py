"""How a fee came about is told from its own newest bill, however late that fee is billed."""

import pytest

from storage.database import Database
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
