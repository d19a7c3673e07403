"""A resident talks with a person: words are carried once, only to whom they are for."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from storage.kinds import StaffRole
from storage.models.messages import outbox
from storage.models.talks import talks
from storage.operations.talks import (
    TalkAsk,
    answer_in_talk,
    begin_talk,
    end_talk,
    leave_talk,
    say_in_talk,
)
from storage.queries.residents import person_of, staff_member
from storage.queries.talks import live_talks
from storage.ticket_errors import UnknownTalk
from storage.ticket_kinds import TalkReason
from tests import factories
from tests.factories import NOW


@pytest.fixture
async def place(db):
    def set_up(tx):
        world = factories.build(tx)
        factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
        elsewhere = factories.add_community(tx, "听涛苑")
        steward = StaffRole.STEWARD
        people = {
            openid: staff_member(tx, factories.add_staff(tx, where, name, steward, openid))
            for openid, where, name in (
                ("o-chen", world.community_id, "小陈"),
                ("o-zhou", world.community_id, "小周"),
                ("o-out", elsewhere, "外人"),
            )
        }
        ask = TalkAsk(
            factories.meet(tx, "o-li"),
            world.community_id,
            world.unit_id,
            TalkReason.WISH,
            "灯坏了；人工",
        )
        return ask, people

    return await db.write(set_up)


async def told(db):
    def look(tx):
        rows = tx.execute(select(outbox.c.recipient, outbox.c.facts).order_by(outbox.c.id))
        return [(one, json.loads(facts)) for one, facts in rows]

    found = await db.read(look)
    return [(one, facts.get("topic") or facts["change"]) for one, facts in found]


async def test_a_talk_is_begun_carried_to_and_fro_and_ended(db, place):
    ask, people = place
    begun = await db.write(begin_talk, ask, now=NOW)
    number, li = begun.talk_id, {"identity_id": ask.identity_id, "now": NOW}
    for key in ("m-1", "m-1"):
        assert await db.write(say_in_talk, number, "灯还不亮", key=key, **li) is False
    chen = {"by": people["o-chen"], "now": NOW}
    for key in ("a-1", "a-1"):
        await db.write(answer_in_talk, number, "马上来", key=key, **chen)
    assert await db.write(say_in_talk, number, "谢谢", key="m-2", **li) is True
    silent = await db.read(person_of, ask.identity_id, now=NOW)
    await db.write(end_talk, number, **chen)

    assert begun.heard == 2
    assert await told(db) == [
        *(("o-chen", "handover"), ("o-zhou", "handover")),
        *(("o-chen", "handover_said"), ("o-zhou", "handover_said")),
        ("o-li", "answered"),
        ("o-chen", "handover_said"),
        ("o-li", "ended"),
    ]
    assert silent.talk_id == number
    assert (await db.read(person_of, ask.identity_id, now=NOW)).talk_id is None
    assert await db.write(say_in_talk, number, "还有", key="m-3", **li) is None


async def test_after_half_an_hour_of_silence_the_bot_is_back_and_each_word_begins_it_anew(
    db, place
):
    ask, people = place
    number = (await db.write(begin_talk, ask, now=NOW)).talk_id
    later = NOW + timedelta(minutes=29)
    await db.write(answer_in_talk, number, "稍等", by=people["o-chen"], key="a", now=later)

    async def talk_at(minutes):
        found = await db.read(person_of, ask.identity_id, now=NOW + timedelta(minutes=minutes))
        return found.talk_id

    assert (await talk_at(58), await talk_at(59)) == (number, None)
    served = people["o-chen"].community_ids
    listed = [
        await db.read(live_talks, community_ids=served, now=NOW + timedelta(minutes=at), limit=9)
        for at in (58, 59)
    ]
    assert [len(one) for one in listed] == [1, 0]


async def test_i09_staff_of_another_community_neither_see_nor_speak_in_a_talk(db, place):
    ask, people = place
    number = (await db.write(begin_talk, ask, now=NOW)).talk_id
    out = {"by": people["o-out"], "now": NOW}

    with pytest.raises(UnknownTalk):
        await db.write(answer_in_talk, number, "喂", key="a", **out)
    with pytest.raises(UnknownTalk):
        await db.write(end_talk, number, **out)
    served = people["o-out"].community_ids

    assert await db.read(live_talks, community_ids=served, now=NOW, limit=9) == []
    assert not await db.write(say_in_talk, number, "我是谁", identity_id=99, key="x", now=NOW)
    assert [one for one, _ in await told(db)] == ["o-chen", "o-zhou"]


async def test_where_nobody_can_hear_of_it_nothing_begins(db):
    def set_up(tx):
        world = factories.build(tx)
        return TalkAsk(
            factories.meet(tx, "o-li"), world.community_id, None, TalkReason.ANGER, "气死了"
        )

    ask = await db.write(set_up)

    begun = await db.write(begin_talk, ask, now=NOW)

    assert (begun.talk_id, begun.heard) == (0, 0)
    assert (await db.read(person_of, ask.identity_id, now=NOW)).talk_id is None


async def test_she_may_go_back_herself_and_begin_again(db, place):
    ask, people = place
    first = (await db.write(begin_talk, ask, now=NOW)).talk_id
    await db.write(leave_talk, identity_id=ask.identity_id, now=NOW)
    second = (await db.write(begin_talk, ask, now=NOW)).talk_id

    with pytest.raises(UnknownTalk):
        await db.write(answer_in_talk, first, "喂", by=people["o-chen"], key="a", now=NOW)
    ended = await db.read(
        lambda tx: [row.ended_at for row in tx.execute(select(talks).order_by(talks.c.id))]
    )
    assert second != first
    assert ended == [NOW, None]
