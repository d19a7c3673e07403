"""Reminders: on the days of the plan, once a household, and never to one who owes nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, event, select, update

from storage import events
from storage.database import Database, open_database
from storage.kinds import OccupancyRole
from storage.links import Links
from storage.models.bills import bills
from storage.models.estate import communities
from storage.models.messages import outbox
from storage.models.people import bindings, identities
from storage.operations import reminders
from storage.operations.reminders import communities_to_plan, figures_now, plan_reminders
from storage.rules.dunning import STALE_DAYS, is_arrears, reached_steps
from tests import factories
from tests.factories import Owed, World

DUE_ON = date(2026, 11, 25)
FREE = {"weekly_cap": 99}
LINKS = Links(b"0" * 32, "http://localhost")


def morning(day: date) -> datetime:
    """Nine o'clock in Shanghai."""
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


def one_debt(tx: Connection, /, **choices) -> World:
    """Ms Li owes one bill, due on 25 November; October is paid."""
    world = factories.build(tx, **choices)
    factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
    factories.pay(tx, world.unit_id, (world.october_id,))
    return world


async def plan(db: Database, world: World, day: date) -> reminders.Planned:
    return await db.write(plan_reminders, community_id=world.community_id, now=morning(day))


def reminded(tx: Connection) -> list[tuple[str, int, date]]:
    """Return (openid, step, Shanghai day) of each reminder that was decided."""
    rows = tx.execute(
        select(outbox)
        .where(outbox.c.event == "ReminderDue", outbox.c.state != "suppressed")
        .order_by(outbox.c.id)
    ).all()
    found = []
    for row in rows:
        due = events.load(row.event, row.facts)
        assert isinstance(due, events.ReminderDue)
        found.append((row.recipient, due.days_from_due, row.created_at.date()))
    return found


def days_from_due(found: list[tuple[str, int, date]]) -> list[int]:
    return [(day - DUE_ON).days for _, _, day in found]


async def test_reminders_come_exactly_on_the_days_of_the_plan(db: Database):
    world = await db.write(one_debt, **FREE)

    for late in range(-20, 60):
        await plan(db, world, DUE_ON + timedelta(days=late))

    found = await db.read(reminded)
    assert days_from_due(found) == [-3, 0, 3, 10, 20]
    assert [step for _, step, _ in found] == [-3, 0, 3, 10, 20]


async def test_a_community_keeps_its_own_plan(db: Database):
    world = await db.write(one_debt, reminder_days="-7,5", **FREE)

    for late in range(-20, 30):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert days_from_due(await db.read(reminded)) == [-7, 5]


@pytest.mark.parametrize("days", ["", " "])
async def test_a_community_without_a_plan_reminds_nobody(db: Database, days):
    world = await db.write(one_debt, reminder_days=days)

    assert await plan(db, world, DUE_ON) == reminders.Planned()


async def test_planning_twice_a_day_decides_nothing_new(db: Database):
    world = await db.write(one_debt)

    first = await plan(db, world, DUE_ON)
    again = await plan(db, world, DUE_ON)

    assert (first.planned, again.planned) == (1, 0)
    assert len(await db.read(reminded)) == 1


async def test_a_household_with_many_bills_gets_one_message(db: Database):
    def owe_more(tx: Connection) -> World:
        world = one_debt(tx)
        water = factories.add_fee_item(tx, world.community_id, "水费", "water")
        for period in ("2026-10", "2026-11"):
            owed = Owed(
                world.unit_id, water, period, 4_000, item_name="水费", liable_id=world.li_id
            )
            factories.add_bill(tx, owed)
        return world

    world = await db.write(owe_more)

    assert (await plan(db, world, DUE_ON)).planned == 1


async def test_nobody_is_reminded_of_what_is_paid(db: Database):
    world = await db.write(one_debt)
    await db.write(factories.pay, world.unit_id, (world.november_id,))

    for late in range(-5, 30):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert await db.read(reminded) == []


async def test_nobody_hears_more_than_the_weekly_cap(db: Database):
    world = await db.write(one_debt, reminder_days="-3,-2,-1,0,1,2,3,4,5,6,7,8,9,10", weekly_cap=2)

    capped = 0
    for late in range(-3, 11):
        capped += (await plan(db, world, DUE_ON + timedelta(days=late))).capped

    days = days_from_due(await db.read(reminded))
    assert all(len([one for one in days if day <= one < day + 7]) <= 2 for day in range(-3, 11))
    assert len(days) >= 4
    assert capped > 0


