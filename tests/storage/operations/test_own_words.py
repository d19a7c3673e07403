"""A community's questions with answers and its texts: written, changed and switched off."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from storage.database import open_database
from storage.errors import NotAllowed, PhrasingTaken, UnknownFaq
from storage.kinds import OwnText, StaffRole
from storage.models.operating import audit_records
from storage.operations.own_words import (
    MOST_ANSWER_CHARS,
    FaqDraft,
    FaqRow,
    change_faq,
    import_faqs,
    switch_off_faq,
    write_faq,
    write_text,
)
from storage.queries.faqs import faqs_for, faqs_of, own_texts_of
from storage.queries.residents import Staff, contact
from tests import factories
from tests.factories import NOW
from tests.postgres import Postgres

DAY = date(2026, 11, 23)
POOL = FaqDraft((("游泳池几点开", "游泳池几点开"),), "每天9点到21点。", DAY)


@pytest.fixture
async def world(db):
    """Give Ms Li's world, once on each engine."""
    return await db.write(factories.build)


def manager(world, role=StaffRole.MANAGER):
    return Staff(7, "周", role, (world.community_id,))


async def write(db, world, draft=POOL, by=None):
    return await db.write(
        write_faq, draft, community_id=world.community_id, by=by or manager(world), now=NOW
    )


async def test_a_question_is_answered_from_its_first_to_its_last_day(db, world):
    last = DAY + timedelta(days=7)
    await write(db, world, replace(POOL, last_on=last))

    async def answers(on):
        found = await db.read(faqs_for, (world.community_id,), on=on)
        return [one.answer for one in found]

    assert await answers(DAY - timedelta(days=1)) == []
    assert await answers(DAY) == await answers(last) == ["每天9点到21点。"]
    assert await answers(last + timedelta(days=1)) == []


async def test_the_same_question_written_twice_is_one(db, world):
    assert await write(db, world) == await write(db, world)

    assert len(await db.read(faqs_of, world.community_id)) == 1


async def test_two_questions_may_not_claim_one_phrasing_on_the_same_day(db, world):
    first = await write(db, world, replace(POOL, last_on=DAY + timedelta(days=7)))
    other = replace(POOL, answer="冬天不开。", phrasings=(*POOL.phrasings, ("泳池", "泳池")))

    with pytest.raises(PhrasingTaken) as refused:
        await write(db, world, replace(other, from_on=DAY + timedelta(days=7)))

    assert (refused.value.phrasing, refused.value.faq_no) == ("游泳池几点开", str(first))
    assert len(await db.read(faqs_of, world.community_id)) == 1
    await write(db, world, replace(other, from_on=DAY + timedelta(days=8)))


@pytest.mark.postgresql
async def test_of_two_replicas_that_claim_a_phrasing_at_once_one_has_it(
    migrated_postgres: Postgres,
):
    url = migrated_postgres.copy()
    async with open_database(url) as first, open_database(url) as second:
        world = await first.write(factories.build)

        tried = await asyncio.gather(
            *(
                write(replica, world, replace(POOL, answer=f"答案{number}{replica is first}。"))
                for number in range(8)
                for replica in (first, second)
            ),
            return_exceptions=True,
        )

        assert sum(isinstance(one, int) for one in tried) == 1
        assert sum(isinstance(one, PhrasingTaken) for one in tried) == 15
        assert len(await first.read(faqs_of, world.community_id)) == 1
    migrated_postgres.drop(url)


async def test_what_was_switched_off_claims_nothing_and_says_nothing(db, world):
    first = await write(db, world)
    await db.write(
        switch_off_faq, first, community_id=world.community_id, by=manager(world), now=NOW
    )

    assert await db.read(faqs_for, (world.community_id,), on=DAY) == []
    assert await write(db, world, replace(POOL, answer="冬天不开。")) != first


async def test_a_question_is_written_anew_under_its_number(db, world):
    faq_id = await write(db, world)
    draft = replace(POOL, phrasings=(("泳池", "泳池"),), answer="冬天不开。")

    await db.write(
        change_faq, faq_id, draft, community_id=world.community_id, by=manager(world), now=NOW
    )

    (one,) = await db.read(faqs_of, world.community_id)
    assert (one.faq_id, one.phrasings, one.answer) == (faq_id, draft.phrasings, "冬天不开。")


