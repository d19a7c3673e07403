"""An office changes how it is reached, and what holds from a day on; what cannot be is refused."""

from dataclasses import replace
from datetime import date, time

import pytest
from sqlalchemy import select

from storage.models.operating import audit_records
from storage.operations.communities import choose, write_office
from storage.queries.policies import Policy, policy_on
from storage.queries.residents import contact
from tests import factories
from tests.factories import NOW

MARCH, APRIL = date(2027, 3, 1), date(2027, 4, 1)
OTHER = Policy(
    refund_window_days=7,
    refund_automatic_fen=5_000,
    reminder_days=(-7, 0, 5),
    weekly_cap=1,
    quiet_from=time(20, 30),
    quiet_until=time(9, 0),
    broadcast_approval_over=50,
    issue_day=5,
    bind_needs_code=False,
    collection_closed="年终盘点",
)


@pytest.fixture
async def world(db):
    """Give Ms Li's world, once on each engine."""
    return await db.write(factories.build)


async def written(db, policy, community_id, day=MARCH):
    await db.write(choose, policy, community_id=community_id, effective_on=day, now=NOW)


async def test_every_choice_holds_from_its_day_on_and_the_days_before_keep_theirs(db, world):
    before = await db.read(policy_on, world.community_id, MARCH)

    await written(db, OTHER, world.community_id)
    await written(db, replace(OTHER, weekly_cap=0, reminder_days=()), world.community_id, APRIL)

    assert await db.read(policy_on, world.community_id, date(2027, 2, 28)) == before
    assert await db.read(policy_on, world.community_id, date(2027, 3, 31)) == OTHER
    assert (await db.read(policy_on, world.community_id, APRIL)).reminder_days == ()


async def test_a_second_choice_of_the_same_day_replaces_the_first_and_both_are_audited(db, world):
    await written(db, OTHER, world.community_id)
    await written(db, replace(OTHER, weekly_cap=3), world.community_id)

    assert (await db.read(policy_on, world.community_id, MARCH)).weekly_cap == 3
    acts = await db.read(
        lambda tx: (
            tx.execute(select(audit_records.c.detail).where(audit_records.c.noun == "policy"))
            .scalars()
            .all()
        )
    )
    assert ["weekly_cap=1" in one for one in acts] == [True, False]


@pytest.mark.parametrize(
    ("named", "unfit"),
    [
        ("weekly_cap", {"weekly_cap": 8}),
        ("issue_day", {"issue_day": 31}),
        ("quiet_from", {"quiet_from": time(0, 0)}),
        ("quiet_from", {"quiet_until": time(13, 0)}),
        ("reminder_days", {"reminder_days": (400,)}),
        ("refund_window_days", {"refund_window_days": 366}),
        ("refund_automatic_fen", {"refund_automatic_fen": -1}),
        ("collection_closed", {"collection_closed": "长" * 121}),
    ],
)
async def test_a_choice_that_cannot_be_kept_is_refused_by_its_name(db, world, named, unfit):
    before = await db.read(policy_on, world.community_id)

    with pytest.raises(ValueError, match=f"^{named}$"):
        await written(db, replace(OTHER, **unfit), world.community_id)

    assert await db.read(policy_on, world.community_id) == before


async def test_an_office_is_changed_where_it_says_and_stays_elsewhere(db, world):
    other = await db.write(factories.add_community, "海棠苑")

    await db.write(write_office, {"phone": "0571-1234"}, community_id=world.community_id, now=NOW)

    assert (await db.read(contact, world.community_id)).phone == "0571-1234"
    assert (await db.read(contact, world.community_id)).company_name == "安心物业"
    assert (await db.read(contact, other)).phone == "0571-88886666"
    with pytest.raises(ValueError, match="opened_at"):
        await db.write(write_office, {"opened_at": ""}, community_id=other, now=NOW)
