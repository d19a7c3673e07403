"""A community's plan: by chat, at the desk, on paper; each act is kept, none is taken twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Update, insert, select, update

from storage import events
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import NotAllowed, NothingToPay, UnknownBill
from storage.kinds import FeeClass, HoldKind, StaffRole, Tone
from storage.models.bills import bills, fee_items
from storage.models.dunning import dunning_acts
from storage.models.messages import outbox
from storage.operations.dunning import approve_letter, deliver_letter, set_plan
from storage.operations.holds import NewHold, place_hold
from storage.operations.reminders import Planned, plan_reminders
from storage.queries.dunning import acts_of, ageing, letters_due, plan_on
from storage.rules.dunning import AGES, DunningStep, Route
from tests import factories
from tests.factories import NOW, World

DUE_ON = date(2026, 11, 25)
PLAN = (
    DunningStep(-3, Route.CHAT, Tone.KIND),
    DunningStep(3, Route.CHAT, Tone.PLAIN),
    DunningStep(10, Route.TASK, Tone.PLAIN, 20_000),
    DunningStep(12, Route.CHAT, Tone.FIRM, 20_000),
    DunningStep(20, Route.LETTER, Tone.FIRM, 20_000),
)


def morning(day: date) -> datetime:
    """Nine o'clock in Shanghai."""
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


def late(days: int) -> date:
    return DUE_ON + timedelta(days=days)


def one_debt(tx: Connection, /, plan: tuple[DunningStep, ...] = PLAN, **choices) -> World:
    """Ms Li alone owes, November; a steward and a manager serve the community with a plan."""
    world = factories.build(tx, **({"weekly_cap": 99} | choices))
    factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
    factories.pay(tx, world.unit_id, (world.october_id,))
    next_door = select(bills.c.id).where(bills.c.unit_id == world.next_door_id)
    factories.pay(tx, world.next_door_id, (tx.execute(next_door).scalar_one(),))
    factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "s-chen")
    factories.add_staff(tx, world.community_id, "王经理", StaffRole.MANAGER, "s-wang")
    if plan:
        set_plan(
            tx,
            plan,
            community_id=world.community_id,
            effective_on=date(2026, 1, 1),
            actor=CLOCK,
            now=NOW,
        )
    return world


async def walk(db: Database, world: World, days: range) -> list[Planned]:
    return [
        await db.write(plan_reminders, community_id=world.community_id, now=morning(late(day)))
        for day in days
    ]


async def said(db: Database) -> list[tuple[int, int, str]]:
    """Return (days late, step, tone) of every reminder."""
    rows = await db.read(
        lambda tx: tx.execute(
            select(outbox).where(outbox.c.event == "ReminderDue").order_by(outbox.c.id)
        ).all()
    )
    found = []
    for row in rows:
        due = events.load(row.event, row.facts)
        assert isinstance(due, events.ReminderDue)
        days = (row.created_at.date() - DUE_ON).days
        found.append((days, due.days_from_due, due.tone))
    return found


async def tasks(db: Database) -> list[tuple[str, str, int, str]]:
    """Return (who, topic, fen, days late) of what was put before staff."""
    rows = await db.read(
        lambda tx: tx.execute(
            select(outbox).where(outbox.c.event == "StaffTask").order_by(outbox.c.id)
        ).all()
    )
    found = []
    for row in rows:
        task = events.load(row.event, row.facts)
        assert isinstance(task, events.StaffTask)
        found.append((row.recipient, task.topic, task.amount_fen, task.note))
    return found


async def test_each_step_is_taken_on_its_day_by_its_way_and_in_its_tone(db: Database):
    world = await db.write(one_debt)

    await walk(db, world, range(-10, 40))

    assert await said(db) == [(-3, -3, "kind"), (3, 3, "plain"), (12, 12, "firm")]
    assert await tasks(db) == [
        ("s-chen", "arrears_visit", 25_060, "10"),
        ("s-wang", "arrears_visit", 25_060, "10"),
        ("s-wang", "letter_due", 25_060, "20"),
    ]


async def test_a_household_that_owes_little_is_spared_the_later_steps(db: Database):
    world = await db.write(one_debt)
    await db.write(
        lambda tx: (
            tx.execute(update(bills).where(bills.c.paid_fen == 0).values(paid_fen=5_061)) and None
        )
    )

    await walk(db, world, range(-10, 40))

    assert [step for _, step, _ in await said(db)] == [-3, 3]
    assert await tasks(db) == []


