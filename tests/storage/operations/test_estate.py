"""Entering an estate: what a second look changes, and what it refuses to guess."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import OccupancyRole, UnitKind
from storage.models.estate import buildings, communities, entrances, units
from storage.models.people import occupancies, residents
from storage.operations.estate import import_estate, plan_estate
from storage.operations.estate_plan import EstatePlan, EstateRow, Reason, Verb
from tests.factories import NOW


def flat(room: int = 1201, **facts) -> EstateRow:
    known: dict[str, Any] = {
        "community": "翡翠湾",
        "code": f"3-2-{room}",
        "label": f"3栋2单元{room}",
        "kind": UnitKind.HOME,
        "building": "3栋",
        "entrance": "2单元",
        "floor_area_m2": Decimal("89.50"),
        "name": "李秀英",
        "phone": "13800001234",
    }
    return EstateRow(**(known | facts))


async def enter(db: Database, *rows: EstateRow) -> EstatePlan:
    return await db.write(import_estate, rows, actor=CLOCK, now=NOW)


def reasons(plan: EstatePlan) -> list[Reason]:
    return [one.reason for one in plan.objections]


def verbs(plan: EstatePlan) -> list[Verb]:
    return [one.verb for one in plan.changes]


def counts(tx) -> list[int]:
    tables = (communities, buildings, entrances, units, residents, occupancies)
    return [len(tx.execute(select(table)).all()) for table in tables]


async def test_an_estate_is_entered_once_however_often_it_is_imported(db: Database):
    rows = [
        flat(1201),
        flat(1202),
        flat(1201, name="王租客", phone="13900000001", role=OccupancyRole.TENANT),
        EstateRow(
            "翡翠湾", "B1-023", "车位B1-023", UnitKind.PARKING, name="李秀英", phone="13800001234"
        ),
    ]

    first = await enter(db, *rows)
    again = await enter(db, *rows)

    assert verbs(first).count(Verb.ADD_UNIT) == 3
    assert (again.changes, again.objections) == ((), ())
    assert await db.read(counts) == [1, 1, 1, 3, 2, 4]


async def test_looking_changes_nothing(db: Database):
    plan = await db.read(plan_estate, [flat()])

    assert verbs(plan) == [Verb.ADD_COMMUNITY, Verb.ADD_UNIT, Verb.MOVE_IN]
    assert await db.read(counts) == [0] * 6


async def test_one_bad_row_keeps_all_out(db: Database):
    plan = await enter(db, flat(1201), flat(1202), flat(1202))

    assert reasons(plan) == [Reason.REPEATED]
    assert await db.read(counts) == [0] * 6


async def test_a_measured_area_and_a_new_phone_are_corrected(db: Database):
    await enter(db, flat(floor_area_m2=None))

    plan = await enter(db, flat(phone="13900009999"))

    assert verbs(plan) == [Verb.CHANGE_AREA, Verb.CHANGE_PHONE]
    person = await db.read(lambda tx: tx.execute(select(residents)).one())
    unit = await db.read(lambda tx: tx.execute(select(units)).one())
    assert (person.phone, unit.floor_area_m2) == ("13900009999", Decimal("89.50"))


async def test_another_owner_without_a_day_is_not_guessed(db: Database):
    await enter(db, flat())

    assert reasons(await enter(db, flat(name="陈新主"))) == [Reason.OWNER_DIFFERS]


async def test_a_flat_is_handed_over_on_the_day_and_its_links_end(db: Database):
    await enter(db, flat())

    sold = flat(name="陈新主", phone="13900000002", from_on=date(2026, 6, 1))
    plan = await enter(db, sold)
    again = await enter(db, sold)

    lives = await db.read(lambda tx: tx.execute(select(occupancies).order_by("id")).all())
    assert verbs(plan) == [Verb.HAND_OVER]
    assert [(one.from_on, one.until_on) for one in lives] == [
        (date(2000, 1, 1), date(2026, 6, 1)),
        (date(2026, 6, 1), None),
    ]
    assert again.changes == ()
    assert (await db.read(lambda tx: tx.execute(select(units)).one())).link_epoch == 1


async def test_two_owners_of_one_flat_stand_side_by_side(db: Database):
    await enter(db, flat())

    plan = await enter(db, flat(), flat(name="李家成", phone="13900000003"))

    assert verbs(plan) == [Verb.MOVE_IN]


async def test_moving_out_is_noted_once(db: Database):
    tenant = flat(name="王租客", phone="13900000001", role=OccupancyRole.TENANT)
    await enter(db, flat(), tenant)

    gone = flat(
        name="王租客",
        phone="13900000001",
        role=OccupancyRole.TENANT,
        until_on=date(2026, 10, 1),
    )

    assert verbs(await enter(db, gone)) == [Verb.MOVE_OUT]
    assert (await enter(db, gone)).changes == ()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((flat(), flat(name="二", floor_area_m2=Decimal("90"))), Reason.AREA_UNCLEAR),
        ((flat(), flat(name="二", kind=UnitKind.SHOP)), Reason.KIND_DIFFERS),
        ((flat(from_on=date(2026, 2, 1), until_on=date(2026, 1, 1)),), Reason.DAYS_REVERSED),
    ],
)
async def test_rows_that_contradict_each_other_are_refused(
    db: Database, rows: tuple[EstateRow, ...], reason: Reason
):
    assert reasons(await enter(db, *rows)) == [reason]


async def test_two_phones_for_one_person_are_refused(db: Database):
    await enter(db, flat(1201), flat(1202))

    plan = await enter(db, flat(1201, phone="13900000005"), flat(1202, phone="13900000006"))

    assert reasons(plan) == [Reason.PHONE_UNCLEAR]


async def test_the_phone_of_a_namesake_is_refused(db: Database):
    await enter(db, flat(1201), flat(1202, phone="13900000007"))

    assert reasons(await enter(db, flat(1201, phone="13900000007"))) == [Reason.PHONE_UNCLEAR]
