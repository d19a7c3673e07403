"""Payments heard in the same instant are booked in one go, and each as if it had come alone."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from storage.database import Database
from storage.kinds import BindingState, OccupancyRole
from storage.models.bills import bills
from storage.models.messages import outbox
from storage.models.payments import payment_events, receipts, refunds
from storage.models.people import bindings
from storage.operations.payments import Heard, settle_payments
from storage.ports.payments import PaymentFact, PaymentState
from storage.queries.bills import open_bills, open_fen_of_bindings
from storage.sql import next_number, next_numbers
from tests.factories import Owed, add_bill, add_binding, add_resident, move_in
from tests.storage.operations.stage import Stage

NEXT_DOOR = 99_900


async def next_door(stage: Stage) -> int:
    """Return the one bill of the flat next door."""
    unit_id = stage.world.next_door_id
    wanted = select(bills.c.id).where(bills.c.unit_id == unit_id)
    return await stage.db.read(lambda tx: tx.execute(wanted).scalar_one())


async def order_next_door(stage: Stage, *, bill_ids: tuple[int, ...] = ()) -> str:
    """Open an order of the flat next door; also over bills of hers, where they are named."""
    also = (stage.world.unit_id,) if bill_ids else ()
    ask = replace(
        stage.ask([await next_door(stage), *bill_ids], payer="oWang"),
        unit_id=stage.world.next_door_id,
        identity_id=None,
        other_unit_ids=also,
    )
    return (await stage.order_as(ask)).order_no


async def said(stage: Stage) -> list[dict]:
    return [json.loads(row.facts) for row in await stage.rows(outbox)]


async def test_two_flats_are_paid_in_one_go_and_their_receipts_follow_the_order_of_arrival(
    stage: Stage,
):
    hers = (await stage.order(stage.both)).order_no
    his = await order_next_door(stage)

    def bind_him(tx: Connection) -> None:
        add_binding(tx, "oWang", stage.world.next_door_id, stage.world.wang_id)

    await stage.db.write(bind_him)

    heard = await stage.settle_all(stage.gateway.pay(his), stage.gateway.pay(hers))

    assert [one.outcome for one in heard] == ["settled", "settled"]
    told = await said(stage)
    assert [(one["order_no"], one["open_fen"]) for one in told] == [(his, 0), (hers, 0)]
    issued = {row.payment_id: row.receipt_no for row in await stage.rows(receipts)}
    assert [issued[one.payment_id] for one in heard] == ["R20260000001", "R20260000002"]
    assert [one["payment_id"] for one in told] == [one.payment_id for one in heard]
    await stage.books_hold()


async def test_of_one_flat_the_first_is_told_what_the_second_has_not_paid_yet(stage: Stage):
    orders = [await stage.order([one]) for one in stage.both]

    await stage.settle_all(*(stage.gateway.pay(one.order_no) for one in orders))

    assert [(one["bills"][0][1], one["open_fen"]) for one in await said(stage)] == [
        ("2026-10", 25_060),
        ("2026-11", 0),
    ]
    await stage.books_hold()


async def test_of_two_orders_over_one_bill_the_second_finds_it_paid(stage: Stage):
    part = await stage.order(stage.both[:1])
    whole = await stage.order(stage.both)

    await stage.settle_all(*(stage.gateway.pay(one.order_no) for one in (part, whole)))

    assert await stage.open_fen() == [0, 0]
    assert await stage.prepaid_fen() == 25_060
    await stage.books_hold()


async def test_who_waits_for_her_turn_is_not_overtaken_by_those_behind_her(stage: Stage):
    first = await stage.order(stage.both[:1])
    both_flats = await order_next_door(stage, bill_ids=stage.both[:1])
    last = await order_next_door(stage)

    heard = await stage.settle_all(
        *(stage.gateway.pay(one) for one in (first.order_no, both_flats, last))
    )

    (returned,) = await stage.rows(refunds)
    assert returned.order_no == last, "the money that came last found the bill paid"
    assert [one.outcome for one in heard] == ["settled"] * 3
    await stage.books_hold()


async def test_one_number_of_the_platform_pays_one_order_only_though_both_come_at_once(
    stage: Stage,
):
    hers, his = (await stage.order(stage.both)).order_no, await order_next_door(stage)
    number = stage.gateway.pay(hers).transaction_id
    forged = replace(stage.gateway.pay(his), transaction_id=number)

    heard = await stage.settle_all(stage.gateway.pay(hers), forged)

    assert [one.outcome for one in heard] == ["settled", "contradiction"]
    assert await stage.trouble() == ["MerchantMismatch"]
    assert await stage.counts() == (1, 1)


async def test_good_and_bad_words_of_one_instant_each_come_to_their_own_end(stage: Stage):
    hers, his = (await stage.order(stage.both)).order_no, await order_next_door(stage)
    good = stage.gateway.pay(hers)
    bad = replace(stage.gateway.pay(his), amount_fen=1)
    nobodys = replace(good, order_no="W000", event_id="EV-0", transaction_id="T0")
    ended = replace(nobodys, order_no=his, event_id="EV-1", state=PaymentState.CLOSED)

    heard = await stage.settle_all(bad, nobodys, good, ended, good, bad)

    assert [one.outcome for one in heard] == [
        "contradiction",
        "contradiction",
        "settled",
        "not_paid",
        "repeated",
        "contradiction",
    ]
    assert sorted(await stage.trouble()) == ["AmountMismatch", "UnknownPaymentOrder"]
    outcomes = sorted(row.outcome for row in await stage.rows(payment_events))
    assert outcomes == ["contradiction", "contradiction", "not_paid", "settled"]
    assert await stage.counts() == (1, 1)


async def test_a_number_of_another_platform_is_no_number_of_ours(stage: Stage):
    hers = (await stage.order(stage.both)).order_no
    stranger = replace(stage.gateway.pay(hers), gateway="alipay")

    heard = await stage.settle_all(stranger, stage.gateway.pay(hers))

    assert [one.outcome for one in heard] == ["contradiction", "settled"]
    assert await stage.trouble() == ["UnknownPaymentOrder"]


async def test_an_event_heard_before_alarms_nobody_whatever_it_says_now(stage: Stage):
    hers = (await stage.order(stage.both)).order_no
    good = stage.gateway.pay(hers)
    changed = replace(good, order_no="W000", transaction_id="T0")

    heard = await stage.settle_all(good, changed)

    assert [one.outcome for one in heard] == ["settled", "contradiction"]
    assert await stage.trouble() == []


async def test_a_poisonous_word_fails_alone_and_its_neighbours_are_booked(stage: Stage):
    hers, his = (await stage.order(stage.both)).order_no, await order_next_door(stage)
    naive = datetime(2026, 11, 23, 10)  # noqa: DTZ001 - what no column takes
    poison = replace(stage.gateway.pay(his), paid_at=naive)

    heard = await stage.at_once(stage.settle(stage.gateway.pay(hers)), stage.settle(poison))

    assert heard[0].outcome == "settled"
    assert isinstance(heard[1], Exception)
    assert await stage.counts() == (1, 1)
    assert await stage.order_states() == ["paid", "open"]


async def test_each_keeps_the_instant_at_which_it_was_heard(stage: Stage):
    hers, his = (await stage.order(stage.both)).order_no, await order_next_door(stage)
    first = Heard(stage.gateway.pay(hers), stage.now)
    stage.clock.advance(hours=9)
    second = Heard(stage.gateway.pay(his), stage.now)

    await stage.db.write(settle_payments, [first, second])

    assert [row.issued_at for row in await stage.rows(receipts)] == [first.at, second.at]
    assert [row.created_at for row in await stage.rows(outbox)][:1] == [first.at]
    assert [row.heard_at for row in await stage.rows(payment_events)] == [first.at, second.at]


async def test_another_who_paid_by_her_own_phone_hears_of_it_too(stage: Stage):
    def bind_him(tx: Connection) -> None:
        add_binding(tx, "oWang", stage.world.next_door_id, stage.world.wang_id)

    await stage.db.write(bind_him)
    hers = await stage.order(stage.both, payer="oWang")

    await stage.settle(stage.gateway.pay(hers.order_no))

    heard = [(row.recipient, json.loads(row.facts)["open_fen"]) for row in await stage.rows(outbox)]
    assert heard == [("oLi", 0), ("oWang", -1)]


@pytest.mark.parametrize("state", [BindingState.ACTIVE, BindingState.REMOVED])
async def test_what_many_bindings_owe_is_what_each_may_see(stage: Stage, state: BindingState):
    def move_others_in(tx: Connection) -> list[int]:
        tenant = add_resident(tx, stage.world.community_id, "赵租客", "13700001111")
        move_in(tx, tenant, stage.world.unit_id, OccupancyRole.TENANT)
        add_bill(
            tx,
            Owed(stage.world.unit_id, stage.world.fee_item_id, "2026-09", 700, liable_id=tenant),
        )
        home = stage.world.unit_id
        made = [
            add_binding(tx, "oZhao", home, tenant, OccupancyRole.TENANT),
            add_binding(tx, "oWang", stage.world.next_door_id, stage.world.wang_id),
        ]
        tx.execute(bindings.update().where(bindings.c.id == made[0]).values(state=state))
        return list(tx.execute(select(bindings.c.id)).scalars())

    ids = await stage.db.write(move_others_in)

    def seen(tx: Connection) -> dict[int, int]:
        return {one: sum(bill.open_fen for bill in open_bills(tx, one)) for one in ids}

    one_by_one = await stage.db.read(seen)
    assert await stage.db.read(open_fen_of_bindings, ids) == one_by_one
    assert sorted(one_by_one.values())[-1] == NEXT_DOOR


async def test_numbers_given_out_together_follow_those_given_out_alone(db: Database):
    def number(tx: Connection) -> list[int]:
        return [next_number(tx, "a"), *next_numbers(tx, "a", 3), next_number(tx, "a")]

    assert await db.write(number) == [1, 2, 3, 4, 5]
    assert list(await db.write(next_numbers, "b", 2)) == [1, 2]


def fact_of(order_no: str) -> PaymentFact:
    return PaymentFact("wechat_pay", order_no, PaymentState.PAID, 1, "CNY", "", "", "T")


async def test_words_on_no_order_of_ours_are_all_written_down(db: Database):
    def hear_all(tx: Connection) -> list[str]:
        heard = [
            Heard(fact_of(f"W{number}"), datetime.fromisoformat("2026-11-23T02:00:00Z"))
            for number in range(300)
        ]
        return [one.outcome for one in settle_payments(tx, heard)]

    assert await db.write(hear_all) == ["contradiction"] * 300
