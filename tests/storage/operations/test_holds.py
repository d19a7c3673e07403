"""Holds and promises: while they last nobody is reminded, and each ends as it was said."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import NothingToPay, UnknownBill
from storage.kinds import HoldKind
from storage.models.bills import bills, fee_items
from storage.models.dunning import dunning_acts, promises
from storage.models.late_fees import holds
from storage.operations.holds import NewHold, end_hold, judge_promises, place_hold, promise
from storage.operations.reminders import Planned, plan_reminders
from storage.queries.holds import dunned_bills_of_unit, holds_on, may_promise, promises_of
from tests import factories
from tests.factories import NOW, Owed, World

TODAY = date(2026, 11, 23)
FREE = {"weekly_cap": 99}
BILL = 25_060


def morning(day: date) -> datetime:
    """Nine o'clock in Shanghai."""
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


def in_days(count: int) -> date:
    return TODAY + timedelta(days=count)


def two_debts(tx: Connection) -> World:
    """Ms Li owes October and November, 250.60 yuan each, the second due on the 25th."""
    world = factories.build(tx, **FREE)
    factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
    return world


async def asked_for(db: Database, world: World, day: date = TODAY) -> list[int]:
    found = await db.read(dunned_bills_of_unit, world.unit_id, day)
    return [one.open_fen for one in found]


async def hold(db: Database, world: World, **more) -> int:
    known: dict[str, Any] = {
        "unit_id": world.unit_id,
        "kind": HoldKind.OFFICE,
        "reason": "业主出国",
    }
    return await db.write(place_hold, NewHold(**(known | more)), actor=CLOCK, now=NOW)


async def plan(db: Database, world: World, day: date) -> Planned:
    return await db.write(plan_reminders, community_id=world.community_id, now=morning(day))


async def acts(db: Database) -> list[str]:
    asked = select(dunning_acts.c.act).order_by(dunning_acts.c.id)
    return await db.read(lambda tx: list(tx.execute(asked).scalars()))


async def test_a_held_flat_is_not_asked_for_anything_until_the_day(db: Database):
    world = await db.write(two_debts)
    await hold(db, world, until_on=in_days(5))

    assert await asked_for(db, world) == []
    assert await asked_for(db, world, in_days(4)) == []
    assert await asked_for(db, world, in_days(5)) == [BILL, BILL]


async def test_a_held_bill_leaves_the_others_and_a_part_leaves_the_rest(db: Database):
    world = await db.write(two_debts)
    await hold(db, world, bill_id=world.october_id)
    await hold(
        db,
        world,
        bill_id=world.november_id,
        kind=HoldKind.DISPUTE,
        amount_fen=5_060,
        reason="水费算错",
    )

    assert await asked_for(db, world) == [20_000]


async def test_two_holds_of_a_part_never_hold_more_than_is_open(db: Database):
    world = await db.write(two_debts)
    for _ in range(2):
        await hold(db, world, bill_id=world.november_id, amount_fen=20_000)

    assert await asked_for(db, world) == [BILL]


async def test_a_hold_names_a_bill_of_the_flat(db: Database):
    world = await db.write(two_debts)

    with pytest.raises(UnknownBill):
        await hold(db, world, unit_id=world.next_door_id, bill_id=world.october_id)
    with pytest.raises(UnknownBill):
        await hold(db, world, amount_fen=100)
    assert await db.read(holds_on, world.unit_id, TODAY) == []


async def test_an_ended_hold_holds_no_more_and_is_ended_once(db: Database):
    world = await db.write(two_debts)
    hold_id = await hold(db, world)
    later = NOW + timedelta(days=1)

    assert await db.write(end_hold, hold_id, actor=CLOCK, now=later)
    assert not await db.write(end_hold, hold_id, actor=CLOCK, now=later)

    assert await asked_for(db, world, in_days(1)) == [BILL, BILL]
    assert await acts(db) == ["hold", "hold_end"]


@pytest.mark.parametrize("fee_class", ["deposit", "renewal"])
async def test_what_is_no_arrears_is_never_asked_for(db: Database, fee_class):
    world = await db.write(two_debts)
    await db.write(lambda tx: tx.execute(update(fee_items).values(fee_class=fee_class)) and None)

    assert await asked_for(db, world) == []
    assert await plan(db, world, date(2026, 11, 25)) == Planned()


async def test_a_held_flat_is_not_reminded(db: Database):
    world = await db.write(two_debts)
    await hold(db, world, until_on=date(2026, 11, 27))

    days = [date(2026, 11, day) for day in range(24, 30)]
    planned = [(await plan(db, world, day)).planned for day in days]

    # The step of the due day is made up for when the hold is over.
    assert planned == [0, 0, 0, 1, 1, 0]


async def say(db: Database, world: World, *parts: tuple[date, int]) -> int:
    return await db.write(
        promise, unit_id=world.unit_id, parts=parts, actor=Actor(identity_id=1), now=NOW
    )


async def judge(db: Database, world: World, day: date) -> list[int]:
    return await db.write(judge_promises, community_id=world.community_id, now=morning(day))


