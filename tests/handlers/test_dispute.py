"""Who says that a bill is wrong is heard upon a yes: it rests, staff know, she knows by when."""

import json
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import HoldKind, LateFeeMode, StaffRole
from storage.models.bills import bills
from storage.models.late_fees import holds
from storage.models.messages import outbox
from storage.models.operating import audit_records
from storage.operations.disputes import dispute
from storage.operations.holds import end_hold
from storage.operations.late_fee_terms import set_late_fee
from storage.queries.disputes import answer_day
from storage.queries.holds import dunned_bills_of_unit
from storage.queries.late_fees import Terms, late_fee_of_unit
from storage.rules.late_fees import LateFeePolicy
from tests import factories
from tests.factories import NOW, World

TODAY = date(2026, 11, 23)


@pytest.fixture
async def world(db: Database) -> World:
    def set_up(tx: Connection) -> World:
        found = factories.build(tx)
        factories.add_binding(tx, "o-li", found.unit_id, found.li_id)
        factories.add_staff(tx, found.community_id, "小陈", StaffRole.STEWARD, "o-chen")
        return found

    return await db.write(set_up)


async def rows(db: Database, table) -> list:
    return await db.read(lambda tx: list(tx.execute(select(table).order_by(table.c.id))))


async def asked_for(db: Database, world: World) -> list[int]:
    found = await db.read(dunned_bills_of_unit, world.unit_id, TODAY)
    return [one.bill.bill_id for one in found]


async def test_only_a_yes_lets_a_bill_rest_and_staff_hear_of_it_once(db, world, talk):
    li = talk("o-li")

    await li.say("10月物业费算错了")
    before = await rows(db, holds), await rows(db, outbox)
    await li.say("确认", "确认")

    assert before == ([], [])
    [hold] = await rows(db, holds)
    kept = (hold.kind, hold.bill_id, hold.unit_id, hold.from_on, hold.until_on, hold.reason)
    assert kept == (
        HoldKind.DISPUTE,
        world.october_id,
        world.unit_id,
        TODAY,
        None,
        "10月物业费算错了",
    )
    assert await asked_for(db, world) == [world.november_id]
    [told] = await rows(db, outbox)
    facts = json.loads(told.facts)
    assert (told.event, told.recipient) == ("StaffTask", "o-chen")
    assert (facts["topic"], facts["reference"], facts["amount_fen"]) == (
        "dispute",
        "G26110001",
        25_060,
    )
    assert "11月26日前答复" in facts["note"]
    acts = {(one.act, one.noun) for one in await rows(db, audit_records)}
    assert ("hold", "dunning") in acts


async def test_giving_up_changes_nothing(db, world, talk):
    await talk("o-li").say("账单不对", "全部", "算了")

    assert (await rows(db, holds), await rows(db, outbox)) == ([], [])


async def test_the_late_fee_of_a_disputed_bill_stands_still(db, world, talk):
    def late(tx: Connection) -> None:
        long_ago = datetime.fromisoformat("2026-10-01T00:00Z")
        tx.execute(
            update(bills)
            .where(bills.c.unit_id == world.unit_id)
            .values(issued_at=long_ago, due_on=date(2026, 11, 10))
        )
        terms = Terms(LateFeePolicy(date(2026, 1, 1), LateFeeMode.CHARGED, 500), "第十二条")
        set_late_fee(tx, terms, community_id=world.community_id, actor=CLOCK, now=NOW)

    await db.write(late)
    await talk("o-li").say("10月物业费不对", "确认")

    found = await db.read(late_fee_of_unit, world.unit_id, as_of=date(2026, 12, 10))

    by_bill = {one.principal.bill_id: one.late_fee.owed_fen for one in found.bills}
    assert by_bill[world.october_id] < by_bill[world.november_id]


async def test_what_staff_have_checked_is_not_held_a_second_time(db, world, talk):
    li = talk("o-li")
    await li.say("10月物业费不对", "确认")
    [hold] = await rows(db, holds)
    await db.write(end_hold, hold.id, actor=CLOCK, now=NOW + timedelta(days=1))
    li.clock.advance(timedelta(days=2))

    said = await li.say("10月物业费不对")
    await li.say("确认")

    assert "已经核对过" in said
    assert len(await rows(db, holds)) == 1
    assert await asked_for(db, world) != []


async def test_a_neighbours_bill_a_paid_one_and_one_that_rests_are_left_alone(
    db: Database, world: World
):
    neighbours = await db.read(
        lambda tx: tx.execute(
            select(bills.c.id).where(bills.c.unit_id == world.next_door_id)
        ).scalar_one()
    )
    await db.write(factories.pay, world.unit_id, (world.november_id,))

    async def say(*bill_ids: int) -> tuple[tuple[int, ...], int]:
        made = await db.write(
            dispute,
            binding_id=1,
            unit_id=world.unit_id,
            bill_ids=bill_ids,
            said="不对",
            note="不对",
            request_key="m-1",
            identity_id=1,
            now=NOW,
        )
        return made.bill_ids, made.heard

    assert await say(neighbours, world.november_id) == ((), 0)
    assert await say(neighbours, world.october_id) == ((world.october_id,), 1)
    assert await say(world.october_id) == ((), 0)
    assert len(await rows(db, holds)) == 1


async def test_where_no_steward_is_known_the_manager_hears_of_it(db, talk):
    def set_up(tx: Connection) -> None:
        found = factories.build(tx)
        factories.add_binding(tx, "o-li", found.unit_id, found.li_id)
        factories.add_staff(tx, found.community_id, "王经理", StaffRole.MANAGER, "o-wang")

    await db.write(set_up)

    said = await talk("o-li").say("10月物业费不对", "确认")

    assert "没有管家在线" not in said
    assert [one.recipient for one in await rows(db, outbox)] == ["o-wang"]


@pytest.mark.parametrize(
    ("said_on", "by"),
    [
        (date(2026, 11, 23), date(2026, 11, 26)),
        (date(2026, 11, 26), date(2026, 12, 1)),
        (date(2026, 11, 28), date(2026, 12, 2)),
        (date(2026, 9, 30), date(2026, 10, 10)),
    ],
)
def test_she_is_answered_within_three_worked_days(said_on, by):
    assert answer_day(said_on) == by
