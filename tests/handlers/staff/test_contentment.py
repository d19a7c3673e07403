"""Staff read how residents rated them; of a building with few answers nothing is said."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, update

from storage.database import Database
from storage.kinds import StaffRole
from storage.models.estate import buildings, units
from storage.models.ratings import ratings
from storage.ticket_kinds import RatingTopic
from tests import factories
from tests.factories import NOW


@pytest.fixture
async def rated(db: Database) -> None:
    """Five people of 3栋 rated payments, two of 5栋 too; one rated in another community."""

    def set_up(tx: Connection) -> None:
        world = factories.build(tx)
        role = StaffRole.STEWARD
        factories.add_staff(tx, world.community_id, "小陈", role, "o-chen")
        other = factories.add_community(tx, "听涛苑")
        away = factories.add_unit(tx, other, "1-1-101")
        fifth = factories.add_unit(tx, world.community_id, "5-1-101")
        for label, unit_ids in (("3栋", (world.unit_id,)), ("5栋", (fifth,)), ("1栋", (away,))):
            place = {"community_id": other if label == "1栋" else world.community_id}
            made = insert(buildings).values(label=label, **place).returning(buildings.c.id)
            building_id = tx.execute(made).scalar_one()
            tx.execute(
                update(units).where(units.c.id.in_(unit_ids)).values(building_id=building_id)
            )
        given = [(world.unit_id, stars) for stars in (5, 5, 4, 4, 1)]
        given += [(fifth, 2), (fifth, 5)]
        for number, (unit_id, stars) in enumerate(given):
            words = "太慢，打13800001234找我" if stars == 1 else ""
            _rated(tx, world.community_id, unit_id, number, stars, words)
        _rated(tx, other, away, 90, 1, "别处的话")
        _rated(tx, world.community_id, fifth, 91, None, "", RatingTopic.REPAIR)
        last_month = NOW - timedelta(days=40)
        _rated(tx, world.community_id, fifth, 92, 3, "", RatingTopic.PERSON, last_month)

    await db.write(set_up)


def _rated(
    tx: Connection, community_id, unit_id, number, stars, words, topic=RatingTopic.PAYMENT, at=NOW
) -> None:
    values = {
        "identity_id": factories.meet(tx, f"o-{number}"),
        "community_id": community_id,
        "unit_id": unit_id,
        "topic": topic,
        "reference": f"R{number}",
        "asked_at": at,
        "stars": stars,
        "words": words,
        "rated_at": None if stars is None else at,
    }
    tx.execute(insert(ratings).values(values))


async def test_a_months_answers_are_told_by_topic_and_building_with_low_words(rated, talk):
    said = await talk("o-chen").say("满意度")

    assert said == (
        "2026年11月 满意度\n"
        "报修 请了1人，还没有人打分\n"
        "缴费 3.7分，请了7人，7人打分，2人只给1到2分\n"
        "3栋 3.8分，5人打分\n"
        "缴费 1分：太慢，打138****1234找我"
    )


async def test_of_one_building_only_what_enough_people_answered(rated, talk):
    chen = talk("o-chen")

    assert await chen.say("满意度 3栋 本月") == (
        "3栋2026年11月 满意度\n缴费 3.8分，请了5人，5人打分，1人只给1到2分"
    )
    assert await chen.say("满意度 5栋") == (
        "5栋2026年11月 满意度\n打分的不到5人，这里不显示，免得看出是谁。"
    )


async def test_another_month_is_told_when_it_is_named(rated, talk):
    assert await talk("o-chen").say("满意度 上个月") == (
        "2026年10月 满意度\n人工 3.0分，请了1人，1人打分"
    )


async def test_a_resident_is_told_nothing_of_it(rated, talk):
    assert "缴费 3.7" not in await talk("o-1").say("满意度")