async def put_off(db: Database) -> list[tuple[str, str]]:
    """Return (state, reason) of every reminder, in the order they were decided in."""
    asked = select(outbox.c.state, outbox.c.why).where(outbox.c.event == "ReminderDue")
    rows = await db.read(lambda tx: tx.execute(asked.order_by(outbox.c.id)).all())
    return [tuple(row) for row in rows]


async def test_what_the_weekly_cap_puts_off_is_said_on_the_first_day_it_allows(db: Database):
    world = await db.write(one_debt)

    for late in range(-20, 60):
        await plan(db, world, DUE_ON + timedelta(days=late))

    found = await db.read(reminded)
    assert [step for _, step, _ in found] == [-3, 0, 3, 10, 20]
    assert days_from_due(found) == [-3, 0, 4, 10, 20]


async def test_while_it_is_put_off_staff_see_why(db: Database):
    world = await db.write(one_debt)
    for late in (-3, 0):
        await plan(db, world, DUE_ON + timedelta(days=late))

    third = [await plan(db, world, DUE_ON + timedelta(days=3)) for _ in range(2)]
    waiting = await put_off(db)
    fourth = await plan(db, world, DUE_ON + timedelta(days=4))

    assert third == [reminders.Planned(0, 1), reminders.Planned(0, 0)]
    assert waiting[2] == ("suppressed", "weekly_cap")
    assert fourth == reminders.Planned(1, 0)
    assert (await put_off(db))[2] == ("waiting", "")


async def test_what_was_put_off_is_not_said_once_it_is_paid(db: Database):
    world = await db.write(one_debt)
    for late in (-3, 0, 3):
        await plan(db, world, DUE_ON + timedelta(days=late))
    await db.write(factories.pay, world.unit_id, (world.november_id,))

    for late in range(4, 12):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert days_from_due(await db.read(reminded)) == [-3, 0]


async def test_what_a_later_reminder_has_told_of_is_not_said_again(db: Database):
    """A reminder tells of all that is open: the step put off before it is said with it."""

    def owe_more(tx: Connection) -> World:
        world = one_debt(tx)
        water = factories.add_fee_item(tx, world.community_id, "水费", "water")
        owed = Owed(world.unit_id, water, "2026-12", 4_000, "水费", world.li_id)
        bill_id = factories.add_bill(tx, owed)
        due_on = DUE_ON + timedelta(days=7)
        tx.execute(update(bills).where(bills.c.id == bill_id).values(due_on=due_on))
        return world

    world = await db.write(owe_more)
    for late in range(-3, 7):
        await plan(db, world, DUE_ON + timedelta(days=late))

    found = await db.read(reminded)
    assert [(step, (day - DUE_ON).days) for _, step, day in found] == [(-3, -3), (0, 0), (-3, 4)]


async def test_f03_after_five_days_without_us_the_missed_step_is_made_up_once(db: Database):
    world = await db.write(one_debt, **FREE)
    await plan(db, world, DUE_ON - timedelta(days=3))

    # The bot was down from the day before the due day to four days after it.
    for late in range(4, 9):
        await plan(db, world, DUE_ON + timedelta(days=late))

    found = await db.read(reminded)
    assert [(step, (day - DUE_ON).days) for _, step, day in found] == [(-3, -3), (3, 4)]


async def test_f03_a_step_that_is_long_past_is_forgotten(db: Database):
    world = await db.write(one_debt, reminder_days="0", **FREE)

    for late in range(STALE_DAYS, 60):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert await db.read(reminded) == []


async def test_a_silent_community_says_nothing_unasked(db: Database):
    world = await db.write(one_debt)

    def unsign(tx: Connection) -> None:
        tx.execute(update(communities).values(opened_at=None))

    await db.write(unsign)

    assert await db.read(communities_to_plan) == []
    assert await plan(db, world, DUE_ON) == reminders.Planned()
    assert await db.read(reminded) == []


@pytest.mark.parametrize(
    "change", [{"is_following": False}, {"muted": "reminders"}, {"muted": "notices reminders"}]
)
async def test_one_who_left_or_turned_reminders_off_is_not_reminded(db: Database, change):
    world = await db.write(one_debt)
    await db.write(lambda tx: tx.execute(update(identities).values(**change)) and None)

    await plan(db, world, DUE_ON)

    assert await db.read(reminded) == []


