"""Refunds that people hand over: two of them, a voucher, and every step told."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage.audit import Actor
from storage.counter_errors import PayoutMissing, SlipMissing
from storage.database import Database
from storage.errors import RefundStateWrong, RefundTooMuch, SelfApproval, UnknownRefund
from storage.kinds import Account, RefundStep
from storage.models.offline import vouchers
from storage.models.payments import payments, refunds
from storage.models.people import identities
from storage.operations.payouts import Payee, note_payout, request_payout
from storage.operations.refunds import RefundAskedFor, approve_refund
from storage.paying_kinds import CashMethod
from storage.queries.work import refunds_to_submit
from tests.storage.operations.till import Till, tilled

MONTH = 25_060
HERS = Payee("李秀英", "6222021234567890123", "工商银行杭州分行")


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db)


async def approve(till: Till, refund_no: str) -> None:
    boss: dict[str, Any] = {"staff_id": till.manager.staff_id, "role": till.manager.role}
    await till.db.write(approve_refund, refund_no, **boss, now=till.now)


async def request(till: Till, payment_id: int, fen: int = MONTH, *, payee: Payee = HERS) -> str:
    asked = RefundAskedFor(payment_id, fen, "asked", "搬走了", "counter:1", till.identity_id)
    return await till.db.write(request_payout, asked, payee, by=till.cashier, now=till.now)


async def test_cash_goes_back_in_cash_by_a_second_person_with_a_voucher(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)
    assert asked.state is RefundStep.REQUESTED

    paid = await till.paid_out(asked.refund_no)

    assert (paid.amount_fen, paid.method) == (MONTH, CashMethod.CASH)
    assert await till.open_fen() == [MONTH, MONTH]
    assert (await till.held(Account.CASH), await till.held(Account.CLEARING)) == (0, 0)
    assert [row.amount_fen for row in await till.rows(vouchers)] == [MONTH, -MONTH]
    [row] = await till.rows(refunds)
    assert (row.state, row.voucher_no) == (RefundStep.SUCCESS, paid.voucher_no)
    assert (row.decided_by, row.paid_out_by) == (till.manager.staff_id, till.cashier.staff_id)
    assert [one for one in await till.told() if one.startswith("Refund")] == [
        "RefundApproved",
        "RefundSettled",
    ]
    await till.proved()


async def test_no_clock_sends_what_a_person_hands_over(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)
    await approve(till, asked.refund_no)

    later = till.now + timedelta(days=9)

    assert await till.db.read(refunds_to_submit, now=later, limit=9) == []


async def test_money_that_was_handed_over_is_in_the_books_once(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)
    first = await till.paid_out(asked.refund_no)

    said: dict[str, Any] = {"by": till.colleague, "now": till.now}
    again = await till.db.write(note_payout, asked.refund_no, **said)

    assert again == first
    assert len(await till.rows(vouchers)) == 2
    await till.proved()


async def test_who_agreed_does_not_hand_over(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)

    with pytest.raises(SelfApproval):
        await till.paid_out(asked.refund_no, by=till.manager)
    assert await till.open_fen() == [0, MONTH]
    await till.proved()


async def test_nobody_hands_money_over_to_herself(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)
    hers = update(identities).where(identities.c.id == till.identity_id)
    mine = hers.values(staff_id=till.cashier.staff_id)
    await till.db.write(lambda tx: tx.execute(mine))

    with pytest.raises(SelfApproval):
        await till.paid_out(asked.refund_no)


async def test_nothing_is_handed_over_before_somebody_agreed(till: Till):
    taken = await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH)

    with pytest.raises(RefundStateWrong):
        await till.db.write(note_payout, asked.refund_no, by=till.cashier, now=till.now)
    with pytest.raises(UnknownRefund):
        await till.db.write(note_payout, "T1", by=till.cashier, now=till.now)


async def test_what_a_platform_sends_is_not_handed_over_too(till: Till):
    payment_id = await till.paid(till.both)
    asked = await till.request(payment_id, MONTH)

    with pytest.raises(RefundStateWrong):
        await till.db.write(note_payout, asked.refund_no, by=till.cashier, now=till.now)


async def test_past_the_platforms_window_it_goes_to_an_account_by_transfer(till: Till):
    payment_id = await till.paid(till.both)
    old = update(payments).values(paid_at=till.now - timedelta(days=400))
    await till.db.write(lambda tx: tx.execute(old))
    refund_no = await request(till, payment_id)

    with pytest.raises(SlipMissing):
        await till.paid_out(refund_no)
    said: dict[str, Any] = {"reference": "ICBC20261123", "by": till.cashier, "now": till.now}
    paid = await till.db.write(note_payout, refund_no, **said)

    [row] = await till.rows(refunds)
    assert (row.payout_name, row.payout_account, row.payout_bank) == (
        HERS.name,
        HERS.account,
        HERS.bank,
    )
    assert paid.method is CashMethod.TRANSFER
    assert (await till.held(Account.BANK), await till.held(Account.CLEARING)) == (-MONTH, 50_120)
    await till.proved()


async def test_an_account_has_a_name_a_number_and_a_bank(till: Till):
    payment_id = await till.paid(till.both)

    with pytest.raises(PayoutMissing):
        await request(till, payment_id, payee=Payee("李秀英", "", "工商银行"))
    with pytest.raises(RefundTooMuch):
        await request(till, payment_id, 50_121)
    assert await till.rows(refunds) == []


async def test_asking_twice_with_one_key_is_one_refund(till: Till):
    payment_id = await till.paid(till.both)

    assert await request(till, payment_id) == await request(till, payment_id)
    assert len(await till.rows(refunds)) == 1
    await till.proved()


async def test_cash_that_went_back_lowers_what_is_due_in_the_drawer(till: Till):
    taken = await till.take(MONTH)
    await till.take(MONTH)
    asked = await till.request(taken.payment_id, MONTH, actor=Actor(till.colleague.staff_id))
    await till.paid_out(asked.refund_no)

    sheet = await till.close(MONTH)

    assert (sheet.sums.cash_in_fen, sheet.sums.cash_out_fen, sheet.over_fen) == (50_120, MONTH, 0)
    await till.proved()
