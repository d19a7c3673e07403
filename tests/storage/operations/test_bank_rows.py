"""Rows of the bank: each once; sure ones are booked, the rest waits until a person says."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from bot.gateways.bank_transfer import code_of
from storage.audit import CLOCK
from storage.bank_errors import RowTaken, UnknownBankRow
from storage.kinds import Account
from storage.ledger import balance
from storage.models.bank import bank_rows
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments, receipts, refunds
from storage.operations.bank_rows import BankAccount, cursor_of, take_news, take_rows
from storage.operations.suspense import assign_row, dismiss_row
from storage.paying_kinds import BankRowState
from storage.queries.bank_rows import waiting_rows
from storage.queries.proofs import prove
from storage.rules.remark_codes import printed
from tests.factories import NOW
from tests.storage.operations.stage import Stage
from tests.storage.operations.transfers import ACCOUNT, OWED, awaited, line, take


async def fen_of(stage: Stage, account: Account) -> int:
    return await stage.db.read(balance, account)


async def test_a_transfer_lasts_a_week_and_its_code_is_the_orders_own(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])

    assert order.expires_at == stage.now + timedelta(days=7)
    assert code_of(order.order_no) == code_of(order.order_no)


async def test_code_and_amount_pay_the_bill_into_the_bank_with_receipt(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    memo = f"物业费 {printed(code_of(order.order_no))} 谢谢"

    assert await take(stage, line("S1", OWED, memo)) == {"matched": 1}

    assert (await stage.open_fen())[0] == 0
    assert await fen_of(stage, Account.BANK) == OWED
    assert await fen_of(stage, Account.CLEARING) == 0
    assert len(await stage.rows(receipts)) == 1
    assert (await stage.rows(payments))[0].transaction_id == "S1"
    assert await stage.db.read(prove) == []


async def test_the_same_row_heard_again_changes_nothing(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    row = line("S1", OWED, code_of(order.order_no))

    await take(stage, row)
    again = await stage.db.write(take_rows, [row, row], ACCOUNT, source="file", now=stage.now)

    assert (again.new, again.repeated) == (0, 2)
    assert len(await stage.rows(payments)) == 1


async def test_the_code_with_another_amount_waits_for_a_person_and_is_in_suspense(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])

    assert await take(stage, line("S1", OWED - 1, code_of(order.order_no))) == {"suggested": 1}

    [row] = await stage.db.read(waiting_rows, [stage.world.community_id])
    assert row.suggested_unit_id == stage.world.unit_id
    assert "other_amount" in row.reasons
    assert await fen_of(stage, Account.SUSPENSE) == -(OWED - 1)
    assert await stage.rows(payments) == []
    assert await stage.db.read(prove) == []


async def test_a_memo_that_names_the_flat_is_suggested_and_never_booked_by_itself(stage: Stage):
    assert await take(stage, line("S1", OWED, "3-2-1201 物业费")) == {"suggested": 1}

    [row] = await stage.db.read(waiting_rows, [stage.world.community_id])
    assert row.suggested_unit_id == stage.world.unit_id
    assert row.score >= 45
    assert await stage.rows(payments) == []


async def test_what_nobody_can_know_is_suspense_until_it_is_claimed(stage: Stage):
    await take(stage, line("S1", 40_000, "转账"))
    [row] = await stage.rows(bank_rows)
    assert row.state == BankRowState.SUSPENSE

    done = await stage.db.write(assign_row, row.id, stage.world.unit_id, actor=CLOCK, now=stage.now)

    assert done.amount_fen == 40_000
    assert (await stage.open_fen())[:2] == [0, 2 * OWED - 40_000]
    assert await fen_of(stage, Account.SUSPENSE) == 0
    assert await fen_of(stage, Account.BANK) == 40_000
    assert await stage.db.read(prove) == []


async def test_a_claimed_row_of_a_second_account_is_paid_through_that_accounts_gateway(
    stage: Stage,
):
    lake = BankAccount("6225000000000099999", "bank_transfer_lake")
    row = line("S1", 40_000, "转账", row_key=f"{lake.account_no}:S1")
    await stage.db.write(take_rows, [row], lake, source="test", now=stage.now)
    [waiting] = await stage.rows(bank_rows)

    done = await stage.db.write(
        assign_row, waiting.id, stage.world.unit_id, actor=CLOCK, now=stage.now
    )

    [payment] = await stage.rows(payments)
    [order] = await stage.rows(payment_orders)
    assert payment.gateway == "bank_transfer_lake"
    assert (order.gateway, order.merchant_id) == ("bank_transfer_lake", lake.account_no)
    await stage.request(done.payment_id, 100)
    assert [one.gateway for one in await stage.rows(refunds)] == ["bank_transfer_lake"]
    assert await stage.db.read(prove) == []


async def test_a_claimed_row_pays_the_bills_that_its_code_was_asked_for_first(stage: Stage):
    order = await awaited(stage, [stage.world.november_id])
    await take(stage, line("S1", OWED - 60, code_of(order.order_no)))
    [row] = await stage.rows(bank_rows)

    await stage.db.write(assign_row, row.id, stage.world.unit_id, actor=CLOCK, now=stage.now)

    assert await stage.open_fen() == [OWED, 60]


async def test_a_row_is_claimed_once(stage: Stage):
    await take(stage, line("S1", 40_000, "转账"))
    [row] = await stage.rows(bank_rows)
    await stage.db.write(assign_row, row.id, stage.world.unit_id, actor=CLOCK, now=stage.now)

    with pytest.raises(RowTaken):
        await stage.db.write(assign_row, row.id, stage.world.unit_id, actor=CLOCK, now=stage.now)
    with pytest.raises(RowTaken):
        await stage.db.write(dismiss_row, row.id, "x", actor=CLOCK, now=stage.now)
    with pytest.raises(UnknownBankRow):
        await stage.db.write(dismiss_row, 999, "x", actor=CLOCK, now=stage.now)


async def test_more_than_is_owed_becomes_prepayment(stage: Stage):
    await take(stage, line("S1", 60_000, "转账"))
    [row] = await stage.rows(bank_rows)

    await stage.db.write(assign_row, row.id, stage.world.unit_id, actor=CLOCK, now=stage.now)

    assert await stage.prepaid_fen() == 60_000 - 2 * OWED
    assert await stage.db.read(prove) == []


async def test_money_that_is_nobodys_leaves_suspense_with_a_reason(stage: Stage):
    await take(stage, line("S1", 40_000, "货款"))
    [row] = await stage.rows(bank_rows)

    await stage.db.write(dismiss_row, row.id, "银行已退回", actor=CLOCK, now=stage.now)

    assert (await stage.rows(bank_rows))[0].note == "银行已退回"
    assert await fen_of(stage, Account.SUSPENSE) == await fen_of(stage, Account.BANK) == 0
    assert await stage.db.read(prove) == []


async def test_a_transfer_that_the_bank_takes_back_makes_its_bill_owed_again(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    code = code_of(order.order_no)
    await take(stage, line("S1", OWED, code))

    back = line("S2", -OWED, f"退汇 {code}", booked_at=NOW + timedelta(hours=30))
    assert await take(stage, back) == {"returned": 1}

    assert (await stage.open_fen())[0] == OWED
    assert await fen_of(stage, Account.BANK) == 0
    assert [one.state for one in await stage.rows(bank_rows)] == ["returned", "returned"]
    assert await stage.db.read(prove) == []


async def test_unclaimed_money_that_the_bank_takes_back_leaves_suspense_by_itself(stage: Stage):
    await take(stage, line("S1", 40_000, "货款"))

    back = line("S2", -40_000, "退汇 货款", booked_at=NOW + timedelta(hours=30))
    assert await take(stage, back) == {"returned": 1}

    assert [one.state for one in await stage.rows(bank_rows)] == ["returned", "returned"]
    assert await fen_of(stage, Account.SUSPENSE) == await fen_of(stage, Account.BANK) == 0
    assert await stage.db.read(prove) == []


async def test_a_take_back_of_money_that_was_refunded_meanwhile_is_for_a_person(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    await take(stage, line("S1", OWED, code_of(order.order_no)))
    [payment] = await stage.rows(payments)
    await stage.request(payment.id, 100)

    back = line("S2", -OWED, "退汇", booked_at=NOW + timedelta(hours=30))
    await take(stage, back)

    assert "BankReturned" in [one.kind for one in await stage.rows(discrepancies)]
    assert len(await stage.rows(refunds)) == 1


async def test_a_late_transfer_for_a_closed_order_waits_for_a_person(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])

    def close(tx: Connection) -> None:
        tx.execute(
            payment_orders.update()
            .where(payment_orders.c.order_no == order.order_no)
            .values(state="closed")
        )

    await stage.db.write(close)

    assert await take(stage, line("S1", OWED, code_of(order.order_no))) == {"suggested": 1}
    told = json.loads((await stage.rows(bank_rows))[0].suggestion)
    assert "not_awaited" in told["reasons"]


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (line("S1", 1_23, "结息", name="", payer_account=""), "other"),
        (line("S1", -50_00, "账户管理费"), "other"),
        (line("S1", 99_000, "微信支付结算款", name="财付通支付科技有限公司"), "settlement"),
    ],
)
async def test_what_is_no_residents_money_moves_no_residents_books(stage: Stage, row, state):
    assert await take(stage, row) == {state: 1}

    assert await stage.rows(payments) == []
    assert await fen_of(stage, Account.SUSPENSE) == 0
    assert await stage.db.read(prove) == []


async def test_the_cursor_goes_on_with_the_rows_in_one_transaction(stage: Stage):
    rows = [line("S1", 40_000, "转账")]

    await stage.db.write(take_news, rows, ACCOUNT, cursor="c-1", now=stage.now)

    assert await stage.db.read(cursor_of, ACCOUNT.account_no) == "c-1"
    assert await stage.db.read(cursor_of, "another") == ""
    count = await stage.db.read(lambda tx: len(tx.execute(select(bank_rows)).all()))
    assert count == 1


async def test_a_row_that_was_polled_is_not_taken_again_from_a_file_without_serials(stage: Stage):
    polled = line("S1", 40_000, "转账", balance_fen=90_000)
    in_file = replace(polled, row_key="h-of-a-file", serial="")
    twin = replace(in_file, row_key="h-of-a-file:2")
    await stage.db.write(take_rows, [polled], ACCOUNT, source="direct", now=stage.now)

    taken = await stage.db.write(take_rows, [in_file, twin], ACCOUNT, source="a.csv", now=stage.now)

    assert (taken.new, taken.repeated) == (1, 1)
    assert len(await stage.rows(bank_rows)) == 2
