"""What a person may be told of her flat and her community, and of nobody else's."""

from datetime import date

import pytest
from sqlalchemy import insert

from storage.models.bills import tariffs
from storage.operations import broadcasting, notices
from storage.operations.notices import Writing
from storage.queries.audiences import Audience
from storage.queries.households import notices_for, prices_of_unit
from storage.rules.audiences import Condition
from tests import factories, town
from tests.factories import NOW


@pytest.fixture
async def place(db):
    return await db.write(town.build)


def send(tx, place, text="周六打药"):
    """Let the steward tell building 3; return the broadcast's number."""
    writing = Writing(Audience(place.community_id, Condition(("3栋",))), "3栋", "notice", text)
    view = notices.draft(tx, writing, by=place.steward, now=NOW)
    notices.confirm(tx, view.broadcast_no, by=place.steward, now=NOW)
    broadcasting.begin(tx, view.broadcast_id, now=NOW)
    while broadcasting.queue_part(tx, view.broadcast_id, now=NOW):
        pass
    return view.broadcast_no


async def heard(db, openid):
    identity_id = await db.write(factories.meet, openid)
    return [one.text for one in await db.read(notices_for, identity_id, limit=3)]


async def test_a_notice_is_shown_to_whom_it_was_meant_for_only(db, place):
    await db.write(send, place)

    assert await heard(db, "o-1") == ["周六打药"]
    assert await heard(db, "o-five") == []


async def test_a_notice_that_was_taken_back_is_not_shown(db, place):
    broadcast_no = await db.write(send, place)

    await db.write(notices.cancel, broadcast_no, by=place.steward, now=NOW)

    assert await heard(db, "o-1") == []


async def test_a_price_of_next_year_is_not_told_this_year(db):
    world = await db.write(factories.build)
    dearer = {
        "community_id": world.community_id,
        "fee_item_id": world.fee_item_id,
        "unit_kind": "home",
        "basis": "by_area",
        "price_e4": 35_000,
        "effective_on": date(2027, 1, 1),
    }
    await db.write(lambda tx: tx.execute(insert(tariffs).values(dearer)) and None)

    now, later = [
        await db.read(prices_of_unit, world.unit_id, on=day)
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]

    assert [one.price_e4 for one in now] == [28_000]
    assert [one.price_e4 for one in later] == [35_000]