async def test_every_act_is_kept(db: Database):
    world = await db.write(one_debt)
    await walk(db, world, range(-10, 40))

    found = await db.read(acts_of, world.unit_id, limit=20)

    assert [(one.act, one.days_from_due, one.amount_fen) for one in reversed(found)] == [
        ("reminder", -3, 25_060),
        ("reminder", 3, 25_060),
        ("task", 10, 25_060),
        ("reminder", 12, 25_060),
        ("letter_due", 20, 25_060),
    ]


async def test_walking_a_day_twice_takes_no_step_twice(db: Database):
    world = await db.write(one_debt)

    once = await walk(db, world, range(20, 21))
    again = await walk(db, world, range(20, 22))

    assert once == [Planned(planned=0, capped=0, at_desk=1)]
    assert again == [Planned(), Planned()]


async def test_a_plan_holds_from_its_day_and_the_policys_days_are_the_fallback(db: Database):
    world = await db.write(one_debt, (), reminder_days="-2,5")
    await db.write(
        set_plan,
        [DunningStep(7, tone=Tone.FIRM)],
        community_id=world.community_id,
        effective_on=late(6),
        actor=CLOCK,
        now=NOW,
    )

    before = await db.read(plan_on, world.community_id, late(5))
    after = await db.read(plan_on, world.community_id, late(6))

    assert before == (DunningStep(-2, tone=Tone.KIND), DunningStep(5, tone=Tone.PLAIN))
    assert after == (DunningStep(7, tone=Tone.FIRM),)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], "count"),
        ([DunningStep(one) for one in range(13)], "count"),
        ([DunningStep(-61)], "days"),
        ([DunningStep(1096)], "days"),
        ([DunningStep(3), DunningStep(3, Route.TASK)], "twice"),
        ([DunningStep(3, minimum_fen=-1)], "minimum"),
        ([DunningStep(0, Route.LETTER)], "letter"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(db: Database, steps, why):
    world = await db.write(one_debt)

    with pytest.raises(ValueError, match=why):
        await db.write(
            set_plan,
            steps,
            community_id=world.community_id,
            effective_on=DUE_ON,
            actor=CLOCK,
            now=NOW,
        )
    assert await db.read(plan_on, world.community_id, DUE_ON) == PLAN


async def test_on_festive_days_nobody_is_reminded_and_what_was_left_out_follows(db: Database):
    """The national week of 2026 is seven days long, as long as a missed step counts."""
    world = await db.write(one_debt, (DunningStep(0),))
    first = date(2026, 10, 1)
    await db.write(lambda tx: tx.execute(update(bills).values(due_on=first)) and None)

    days = [first + timedelta(days=more) for more in range(-1, 12)]
    planned = [
        (await db.write(plan_reminders, community_id=world.community_id, now=morning(day))).planned
        for day in days
    ]

    assert [str(day) for day, count in zip(days, planned, strict=True) if count] == ["2026-10-08"]


async def test_a_disputed_bill_comes_to_nobodys_desk(db: Database):
    world = await db.write(one_debt)
    dispute = NewHold(world.unit_id, HoldKind.DISPUTE, "面积不对", bill_id=world.november_id)
    await db.write(place_hold, dispute, actor=CLOCK, now=NOW)

    assert set(await walk(db, world, range(-2, 40))) == {Planned()}
    assert await tasks(db) == []


async def manager_of(db: Database) -> int:
    asked = "SELECT id FROM staff WHERE role = 'manager'"
    return int(await db.read(lambda tx: tx.exec_driver_sql(asked).scalar_one()))


async def approve(db: Database, world: World, *, days: int = 15, now: datetime, by: int = 0):
    return await db.write(
        approve_letter,
        world.unit_id,
        term_days=days,
        approved_by=by or await manager_of(db),
        now=now,
    )


async def test_a_letter_waits_for_approval_and_names_a_term(db: Database):
    world = await db.write(one_debt)
    await walk(db, world, range(20, 21))
    (waiting,) = await db.read(letters_due, world.community_id)

    letter = await approve(db, world, now=morning(late(21)))

    assert (waiting.unit_code, waiting.amount_fen) == ("3-2-1201", 25_060)
    assert (letter.letter_no, letter.total_fen) == ("L2026-00001", 25_060)
    assert (letter.written_on, letter.term_on) == (late(21), late(36))
    assert [one.bill.bill_id for one in letter.bills] == [world.november_id]
    assert await db.read(letters_due, world.community_id) == []


async def test_how_a_letter_arrived_is_kept(db: Database):
    world = await db.write(one_debt)
    letter = await approve(db, world, now=morning(late(21)))

    async def deliver(number: str) -> None:
        await db.write(
            deliver_letter,
            number,
            evidence="挂号信 XA123",
            actor=Actor(staff_id=1),
            now=morning(late(25)),
        )

    await deliver(letter.letter_no)
    for unknown in ("L2026-00002", "L2026-0000", "%"):
        with pytest.raises(UnknownBill):
            await deliver(unknown)

    newest, *_ = await db.read(acts_of, world.unit_id, limit=3)
    assert (newest.act, newest.detail) == ("letter_delivered", "L2026-00001: 挂号信 XA123")


async def test_a_letter_is_a_managers_word_about_what_is_late_and_not_held(db: Database):
    world = await db.write(one_debt)
    steward = 1

    with pytest.raises(NotAllowed):
        await approve(db, world, now=morning(late(21)), by=steward)
    for days in (6, 91):
        with pytest.raises(ValueError, match="term_days"):
            await approve(db, world, now=morning(late(21)), days=days)
    with pytest.raises(NothingToPay):
        await approve(db, world, now=morning(DUE_ON))
    await db.write(
        place_hold,
        NewHold(world.unit_id, HoldKind.HARDSHIP, "住院"),
        actor=CLOCK,
        now=NOW,
    )
    with pytest.raises(NothingToPay):
        await approve(db, world, now=morning(late(21)))


async def test_debts_are_listed_by_age_and_before_three_years_are_over(db: Database):
    world = await db.write(one_debt)

    young = await db.read(ageing, world.community_id, as_of=late(31))
    old = await db.read(ageing, world.community_id, as_of=date(2029, 6, 1))
    too_old = await db.read(ageing, world.community_id, as_of=date(2030, 1, 1))

    assert young.buckets_fen == (0, 25_060, 0, 0, 0, 0)
    assert (young.old, old.buckets_fen[4], too_old.buckets_fen[5]) == ((), 25_060, 25_060)
    assert [(one.unit_label, one.limit_on) for one in old.old] == [
        ("3栋2单元1201", date(2029, 11, 25))
    ]


@pytest.mark.parametrize("bucket", range(5))
async def test_a_debt_of_the_last_day_of_an_age_is_older_on_the_next(db: Database, bucket: int):
    world, last = await db.write(one_debt), AGES[bucket]

    ages = [await db.read(ageing, world.community_id, as_of=late(last + one)) for one in (0, 1)]

    assert [one.buckets_fen.index(25_060) for one in ages] == [bucket, bucket + 1]
    assert [sum(one.buckets_fen) for one in ages] == [25_060, 25_060]


@pytest.mark.parametrize(
    "change",
    [
        update(fee_items).values(fee_class=FeeClass.DEPOSIT),
        update(fee_items).values(fee_class=FeeClass.RENEWAL),
        update(bills).where(bills.c.paid_fen == 0).values(voided_at=NOW),
    ],
)
async def test_deposits_renewals_and_void_bills_are_no_old_debts(db: Database, change: Update):
    world = await db.write(one_debt)
    before = await db.read(ageing, world.community_id, as_of=date(2029, 6, 1))

    await db.write(lambda tx: tx.execute(change) and None)

    found = await db.read(ageing, world.community_id, as_of=date(2029, 6, 1))
    assert (sum(before.buckets_fen), len(before.old)) == (25_060, 1)
    assert (sum(found.buckets_fen), found.old) == (0, ())


async def test_a_demand_that_arrived_begins_the_three_years_anew(db: Database):
    world = await db.write(one_debt)
    await db.write(
        lambda tx: (
            tx.execute(
                insert(dunning_acts).values(
                    unit_id=world.unit_id, act="letter_delivered", done_at=morning(date(2028, 5, 2))
                )
            )
            and None
        )
    )

    before = await db.read(ageing, world.community_id, as_of=date(2030, 11, 2))
    near = await db.read(ageing, world.community_id, as_of=date(2030, 11, 4))

    assert before.old == ()
    assert [one.limit_on for one in near.old] == [date(2031, 5, 2)]
