"""Who may bind a flat, who is told, and who can end it."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from storage.errors import AlreadyBound, BindingMismatch, NotAllowed, NotBound, TooManyTries
from storage.kinds import BindingState, OccupancyRole, StaffRole
from storage.models.estate import units
from storage.models.messages import outbox
from storage.models.people import binding_tries, bindings, occupancies, residents
from storage.operations.bindings import (
    approve_binding,
    decline_binding,
    remove_sharer,
    unbind,
)
from storage.operations.residents import (
    TRIES,
    TRIES_WITHIN,
    BindingClaim,
    apply_for_binding,
    bind,
    note_try,
)
from storage.operations.tickets import close_ticket
from storage.queries.residents import staff_member
from storage.queries.tickets import tickets_of_resident
from tests import factories
from tests.factories import NOW

LI = BindingClaim("3-2-1201", "李秀英", "13800001234")


@pytest.fixture
async def world(db):
    return await db.write(factories.build)


async def all_bindings(db):
    rows = await db.read(lambda tx: tx.execute(select(bindings).order_by(bindings.c.id)).all())
    return [(row.unit_id, row.resident_id, row.role, row.state) for row in rows]


async def told(db):
    rows = await db.read(lambda tx: tx.execute(select(outbox).order_by(outbox.c.id)).all())
    return [(row.recipient, row.event) for row in rows]


async def test_who_agrees_with_the_register_is_bound_as_what_she_is_there(db, world):
    identity_id = await db.write(factories.meet, "o-li")

    outcome = await db.write(bind, LI, identity_id=identity_id, now=NOW)

    assert outcome.unit_label == "3栋2单元1201"
    assert await all_bindings(db) == [(world.unit_id, world.li_id, "owner", "active")]


@pytest.mark.parametrize(
    "claim",
    [
        replace(LI, unit_text="3栋2单元1201", name=" 李 秀英", phone="138 0000 1234"),
        replace(LI, phone="１３８００００１２３４"),
    ],
)
async def test_blanks_and_full_width_digits_are_no_disagreement(db, world, claim):
    identity_id = await db.write(factories.meet, "o-li")

    await db.write(bind, claim, identity_id=identity_id, now=NOW)

    assert len(await all_bindings(db)) == 1


@pytest.mark.parametrize(
    "claim",
    [
        replace(LI, unit_text="9-9-9999"),
        replace(LI, unit_text="3-2-1202"),
        replace(LI, name="李秀兰"),
        replace(LI, name=""),
        replace(LI, phone="13800001235"),
        replace(LI, phone=""),
        replace(LI, unit_text="' OR 1=1 --"),
        replace(LI, unit_text="%"),
    ],
)
async def test_i05_every_disagreement_is_the_same_refusal(db, world, claim):
    identity_id = await db.write(factories.meet, "o-x")

    with pytest.raises(BindingMismatch) as refusal:
        await db.write(bind, claim, identity_id=identity_id, now=NOW)

    assert refusal.value.args == ()
    assert await all_bindings(db) == []


async def test_who_has_moved_out_cannot_bind_and_who_comes_later_cannot_yet(db, world):
    def move(tx):
        unit_id = factories.add_unit(tx, world.community_id, "5-1-101")
        before = factories.add_resident(tx, world.community_id, "前任", "13000000001")
        after = factories.add_resident(tx, world.community_id, "后任", "13000000002")
        day = date(2026, 11, 24)
        factories.move_in(tx, before, unit_id, until_on=date(2026, 11, 23))
        factories.move_in(tx, after, unit_id, from_on=day)

    await db.write(move)
    identity_id = await db.write(factories.meet, "o-x")
    after = BindingClaim("5-1-101", "后任", "13000000002")

    for claim in (BindingClaim("5-1-101", "前任", "13000000001"), after):
        with pytest.raises(BindingMismatch):
            await db.write(bind, claim, identity_id=identity_id, now=NOW)
    await db.write(bind, after, identity_id=identity_id, now=NOW + timedelta(days=1))


async def test_binding_twice_is_refused_and_two_at_once_bind_once(db, world):
    identity_id = await db.write(factories.meet, "o-li")

    results = await asyncio.gather(
        *(db.write(bind, LI, identity_id=identity_id, now=NOW) for _ in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, AlreadyBound) for one in results) == 3
    assert len(await all_bindings(db)) == 1


async def test_a_person_has_five_tries_in_a_quarter_of_an_hour(db, world):
    identity_id = await db.write(factories.meet, "o-x")
    for number in range(TRIES):
        unit_text = f"1-1-{number}"
        await db.write(note_try, identity_id=identity_id, unit_text=unit_text, now=NOW)

    with pytest.raises(TooManyTries) as refusal:
        await db.write(note_try, identity_id=identity_id, unit_text="1-1-9", now=NOW)

    assert refusal.value.retry_at == NOW + TRIES_WITHIN
    later = NOW + TRIES_WITHIN
    await db.write(note_try, identity_id=identity_id, unit_text="1-1-9", now=later)


async def test_a_flat_has_five_tries_whoever_tries(db, world):
    for number in range(TRIES):
        identity_id = await db.write(factories.meet, f"o-{number}")
        await db.write(note_try, identity_id=identity_id, unit_text="3-2-1201", now=NOW)
    identity_id = await db.write(factories.meet, "o-last")

    with pytest.raises(TooManyTries):
        await db.write(note_try, identity_id=identity_id, unit_text="3-2-1201", now=NOW)


async def test_a_flat_has_five_tries_however_its_name_is_spelled(db, world):
    for number in range(TRIES):
        identity_id = await db.write(factories.meet, f"o-{number}")
        unit_text = ("3-2-1201", "3栋2单元1201")[number % 2]
        await db.write(note_try, identity_id=identity_id, unit_text=unit_text, now=NOW)
    identity_id = await db.write(factories.meet, "o-last")

    for unit_text in ("3-2-1201", "3栋2单元1201"):
        with pytest.raises(TooManyTries):
            await db.write(note_try, identity_id=identity_id, unit_text=unit_text, now=NOW)


async def tried_at(db, now, *, by="o-x", times=TRIES):
    """Have strangers try Ms Li's flat, each within her own limit."""
    for number in range(times):
        identity_id = await db.write(factories.meet, f"{by}{number}")
        await db.write(note_try, identity_id=identity_id, unit_text="3-2-1201", now=now)


