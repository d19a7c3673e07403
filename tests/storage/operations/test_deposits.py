"""A deposit is held, inspected, deducted from only with evidence, and given back, to the fen."""

import json
from datetime import date

import pytest

from storage import ledger
from storage.audit import CLOCK, Actor
from storage.charge_errors import DepositTooMuch, EvidenceMissing, UnknownDeposit
from storage.counter_errors import VoucherFinal
from storage.database import Database
from storage.errors import RefundTooMuch
from storage.kinds import Account, FeeClass, StaffRole
from storage.models.bills import bills
from storage.models.payments import refunds
from storage.models.prepayments import deposits
from storage.operations.bills import void_bill
from storage.operations.deposit_asks import DepositAsk, ask_for_deposit
from storage.operations.deposit_returns import OfflineReturn, return_by_refund, return_offline
from storage.operations.deposits import Inspection, inspect
from storage.operations.offline import Recorded
from storage.operations.refunds import approve_refund, decline_refund
from storage.ports.payments import RefundState
from storage.queries.deposits import deposits_held
from tests import factories
from tests.storage.operations.purse import add_item, events
from tests.storage.operations.stage import Stage, staged
from tests.storage.operations.till import Till, tilled

HELD = 200_000


async def ask(stage: Stage, fen: int = HELD) -> str:
    """Ask for a deposit; return its bill's number."""
    item_id = await add_item(stage, "装修押金", FeeClass.DEPOSIT)
    wanted = DepositAsk(
        stage.world.unit_id, item_id, fen, date(2026, 11, 30), "装修", stage.world.li_id
    )
    bill_no = await stage.db.write(ask_for_deposit, wanted, actor=CLOCK, now=stage.now)
    assert bill_no is not None
    again = await stage.db.write(ask_for_deposit, wanted, actor=CLOCK, now=stage.now)
    assert again is None, "asked for once a month"
    return bill_no


async def key_of(stage: Stage, bill_no: str) -> int:
    keys: list[int] = [row.id for row in await stage.rows(bills) if row.bill_no == bill_no]
    return keys[0]


async def held(stage: Stage, fen: int = HELD) -> str:
    """Have a deposit paid; return its bill's number."""
    bill_no = await ask(stage, fen)
    await stage.paid([await key_of(stage, bill_no)])
    return bill_no


async def look(stage: Stage, found: Inspection) -> int:
    return await stage.db.write(inspect, found, actor=Actor(staff_id=7), now=stage.now)


async def balance(stage: Stage, account: Account) -> int:
    return await stage.db.read(ledger.balance, account)


async def test_a_deposit_is_owed_to_us_and_by_us_and_is_no_income(stage: Stage):
    income = await balance(stage, Account.INCOME)

    await ask(stage)

    assert await balance(stage, Account.DEPOSIT) == -HELD
    assert await balance(stage, Account.INCOME) == income
    assert await stage.rows(deposits) == []
    await stage.books_hold()


async def test_paid_in_full_it_is_held_once(stage: Stage):
    bill_no = await ask(stage)
    order = await stage.order([await key_of(stage, bill_no)])
    fact = stage.gateway.pay(order.order_no)

    await stage.settle(fact)
    await stage.settle(fact)

    [row] = await stage.rows(deposits)
    assert (row.amount_fen, row.deducted_fen, row.returned_fen) == (HELD, 0, 0)
    assert (row.unit_id, row.resident_id) == (stage.world.unit_id, stage.world.li_id)
    [one] = await stage.db.read(deposits_held, stage.world.community_id)
    assert (one.bill_no, one.left_fen, one.inspected_at) == (bill_no, HELD, None)
    await stage.books_hold()


async def test_nothing_but_a_deposits_fee_item_makes_one(stage: Stage):
    wanted = DepositAsk(
        stage.world.unit_id, stage.world.fee_item_id, HELD, date(2026, 11, 30), "装修"
    )

    with pytest.raises(UnknownDeposit):
        await stage.db.write(ask_for_deposit, wanted, actor=CLOCK, now=stage.now)


async def test_one_that_nobody_paid_is_taken_back_without_a_trace(stage: Stage):
    key = await key_of(stage, await ask(stage))

    await stage.db.write(void_bill, bill_id=key, reason="不装修了", actor=CLOCK, now=stage.now)

    assert await balance(stage, Account.DEPOSIT) == 0
    await stage.books_hold()


