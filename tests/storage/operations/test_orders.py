"""Payment orders: the same wish is one order, and of all over one bill only one is to be paid."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from storage.database import open_database
from storage.errors import BillAlreadyPaid, CollectionClosed, NothingToPay, UnknownBill
from storage.models.bills import bills
from storage.models.payments import payment_orders
from storage.models.policies import policies
from storage.operations.orders import (
    FIRST_QUERIES,
    OpenOrder,
    RivalOrder,
    close_order,
    note_prepay,
    open_alone,
    open_order,
    postpone_query,
)
from storage.ports.payments import Collection
from storage.queries.work import orders_to_query
from tests.storage.operations.stage import Stage, staged


async def test_b02_the_same_wish_twice_is_the_same_order(stage: Stage):
    orders = await asyncio.gather(
        *(stage.db.write(open_order, stage.ask(stage.both), now=stage.now) for _ in range(5))
    )

    assert len({one.order_no for one in orders}) == 1


async def test_b02_another_payer_or_another_choice_is_another_order(stage: Stage):
    orders = [
        await stage.order(stage.both),
        await stage.order(stage.both, payer="oWang"),
        await stage.order([stage.world.october_id]),
    ]

    assert len({one.order_no for one in orders}) == 3


async def test_b02_what_the_platform_gave_for_the_page_is_kept(stage: Stage):
    order = await stage.order(stage.both)
    await stage.db.write(note_prepay, order.order_no, Collection("wx2612"), now=stage.now)

    again = await stage.order(stage.both)

    assert again.collection == Collection("wx2612")


async def test_b05_an_order_is_only_for_open_bills_of_this_flat(stage: Stage):
    def next_doors(tx):
        found = select(bills.c.id).where(bills.c.unit_id == stage.world.next_door_id)
        return tx.execute(found).scalar_one()

    theirs = await stage.db.read(next_doors)
    await stage.paid([stage.world.october_id])

    for bill_ids, refusal in (
        ((), NothingToPay),
        ((theirs,), UnknownBill),
        ((stage.world.november_id, theirs), UnknownBill),
        ((999_999,), UnknownBill),
        ((2**70,), Exception),
        ((stage.world.october_id,), BillAlreadyPaid),
    ):
        outcome = (await stage.at_once(stage.order(bill_ids)))[0]
        assert isinstance(outcome, refusal), bill_ids
    assert await stage.order_states() == ["paid"]


async def test_a_community_that_takes_no_money_now_says_why(stage: Stage):
    def shut(tx):
        tx.execute(update(policies).values(collection_closed="系统维护"))

    await stage.db.write(shut)

    with pytest.raises(CollectionClosed, match="系统维护"):
        await stage.order(stage.both)


async def test_our_own_questions_come_at_ever_longer_intervals_and_end_with_the_order(
    stage: Stage,
):
    order = await stage.order(stage.both)
    waits = []
    for _ in range(12):
        row = (await stage.rows(payment_orders))[0]
        waits.append((row.next_query_at - stage.now).total_seconds())
        stage.clock.advance(seconds=waits[-1])
        await stage.db.write(postpone_query, order.order_no, now=stage.now)

    assert waits == sorted(waits)
    assert waits[0] == FIRST_QUERIES[0]
    assert waits[-1] == FIRST_QUERIES[-1]
    await stage.settle(stage.gateway.pay(order.order_no))
    await stage.db.write(postpone_query, order.order_no, now=stage.now)
    assert await stage.db.read(orders_to_query, now=stage.now + timedelta(days=9), limit=9) == []


async def alone(
    stage: Stage, bill_ids, *, payer: str = "oLi", despite: frozenset[str] = frozenset()
):
    ask = stage.ask(bill_ids, payer=payer)
    return await stage.db.write(open_alone, ask, now=stage.now, despite=despite)


def rival(order: OpenOrder) -> RivalOrder:
    return RivalOrder(order.order_no, "wechat_pay", order.created_at)


async def test_b02_whoever_could_pay_one_of_the_bills_besides_is_named_and_nothing_opened(
    stage: Stage,
):
    october, november = stage.both
    first = await stage.order([october])
    second = await stage.order([november], payer="oWang")

    for bill_ids, rivals in (
        ((october, november), (first, second)),
        ((november,), (second,)),
    ):
        named = await alone(stage, bill_ids, payer="oChen")
        assert named == tuple(map(rival, rivals))

    assert len(await stage.rows(payment_orders)) == 2


async def test_b02_once_the_others_have_ended_the_order_is_opened(stage: Stage):
    first = await stage.order(stage.both)
    await stage.db.write(close_order, first.order_no)

    opened = await alone(stage, stage.both, payer="oWang")

    assert isinstance(opened, OpenOrder)
    assert await stage.order_states() == ["closed", "open"]


async def test_b02_her_own_order_for_the_same_wish_is_no_rival(stage: Stage):
    first = await stage.order(stage.both)

    assert (await alone(stage, stage.both)).order_no == first.order_no


async def test_b04_her_own_order_about_to_end_is_ended_too(stage: Stage):
    first = await stage.order(stage.both)
    stage.clock.advance(minutes=109, seconds=30)

    assert await alone(stage, stage.both) == (rival(first),)


async def test_b02_one_that_could_not_be_ended_keeps_nobody_from_paying(stage: Stage):
    """Should both be paid, the second goes back: that is what b01 shows."""
    first = await stage.order(stage.both)

    opened = await alone(stage, stage.both, payer="oWang", despite=frozenset([first.order_no]))

    assert isinstance(opened, OpenOrder)
    assert await stage.order_states() == ["open", "open"]


async def test_b02_of_two_who_press_at_the_same_instant_one_is_told_of_the_other(stage: Stage):
    outcomes = await asyncio.gather(
        alone(stage, stage.both), alone(stage, stage.both, payer="oWang")
    )

    assert sum(isinstance(one, OpenOrder) for one in outcomes) == 1
    assert await stage.order_states() == ["open"]


@pytest.mark.postgresql
async def test_b02_so_it_is_with_two_processes(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db, open_database(url) as other:
        stage = await staged(db)
        payers = [f"o{number}" for number in range(8)]

        outcomes = await asyncio.gather(
            *(
                where.write(
                    open_alone, stage.ask(stage.both, payer=one), now=stage.now, despite=frozenset()
                )
                for where, one in zip([db, other] * 4, payers, strict=True)
            )
        )

        assert sum(isinstance(one, OpenOrder) for one in outcomes) == 1
        assert await stage.order_states() == ["open"]
    migrated_postgres.drop(url)


async def test_b02_without_the_look_at_the_others_both_are_opened(stage: Stage):
    """Positive control: what opens without asking for rivals opens as many as it is asked for."""
    await asyncio.gather(stage.order(stage.both), stage.order(stage.both, payer="oWang"))

    assert await stage.order_states() == ["open", "open"]


async def test_what_the_platform_gave_comes_with_how_the_order_stands_by_now(stage: Stage):
    order = await stage.order(stage.both)
    await stage.db.write(close_order, order.order_no)

    state = await stage.db.write(note_prepay, order.order_no, Collection("wx2612"), now=stage.now)

    assert state == "closed"
