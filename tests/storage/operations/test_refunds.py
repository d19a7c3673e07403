"""Money going back: never more than came, never twice, and told at each step."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from storage import events, ledger
from storage.audit import Actor
from storage.database import open_database
from storage.errors import (
    NotAllowed,
    RefundStateWrong,
    RefundTooMuch,
    RefundWindowOver,
    SelfApproval,
    UnknownRefund,
)
from storage.kinds import Account, RefundStep, StaffRole
from storage.ledger import Leg
from storage.models.messages import outbox
from storage.models.payments import payment_orders, payments, receipts, refund_parts, refunds
from storage.models.people import identities
from storage.operations.refunds import (
    approve_refund,
    decline_refund,
    postpone_refund,
)
from storage.ports.payments import RefundFact, RefundState
from storage.queries.agenda import next_event_at
from storage.queries.book import book
from storage.queries.proofs import prove
from storage.queries.work import refunds_to_query, refunds_to_submit
from storage.rules.refunds import Source, needs_approval, take_from
from tests import factories
from tests.fakes import in_figures
from tests.storage.operations.stage import Stage, staged

FULL = 50_120
LARGE = {"refund_automatic_fen": 0}


async def manager(stage: Stage, openid: str = "oBoss", role=StaffRole.MANAGER) -> int:
    return await stage.db.write(
        factories.add_staff, stage.world.community_id, "陈经理", role, openid
    )


async def states(stage: Stage) -> list[str]:
    return [row.state for row in await stage.rows(refunds)]


async def reserved(stage: Stage) -> int:
    return sum(row.reserved_fen for row in await stage.rows(payments))


async def test_a_refund_is_told_at_each_step_and_the_bills_are_owed_again(stage: Stage):
    payment_id = await stage.paid(stage.both)

    view = await stage.request(payment_id, FULL)
    assert (view.state, view.is_automatic) == (RefundStep.APPROVED, True)
    assert await stage.open_fen() == [0, 0], "the money is not back yet"
    await stage.submit(view.refund_no)
    assert await states(stage) == ["submitted"]
    await stage.hear(stage.gateway.end_refund(view.refund_no))

    assert await states(stage) == ["success"]
    assert await stage.open_fen() == [25_060, 25_060]
    assert await stage.db.read(ledger.balance, Account.CLEARING) == 0
    told = [one for one in await stage.told() if one != "PaymentSettled"]
    assert told in (
        ["RefundSubmitted", "RefundSettled"],
        ["RefundReceived", "RefundSubmitted", "RefundSettled"],
    )
    await stage.books_hold()


async def test_b08_what_has_not_arrived_cannot_go_back(stage: Stage):
    await stage.order(stage.both)

    with pytest.raises(UnknownRefund):
        await stage.request(1, 100)

    assert await stage.rows(refunds) == []
    assert stage.gateway.returns == {}


async def test_b09_two_who_refund_at_once_never_get_more_than_was_paid(stage: Stage):
    payment_id = await stage.paid([stage.world.october_id])
    await stage.request(payment_id, 15_000, key="first")

    outcomes = await stage.at_once(
        *(stage.request(payment_id, 10_000, key=f"race:{n}") for n in range(4))
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["RefundTooMuch"] * 3 + ["RefundView"]
    assert await reserved(stage) == 25_000
    left = [one.left_fen for one in outcomes if isinstance(one, RefundTooMuch)]
    assert left == [60, 60, 60]
    for row in await stage.rows(refunds):
        await stage.given_back(row.refund_no)
    await stage.books_hold()


@pytest.mark.postgresql
async def test_b09_two_processes_that_race_never_give_more_than_was_paid(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db, open_database(url) as other:
        stage = await staged(db)
        payment_id = await stage.paid([stage.world.october_id])
        beside = replace(stage, db=other)
        beside.gateway = stage.gateway

        outcomes = await stage.at_once(
            *(
                where.request(payment_id, 10_000, key=f"race:{n}")
                for n, where in enumerate([stage, beside] * 4)
            )
        )

        assert sum(isinstance(one, RefundTooMuch) for one in outcomes) == 6
        assert await reserved(stage) == 20_000
        await stage.books_hold()
    migrated_postgres.drop(url)


async def test_b09_with_the_check_forgotten_the_schema_itself_refuses(stage: Stage):
    """Positive control: what the lock and the check prevent would be seen."""
    payment_id = await stage.paid([stage.world.october_id])
    await stage.request(payment_id, 25_060)

    def promise_it_again(tx):
        tx.execute(update(payments).values(reserved_fen=payments.c.reserved_fen + 25_060))

    outcome = (await stage.at_once(stage.db.write(promise_it_again)))[0]
    assert isinstance(outcome, Exception)
    assert await reserved(stage) == 25_060


async def test_the_same_request_twice_is_one_refund(stage: Stage):
    payment_id = await stage.paid(stage.both)

    views = await asyncio.gather(*(stage.request(payment_id, 1_000) for _ in range(5)))

    assert len({view.refund_no for view in views}) == 1
    assert await reserved(stage) == 1_000


@pytest.mark.parametrize("fen", [0, -1, FULL + 1, 2**62])
async def test_b05_no_more_and_no_less_than_what_is_there_can_be_asked(stage: Stage, fen):
    payment_id = await stage.paid(stage.both)

    with pytest.raises(RefundTooMuch):
        await stage.request(payment_id, fen)

    assert await stage.rows(refunds) == []


async def test_b10_an_answer_that_was_lost_is_asked_for_under_the_same_number(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    stage.gateway.lost_answers = 1
    lost = (await stage.at_once(stage.submit(view.refund_no)))[0]
    await stage.db.write(postpone_refund, view.refund_no, now=stage.now)

    assert isinstance(lost, Exception)
    assert await states(stage) == ["unknown"]
    assert await reserved(stage) == FULL
    await stage.given_back(view.refund_no)

    assert list(stage.gateway.returns) == [view.refund_no]
    await stage.books_hold()


async def test_b11_an_abnormal_refund_keeps_its_money_reserved_until_it_ends(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await manager(stage)
    await stage.submit(view.refund_no)

    await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.ABNORMAL))
    assert await states(stage) == ["abnormal"]
    assert await reserved(stage) == FULL
    assert (await stage.told())[-2:] == ["RefundFailed", "StaffTask"]
    await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.SUCCESS))

    assert await states(stage) == ["success"]
    await stage.books_hold()


async def test_b11_a_refund_that_did_not_happen_frees_its_money_once(stage: Stage):
    end = RefundState.REJECTED
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    fact = await stage.submit(view.refund_no)

    for _ in range(3):
        await stage.hear(replace(stage.gateway.end_refund(view.refund_no, end), state=end))

    assert fact.state is RefundState.PROCESSING
    assert await reserved(stage) == 0
    assert await stage.open_fen() == [0, 0]
    assert (await stage.request(payment_id, FULL, key="again")).state is RefundStep.APPROVED
    await stage.books_hold()


async def test_b11_a_refund_that_its_platform_closed_goes_on_under_a_linked_number(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await stage.submit(view.refund_no)

    for _ in range(3):
        await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.CLOSED))

    old, new = await stage.rows(refunds)
    assert (old.state, new.state) == ("closed", "approved")
    assert (new.predecessor_id, new.amount_fen, new.cause) == (old.id, FULL, old.cause)
    assert new.refund_no != old.refund_no
    assert await reserved(stage) == FULL
    stage.clock.advance(minutes=2)
    await stage.given_back(new.refund_no)
    assert await states(stage) == ["closed", "success"]
    assert await stage.open_fen() == [25_060, 25_060]
    await stage.books_hold()


async def test_b11_after_five_numbers_a_person_has_to_look(stage: Stage):
    payment_id = await stage.paid(stage.both)
    await stage.request(payment_id, FULL)

    for _ in range(8):
        for row in await stage.rows(refunds):
            if row.state == "approved":
                await stage.submit(row.refund_no)
                await stage.hear(stage.gateway.end_refund(row.refund_no, RefundState.CLOSED))

    assert await states(stage) == ["closed"] * 5
    assert await reserved(stage) == 0
    await stage.books_hold()


async def test_b11_success_after_the_end_is_for_an_operator_and_never_silent(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await stage.submit(view.refund_no)
    await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.CLOSED))

    outcome = await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.SUCCESS))

    assert outcome == "contradiction"
    assert await stage.trouble() == ["RefundEndedOtherwise"]
    assert await states(stage) == ["closed", "requested"], "no second refund goes out by itself"


async def test_b12_a_refund_made_elsewhere_is_for_an_operator(stage: Stage):
    await stage.paid(stage.both)
    fact = RefundFact("wechat_pay", "T000", "W000", RefundState.SUCCESS, 100)

    assert [await stage.hear(fact) for _ in range(2)] == ["contradiction"] * 2
    assert await stage.trouble() == ["UnknownRefundNo"]


async def test_a_refund_of_other_fen_than_we_asked_is_not_booked(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, 1_000)
    await stage.submit(view.refund_no)
    fact = stage.gateway.end_refund(view.refund_no)

    assert await stage.hear(replace(fact, amount_fen=1)) == "contradiction"

    assert await states(stage) == ["submitted"]
    assert await stage.trouble() == ["AmountMismatch"]
    assert await stage.hear(fact) == "moved"
    await stage.books_hold()


@pytest.mark.parametrize(
    "told", list(permutations([RefundState.PROCESSING, RefundState.ABNORMAL, RefundState.SUCCESS]))
)
async def test_whatever_the_order_of_the_news_a_paid_refund_ends_as_paid(stage: Stage, told):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await stage.submit(view.refund_no)
    fact = stage.gateway.end_refund(view.refund_no)

    for state in (*told, *told):
        await stage.hear(replace(fact, state=state))

    assert await states(stage) == ["success"]
    assert (await stage.told()).count("RefundSettled") == 1
    await stage.books_hold()


async def test_b14_want_of_funds_is_tried_again_under_the_same_number(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    stage.gateway.refund_answer = RefundState.UNFUNDED
    await stage.submit(view.refund_no)
    assert await states(stage) == ["unfunded"]
    assert await stage.db.read(refunds_to_submit, now=stage.now, limit=9) == []

    stage.clock.advance(hours=2)
    due = await stage.db.read(refunds_to_submit, now=stage.now, limit=9)
    stage.gateway.refund_answer = RefundState.PROCESSING
    await stage.given_back(view.refund_no)

    assert [one.refund_no for one in due] == [view.refund_no]
    assert list(stage.gateway.returns) == [view.refund_no]
    await stage.books_hold()


@pytest.mark.parametrize(
    ("days", "is_refused"), [(0, False), (364, False), (365, False), (366, True)]
)
async def test_b15_after_a_year_the_platform_gives_nothing_back(stage: Stage, days, is_refused):
    payment_id = await stage.paid(stage.both)
    stage.clock.advance(days=days)

    outcome = (await stage.at_once(stage.request(payment_id, 100)))[0]

    assert isinstance(outcome, RefundWindowOver) is is_refused


async def test_over_the_communitys_sum_or_window_a_manager_has_to_agree(db):
    stage = await staged(db, refund_automatic_fen=10_000)
    payment_id = await stage.paid(stage.both)

    small = await stage.request(payment_id, 10_000, key="small")
    small_again = await stage.request(payment_id, 1, key="one more")
    stage.clock.advance(days=31)
    late = await stage.request(payment_id, 1, key="late")

    assert small.state is RefundStep.APPROVED
    assert small_again.state is RefundStep.REQUESTED, "many small ones are no way around a person"
    assert late.state is RefundStep.REQUESTED


async def test_what_waits_for_a_person_does_not_keep_the_clock_awake(db):
    stage = await staged(db, **LARGE)
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, 1_000)
    assert view.state is RefundStep.REQUESTED

    def say_all(tx):
        tx.exec_driver_sql("UPDATE outbox SET state = 'sent'")

    await stage.db.write(say_all)

    assert await stage.db.read(next_event_at) is None
    assert await stage.db.read(refunds_to_submit, now=stage.now, limit=9) == []


async def test_a_manager_agrees_and_then_the_clock_has_something_to_do(db):
    stage = await staged(db, **LARGE)
    boss = await manager(stage)
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    assert "StaffTask" in await stage.told()

    agreed = await stage.db.write(
        approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
    )

    assert agreed.state is RefundStep.APPROVED
    due = await stage.db.read(refunds_to_submit, now=stage.now, limit=9)
    assert [one.refund_no for one in due] == [view.refund_no]
    with pytest.raises(RefundStateWrong):
        await stage.db.write(
            approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
        )
    await stage.given_back(view.refund_no)
    await stage.books_hold()


@pytest.mark.parametrize("role", [StaffRole.CASHIER, StaffRole.STEWARD])
async def test_nobody_but_a_manager_agrees(db, role):
    stage = await staged(db, **LARGE)
    clerk = await manager(stage, role=role)
    view = await stage.request(await stage.paid(stage.both), FULL)

    with pytest.raises(NotAllowed):
        await stage.db.write(
            approve_refund, view.refund_no, staff_id=clerk, role=role, now=stage.now
        )

    assert await states(stage) == ["requested"]


async def test_who_asked_at_the_counter_does_not_agree(db):
    stage = await staged(db, **LARGE)
    boss = await manager(stage)
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL, actor=Actor(staff_id=boss))

    with pytest.raises(SelfApproval):
        await stage.db.write(
            approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
        )


async def test_a_manager_who_lives_here_does_not_agree_to_her_own_refund(db):
    stage = await staged(db, **LARGE)
    boss = await manager(stage)

    def is_also_ms_li(tx):
        people = identities.c
        tx.execute(update(identities).where(people.openid == "oLi").values(staff_id=boss))

    await stage.db.write(is_also_ms_li)
    view = await stage.request(await stage.paid(stage.both), FULL)

    with pytest.raises(SelfApproval):
        await stage.db.write(
            approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
        )
    with pytest.raises(SelfApproval):
        await stage.db.write(
            decline_refund, view.refund_no, staff_id=boss, reason="不", now=stage.now
        )
    assert await states(stage) == ["requested"]


async def test_a_declined_refund_frees_its_money_and_the_reason_is_told(db):
    stage = await staged(db, **LARGE)
    boss = await manager(stage)
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)

    declined = await stage.db.write(
        decline_refund, view.refund_no, staff_id=boss, reason="费用无误", now=stage.now
    )

    assert declined.state is RefundStep.DECLINED
    assert await reserved(stage) == 0
    assert (await stage.told())[-1] == "RefundDeclined"
    assert (await stage.request(payment_id, FULL, key="again")).state is RefundStep.REQUESTED
    await stage.books_hold()


async def surplus(stage: Stage) -> int:
    """Pay two bills of which one was paid meanwhile: half of the money is prepayment."""
    order = await stage.order(stage.both)
    await stage.paid([stage.world.october_id], payer="oWang")
    settlement = await stage.settle(stage.gateway.pay(order.order_no))
    assert settlement.payment_id is not None
    return settlement.payment_id


async def test_prepayment_goes_back_before_any_bill_is_opened_again(stage: Stage):
    payment_id = await surplus(stage)

    view = await stage.request(payment_id, 25_060)
    assert await stage.db.read(ledger.balance, Account.PREPAYMENT, stage.world.unit_id) == 0
    await stage.given_back(view.refund_no)

    assert await stage.open_fen() == [0, 0]
    assert await stage.db.read(ledger.balance, Account.REFUND_DUE, stage.world.unit_id) == 0
    await stage.books_hold()


async def test_declined_prepayment_is_prepayment_again(db):
    stage = await staged(db, **LARGE)
    boss = await manager(stage)
    payment_id = await surplus(stage)
    view = await stage.request(payment_id, 25_060)

    await stage.db.write(
        decline_refund, view.refund_no, staff_id=boss, reason="留作预存", now=stage.now
    )

    assert await stage.db.read(ledger.balance, Account.PREPAYMENT, stage.world.unit_id) == -25_060
    await stage.books_hold()


async def test_b18_prepayment_that_was_spent_cannot_go_back(stage: Stage):
    payment_id = await surplus(stage)

    def spend(tx):
        ledger.post(
            tx,
            key="prepaid:1",
            memo="预存抵扣",
            community_id=stage.world.community_id,
            posted_at=stage.now,
            legs=[
                Leg(Account.PREPAYMENT, 20_000, stage.world.unit_id),
                Leg(Account.INCOME, -20_000),
            ],
        )

    await stage.db.write(spend)

    with pytest.raises(RefundTooMuch) as refused:
        await stage.request(payment_id, FULL)
    assert refused.value.left_fen == FULL - 20_000
    view = await stage.request(payment_id, FULL - 20_000, key="the rest")
    await stage.given_back(view.refund_no)
    assert in_figures(await stage.db.read(book)) == stage.gateway.book()
    # It was spent by hand, with no row behind it: the proof sees that, and nothing else.
    broken = await stage.db.read(prove)
    assert [one.sentence for one in broken] == [
        "prepayment is the surplus that nobody has taken back",
        "prepayment is the sum of its moves",
    ]


async def test_who_gets_a_part_back_hears_the_number_of_the_receipt_over_the_rest(stage: Stage):
    payment_id = await stage.paid(stage.both)

    for fen in (100, FULL - 100):
        asked = await stage.request(payment_id, fen, key=f"ask:{fen}")
        await stage.given_back(asked.refund_no)

    told = [
        events.load(row.event, row.facts)
        for row in await stage.rows(outbox)
        if row.event == "RefundSettled"
    ]
    [first, second] = [one for one in told if isinstance(one, events.RefundSettled)]
    newer = [one for one in await stage.rows(receipts) if one.replaces_id is not None]
    assert [(first.receipt_no, first.kept_fen)] == [(one.receipt_no, FULL - 100) for one in newer]
    assert (second.receipt_no, second.kept_fen) == ("", 0)


async def test_b13_parts_of_a_refund_sum_up_and_bill_states_follow(stage: Stage):
    payment_id = await stage.paid(stage.both)

    for number, fen in enumerate((1, 25_059, 20_000, 5_060)):
        view = await stage.request(payment_id, fen, key=f"part:{number}")
        await stage.given_back(view.refund_no)
        await stage.books_hold()

    assert await stage.open_fen() == [25_060, 25_060]
    parts = await stage.rows(refund_parts)
    assert sum(row.amount_fen for row in parts) == FULL
    with pytest.raises(RefundTooMuch):
        await stage.request(payment_id, 1, key="no more")


async def test_a_bill_that_is_owed_again_can_be_paid_again(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await stage.given_back(view.refund_no)

    again = await stage.paid(stage.both)

    assert again != payment_id
    assert await stage.open_fen() == [0, 0]
    await stage.books_hold()


async def test_a_refund_that_nobody_hears_of_is_asked_about_and_never_in_a_rush(stage: Stage):
    payment_id = await stage.paid(stage.both)
    view = await stage.request(payment_id, FULL)
    await stage.submit(view.refund_no)

    for state in (
        RefundState.PROCESSING,
        RefundState.NOT_FOUND,
        RefundState.UNKNOWN,
        RefundState.ABNORMAL,
        RefundState.UNKNOWN,
    ):
        stage.clock.advance(hours=7)
        due = await stage.db.read(refunds_to_query, now=stage.now, limit=9)
        assert [one.refund_no for one in due] == [view.refund_no]
        fact = stage.gateway.refund_fact(view.refund_no, "")
        await stage.hear(replace(fact, state=state))
        assert await stage.db.read(refunds_to_query, now=stage.now, limit=9) == []
        stage.clock.advance(hours=7)
        await stage.db.write(postpone_refund, view.refund_no, now=stage.now)
        assert await stage.db.read(refunds_to_query, now=stage.now, limit=9) == []


async def test_the_page_of_a_payment_knows_its_order(stage: Stage):
    await stage.paid(stage.both)

    def orders(tx):
        return tx.execute(select(payment_orders.c.settled_at)).scalars().all()

    assert await stage.db.read(orders) == [stage.now]


@given(
    st.lists(st.integers(1, 10**9), max_size=6), st.integers(0, 10**9), st.integers(1, 7 * 10**9)
)
def test_b13_a_refund_takes_from_loose_money_first_and_then_from_the_newest_bills(
    of_bills, loose_fen, amount_fen
):
    sources = [Source(None, loose_fen), *(Source(n, fen) for n, fen in enumerate(of_bills))]
    if amount_fen > loose_fen + sum(of_bills):
        with pytest.raises(ValueError, match="cannot take more"):
            take_from(amount_fen, sources)
        return

    parts = take_from(amount_fen, sources)

    left = {one.bill_id: one.left_fen for one in sources}
    assert sum(fen for _, fen in parts) == amount_fen
    assert all(0 < fen <= left[bill_id] for bill_id, fen in parts)
    taken = [bill_id for bill_id, _ in parts if bill_id is not None]
    assert taken == sorted(taken, reverse=True)
    # Only the last source may be left half full.
    assert all(fen == left[bill_id] for bill_id, fen in parts[:-1])


@given(st.integers(0, 60), st.integers(1, 200_000))
def test_a_person_is_needed_over_the_sum_or_past_the_window(days, amount_fen):
    now = factories.NOW

    waits = needs_approval(
        amount_fen,
        paid_at=now - timedelta(days=days),
        now=now,
        window_days=30,
        automatic_fen=100_000,
    )

    assert waits is (days > 30 or amount_fen > 100_000)
