"""Staff ask how much was collected and who has not paid; each hears of her communities only."""

import pytest

from handlers.staff import owing
from handlers.staff.words import asks_owing, asks_rate
from storage.kinds import StaffRole
from tests import factories, town
from tests.handlers.staff.test_staff_talks import compare


@pytest.fixture
async def place(db):
    """Give the town where three households of building 3 owe November, their owner Ms Li."""

    def build(tx):
        place = town.build(tx)
        li_id = factories.add_resident(tx, place.community_id, "李秀英", "13800001234")
        for code in ("3-1-101", "3-1-102", "3-1-103"):
            unit_id = place.unit_ids[code]
            factories.add_bill(
                tx, factories.Owed(unit_id, place.fee_item_id, "2026-11", liable_id=li_id)
            )
        return place

    return await db.write(build)


async def test_a_steward_asks_for_rates_and_for_who_has_not_paid(db, place, talk, monkeypatch):
    monkeypatch.setattr(owing, "SHOWN", 2)
    steward = talk("s-steward")

    for text in (
        *("这个月收缴率", "10月收缴率多少", "3栋还有谁没交", "下一页", "算了"),
        *("99栋还有谁没交", "谁没交", "今天收了多少"),
    ):
        await steward.say(text)

    compare("figures", steward.script())


async def test_the_pages_list_each_household_once_and_no_whole_name(db, place, talk, monkeypatch):
    manager = talk("s-manager")
    whole = await manager.say("3栋还有谁没交")
    monkeypatch.setattr(owing, "SHOWN", 1)
    pages = [await manager.say("3栋还有谁没交")]

    while "下一页" in pages[-1]:
        pages.append(await manager.say("下一页"))

    def flats(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("3栋") and "起" in line]

    assert [line for page in pages for line in flats(page)] == flats(whole)
    assert len(flats(whole)) == 3
    assert all("*" in line for line in flats(whole))


async def test_another_communitys_building_is_not_told_of(db, place, talk):
    def elsewhere(tx):
        community_id = factories.add_community(tx, "海棠苑")
        factories.add_staff(tx, community_id, "外人", StaffRole.STEWARD, "s-other")

    await db.write(elsewhere)

    other = talk("s-other")
    said = await other.say("3栋还有谁没交")
    rate = await other.say("收缴率")
    resident = await talk("o-2").say("3栋还有谁没交")

    assert said == "3栋没有欠费的住户。"
    assert "海棠苑" in rate
    assert "没有应收" in rate
    assert "没交，合计" not in resident


@pytest.mark.parametrize(
    "text", ["这个月收缴率", "收缴率", "上月清欠率是多少？", "2026年10月收缴率"]
)
def test_who_asks_for_a_rate_is_understood(text):
    assert asks_rate(text)


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("3栋还有谁没交", True),
        ("12号楼哪些没缴费？", True),
        ("3栋有谁没交物业费", True),
        ("请3栋还有谁没交的尽快来缴", False),
        ("3栋停水", False),
    ],
)
def test_who_asks_about_a_building_is_understood(text, is_meant):
    assert asks_owing(text) is is_meant


async def test_who_looks_after_the_money_gets_the_page_of_all_figures(db, place, talk):
    manager, steward = talk("s-manager"), talk("s-steward")

    for one in (manager, steward):
        await one.say("10月收缴率多少")

    assert f"/console/figures?community={place.community_id}&month=2026-10" in manager.script()
    assert "/console" not in steward.script()
