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
from storage.operations.closing import close_period, reopen_period
from storage.operations.orders import OpenOrder
from storage.operations.payments import settle_payment
from storage.operations.prepay_orders import Aside
from storage.operations.prepayments import apply_prepayments
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.periods import BillingPeriod
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState
from storage.queries.income import ItemSum, MonthlyIncome, income_of
from tests.factories import (
    NOW,
    Owed,
    World,
    add_bill,
    add_fee_item,
    begin_to_pay,
    build,
    meet,
    pay,
    put_aside,
)

OCTOBER, NOVEMBER, DECEMBER = (BillingPeriod(2026, month) for month in (10, 11, 12))
LATE = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)
"""The last second of November in Shanghai."""


def paid(order: OpenOrder, at: datetime) -> PaymentFact:
    """Return the platform's word that an order was paid."""
    return PaymentFact(
        gateway="wechat_pay",
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=order.amount_fen,
        currency="CNY",
        merchant_id="1900000001",
        app_id="wx1",
        transaction_id=f"42{order.order_no}",
        paid_at=at,
    )


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


async def close(db: Database, world: World, period: BillingPeriod, at: datetime) -> None:
    await db.write(
        close_period, community_id=world.community_id, period=period, actor=CLOCK, now=at
    )


async def test_money_heard_of_after_its_month_was_closed_came_in_when_it_was_heard_of(
    db: Database, world: World
):
    heard_at = datetime(2026, 12, 3, 2, tzinfo=UTC)
    await db.write(pay, world.unit_id, (world.october_id,), paid_at=LATE)
    await close(db, world, NOVEMBER, heard_at)
    before = await of(db, world, NOVEMBER)

    def hear(tx: Connection) -> None:
        order = begin_to_pay(tx, world.unit_id, (world.november_id,), at=LATE)
        settle_payment(tx, paid(order, LATE), heard_at=heard_at)
        put_aside(tx, world.unit_id, Aside(60_000), paid_at=heard_at)

    await db.write(hear)

    december = await of(db, world, DECEMBER)
    assert await of(db, world, NOVEMBER) == before
    assert (before.received_fen, december.received_fen) == (25_060, 25_060)
    assert december.set_aside_fen == 60_000


@pytest.mark.parametrize("heard_on", [1, 9])
async def test_money_heard_of_before_the_close_or_after_it_was_undone_keeps_its_own_month(
    db: Database, world: World, heard_on: int
):
    third = datetime(2026, 12, 3, 2, tzinfo=UTC)
    heard_at = third.replace(day=heard_on)

    def hear(tx: Connection) -> None:
        order = begin_to_pay(tx, world.unit_id, (world.november_id,), at=LATE)
        settle_payment(tx, paid(order, LATE), heard_at=heard_at)

    def reopen(tx: Connection) -> None:
        reopen_period(
            tx,
            community_id=world.community_id,
            period=NOVEMBER,
            reason="漏记",
            actor=CLOCK,
            now=third.replace(day=5),
        )

    if heard_on == 1:
        await db.write(hear)
    await close(db, world, NOVEMBER, third)
    if heard_on == 9:
        await db.write(reopen)
        await db.write(hear)

    found = [(await of(db, world, one)).received_fen for one in (NOVEMBER, DECEMBER)]
    assert found == [25_060, 0]


async def test_a_refund_heard_of_after_its_month_was_closed_went_out_when_it_was_heard_of(
    db: Database, world: World
):
    heard_at = datetime(2026, 12, 3, 2, tzinfo=UTC)

    def ask(tx: Connection) -> str:
        identity_id = meet(tx, "oLi")
        payment_id = pay(tx, world.unit_id, (world.october_id,), identity_id=identity_id)
        asked = RefundAskedFor(payment_id, 25_060, "paid_twice", "重复", "1", identity_id)
        return request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW).refund_no

    refund_no = await db.write(ask)
    await close(db, world, NOVEMBER, heard_at)
    before = await of(db, world, NOVEMBER)
    done = RefundFact("wechat_pay", refund_no, "", RefundState.SUCCESS, 25_060, settled_at=LATE)

    await db.write(note_refund, done, heard_at=heard_at)

    assert await of(db, world, NOVEMBER) == before
    assert before.received_fen == 25_060
    assert (await of(db, world, DECEMBER)).received_fen == -25_060


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

    assert found == MonthlyIncome((), (), 0, 0, 0, 0, 0, 0, 0)
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