async def test_i04_the_owner_hears_of_the_last_try_that_her_flat_allows_and_of_none_before(
    db, world
):
    def bound(tx):
        factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
        zhao_id = factories.add_resident(tx, world.community_id, "赵敏", "13700000000")
        factories.add_binding(tx, "o-zhao", world.unit_id, zhao_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "o-wang", world.next_door_id, world.wang_id)

    await db.write(bound)
    await tried_at(db, NOW, times=TRIES - 1)
    assert await told(db) == []

    await tried_at(db, NOW + timedelta(minutes=1), by="o-y", times=1)

    assert await told(db) == [("o-li", "BindingTried")]


async def test_i04_the_owner_hears_of_it_once_a_day_at_most(db, world):
    await db.write(lambda tx: factories.add_binding(tx, "o-li", world.unit_id, world.li_id))

    for hours in (0, 1, 2):
        await tried_at(db, NOW + timedelta(hours=hours), by=f"o-{hours}-")
    assert len(await told(db)) == 1

    await tried_at(db, NOW + timedelta(days=1), by="o-next-")
    assert len(await told(db)) == 2


async def test_i04_an_owner_who_tries_her_own_flat_is_not_warned_of_herself(db, world):
    await db.write(lambda tx: factories.add_binding(tx, "o-li", world.unit_id, world.li_id))
    await tried_at(db, NOW, times=TRIES - 1)

    identity_id = await db.write(factories.meet, "o-li")
    await db.write(note_try, identity_id=identity_id, unit_text="3-2-1201", now=NOW)

    assert await told(db) == []


