"""Two views of a month: what it earned, and what came in; neither counts a fen twice."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select

from storage import ledger
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.kinds import Account
from storage.ledger import Leg
from storage.models.bills import bills
from storage.models.payments import payments
from storage.operations.bills import void_bill
from storage.operations.prepay_orders import Aside
from storage.operations.prepayments import apply_prepayments
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.periods import BillingPeriod
from storage.ports.payments import RefundFact, RefundState
from storage.queries.income import ItemSum, MonthlyIncome, income_of
from tests.factories import NOW, Owed, World, add_bill, add_fee_item, build, meet, pay, put_aside

OCTOBER, NOVEMBER, DECEMBER = (BillingPeriod(2026, month) for month in (10, 11, 12))
LATE = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)
"""The last second of November in Shanghai."""


@pytest.fixture
async def world(db: Database) -> World:
    return await db.write(build)


async def of(db: Database, world: World, period: BillingPeriod) -> MonthlyIncome:
    return await db.read(income_of, world.community_id, period)


async def test_bills_are_earned_by_item_when_they_are_booked(db: Database, world: World):
    water = await db.write(add_fee_item, world.community_id, "水费", "water")
    await db.write(add_bill, Owed(world.unit_id, water, "2026-11", 3_400, item_name="水费"))

    found = await of(db, world, NOVEMBER)

    assert set(found.accrued) == {
        ItemSum("水费", 3_400),
        ItemSum("物业费", 2 * 25_060 + 99_900),
    }
    assert found.accrued_fen == -await db.read(ledger.balance, Account.INCOME)
    assert (await of(db, world, OCTOBER)).accrued == ()


async def test_a_voided_bill_takes_its_income_back_in_the_month_of_voiding(
    db: Database, world: World
):
    december = datetime(2026, 12, 3, 2, tzinfo=UTC)
    await db.write(void_bill, bill_id=world.october_id, reason="重复", actor=CLOCK, now=december)

    assert (await of(db, world, DECEMBER)).accrued == (ItemSum("物业费", -25_060),)


async def test_money_counts_in_the_month_in_which_it_was_paid(db: Database, world: World):
    await db.write(pay, world.unit_id, (world.october_id,), paid_at=LATE)
    await db.write(pay, world.unit_id, (world.november_id,), paid_at=LATE.replace(month=12, day=1))

    november, december = await of(db, world, NOVEMBER), await of(db, world, DECEMBER)

    assert november.received == december.received == (ItemSum("物业费", 25_060),)


async def test_what_is_put_aside_is_no_income_and_what_it_pays_no_new_money(
    db: Database, world: World
):
    await db.write(put_aside, world.unit_id, Aside(60_000), paid_at=NOW)
    await db.write(apply_prepayments, world.unit_id, now=NOW)

    found = await of(db, world, NOVEMBER)

    assert (found.received, found.set_aside_fen) == ((), 60_000)


async def test_all_that_came_and_went_is_in_one_of_the_sums(db: Database, world: World):
    def live(tx: Connection) -> None:
        identity_id = meet(tx, "oLi")
        both = (world.october_id, world.november_id)
        payment_id = pay(tx, world.unit_id, both, identity_id=identity_id, paid_at=NOW)
        aside_id = put_aside(tx, world.unit_id, Aside(60_000), paid_at=NOW)
        for of_payment, fen in ((payment_id, 25_060), (aside_id, 1_000)):
            asked = RefundAskedFor(of_payment, fen, "paid_twice", "重复", str(fen), identity_id)
            view = request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW)
            done = RefundFact(
                "wechat_pay", view.refund_no, "", RefundState.SUCCESS, fen, settled_at=NOW
            )
            note_refund(tx, done, heard_at=NOW)

    await db.write(live)

    found = await of(db, world, NOVEMBER)

    assert (found.received_fen, found.set_aside_fen, found.for_others_fen) == (25_060, 59_000, 0)
    clearing = await db.read(ledger.balance, Account.CLEARING)
    assert found.received_fen + found.set_aside_fen == clearing


async def test_another_communitys_money_is_not_in_it(db: Database, world: World):
    await db.write(pay, world.unit_id, (world.october_id,), paid_at=NOW)

    found = await db.read(income_of, world.community_id + 1, NOVEMBER)

    assert found == MonthlyIncome((), (), 0, 0, 0, 0, 0, 0)
    rows = await db.read(lambda tx: len(tx.execute(select(payments.c.id)).all()))
    assert rows == 1


async def test_what_is_collected_for_others_is_no_income(db: Database, world: World):
    bill_id = await db.write(_agency_bill, world)
    await db.write(pay, world.unit_id, (bill_id,), paid_at=NOW)

    found = await of(db, world, NOVEMBER)

    assert (found.received, found.for_others_fen) == ((), 8_000)


def _agency_bill(tx: Connection, world: World) -> int:
    item_id = add_fee_item(tx, world.community_id, "垃圾清运费", "garbage")
    tx.exec_driver_sql(f"UPDATE fee_items SET fee_class = 'agency' WHERE id = {item_id}")
    add_bill(tx, Owed(world.unit_id, item_id, "2026-11", 8_000, item_name="垃圾清运费"))
    key: int = tx.execute(select(bills.c.id).where(bills.c.fee_item_id == item_id)).scalar_one()
    return key


async def test_what_was_waived_is_said_beside_what_was_earned(db: Database, world: World):
    def waive(tx: Connection) -> None:
        legs = [Leg(Account.WAIVER, 500), Leg(Account.RECEIVABLE, -500, world.unit_id)]
        ledger.post(
            tx,
            key="waiver:1",
            memo="减免",
            community_id=world.community_id,
            posted_at=NOW,
            legs=legs,
        )

    await db.write(waive)

    november, december = await of(db, world, NOVEMBER), await of(db, world, DECEMBER)

    assert (november.waived_fen, december.waived_fen) == (500, 0)
    assert november.accrued_fen == 2 * 25_060 + 99_900
