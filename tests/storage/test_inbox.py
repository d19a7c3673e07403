"""Taking messages in: each once, and what her acts let us say."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from storage import inbox
from storage.database import Database, open_database
from storage.inbox import Accepted
from storage.models.people import identities
from storage.ports.chat import IncomingKind
from tests.factories import NOW, incoming

LONG = (timedelta(hours=48), 5)
SHORT = (timedelta(minutes=1), 3)
NONE = (timedelta(), 0)

WINDOWS = {
    IncomingKind.TEXT: LONG,
    IncomingKind.VOICE: LONG,
    IncomingKind.IMAGE: LONG,
    IncomingKind.LOCATION: LONG,
    IncomingKind.OTHER: NONE,
    IncomingKind.FOLLOW: SHORT,
    IncomingKind.UNFOLLOW: NONE,
    IncomingKind.SCAN: SHORT,
    IncomingKind.CLICK: SHORT,
    IncomingKind.VIEW: NONE,
    IncomingKind.DELIVERY: NONE,
    IncomingKind.CREDIT: NONE,
}


async def act(db: Database, kind: IncomingKind = IncomingKind.TEXT, *, key="m1", at=NOW):
    return await db.jot(inbox.accept, incoming("oLi", "你好", key=key, kind=kind), now=at)


async def person(db: Database):
    return await db.read(lambda tx: tx.execute(select(identities)).one())


async def test_h01_the_same_message_ten_times_is_taken_in_once(db: Database):
    taken = await asyncio.gather(*(act(db) for _ in range(10)))

    assert sum(isinstance(one, Accepted) for one in taken) == 1
    assert len(await db.read(inbox.unanswered, patience=timedelta(), limit=99)) == 1


@pytest.mark.postgresql
async def test_h01_two_processes_that_hear_the_same_message_take_it_in_once(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as one, open_database(url) as two:
        taken = await asyncio.gather(*(act(where) for where in [one, two] * 5))
    migrated_postgres.drop(url)

    assert sum(isinstance(one, Accepted) for one in taken) == 1


async def test_the_same_number_of_another_account_is_another_message(db: Database):
    other = incoming("oLi", "你好", key="m1")

    assert await act(db) is not None
    assert await act(db) is None
    changed = type(other)("other", *[getattr(other, name) for name in other.__slots__[1:]])
    assert await db.jot(inbox.accept, changed, now=NOW) is not None


@pytest.mark.parametrize("kind", IncomingKind)
async def test_each_act_opens_its_window(db: Database, kind):
    await act(db, kind)

    length, count = WINDOWS[kind]
    found = await person(db)
    assert (found.window_until, found.window_left) == (NOW + length, count)


async def test_a_click_never_shortens_a_longer_window(db: Database):
    await act(db, IncomingKind.TEXT)
    await act(db, IncomingKind.CLICK, key="m2", at=NOW + timedelta(hours=1))

    found = await person(db)
    assert (found.window_until, found.window_left) == (NOW + timedelta(hours=48), 5)


async def test_a_window_that_was_spent_is_filled_again_by_her_next_word(db: Database):
    await act(db)
    await db.write(lambda tx: tx.execute(update(identities).values(window_left=0)) and None)

    await act(db, IncomingKind.CLICK, key="m2")
    assert (await person(db)).window_left == 3
    await act(db, key="m3", at=NOW + timedelta(hours=1))

    found = await person(db)
    assert (found.window_until, found.window_left) == (NOW + timedelta(hours=49), 5)


async def test_a_window_that_has_shut_starts_anew(db: Database):
    await act(db)

    await act(db, IncomingKind.CLICK, key="m2", at=NOW + timedelta(hours=48))

    found = await person(db)
    assert found.window_until == NOW + timedelta(hours=48, minutes=1)
    assert found.window_left == 3


async def test_one_who_leaves_is_not_following_even_where_we_never_met(db: Database):
    await act(db, IncomingKind.UNFOLLOW)
    assert not (await person(db)).is_following

    await act(db, IncomingKind.FOLLOW, key="m2")
    assert (await person(db)).is_following


async def test_the_platforms_report_on_our_message_does_not_bring_her_back(db: Database):
    await act(db, IncomingKind.UNFOLLOW)

    await act(db, IncomingKind.DELIVERY, key="m2")

    assert not (await person(db)).is_following


async def test_what_has_no_answer_is_found_until_it_has_one(db: Database):
    first = await act(db)
    second = await act(db, key="m2")

    assert await db.read(inbox.unanswered, patience=timedelta(hours=1), limit=9) == []
    waiting = await db.read(inbox.unanswered, patience=timedelta(), limit=9)
    assert [one.inbox_id for one in waiting] == [first.inbox_id, second.inbox_id]
    await db.jot(inbox.mark_answered, [first.inbox_id])

    later = await db.read(inbox.unanswered, patience=timedelta(), limit=9)
    assert [one.inbox_id for one in later] == [second.inbox_id]
    assert (later[0].said, later[0].openid, later[0].kind) == ("你好", "oLi", IncomingKind.TEXT)


async def test_f14_a_message_of_any_length_is_kept_as_far_as_we_read(db: Database):
    message = incoming("oLi", "好" * 9_000, key="k" * 500)

    assert await db.jot(inbox.accept, message, now=NOW) is not None
    assert await db.jot(inbox.accept, message, now=NOW) is None


async def test_i15_the_same_openid_of_two_accounts_is_two_people(db: Database):
    heard = [replace(incoming("oLi", "你好", key=one), account=one) for one in ("first", "second")]

    accepted = [await db.jot(inbox.accept, one, now=NOW) for one in heard]

    assert len({one.person.identity_id for one in accepted if one}) == 2
