"""What a unit is charged by is written through one door, said one by one or by a sheet."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, select

from storage.audit import CLOCK
from storage.charge_errors import InputRefused
from storage.database import Database
from storage.kinds import Basis, Payer, UnitKind
from storage.models.tariffs import unit_tariffs
from storage.operations.assignments import assign
from storage.operations.tariffs import TariffFact, fee_item_ids, set_tariff
from storage.operations.unit_tariffs import Choice, ChoicePlan, import_choices
from storage.rules.billing import Assignment
from tests.factories import NOW, add_community, add_unit

SINCE = date(2026, 1, 1)
JUNE = date(2026, 6, 1)
OPEN = Choice("翡翠湾", "3-2-1201", "物业费", SINCE, payer=Payer.DEVELOPER)
LATER = Choice("翡翠湾", "3-2-1201", "物业费", JUNE, count=2)


@pytest.fixture
async def place(db: Database) -> tuple[int, int]:
    """Give a flat and a fee that is charged since January."""

    def build(tx: Connection) -> tuple[int, int]:
        community_id = add_community(tx)
        unit_id = add_unit(tx, community_id, "3-2-1201")
        tariff = TariffFact("物业费", UnitKind.HOME, Basis.FIXED, 100_000, SINCE)
        set_tariff(tx, tariff, community_id=community_id, actor=CLOCK, now=NOW)
        return unit_id, fee_item_ids(tx, community_id, {})["物业费"]

    return await db.write(build)


async def taken(db: Database, *rows: Choice) -> ChoicePlan:
    return await db.write(import_choices, rows, actor=CLOCK, now=NOW)


async def said(db: Database, place: tuple[int, int], one: Assignment) -> bool:
    unit_id, item_id = place
    return await db.write(assign, one, unit_id=unit_id, fee_item_id=item_id, actor=CLOCK, now=NOW)


async def kept(db: Database) -> list[tuple]:
    columns = [one for one in unit_tariffs.c if one.name != "id"]
    asked = select(*columns).order_by(unit_tariffs.c.from_on)
    return await db.read(lambda tx: [tuple(row) for row in tx.execute(asked)])


def spans(rows: list[tuple]) -> list[tuple]:
    return [row[-2:] for row in rows]


async def test_by_a_sheet_and_one_by_one_the_same_is_written(db: Database, place):
    await taken(db, OPEN, LATER)
    by_sheet = await kept(db)
    await db.write(lambda tx: tx.execute(unit_tariffs.delete()) and None)

    for one in (OPEN.assigned, LATER.assigned):
        assert await said(db, place, one)

    assert await kept(db) == by_sheet
    assert spans(by_sheet) == [(SINCE, JUNE), (JUNE, None)]


async def test_a_sheet_ends_what_was_open_and_again_it_changes_nothing(db: Database, place):
    assert await said(db, place, OPEN.assigned)

    first = await taken(db, LATER)
    after = await kept(db)
    again = await taken(db, LATER, OPEN)

    assert (first.new, again.new, again.ended, again.objections) == ((0,), (), (), ())
    assert spans(after) == spans(await kept(db)) == [(SINCE, JUNE), (JUNE, None)]
    assert not await said(db, place, LATER.assigned)


async def test_what_begins_before_something_known_ends_where_that_begins(db: Database, place):
    await taken(db, LATER)

    plan = await taken(db, OPEN)

    assert plan.new == (0,)
    assert spans(await kept(db)) == [(SINCE, JUNE), (JUNE, None)]


async def test_a_sheet_gives_what_is_open_an_end_and_never_another_one(db: Database, place):
    await taken(db, OPEN)

    ended = await taken(db, replace(OPEN, until_on=JUNE))
    other = await taken(db, replace(OPEN, until_on=date(2026, 7, 1)))
    reopened = await taken(db, OPEN)

    assert ended.ended == (0,)
    assert [len(one.objections) for one in (other, reopened)] == [1, 1]
    assert spans(await kept(db)) == [(SINCE, JUNE)]


@pytest.mark.parametrize("wrong", [{"heads": 101}, {"count": 0}, {"count": 100_001}])
async def test_neither_way_takes_what_no_price_is_reckoned_with(db: Database, place, wrong):
    row = replace(OPEN, **wrong)

    with pytest.raises(InputRefused):
        await taken(db, row)
    with pytest.raises(InputRefused):
        await said(db, place, row.assigned)

    assert await kept(db) == []
