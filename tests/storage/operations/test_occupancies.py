"""Who lives where, from when until when: entered once, ended once, and seen by nobody after."""

from datetime import date

import pytest
from sqlalchemy import Connection

from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import BindingState, OccupancyRole, UnitKind
from storage.models.people import bindings, occupancies, residents
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.occupancies import (
    PeoplePlan,
    Reason,
    Stay,
    Verb,
    import_people,
    plan_people,
)
from tests import factories
from tests.factories import NOW

TENANT = OccupancyRole.TENANT
HERE = ("翡翠湾", "3-2-1201")
LI = Stay(*HERE, "李秀英", "13800001234", from_on=date(2020, 1, 1))
SOLD = Stay(*HERE, "李秀英", "13800001234", from_on=date(2020, 1, 1), until_on=date(2026, 11, 1))
CHEN = Stay(*HERE, "陈新主", "13700000001", from_on=date(2026, 11, 1))


@pytest.fixture
async def world(db: Database) -> factories.World:
    """Give Ms Li's flat, bound by her and her son."""

    def set_up(tx: Connection) -> factories.World:
        world = factories.build(tx)
        factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
        factories.add_binding(tx, "oSon", world.unit_id, None, OccupancyRole.FAMILY)
        return world

    return await db.write(set_up)


async def bring(db: Database, *rows: Stay) -> PeoplePlan:
    return await db.write(import_people, rows, actor=CLOCK, now=NOW)


async def rows(db: Database, table) -> list:
    return await db.read(lambda tx: list(tx.execute(table.select().order_by(table.c.id))))


async def live(db: Database) -> list[int]:
    found = await rows(db, bindings)
    return [row.id for row in found if row.state == BindingState.ACTIVE]


async def told(db: Database) -> list[str]:
    return await db.read(
        lambda tx: list(tx.exec_driver_sql("SELECT recipient FROM outbox ORDER BY id").scalars())
    )


async def test_a_sale_in_two_rows_is_taken_once_and_her_binding_ends(
    db: Database, world: factories.World
):
    plan = await bring(db, SOLD, CHEN)
    again = await bring(db, SOLD, CHEN)

    stays = [row for row in await rows(db, occupancies) if row.unit_id == world.unit_id]
    assert [one.verb for one in plan.changes] == [Verb.MOVE_OUT, Verb.MOVE_IN]
    assert (again.changes, again.objections) == ((), ())
    assert [(row.from_on, row.until_on) for row in stays] == [
        (date(2020, 1, 1), date(2026, 11, 1)),
        (date(2026, 11, 1), None),
    ]
    assert await told(db) == ["oLi"]
    assert len(await live(db)) == 1


async def test_who_leaves_one_day_keeps_her_binding_until_then(
    db: Database, world: factories.World
):
    later = Stay(*HERE, "李秀英", "13800001234", from_on=LI.from_on, until_on=date(2027, 1, 1))

    await bring(db, later)

    assert (len(await live(db)), await told(db)) == (2, [])


async def test_a_sale_in_a_sheet_of_the_estate_ends_the_whole_households_bindings(
    db: Database, world: factories.World
):
    row = EstateRow(
        *HERE,
        "3栋2单元1201",
        UnitKind.HOME,
        name="陈新主",
        phone="13700000001",
        from_on=date(2026, 11, 1),
    )

    await db.write(import_estate, [row], actor=CLOCK, now=NOW)

    assert (await live(db), await told(db)) == ([], ["oLi", "oSon"])


async def test_since_when_is_corrected_where_the_books_did_not_know(db: Database):
    await db.write(factories.build)
    unknown = Stay(*HERE, "周租客", "13700000009", TENANT)
    known = Stay(*HERE, "周租客", "13700000009", TENANT, date(2024, 5, 1))

    await bring(db, unknown)
    plan = await bring(db, known)

    assert [one.verb for one in plan.changes] == [Verb.CHANGE_FROM]
    assert (await rows(db, occupancies))[-1].from_on == date(2024, 5, 1)
    assert (await bring(db, known)).changes == ()


async def test_one_person_may_come_back(db: Database):
    await db.write(factories.build)
    first = Stay(*HERE, "周租客", "13700000009", TENANT, date(2024, 1, 1), date(2025, 1, 1))
    second = Stay(*HERE, "周租客", "13700000009", TENANT, date(2026, 1, 1))

    plan = await bring(db, first, second)

    assert [one.verb for one in plan.changes] == [Verb.MOVE_IN] * 2
    assert len(await rows(db, residents)) == 3
    assert (await bring(db, first, second)).changes == ()


async def test_two_who_own_together_are_both_written(db: Database):
    await db.write(factories.build)
    husband = Stay(*HERE, "李家成", "13700000008", from_on=date(2020, 1, 1))

    alone = await db.read(plan_people, [husband])
    together = await bring(db, LI, husband)

    assert [one.reason for one in alone.objections] == [Reason.OWNER_DIFFERS]
    assert [one.verb for one in together.changes] == [Verb.MOVE_IN]


async def test_a_phone_is_corrected_but_never_into_a_namesakes(db: Database):
    await db.write(factories.build)
    new = Stay(*HERE, "李秀英", "13900000000", from_on=date(2020, 1, 1))
    taken = Stay("翡翠湾", "", "李秀英", "13900000000")

    plan = await bring(db, new)
    await bring(db, Stay("翡翠湾", "", "李秀英", "13911111111"))
    other = Stay(*HERE, "李秀英", "13911111111", from_on=date(2020, 1, 1))

    assert [one.verb for one in plan.changes] == [Verb.CHANGE_PHONE]
    assert (await bring(db, taken)).changes == ()
    assert [one.reason for one in (await bring(db, other)).objections] == [Reason.PHONE_UNCLEAR]


async def test_one_bad_row_keeps_all_out(db: Database):
    await db.write(factories.build)
    strange = Stay("翡翠湾", "9-9-999", "甲", "13700000007")

    plan = await bring(db, Stay("翡翠湾", "", "乙", "13700000006"), strange)

    assert [one.reason for one in plan.objections] == [Reason.UNKNOWN_UNIT]
    assert len(await rows(db, residents)) == 2