async def test_i04_tries_at_one_flat_that_race_are_no_more_than_five(db, world):
    people = [await db.write(factories.meet, f"o-{number}") for number in range(TRIES + 3)]
    await db.write(lambda tx: factories.add_binding(tx, "o-li", world.unit_id, world.li_id))

    results = await asyncio.gather(
        *(db.write(note_try, identity_id=one, unit_text="3-2-1201", now=NOW) for one in people),
        return_exceptions=True,
    )

    assert sum(isinstance(one, TooManyTries) for one in results) == 3
    assert await told(db) == [("o-li", "BindingTried")]


async def test_tries_that_race_are_all_counted(db, world):
    identity_id = await db.write(factories.meet, "o-x")

    results = await asyncio.gather(
        *(
            db.write(note_try, identity_id=identity_id, unit_text=f"1-1-{number}", now=NOW)
            for number in range(TRIES + 3)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(one, TooManyTries) for one in results) == 3
    counted = await db.read(
        lambda tx: tx.execute(select(func.count()).select_from(binding_tries)).scalar_one()
    )
    assert counted == 2 * TRIES


async def test_the_owner_is_told_when_somebody_binds_her_flat(db, world):
    def tenant(tx):
        zhao_id = factories.add_resident(tx, world.community_id, "赵敏", "13700000000")
        factories.move_in(tx, zhao_id, world.unit_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
        return factories.meet(tx, "o-zhao")

    identity_id = await db.write(tenant)

    await db.write(
        bind, BindingClaim("3-2-1201", "赵敏", "13700000000"), identity_id=identity_id, now=NOW
    )

    assert await told(db) == [("o-li", "BindingChanged")]
    assert (await all_bindings(db))[-1][2:] == ("tenant", "active")


@pytest.mark.parametrize("code", ["", "000000", "246810 1"])
async def test_where_the_paper_code_is_needed_nothing_else_will_do(db, code):
    await db.write(factories.build, bind_needs_code=1)
    identity_id = await db.write(factories.meet, "o-li")

    with pytest.raises(BindingMismatch):
        await db.write(bind, replace(LI, paper_code=code), identity_id=identity_id, now=NOW)
    await db.write(bind, replace(LI, paper_code="246810"), identity_id=identity_id, now=NOW)


async def test_an_application_waits_for_a_steward_and_is_told_once(db, world):
    chen_id = await db.write(
        factories.add_staff, world.community_id, "小陈", StaffRole.STEWARD, "o-chen"
    )
    identity_id = await db.write(factories.meet, "o-li")
    claim = replace(LI, phone="13899999999")
    for _ in range(2):
        await db.write(apply_for_binding, claim, identity_id=identity_id, now=NOW)
    assert await told(db) == [("o-chen", "StaffTask")]
    assert await all_bindings(db) == [(world.unit_id, world.li_id, "owner", "applied")]

    await db.write(approve_binding, 1, role=None, staff_id=chen_id, now=NOW)

    assert (await all_bindings(db))[0][2:] == ("owner", "active")
    assert (await told(db))[1:] == [("o-li", "BindingChanged")]
    with pytest.raises(NotBound):
        await db.write(approve_binding, 1, role=None, staff_id=chen_id, now=NOW)


async def test_an_unknown_applicant_becomes_a_tenant_who_sees_no_debts_of_the_owner(db, world):
    identity_id = await db.write(factories.meet, "o-zhao")
    claim = BindingClaim("3-2-1201", "赵敏", "13700000000")
    await db.write(apply_for_binding, claim, identity_id=identity_id, now=NOW)

    await db.write(approve_binding, 1, role=None, staff_id=1, now=NOW)

    assert (await all_bindings(db))[0][2:] == ("tenant", "active")
    lives = await db.read(
        lambda tx: tx.execute(
            select(occupancies.c.role).join(residents).where(residents.c.name == "赵敏")
        ).scalar_one()
    )
    assert lives == "tenant"


async def test_a_declined_applicant_is_told_and_may_apply_again(db, world):
    identity_id = await db.write(factories.meet, "o-x")
    claim = BindingClaim("3-2-1201", "赵敏", "13700000000")
    await db.write(apply_for_binding, claim, identity_id=identity_id, now=NOW)

    await db.write(decline_binding, 1, staff_id=1, now=NOW)
    await db.write(apply_for_binding, claim, identity_id=identity_id, now=NOW)

    assert [row[3] for row in await all_bindings(db)] == ["declined", "applied"]
    assert ("o-x", "BindingChanged") in await told(db)


async def test_an_application_for_no_flat_is_a_ticket_of_each_community_that_answers_her(db, world):
    chen_id = await db.write(
        factories.add_staff, world.community_id, "小陈", StaffRole.STEWARD, "o-chen"
    )
    await db.write(factories.add_community, "别的小区")
    identity_id = await db.write(factories.meet, "o-x")
    claim = replace(LI, unit_text="9-9-9999")

    for minutes in range(2):
        now = NOW + timedelta(minutes=minutes)
        await db.write(apply_for_binding, claim, identity_id=identity_id, now=now)

    mine = await db.read(tickets_of_resident, identity_id, limit=9)
    assert sorted((one.kind, one.community_name) for one in mine) == [
        ("question", "别的小区"),
        ("question", "翡翠湾"),
    ]
    assert all("9-9-9999" in one.said for one in mine)
    assert await all_bindings(db) == []
    assert await told(db) == [("o-chen", "StaffTask")]

    here = next(one for one in mine if one.community_name == "翡翠湾")
    chen = await db.read(staff_member, chen_id)
    await db.write(close_ticket, here.ticket_no, "是3栋", by=chen, now=NOW)

    assert ("o-x", "TicketMoved") in await told(db)


async def shared(db, world):
    """Bind Ms Li as owner and Zhao as tenant; return both bindings' keys."""

    def both(tx):
        zhao_id = factories.add_resident(tx, world.community_id, "赵敏", "13700000000")
        factories.move_in(tx, zhao_id, world.unit_id, OccupancyRole.TENANT)
        return (
            factories.add_binding(tx, "o-li", world.unit_id, world.li_id),
            factories.add_binding(tx, "o-z", world.unit_id, zhao_id, OccupancyRole.TENANT),
        )

    return await db.write(both)


async def link_epoch(db, unit_id):
    return await db.read(
        lambda tx: tx.execute(select(units.c.link_epoch).where(units.c.id == unit_id)).scalar_one()
    )


async def test_i07_an_owner_removes_a_tenant_who_is_told_and_all_links_end(db, world):
    li, zhao = await shared(db, world)

    await db.write(remove_sharer, by_binding_id=li, binding_id=zhao, now=NOW)

    assert [row[3] for row in await all_bindings(db)] == ["active", "removed"]
    assert set(await told(db)) == {("o-li", "BindingChanged"), ("o-z", "BindingChanged")}
    assert await link_epoch(db, world.unit_id) == 1


async def test_nobody_removes_an_owner_and_no_tenant_removes_anybody(db, world):
    li, zhao = await shared(db, world)
    wang = await db.write(factories.add_binding, "o-w", world.next_door_id, world.wang_id)

    for by, other in ((zhao, li), (zhao, zhao), (li, li), (wang, zhao), (li, wang)):
        with pytest.raises(NotAllowed):
            await db.write(remove_sharer, by_binding_id=by, binding_id=other, now=NOW)

    assert {row[3] for row in await all_bindings(db)} == {BindingState.ACTIVE}


async def test_unbinding_ends_her_own_binding_only_and_all_links(db, world):
    await shared(db, world)
    identity_id = await db.write(factories.meet, "o-z")

    await db.write(unbind, identity_id=identity_id, unit_id=world.unit_id, now=NOW)

    assert [row[3] for row in await all_bindings(db)] == ["active", "removed"]
    assert await link_epoch(db, world.unit_id) == 1
    with pytest.raises(NotBound):
        await db.write(unbind, identity_id=identity_id, unit_id=world.unit_id, now=NOW)
