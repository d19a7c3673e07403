"""Money of the bank that nobody has claimed, and refunds that staff ask for, in chat."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from storage.models.bank import bank_rows
from storage.models.payments import payments, receipts, refunds
from storage.operations.bank_rows import BankAccount, take_rows
from storage.ports.bank import BankLine
from storage.queries.proofs import prove
from tests import factories, town
from tests.factories import NOW
from tests.handlers.staff.test_staff_talks import compare

ACCOUNT = BankAccount("1202026219900012345", "bank_transfer")


@pytest.fixture
async def place(db):
    return await db.write(town.build)


def came(tx, place) -> None:
    """Two transfers without a code: one names its flat, of the other nothing is known."""
    lines = [
        BankLine(f"k{n}", NOW - timedelta(minutes=9 - n), fen, None, name, "62220", memo, f"S{n}")
        for n, (fen, name, memo) in enumerate(
            ((25_060, "王小二", "3-1-101 物业费"), (12_345, "赵六", "转账")), 1
        )
    ]
    take_rows(tx, lines, ACCOUNT, source="direct", now=NOW)


async def test_a_cashier_claims_what_waits_after_a_look(db, place, talk):
    await db.write(came, place)
    cashier = talk("s-cashier")

    for said in (
        *("挂账", "认领", "认领 1 9-9-999", "认领 1", "算了", "认领 1", "确认"),
        *("认领 2 3-1-101", "确认", "挂账", "认领 2 3-1-101"),
    ):
        await cashier.say(said)

    states = await db.read(lambda tx: list(tx.execute(select(bank_rows.c.state)).scalars()))
    assert states == ["assigned", "assigned"]
    assert await db.read(prove) == []
    compare("suspense", cashier.script())


async def test_a_cashier_lets_go_of_what_is_no_residents_with_a_reason(db, place, talk):
    await db.write(came, place)
    cashier = talk("s-cashier")

    for said in ("不认领 2", "不认领 2 银行已退回", "不认领 2 银行已退回"):
        await cashier.say(said)

    rows = await db.read(lambda tx: list(tx.execute(select(bank_rows).order_by(bank_rows.c.id))))
    assert [(one.state, one.note) for one in rows] == [("suggested", ""), ("other", "银行已退回")]
    compare("suspense_dismiss", cashier.script())


@pytest.mark.parametrize(
    "said", ["挂账", "认领 1 3-1-101", "不认领 1 x", "代退款 R20260000001 1 x"]
)
async def test_residents_see_and_touch_none_of_it(db, place, talk, said):
    await db.write(came, place)

    await talk("o-1").say(said)

    states = await db.read(lambda tx: list(tx.execute(select(bank_rows.c.state)).scalars()))
    assert states == ["suggested", "suspense"]
    assert await db.read(lambda tx: tx.execute(select(refunds)).all()) == []


async def test_staff_ask_for_a_residents_money_back_after_a_look(db, place, talk):
    def pay(tx) -> str:
        unit_id = place.unit_ids["3-1-101"]
        factories.pay(tx, unit_id, (1, 2), identity_id=factories.meet(tx, "o-1"))
        return str(tx.execute(select(receipts.c.receipt_no)).scalar_one())

    receipt_no = await db.write(pay)
    cashier = talk("s-cashier")

    for said in (
        *("代退款", "代退款 R29990000001 1 重复", f"代退款 {receipt_no} 100"),
        *(f"代退款 {receipt_no} 999999 重复缴费", f"代退款 {receipt_no} 100 搬走了", "算了"),
        *(f"代退款 {receipt_no} 100 搬走了", "确认"),
    ):
        await cashier.say(said)

    [row] = await db.read(lambda tx: list(tx.execute(select(refunds))))
    paid = await db.read(lambda tx: tx.execute(select(payments.c.reserved_fen)).scalar_one())
    assert (row.amount_fen, row.cause, paid) == (10_000, "asked", 10_000)
    assert row.requested_by is not None
    compare("refund_ask", cashier.script())
