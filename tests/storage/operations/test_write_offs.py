"""Bad debt is asked for no more, at the company's cost; it was not forgiven, and may come back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.database import Database
from storage.errors import NotAllowed, SelfApproval, UnknownBill
from storage.kinds import Account, FeeClass, HoldKind, StaffRole
from storage.models.bills import bill_lines, bills
from storage.models.payments import payment_orders
from storage.models.write_offs import write_offs
from storage.operations.bills import void_bill
from storage.operations.closing import close_period
from storage.operations.holds import NewHold, place_hold
from storage.operations.write_offs import (
    WriteOffAsk,
    approve_write_off,
    ask_write_off,
    decline_write_off,
    reverse_write_off,
)
from storage.paying_kinds import WriteOffState
from storage.periods import BillingPeriod, shanghai_day
from storage.ports.payments import PaymentFact
from storage.queries.bills import open_bills_of_unit
from storage.queries.clearances import open_of
from storage.queries.dunning import ageing
from storage.queries.income import income_of
from storage.queries.residents import Staff
from storage.queries.statements import statement_of_unit
from storage.queries.write_offs import (
    MonthOfBadDebt,
    WriteOffView,
    bad_debt_by_month,
    write_offs_standing,
    write_offs_waiting,
)
from storage.write_off_errors import (
    BillDisputed,
    DebtChanged,
    NotBadDebt,
    NothingOwed,
    PaymentUnderWay,
    UnknownWriteOff,
    WriteOffReasonMissing,
)
from tests.storage.operations.purse import add_item, bill
from tests.storage.operations.till import Till, tilled

MONTH = 25_060
NEXT_DOOR = 99_900


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db, takes_parts=1)


async def ask(till: Till, *, by: Staff | None = None, **said) -> WriteOffView:
    said.setdefault("bill_id", till.world.october_id)
    said.setdefault("reason", "业主失联")
    said.setdefault("evidence", "三封催告函退回")
    wanted = WriteOffAsk(**said)
    return await till.db.write(ask_write_off, wanted, by=by or till.cashier, now=till.now)


async def agree(till: Till, number: str, *, by: Staff | None = None) -> WriteOffView:
    return await till.db.write(approve_write_off, number, by=by or till.manager, now=till.now)


async def written_off(till: Till) -> str:
    """Have her October written off; return its number."""
    return (await agree(till, (await ask(till)).write_off_no)).write_off_no


async def back(
    till: Till, number: str, *, by: Staff | None = None, reason="来缴了"
) -> WriteOffView:
    facts: dict[str, Any] = {"reason": reason, "by": by or till.cashier, "now": till.now}
    return await till.db.write(reverse_write_off, number, **facts)


async def october(till: Till) -> Any:
    wanted = select(bills).where(bills.c.id == till.world.october_id)
    return await till.db.read(lambda tx: tx.execute(wanted).one())


async def test_what_is_written_off_is_owed_no_more_and_stays_earned(till: Till):
    earned, owed = await till.held(Account.INCOME), await till.held(Account.RECEIVABLE)
    asked = await ask(till)
    assert await till.open_fen() == [MONTH, MONTH]

    done = await agree(till, asked.write_off_no)

    assert (done.state, done.amount_fen) == (WriteOffState.APPROVED, MONTH)
    assert await till.open_fen() == [0, MONTH]
    assert await till.held(Account.BAD_DEBT) == MONTH
    assert await till.held(Account.RECEIVABLE) == owed - MONTH
    assert await till.held(Account.INCOME) == earned
    row = await october(till)
    assert (row.amount_fen, row.written_off_fen, row.voided_at) == (0, MONTH, None)
    assert [one.label for one in await till.rows(bill_lines)][-1] == "坏账核销"
    await till.proved()


async def test_no_resident_is_told_and_no_answer_calls_it_owed(till: Till):
    await written_off(till)

    assert set(await till.told()) == {"StaffTask"}
    owed = await till.db.read(open_bills_of_unit, till.world.unit_id)
    assert [one.bill_id for one in owed] == [till.world.november_id]
    day = shanghai_day(till.now)
    aged = await till.db.read(ageing, till.world.community_id, as_of=day)
    assert sum(aged.buckets_fen) == MONTH + NEXT_DOOR


async def test_it_was_not_forgiven_so_nobody_is_clear_of_it(till: Till):
    world = till.world
    before = await till.db.read(open_of, [world.unit_id], [world.li_id])

    await written_off(till)

    assert await till.db.read(open_of, [world.unit_id], [world.li_id]) == before


async def test_the_rest_of_a_bill_that_was_paid_in_part_is_written_off(till: Till):
    await till.take(10_000)

    await written_off(till)

    row = await october(till)
    assert (row.amount_fen, row.paid_fen, row.written_off_fen) == (10_000, 10_000, MONTH - 10_000)
    await till.proved()


async def test_nobody_agrees_to_her_own_and_only_managers_agree(till: Till):
    own = await ask(till, by=till.manager)
    with pytest.raises(SelfApproval):
        await agree(till, own.write_off_no)
    with pytest.raises(NotAllowed):
        await agree(till, own.write_off_no, by=till.colleague)
    assert await till.open_fen() == [MONTH, MONTH]


async def test_a_steward_neither_asks_nor_takes_back(till: Till):
    steward = await till.employ("何管家", StaffRole.STEWARD, "oHelp")
    with pytest.raises(NotAllowed):
        await ask(till, by=steward)
    number = await written_off(till)
    with pytest.raises(NotAllowed):
        await back(till, number, by=steward)


async def test_asking_again_is_the_same_one(till: Till):
    first = await ask(till)

    again = await ask(till, by=till.colleague)

    assert again.write_off_no == first.write_off_no
    waiting = await till.db.read(write_offs_waiting, community_ids=(till.world.community_id,))
    assert [one.write_off_no for one in waiting] == [first.write_off_no]


@pytest.mark.parametrize("missing", [{"reason": " "}, {"evidence": ""}])
async def test_it_needs_its_reason_and_its_evidence(till: Till, missing: dict[str, Any]):
    with pytest.raises(WriteOffReasonMissing):
        await ask(till, **missing)


async def test_what_was_paid_is_not_written_off(till: Till):
    await till.take(MONTH)

    with pytest.raises(NothingOwed):
        await ask(till)


async def test_it_is_written_off_once(till: Till):
    number = await written_off(till)

    with pytest.raises(UnknownWriteOff):
        await agree(till, number)
    with pytest.raises(NothingOwed):
        await ask(till)
    assert await till.held(Account.BAD_DEBT) == MONTH


async def test_what_was_paid_in_part_meanwhile_is_asked_for_anew(till: Till):
    asked = await ask(till)
    await till.take(10_000)

    with pytest.raises(DebtChanged):
        await agree(till, asked.write_off_no)
    await till.proved()


@pytest.mark.parametrize("fee_class", [FeeClass.DEPOSIT, FeeClass.AGENCY, FeeClass.RENEWAL])
async def test_only_a_debt_to_us_is_bad_debt(till: Till, fee_class: FeeClass):
    item_id = await add_item(till, "别的", fee_class)
    bill_id = await bill(till, "2026-09", 9_000, item_id)
    past = update(bills).values(due_on=shanghai_day(till.now) - timedelta(days=9))
    await till.db.write(lambda tx: tx.execute(past))

    with pytest.raises(NotBadDebt):
        await ask(till, bill_id=bill_id)


async def test_a_bill_that_was_taken_back_is_no_bad_debt(till: Till):
    asked = await ask(till)
    facts: dict[str, Any] = {"actor": Actor(till.manager.staff_id), "now": till.now}
    await till.db.write(void_bill, bill_id=till.world.october_id, reason="重复出账", **facts)

    with pytest.raises(NotBadDebt):
        await ask(till)
    with pytest.raises(NotBadDebt):
        await agree(till, asked.write_off_no)


async def test_a_bill_that_is_not_due_yet_is_no_bad_debt(till: Till):
    today = update(bills).values(due_on=shanghai_day(till.now))
    await till.db.write(lambda tx: tx.execute(today))

    with pytest.raises(NotBadDebt):
        await ask(till)


@pytest.mark.parametrize("whole_unit", [True, False])
async def test_what_a_resident_disputes_is_not_written_off(till: Till, whole_unit: bool):
    asked = await ask(till)
    bill_id = None if whole_unit else till.world.october_id
    wanted = NewHold(till.world.unit_id, HoldKind.DISPUTE, "面积不对", bill_id=bill_id)
    await till.db.write(place_hold, wanted, actor=Actor(till.manager.staff_id), now=till.now)

    with pytest.raises(BillDisputed):
        await ask(till)
    with pytest.raises(BillDisputed):
        await agree(till, asked.write_off_no)


async def test_while_a_payment_is_under_way_nothing_is_written_off(till: Till):
    asked = await ask(till)
    await till.order(till.both)

    with pytest.raises(PaymentUnderWay):
        await ask(till)
    with pytest.raises(PaymentUnderWay):
        await agree(till, asked.write_off_no)


async def test_another_communitys_bill_and_write_off_are_unknown(till: Till):
    asked = await ask(till)
    stranger = Staff(till.manager.staff_id, "外人", StaffRole.MANAGER, (99,))

    with pytest.raises(UnknownBill):
        await ask(till, by=stranger)
    with pytest.raises(UnknownWriteOff):
        await agree(till, asked.write_off_no, by=stranger)
    number = await written_off(till)
    with pytest.raises(UnknownWriteOff):
        await back(till, number, by=stranger)


async def test_a_declined_write_off_changes_nothing_and_keeps_its_reason(till: Till):
    asked = await ask(till)
    facts: dict[str, Any] = {"by": till.manager, "now": till.now}

    done = await till.db.write(decline_write_off, asked.write_off_no, reason="再催一次", **facts)

    assert (done.state, done.decline_reason) == (WriteOffState.DECLINED, "再催一次")
    assert await till.open_fen() == [MONTH, MONTH]
    await till.proved()


async def test_declining_and_taking_back_say_why(till: Till):
    asked = await ask(till)
    facts: dict[str, Any] = {"reason": " ", "now": till.now}
    with pytest.raises(ReasonMissing):
        await till.db.write(decline_write_off, asked.write_off_no, by=till.manager, **facts)
    await agree(till, asked.write_off_no)
    with pytest.raises(ReasonMissing):
        await till.db.write(reverse_write_off, asked.write_off_no, by=till.cashier, **facts)


async def test_a_person_brings_the_debt_back(till: Till):
    number = await written_off(till)

    done = await back(till, number)

    assert (done.state, done.reversal_reason) == (WriteOffState.REVERSED, "来缴了")
    assert await till.open_fen() == [MONTH, MONTH]
    assert await till.held(Account.BAD_DEBT) == 0
    with pytest.raises(UnknownWriteOff):
        await back(till, number)
    await till.take(MONTH)
    assert await till.open_fen() == [0, MONTH]
    await till.proved()


async def test_what_came_back_may_be_written_off_again(till: Till):
    first = await written_off(till)
    await back(till, first)

    second = await written_off(till)

    assert second != first
    assert await till.held(Account.BAD_DEBT) == MONTH
    standing = await till.db.read(write_offs_standing, community_ids=(till.world.community_id,))
    assert [one.write_off_no for one in standing] == [second]
    await till.proved()


async def closed_order(till: Till, bill_ids: tuple[int, ...]) -> Any:
    """Open an order, pay it, and let our books close it without hearing of the money."""
    order = await till.order(bill_ids)
    paid = till.gateway.pay(order.order_no)
    over = update(payment_orders).values(state="closed")
    await till.db.write(lambda tx: tx.execute(over))
    return paid


async def test_money_that_comes_after_all_finds_the_debt_owed_again_and_pays_it(till: Till):
    paid = await closed_order(till, till.both)
    await written_off(till)

    settlement = await till.settle(paid)

    assert settlement.outcome == "settled"
    assert await till.open_fen() == [0, 0]
    assert await till.held(Account.BAD_DEBT) == 0
    assert await till.prepaid_fen() == 0
    [row] = await till.rows(write_offs)
    assert (row.state, row.reversed_at) == (WriteOffState.REVERSED, till.now)
    assert (await october(till)).paid_fen == MONTH
    await till.books_hold()


async def late_part(till: Till, fen: int) -> PaymentFact:
    """Have a part of October paid with an order that our books close before they hear of it."""
    october_id = till.world.october_id
    order = await till.order_as(replace(till.ask([october_id]), parts=((october_id, fen),)))
    paid = till.gateway.pay(order.order_no)
    over = update(payment_orders).values(state="closed")
    await till.db.write(lambda tx: tx.execute(over))
    return paid


async def test_a_part_that_comes_after_all_brings_back_no_more_than_itself(till: Till):
    till.clock.advance(days=30)
    paid = await late_part(till, 10_000)
    number = await written_off(till)
    till.clock.advance(days=30)

    await till.settle(paid)

    assert await till.open_fen() == [0, MONTH]
    assert await till.held(Account.BAD_DEBT) == MONTH - 10_000
    row = await october(till)
    assert (row.amount_fen, row.paid_fen, row.written_off_fen) == (10_000, 10_000, MONTH - 10_000)
    rest, part = await till.rows(write_offs)
    assert (rest.write_off_no, rest.state, rest.amount_fen) == (number, "approved", MONTH - 10_000)
    assert (part.write_off_no, part.state, part.amount_fen) == (f"{number}-1", "reversed", 10_000)
    assert (part.reversed_at, part.decided_by) == (till.now, rest.decided_by)
    days = {"first_on": BillingPeriod(2026, 10).first_on, "last_on": shanghai_day(till.now)}
    told = await till.db.read(bad_debt_by_month, community_id=till.world.community_id, **days)
    assert [(one.written_off_fen, one.brought_back_fen) for one in told] == [
        (MONTH, 0),
        (0, 10_000),
    ]
    await till.proved()


async def test_what_a_late_part_left_written_off_is_brought_back_by_parts_and_by_people(
    till: Till,
):
    first, second = await late_part(till, 10_000), await late_part(till, 2_000)
    number = await written_off(till)
    await till.settle(first)
    await till.settle(second)
    assert await till.held(Account.BAD_DEBT) == MONTH - 12_000

    done = await back(till, number)

    assert (done.state, done.amount_fen) == (WriteOffState.REVERSED, MONTH - 12_000)
    assert await till.held(Account.BAD_DEBT) == 0
    assert await till.open_fen() == [MONTH - 12_000, MONTH]
    assert [one.write_off_no for one in await till.rows(write_offs)] == [
        number,
        f"{number}-1",
        f"{number}-2",
    ]
    await till.proved()


async def test_money_for_another_bill_leaves_what_was_written_off(till: Till):
    await written_off(till)

    await till.paid((till.world.november_id,))

    assert await till.held(Account.BAD_DEBT) == MONTH
    await till.books_hold()


async def test_money_for_what_is_still_asked_leaves_the_rest_written_off(till: Till):
    """A part was paid, the rest written off, and the part was taken back: it is owed again."""
    wrong = await till.take(10_000)
    await written_off(till)
    await till.void(wrong.voucher_no)
    assert await till.open_fen() == [10_000, MONTH]

    await till.paid((till.world.october_id,))

    assert await till.held(Account.BAD_DEBT) == MONTH - 10_000
    assert await till.open_fen() == [0, MONTH]
    await till.proved()


async def test_a_bill_that_was_wrong_is_taken_back_with_what_was_written_off(till: Till):
    earned = await till.held(Account.INCOME)
    await written_off(till)
    facts: dict[str, Any] = {"actor": Actor(till.manager.staff_id), "now": till.now}

    await till.db.write(void_bill, bill_id=till.world.october_id, reason="重复出账", **facts)

    assert await till.held(Account.BAD_DEBT) == 0
    assert await till.held(Account.INCOME) == earned + MONTH
    await till.proved()


async def test_it_counts_in_the_month_of_writing_off_and_no_closed_month_moves(till: Till):
    community_id, october_period = till.world.community_id, BillingPeriod(2026, 10)
    facts: dict[str, Any] = {"actor": Actor(till.manager.staff_id), "now": till.now}
    await till.db.write(close_period, community_id=community_id, period=october_period, **facts)
    before = await till.db.read(income_of, community_id, october_period)

    number = await written_off(till)
    till.clock.advance(days=30)
    await back(till, number)

    assert await till.db.read(income_of, community_id, october_period) == before
    november = await till.db.read(income_of, community_id, BillingPeriod(2026, 11))
    december = await till.db.read(income_of, community_id, BillingPeriod(2026, 12))
    assert (november.bad_debt_fen, december.bad_debt_fen) == (MONTH, -MONTH)
    days = {"first_on": october_period.first_on, "last_on": shanghai_day(till.now)}
    told = await till.db.read(bad_debt_by_month, community_id=community_id, **days)
    assert told == [
        MonthOfBadDebt("2026-11", "物业费", MONTH, 0),
        MonthOfBadDebt("2026-12", "物业费", 0, MONTH),
    ]


async def test_a_statement_tells_the_write_off_and_what_came_back(till: Till):
    number = await written_off(till)
    day = shanghai_day(till.now)
    days = {"first_on": day.replace(day=1), "last_on": day}
    told = await till.db.read(statement_of_unit, till.world.unit_id, **days)
    assert ("write_off", -MONTH) in {(one.kind, one.owed_fen) for one in told.rows}
    assert (told.open_fen, told.billed_fen, told.written_off_fen) == (MONTH, 2 * MONTH, MONTH)

    await back(till, number)

    told = await till.db.read(statement_of_unit, till.world.unit_id, **days)
    assert ("recovery", MONTH) in {(one.kind, one.owed_fen) for one in told.rows}
    assert (told.open_fen, told.written_off_fen) == (2 * MONTH, 0)


async def test_of_a_write_off_and_a_payment_at_once_only_one_finds_the_debt(till: Till):
    asked = await ask(till)

    await till.at_once(agree(till, asked.write_off_no), till.take(MONTH))

    row = await october(till)
    assert (row.paid_fen, row.written_off_fen) in {(MONTH, 0), (0, MONTH)}
    await till.proved()