async def test_what_is_deducted_with_evidence_is_income_and_is_told(stage: Stage):
    bill_no = await held(stage)
    income = await balance(stage, Account.INCOME)

    found = Inspection(bill_no, 30_000, "照片12张：楼道地砖破损", "业主当场签字")
    left_fen = await look(stage, found)

    assert left_fen == HELD - 30_000
    assert await look(stage, found) == left_fen, "once"
    assert await balance(stage, Account.INCOME) == income - 30_000
    assert await balance(stage, Account.DEPOSIT) == 30_000 - HELD
    [told] = [json.loads(one) for one in await events(stage, "DepositMoved")]
    assert (told["change"], told["amount_fen"], told["left_fen"]) == ("deducted", 30_000, left_fen)
    assert told["evidence"] == "照片12张：楼道地砖破损（业主当场签字）"
    await stage.books_hold()


@pytest.mark.parametrize(
    ("evidence", "agreed"), [("", "业主签字"), ("照片", ""), (" ", "业主签字"), ("照片", "  ")]
)
async def test_nothing_is_deducted_without_evidence_and_consent(stage: Stage, evidence, agreed):
    bill_no = await held(stage)

    with pytest.raises(EvidenceMissing):
        await look(stage, Inspection(bill_no, 1, evidence, agreed))
    assert await balance(stage, Account.DEPOSIT) == -HELD


@pytest.mark.parametrize("fen", [-1, HELD + 1])
async def test_no_more_is_deducted_than_there_is(stage: Stage, fen):
    bill_no = await held(stage)

    with pytest.raises(DepositTooMuch):
        await look(stage, Inspection(bill_no, fen, "照片", "签字"))
    await stage.books_hold()


async def test_a_second_deduction_is_refused(stage: Stage):
    bill_no = await held(stage)
    await look(stage, Inspection(bill_no, 30_000, "照片", "签字"))

    with pytest.raises(DepositTooMuch):
        await look(stage, Inspection(bill_no, 40_000, "照片", "签字"))


async def test_before_it_was_inspected_nothing_goes_back(stage: Stage):
    bill_no = await held(stage)
    given = OfflineReturn(bill_no, HELD, Account.BANK, "回单1")

    with pytest.raises(EvidenceMissing):
        await stage.db.write(return_offline, given, actor=CLOCK, now=stage.now)
    with pytest.raises(EvidenceMissing):
        await stage.db.write(
            return_by_refund, bill_no, reason="验收合格", actor=CLOCK, now=stage.now
        )


async def test_given_back_by_bank_it_leaves_the_books_once_a_voucher(stage: Stage):
    bill_no = await held(stage)
    await look(stage, Inspection(bill_no))
    given = OfflineReturn(bill_no, HELD, Account.BANK, "回单1")

    first = await stage.db.write(return_offline, given, actor=CLOCK, now=stage.now)
    again = await stage.db.write(return_offline, given, actor=CLOCK, now=stage.now)

    assert (first, again) == (0, 0)
    assert await balance(stage, Account.BANK) == -HELD
    assert await balance(stage, Account.DEPOSIT) == 0
    assert await stage.db.read(deposits_held, stage.world.community_id) == []
    for account, voucher, refused in (
        (Account.CASH, "收条2", DepositTooMuch),
        (Account.CASH, " ", EvidenceMissing),
        (Account.INCOME, "回单3", ValueError),
    ):
        more = OfflineReturn(bill_no, 1, account, voucher)
        with pytest.raises(refused):
            await stage.db.write(return_offline, more, actor=CLOCK, now=stage.now)
    await stage.books_hold()


async def by_refund(stage: Stage, bill_no: str, staff_id: int):
    return await stage.db.write(
        return_by_refund,
        bill_no,
        reason="验收合格",
        actor=Actor(staff_id=staff_id),
        now=stage.now,
    )


@pytest.fixture
async def office(db) -> tuple[Stage, int, int]:
    """Give a stage with a cashier and a manager."""
    stage = await staged(db, refund_automatic_fen=0)
    cashier, boss = [
        await stage.db.write(factories.add_staff, stage.world.community_id, name, role, openid)
        for name, role, openid in (
            ("小孙", StaffRole.CASHIER, "oSun"),
            ("周经理", StaffRole.MANAGER, "oBoss"),
        )
    ]
    return stage, cashier, boss


