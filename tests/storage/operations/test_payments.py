"""Money coming in: heard once or ten times, early or late, right or wrong, it is booked once."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from storage import ledger
from storage.audit import CLOCK
from storage.database import open_database
from storage.kinds import Account, OrderState
from storage.models.payments import payment_events, payment_orders, payments, refunds
from storage.operations.bills import void_bill
from storage.operations.orders import close_order, note_prepay, open_order, refuse_order
from storage.operations.payments import note_last_answer, settle_payment
from storage.ports.payments import Collection, PaymentState
from storage.queries.work import orders_to_query
from tests.factories import Owed, add_bill
from tests.storage.operations.stage import Stage, staged

FULL = 50_120
"""October and November together."""


async def test_a_payment_pays_what_was_ticked_and_the_payer_hears_of_it(stage: Stage):
    payment_id = await stage.paid(stage.both)

    assert await stage.open_fen() == [0, 0]
    assert await stage.db.read(ledger.balance, Account.CLEARING) == FULL
    assert await stage.db.read(ledger.balance, Account.RECEIVABLE, stage.world.unit_id) == 0
    assert await stage.told() == ["PaymentSettled"]
    assert [row.id for row in await stage.rows(payments)] == [payment_id]
    await stage.books_hold()


async def test_a01_the_same_notice_ten_times_is_one_payment(stage: Stage):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)

    outcomes = [(await stage.settle(fact)).outcome for _ in range(10)]

    assert outcomes == ["settled"] + ["repeated"] * 9
    assert await stage.counts() == (1, 1)
    assert await stage.told() == ["PaymentSettled"]
    assert await stage.trouble() == []
    await stage.books_hold()


async def test_a02_ten_notices_at_the_same_instant_are_one_payment(stage: Stage):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)

    outcomes = await asyncio.gather(*(stage.settle(fact) for _ in range(10)))

    assert sorted(one.outcome for one in outcomes) == ["repeated"] * 9 + ["settled"]
    assert await stage.counts() == (1, 1)
    await stage.books_hold()


@pytest.mark.postgresql
async def test_a02_two_processes_hear_of_it_at_the_same_instant(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db, open_database(url) as other:
        stage = await staged(db)
        order = await stage.order(stage.both)
        notice, query = stage.gateway.pay(order.order_no), stage.gateway.fact(order.order_no)

        outcomes = await asyncio.gather(
            *(
                where.write(settle_payment, fact, heard_at=stage.now)
                for where in (db, other)
                for fact in (notice, query, notice, query, notice)
            )
        )

        assert sorted(one.outcome for one in outcomes) == ["repeated"] * 9 + ["settled"]
        assert await stage.counts() == (1, 1)
        await stage.books_hold()
    migrated_postgres.drop(url)


async def test_a02_without_the_lock_a_payment_is_booked_twice(stage: Stage):
    """Positive control: two who both read "open" before either writes do book twice."""
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)
    await stage.settle(fact)

    def forget_that_it_is_paid(tx):
        tx.execute(update(payment_orders).values(state=OrderState.OPEN))

    await stage.db.write(forget_that_it_is_paid)
    outcome = (await stage.at_once(stage.settle(replace(fact, event_id="EV-2"))))[0]

    assert isinstance(outcome, Exception), "the unique payment of an order is the last guard"
    assert await stage.counts() == (1, 1)


async def test_a03_the_refunds_notice_before_the_payments_is_no_trouble(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    fact = stage.gateway.pay((await stage.rows(payment_orders))[0].order_no)
    await stage.given_back(view.refund_no)

    again = await stage.settle(fact)

    assert again.outcome == "repeated"
    assert await stage.open_fen() == [25_060, 25_060]
    await stage.books_hold()


@pytest.mark.parametrize("end", [close_order, refuse_order])
async def test_a04_money_for_an_order_that_we_had_closed_is_still_taken(stage: Stage, end):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)
    await stage.db.write(end, order.order_no)
    stage.clock.advance(hours=24)

    settlement = await stage.settle(fact)

    assert settlement.outcome == "settled"
    assert await stage.open_fen() == [0, 0]
    assert await stage.order_states() == ["paid"]
    await stage.books_hold()


async def test_a05_money_for_a_bill_that_was_voided_goes_back_by_itself(stage: Stage):
    order = await stage.order([stage.world.october_id])
    fact = stage.gateway.pay(order.order_no)
    await stage.db.write(
        void_bill, bill_id=stage.world.october_id, reason="重复出账", actor=CLOCK, now=stage.now
    )

    await stage.settle(fact)

    returned = await stage.rows(refunds)
    assert [(row.amount_fen, row.cause, row.state) for row in returned] == [
        (25_060, "paid_twice", "approved")
    ]
    assert await stage.told() == ["PaymentReturned"]
    await stage.given_back(returned[0].refund_no)
    await stage.books_hold()


async def test_a06_an_order_we_never_opened_is_written_down_and_nothing_is_booked(stage: Stage):
    order = await stage.order(stage.both)
    fact = replace(stage.gateway.pay(order.order_no), order_no="W260101UNKNOWN")

    settlement = await stage.settle(fact)
    await stage.settle(fact)

    assert settlement.outcome == "contradiction"
    assert await stage.trouble() == ["UnknownPaymentOrder"]
    assert await stage.counts() == (0, 0)
    assert [row.outcome for row in await stage.rows(payment_events)] == ["contradiction"]


WRONG = {
    "a07_the_amount": ({"amount_fen": 1}, "AmountMismatch"),
    "a07_a_fen_too_much": ({"amount_fen": FULL + 1}, "AmountMismatch"),
    "a08_the_currency": ({"currency": "USD"}, "MerchantMismatch"),
    "a09_the_merchant": ({"merchant_id": "1900000099"}, "MerchantMismatch"),
    "a10_the_app": ({"app_id": "wx99"}, "MerchantMismatch"),
    "no_number": ({"transaction_id": ""}, "MerchantMismatch"),
}


@pytest.mark.parametrize(("wrong", "kind"), WRONG.values(), ids=WRONG.keys())
async def test_where_the_platform_contradicts_the_order_nothing_is_booked(
    stage: Stage, wrong, kind
):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)

    for _ in range(3):
        assert (await stage.settle(replace(fact, **wrong))).outcome == "contradiction"

    assert await stage.trouble() == [kind]
    assert await stage.counts() == (0, 0)
    assert await stage.open_fen() == [25_060, 25_060]
    assert await stage.order_states() == ["open"]
    assert await stage.told() == []
    # The right word, heard later, is still taken.
    assert (await stage.settle(stage.gateway.fact(order.order_no))).outcome == "settled"
    await stage.books_hold()


async def test_a_wrong_word_after_the_payment_is_not_taken_for_a_repetition(stage: Stage):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)
    await stage.settle(fact)

    late = replace(fact, event_id="EV-2", transaction_id="4200000099")
    settlement = await stage.settle(late)

    assert settlement.outcome == "contradiction"
    assert await stage.trouble() == ["MerchantMismatch"]
    assert await stage.counts() == (1, 1)
    await stage.books_hold()


async def test_one_transaction_of_the_platform_pays_one_order_only(stage: Stage):
    first = await stage.order([stage.world.october_id])
    second = await stage.order([stage.world.november_id])
    fact = stage.gateway.pay(first.order_no)
    await stage.settle(fact)

    settlement = await stage.settle(
        replace(fact, order_no=second.order_no, amount_fen=second.amount_fen, event_id="EV-9")
    )

    assert settlement.outcome == "contradiction"
    assert await stage.open_fen() == [0, 25_060]
    assert await stage.trouble() == ["MerchantMismatch"]
    await stage.books_hold()


@pytest.mark.parametrize("later", [{"hours": 1}, {"days": 365}])
async def test_a15_a_notice_played_back_later_changes_nothing(stage: Stage, later):
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)
    await stage.settle(fact)
    stage.clock.advance(**later)

    assert (await stage.settle(fact)).outcome == "repeated"
    assert await stage.counts() == (1, 1)


@pytest.mark.parametrize("state", [one for one in PaymentState if one is not PaymentState.PAID])
async def test_a19_what_is_not_paid_is_not_booked(stage: Stage, state):
    order = await stage.order(stage.both)

    settlement = await stage.settle(replace(stage.gateway.fact(order.order_no), state=state))

    assert settlement.outcome == "not_paid"
    assert await stage.counts() == (0, 0)
    assert await stage.order_states() == ["open"]


async def test_b01_two_people_who_pay_one_bill_at_once_pay_it_once(stage: Stage):
    hers = await stage.order([stage.world.october_id], payer="oLi")
    his = await stage.order([stage.world.october_id], payer="oWang")
    facts = [stage.gateway.pay(one.order_no) for one in (hers, his)]

    outcomes = await asyncio.gather(*(stage.settle(fact) for fact in facts))

    assert [one.outcome for one in outcomes] == ["settled", "settled"]
    assert await stage.open_fen() == [0, 25_060]
    assert await stage.counts() == (2, 2)
    returned = await stage.rows(refunds)
    assert [(row.amount_fen, row.state) for row in returned] == [(25_060, "approved")]
    assert sorted(await stage.told()) == ["PaymentReturned", "PaymentSettled"]
    await stage.given_back(returned[0].refund_no)
    assert await stage.open_fen() == [0, 25_060]
    await stage.books_hold()


@pytest.mark.postgresql
async def test_b01_two_processes_settle_the_two_orders_at_once(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db, open_database(url) as other:
        stage = await staged(db)
        orders = [await stage.order(stage.both, payer=f"o{n}") for n in range(6)]
        facts = [stage.gateway.pay(one.order_no) for one in orders]

        await asyncio.gather(
            *(
                where.write(settle_payment, fact, heard_at=stage.now)
                for fact, where in zip(facts, [db, other] * 3, strict=True)
            )
        )

        assert await stage.open_fen() == [0, 0]
        assert len(await stage.rows(refunds)) == 5
        for row in await stage.rows(refunds):
            await stage.given_back(row.refund_no)
        await stage.books_hold()
    migrated_postgres.drop(url)


async def test_b04_an_order_about_to_end_makes_room_for_a_new_one_and_is_still_asked_about(
    stage: Stage,
):
    old = await stage.order(stage.both)
    stage.clock.advance(minutes=109, seconds=30)

    new = await stage.order(stage.both)

    assert new.order_no != old.order_no
    due = await stage.db.read(orders_to_query, now=stage.clock.advance(hours=1), limit=9)
    assert {one.order_no for one in due} == {old.order_no, new.order_no}
    # Both are paid in the last second, and the old one's notice is lost.
    await stage.settle(stage.gateway.pay(new.order_no))
    await stage.settle(stage.gateway.pay(old.order_no))
    assert await stage.open_fen() == [0, 0]
    await stage.given_back((await stage.rows(refunds))[0].refund_no)
    await stage.books_hold()


async def test_b06_a_bill_that_grew_after_the_page_was_shown_keeps_the_difference_open(
    stage: Stage,
):
    order = await stage.order([stage.world.october_id])

    def another_bill(tx):
        wanted = Owed(stage.world.unit_id, stage.world.fee_item_id, "2026-12", 1_234)
        return add_bill(tx, wanted)

    await stage.db.write(another_bill)
    await stage.settle(stage.gateway.pay(order.order_no))

    assert await stage.open_fen() == [0, 25_060, 1_234]
    await stage.books_hold()


async def test_b07_what_was_paid_meanwhile_makes_the_rest_prepayment(stage: Stage):
    order = await stage.order(stage.both)
    await stage.paid([stage.world.october_id], payer="oWang")

    await stage.settle(stage.gateway.pay(order.order_no))

    assert await stage.open_fen() == [0, 0]
    row = (await stage.rows(payments))[-1]
    assert (row.allocated_fen, row.surplus_fen, row.returned_fen) == (25_060, 25_060, 0)
    assert await stage.db.read(ledger.balance, Account.PREPAYMENT, stage.world.unit_id) == -25_060
    assert await stage.rows(refunds) == []
    await stage.books_hold()


async def test_m10_money_goes_to_what_was_ticked_and_not_to_older_debts(stage: Stage):
    await stage.paid([stage.world.november_id])

    assert await stage.open_fen() == [25_060, 0]


async def test_m9_any_order_of_the_same_notices_ends_in_the_same_books(stage: Stage):
    october = await stage.order([stage.world.october_id])
    both = await stage.order(stage.both)
    november = await stage.order([stage.world.november_id], payer="oWang")
    facts = [stage.gateway.pay(one.order_no) for one in (november, both, october)]

    for fact in [*facts, *reversed(facts), *facts]:
        await stage.settle(fact)

    assert await stage.open_fen() == [0, 0]
    assert sum(row.amount_fen for row in await stage.rows(payments)) == 2 * FULL
    for row in await stage.rows(refunds):
        await stage.given_back(row.refund_no)
    await stage.books_hold()


async def test_b16_an_order_whose_form_is_in_a_payers_hand_stays_open_until_its_own_end(
    stage: Stage,
):
    order = await stage.db.write(open_order, stage.ask(stage.both), now=stage.now)
    form = Collection(form='{"action": "https://cards.test", "fields": {}}')
    await stage.db.write(note_prepay, order.order_no, form, now=stage.now)
    never_seen = stage.gateway.fact(order.order_no)

    early = await stage.db.write(note_last_answer, never_seen, heard_at=stage.now)
    stage.clock.advance(hours=2)
    late = await stage.db.write(note_last_answer, never_seen, heard_at=stage.now)

    assert (early, late) == ("open", "closed")