async def test_a_question_of_another_community_is_unknown(db, world):
    faq_id = await write(db, world)
    other = await db.write(factories.add_community, "海棠苑")
    by = Staff(8, "吴", StaffRole.MANAGER, (other,))

    for operation, *ask in ((change_faq, faq_id, POOL), (switch_off_faq, faq_id)):
        with pytest.raises(UnknownFaq):
            await db.write(operation, *ask, community_id=other, by=by, now=NOW)

    assert [one.is_enabled for one in await db.read(faqs_of, world.community_id)] == [True]


@pytest.mark.parametrize("role", [StaffRole.CASHIER, StaffRole.STEWARD])
async def test_only_managers_of_the_community_write(db, world, role):
    strangers = (manager(world, role), Staff(9, "郑", StaffRole.MANAGER, ()))

    for by in strangers:
        with pytest.raises(NotAllowed):
            await write(db, world, by=by)
        with pytest.raises(NotAllowed):
            await db.write(
                write_text,
                OwnText.GREETING,
                "早！",
                community_id=world.community_id,
                by=by,
                now=NOW,
            )

    assert await db.read(faqs_of, world.community_id) == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"phrasings": ()}, "phrasings"),
        ({"phrasings": (("？", ""),)}, "phrasings"),
        ({"phrasings": (("甲" * 61, "甲"),)}, "phrasings"),
        ({"phrasings": (("甲", "甲"), ("甲？", "甲"))}, "phrasings"),
        ({"answer": " "}, "answer"),
        ({"answer": "答" * (MOST_ANSWER_CHARS + 1)}, "answer"),
        ({"last_on": DAY - timedelta(days=1)}, "last_on"),
    ],
)
async def test_what_cannot_be_kept_is_refused(db, world, changed, name):
    with pytest.raises(ValueError, match=name):
        await write(db, world, replace(POOL, **changed))

    assert await db.read(faqs_of, world.community_id) == []


async def test_a_text_is_said_until_it_is_taken_back(db, world):
    async def say(words):
        await db.write(
            write_text,
            OwnText.PHONES,
            words,
            community_id=world.community_id,
            by=manager(world),
            now=NOW,
        )

    await say("门岗=0571-1")
    await say("门岗=0571-2")
    assert (await db.read(contact, world.community_id)).phones == "门岗=0571-2"
    await say("")

    assert await db.read(own_texts_of, world.community_id) == {}


async def test_who_wrote_what_stands_in_the_audit_trail(db, world):
    faq_id = await write(db, world)
    await db.write(
        switch_off_faq, faq_id, community_id=world.community_id, by=manager(world), now=NOW
    )

    asked = select(audit_records.c.act, audit_records.c.staff_id, audit_records.c.reference)
    rows = await db.read(lambda tx: tx.execute(asked.where(audit_records.c.noun == "faq")).all())
    assert [tuple(row) for row in rows] == [
        ("write", 7, str(faq_id)),
        ("switch_off", 7, str(faq_id)),
    ]


async def test_a_sheet_may_exchange_phrasings_and_is_taken_whole_or_not_at_all(db, world):
    by = {"community_id": world.community_id, "by": manager(world), "now": NOW}
    lift = replace(POOL, phrasings=(("电梯几点停", "电梯几点停"),), answer="不停。")
    one, two = [await db.write(write_faq, draft, **by) for draft in (POOL, lift)]
    pool_of_two, lift_of_one = (
        replace(POOL, phrasings=lift.phrasings),
        replace(lift, phrasings=POOL.phrasings),
    )
    exchange = [FaqRow(one, pool_of_two), FaqRow(two, lift_of_one)]
    other = replace(POOL, phrasings=(("会所几点开", "会所几点开"),))

    refused = await db.write(import_faqs, [*exchange, FaqRow(99, other)], **by)
    before = [entry.phrasings for entry in await db.read(faqs_of, world.community_id)]
    taken = await db.write(import_faqs, exchange, **by)
    with pytest.raises(NotAllowed):
        await db.write(import_faqs, exchange, **by | {"by": manager(world, StaffRole.STEWARD)})

    after = [entry.phrasings for entry in await db.read(faqs_of, world.community_id)]
    assert [one.index for one in refused.objections] == [2]
    assert before == [POOL.phrasings, lift.phrasings]
    assert taken.changed == (0, 1)
    assert after == [lift.phrasings, POOL.phrasings]