async def test_given_back_the_way_it_came_its_bill_stays_paid(office):
    stage, cashier, boss = office
    bill_no = await held(stage)
    await look(stage, Inspection(bill_no, 30_000, "照片", "签字"))
    view = await by_refund(stage, bill_no, cashier)
    assert (view.amount_fen, view.is_automatic) == (HELD - 30_000, False)
    again = await by_refund(stage, bill_no, cashier)
    assert again.refund_no == view.refund_no, "asked again it is still one"

    await stage.db.write(
        approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
    )
    await stage.given_back(view.refund_no)

    assert await balance(stage, Account.DEPOSIT) == 0
    assert (await stage.open_fen())[-1] == 0
    told = json.loads((await events(stage, "RefundSettled"))[0])
    assert told["reopened_fen"] == 0
    await stage.books_hold()


async def test_a_refund_that_is_declined_or_fails_is_held_again(office):
    stage, cashier, boss = office
    bill_no = await held(stage)
    await look(stage, Inspection(bill_no))
    first = await by_refund(stage, bill_no, cashier)
    await stage.db.write(
        decline_refund, first.refund_no, staff_id=boss, reason="再看看", now=stage.now
    )
    [one] = await stage.db.read(deposits_held, stage.world.community_id)
    assert one.left_fen == HELD
    second = await by_refund(stage, bill_no, cashier)
    assert (second.amount_fen, second.refund_no != first.refund_no) == (HELD, True)
    await stage.books_hold()


async def test_a_refund_that_the_platform_refuses_is_held_again(office):
    stage, cashier, boss = office
    bill_no = await held(stage)
    await look(stage, Inspection(bill_no))
    view = await by_refund(stage, bill_no, cashier)
    await stage.db.write(
        approve_refund, view.refund_no, staff_id=boss, role=StaffRole.MANAGER, now=stage.now
    )
    await stage.submit(view.refund_no)

    await stage.hear(stage.gateway.end_refund(view.refund_no, RefundState.REJECTED))

    assert (await stage.rows(deposits))[0].returned_fen == 0
    assert await balance(stage, Account.DEPOSIT) == -HELD
    await stage.books_hold()


async def test_a_deposit_does_not_go_back_by_an_ordinary_refund(stage: Stage):
    bill_no = await ask(stage)
    both = [stage.world.october_id, await key_of(stage, bill_no)]
    payment_id = await stage.paid(both)

    with pytest.raises(RefundTooMuch) as refused:
        await stage.request(payment_id, 25_061)

    assert refused.value.left_fen == 25_060
    view = await stage.request(payment_id, 25_060, key="the fee alone")
    await stage.given_back(view.refund_no)
    assert (await stage.rows(deposits))[0].returned_fen == 0
    assert [row.cause for row in await stage.rows(refunds)] == ["paid_too_much"]
    await stage.books_hold()


async def at_the_counter(db: Database) -> tuple[Till, str, Recorded]:
    """Have a deposit paid in cash; return its bill's number too."""
    till = await tilled(db)
    bill_no = await ask(till)
    taken = await till.take(HELD, bill_ids=(await key_of(till, bill_no),))
    return till, bill_no, taken


async def test_cash_for_a_deposit_may_be_voided_and_the_deposit_is_asked_for_again(db: Database):
    till, bill_no, taken = await at_the_counter(db)
    assert len(await till.rows(deposits)) == 1

    await till.void(taken.voucher_no)

    assert await till.rows(deposits) == []
    assert await till.held(Account.CASH) == 0
    assert await till.held(Account.DEPOSIT) == -HELD
    [bill] = [row for row in await till.rows(bills) if row.bill_no == bill_no]
    assert (bill.paid_fen, bill.amount_fen) == (0, HELD)
    await till.proved()

    await till.take(HELD, bill_ids=(bill.id,))
    assert len(await till.rows(deposits)) == 1
    await till.proved()


@pytest.mark.parametrize("deducted_fen", [0, 5_000])
async def test_cash_for_a_deposit_that_was_inspected_is_not_voided(db: Database, deducted_fen):
    till, bill_no, taken = await at_the_counter(db)
    await look(till, Inspection(bill_no, deducted_fen, "照片", "业主同意"))

    with pytest.raises(VoucherFinal):
        await till.void(taken.voucher_no)

    [row] = await till.rows(deposits)
    assert row.amount_fen == HELD
    await till.proved()


async def test_cash_for_a_bill_and_a_deposit_is_voided_as_one(db: Database):
    till = await tilled(db)
    bill_no = await ask(till)
    both = (till.world.october_id, await key_of(till, bill_no))
    before = await till.open_fen()
    taken = await till.take(before[0] + HELD, bill_ids=both)

    await till.void(taken.voucher_no)

    assert await till.open_fen() == before
    assert await till.rows(deposits) == []
    await till.proved()