async def test_a_tenant_never_hears_of_the_owners_arrears(db: Database):
    def let(tx: Connection) -> World:
        world = one_debt(tx, **FREE)
        tenant = factories.add_resident(tx, world.community_id, "赵租客", "13700000000")
        factories.move_in(tx, tenant, world.unit_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "oTenant", world.unit_id, tenant, OccupancyRole.TENANT)
        water = factories.add_fee_item(tx, world.community_id, "水费", "water")
        owed = Owed(world.unit_id, water, "2026-12", 4_000, item_name="水费", liable_id=tenant)
        factories.add_bill(tx, owed)
        return world

    world = await db.write(let)
    for late in range(-5, 32):
        await plan(db, world, DUE_ON + timedelta(days=late))

    found = await db.read(reminded)
    hers = [(step, day) for who, step, day in found if who == "oTenant"]
    # Her own water bill is due on 25 December; of November's debt she hears nothing.
    assert hers == [(-3, date(2026, 12, 22)), (0, date(2026, 12, 25))]
    assert [who for who, _, day in found if day < date(2026, 12, 20)] == ["oLi"] * 5


async def test_an_owners_family_is_reminded_and_a_new_owner_only_of_her_own_time(db: Database):
    def sell(tx: Connection) -> World:
        world = one_debt(tx, **FREE)
        buyer = factories.add_resident(tx, world.community_id, "孙新主", "13600000000")
        tx.exec_driver_sql("UPDATE occupancies SET until_on = '2026-11-20' WHERE resident_id = 1")
        factories.move_in(tx, buyer, world.unit_id, from_on=date(2026, 11, 20))
        factories.add_binding(tx, "oBuyer", world.unit_id, buyer)
        return world

    world = await db.write(sell)
    for late in range(-5, 30):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert {who for who, _, _ in await db.read(reminded)} == {"oLi"}


async def test_dunning_resumes_where_a_bill_is_owed_again(db: Database):
    world = await db.write(one_debt, **FREE)
    await plan(db, world, DUE_ON)
    await db.write(
        lambda tx: tx.execute(update(bills).values(paid_fen=bills.c.amount_fen)) and None
    )
    await plan(db, world, DUE_ON + timedelta(days=3))

    def owe_again(tx: Connection) -> None:
        tx.execute(update(bills).where(bills.c.id == world.november_id).values(paid_fen=0))

    await db.write(owe_again)
    for late in range(4, 20):
        await plan(db, world, DUE_ON + timedelta(days=late))

    assert [step for _, step, _ in await db.read(reminded)] == [0, 3, 10]


async def test_the_figures_are_those_of_the_moment(db: Database):
    world = await db.write(one_debt)
    await plan(db, world, DUE_ON)

    def decided(tx: Connection) -> events.ReminderDue:
        row = tx.execute(select(outbox).where(outbox.c.event == "ReminderDue")).one()
        found = events.load(row.event, row.facts)
        assert isinstance(found, events.ReminderDue)
        return found

    due = await db.read(decided)
    words = await db.read(figures_now, due, LINKS, now=morning(DUE_ON + timedelta(days=1)))
    assert isinstance(words, events.ReminderWords)
    assert (words.bill_count, words.open_fen, words.is_overdue) == (1, 25_060, True)
    token = words.pay_url.rsplit("/", 1)[1]
    assert LINKS.read_pay(token, today=DUE_ON).binding_id == due.binding_id

    await db.write(lambda tx: tx.execute(update(bindings).values(state="removed")) and None)
    assert await db.read(figures_now, due, LINKS, now=morning(DUE_ON)) is None


async def test_planning_reads_only_bills_that_are_due(sqlite_url: str):
    def steps(tx: Connection) -> dict[str, list[str]]:
        world = one_debt(tx)
        asked = []

        def note(tx, cursor, statement, parameters, context, executemany):
            asked.append((statement, parameters))

        event.listen(tx.engine, "before_cursor_execute", note)
        plan_reminders(tx, community_id=world.community_id, now=morning(DUE_ON))
        event.remove(tx.engine, "before_cursor_execute", note)
        return {
            statement: [
                row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
            for statement, parameters in asked
            if "FROM bills" in statement
        }

    async with open_database(sqlite_url) as db:
        seen = await db.write(steps)

    (planning,) = [steps for statement, steps in seen.items() if "due_on IN" in statement]
    (open_ones,) = [steps for statement, steps in seen.items() if "bills.unit_id IN" in statement]
    assert any("ix_bills_due" in step for step in planning), planning
    assert any("ix_bills_open" in step for step in open_ones), open_ones
    assert not any(step.startswith("SCAN bills") for steps in seen.values() for step in steps)


def test_each_distance_belongs_to_the_step_reached_last():
    reached = reached_steps((3, -3, 0))

    assert reached[-3] == reached[-1] == -3
    assert reached[0] == reached[2] == 0
    assert reached[3] == reached[9] == 3
    assert 10 not in reached
    assert -4 not in reached


def test_the_first_thirty_days_are_no_arrears():
    assert not is_arrears(DUE_ON, DUE_ON + timedelta(days=30))
    assert is_arrears(DUE_ON, DUE_ON + timedelta(days=31))