async def states(db: Database) -> list[str]:
    asked = select(promises.c.state).order_by(promises.c.id)
    return await db.read(lambda tx: list(tx.execute(asked).scalars()))


async def pay(db: Database, world: World, *bill_ids: int, after: int = 1) -> None:
    paid_at = NOW + timedelta(days=after)
    await db.write(factories.pay, world.unit_id, bill_ids, paid_at=paid_at)


async def test_a_promise_pauses_reminders_until_its_day_is_over(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(10), 2 * BILL))

    assert [await asked_for(db, world, in_days(day)) for day in (0, 10)] == [[], []]
    assert await asked_for(db, world, in_days(11)) == [BILL, BILL]
    assert [one.amount_fen for one in await db.read(promises_of, world.unit_id)] == [2 * BILL]


async def test_a_promise_does_not_cover_a_bill_that_came_after_it(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(10), 2 * BILL))

    def issue(tx: Connection) -> None:
        owed = Owed(world.unit_id, world.fee_item_id, "2026-12", 7_000, liable_id=world.li_id)
        factories.add_bill(tx, owed)
        later = NOW + timedelta(days=2)
        tx.execute(update(bills).where(bills.c.period == "2026-12").values(issued_at=later))

    await db.write(issue)

    assert await asked_for(db, world, in_days(3)) == [7_000]


async def test_a_promise_is_kept_by_paying_and_the_hold_ends(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(10), 2 * BILL))
    await pay(db, world, world.october_id, world.november_id)

    assert await judge(db, world, in_days(2)) == []

    assert await states(db) == ["kept"]
    assert await db.read(holds_on, world.unit_id, in_days(2)) == []


async def test_a_promise_is_open_on_its_day_and_broken_after_it(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(10), 2 * BILL))
    await pay(db, world, world.october_id)

    assert await judge(db, world, in_days(10)) == []
    assert await states(db) == ["open"]
    assert await judge(db, world, in_days(11)) == [world.unit_id]
    assert await judge(db, world, in_days(12)) == []
    assert await states(db) == ["broken"]


async def test_instalments_are_judged_one_by_one(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(3), BILL), (in_days(20), BILL))
    await pay(db, world, world.october_id)

    assert await judge(db, world, in_days(4)) == []
    assert await states(db) == ["kept", "open"]
    assert await asked_for(db, world, in_days(4)) == []
    assert await judge(db, world, in_days(21)) == [world.unit_id]
    assert await states(db) == ["kept", "broken"]


async def test_a_first_instalment_that_does_not_come_ends_the_agreement(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(3), BILL), (in_days(20), BILL))

    assert await judge(db, world, in_days(4)) == [world.unit_id]

    assert await states(db) == ["broken", "withdrawn"]
    assert await asked_for(db, world, in_days(4)) == [BILL, BILL]


async def test_what_is_paid_of_newer_bills_keeps_no_promise(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(3), BILL))

    def issue(tx: Connection) -> int:
        owed = Owed(world.unit_id, world.fee_item_id, "2026-12", 90_000, liable_id=world.li_id)
        bill_id = factories.add_bill(tx, owed)
        later = NOW + timedelta(days=1)
        tx.execute(update(bills).where(bills.c.id == bill_id).values(issued_at=later))
        return bill_id

    await pay(db, world, await db.write(issue), after=2)

    assert await judge(db, world, in_days(4)) == [world.unit_id]


async def test_a_new_promise_takes_the_place_of_the_old_one(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(3), 2 * BILL))
    await say(db, world, (in_days(8), 2 * BILL))

    assert await states(db) == ["withdrawn", "open"]
    assert await judge(db, world, in_days(4)) == []
    assert await asked_for(db, world, in_days(7)) == []


async def test_nobody_promises_what_nobody_asks_for(db: Database):
    world = await db.write(two_debts)
    await pay(db, world, world.october_id, world.november_id, after=0)

    with pytest.raises(NothingToPay):
        await say(db, world, (in_days(3), BILL))
    assert await db.read(lambda tx: tx.execute(select(holds)).all()) == []


async def test_the_day_after_a_broken_promise_she_is_reminded_once(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(25), 2 * BILL))

    planned = [(await plan(db, world, in_days(day))).planned for day in range(28)]

    # Held to 18 December; the day after it neither bill stands where the plan says something.
    assert planned == [0] * 26 + [1, 0]
    assert "promise_broken" in await acts(db)


async def test_a_kept_promise_is_not_spoken_of(db: Database):
    world = await db.write(two_debts)
    await say(db, world, (in_days(25), 2 * BILL))
    await pay(db, world, world.october_id, world.november_id)

    assert sum([(await plan(db, world, in_days(day))).planned for day in range(2, 28)]) == 0


async def test_who_missed_a_day_or_changed_it_often_asks_the_office(db: Database):
    world = await db.write(two_debts)

    async def may(days: int = 0) -> bool:
        return await db.read(may_promise, world.unit_id, now=NOW + timedelta(days=days))

    for _ in range(3):
        assert await may()
        await say(db, world, (in_days(3), 2 * BILL))
    assert not await may()
    await judge(db, world, in_days(4))

    assert not await may(59)
    assert await may(61)
