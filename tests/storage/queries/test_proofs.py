"""Every sentence of the proof has a way to be broken, and sees it (positive control)."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from storage.audit import Actor
from storage.database import Database
from storage.kinds import Account, FeeClass, StaffRole
from storage.models.bills import bills, fee_items
from storage.operations.bills import NewBill, book_bills, void_bill
from storage.operations.cashier_days import HandIn, close_day
from storage.operations.deposit_asks import DepositAsk, ask_for_deposit
from storage.operations.deposits import Inspection, inspect
from storage.operations.offline import take_money
from storage.operations.orders import OpenOrder
from storage.operations.payments import settle_payment
from storage.operations.prepayments import apply_prepayments
from storage.operations.recognition import recognise_income
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.operations.write_offs import WriteOffAsk, approve_write_off, ask_write_off
from storage.paying_kinds import CashMethod
from storage.periods import BillingPeriod
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState
from storage.queries.counter import CounterAsk
from storage.queries.proofs import SENTENCES, prove
from storage.queries.residents import Staff, staff_member
from tests.append_only import allow_edits
from tests.factories import (
    NOW,
    Owed,
    World,
    add_bill,
    add_fee_item,
    add_staff,
    begin_to_pay,
    build,
    meet,
    pay,
)


def live_a_little(tx: Connection) -> World:
    """Pay two bills, take one of them back, ask for a part of the other; pay too much and twice."""
    world = build(tx, rounding_limit_fen=100)
    identity_id = meet(tx, "oLi")
    payment_id = pay(
        tx, world.unit_id, (world.october_id, world.november_id), identity_id=identity_id
    )
    for key, fen, ends in (("whole", 25_060, True), ("part", 1_000, False)):
        asked = RefundAskedFor(payment_id, fen, "paid_twice", "重复缴费", key, identity_id)
        view = request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW)
        if ends:
            fact = RefundFact(
                "wechat_pay", view.refund_no, "", RefundState.SUCCESS, fen, settled_at=NOW
            )
            assert note_refund(tx, fact, heard_at=NOW).outcome == "moved"
    pay_too_much(tx, world, identity_id)
    draw_and_hold(tx, world)
    bill_a_year(tx, world)
    stand_at_the_counter(tx, world)
    return world


def stand_at_the_counter(tx: Connection, world: World) -> None:
    """Take cash next door with some fen dropped, and hand it in."""
    staff_id = add_staff(tx, world.community_id, "周出纳", StaffRole.CASHIER, "oCash")
    cashier = staff_member(tx, staff_id)
    assert cashier is not None
    owed = Owed(world.next_door_id, world.fee_item_id, "2026-09", 10_020, liable_id=world.wang_id)
    ask = CounterAsk(
        unit_id=world.next_door_id,
        method=CashMethod.CASH,
        amount_fen=10_000,
        request_key="counter:1",
        bill_ids=(add_bill(tx, owed),),
        rounding_fen=20,
    )
    take_money(tx, ask, by=cashier, now=NOW)
    close_day(tx, HandIn(world.community_id, 10_000), by=cashier, now=NOW)
    write_off(tx, world, cashier)


def write_off(tx: Connection, world: World, cashier: Staff) -> None:
    """Write off what nobody next door pays any more."""
    boss = staff_member(tx, add_staff(tx, world.community_id, "陈经理", StaffRole.MANAGER, "oBoss"))
    assert boss is not None
    owed = Owed(world.next_door_id, world.fee_item_id, "2026-08", 7_700, liable_id=world.wang_id)
    bill_id = add_bill(tx, owed)
    tx.execute(update(bills).where(bills.c.id == bill_id).values(due_on=date(2026, 8, 25)))
    asked = ask_write_off(tx, WriteOffAsk(bill_id, "失联", "退信"), by=cashier, now=NOW)
    approve_write_off(tx, asked.write_off_no, by=boss, now=NOW)


def bill_a_year(tx: Connection, world: World) -> None:
    """Bill two quarters ahead, take one of them back, and let December come."""
    item_id = add_fee_item(tx, world.community_id, "车位费", "parking")
    new = [
        NewBill(
            unit_id=unit_id,
            fee_item_id=item_id,
            item_name="车位费",
            period=BillingPeriod(2026, 11),
            amount_fen=90_000,
            due_on=date(2026, 11, 25),
            explanation={},
            begins_on=date(2026, 11, 1),
            last_on=date(2027, 1, 31),
        )
        for unit_id in (world.unit_id, world.next_door_id)
    ]
    book_bills(tx, new, community_id=world.community_id, against=Account.INCOME, now=NOW)
    december = NOW + timedelta(days=8)
    recognise_income(tx, community_id=world.community_id, now=december, limit=100)
    last = select(func.max(bills.c.id))
    void_bill(tx, bill_id=tx.execute(last).scalar_one(), reason="重复", actor=Actor(), now=december)


def draw_and_hold(tx: Connection, world: World) -> None:
    """Let a part of the prepayment pay February, and a deposit be paid, inspected and kept of."""
    february = Owed(
        world.unit_id, world.fee_item_id, "2027-02", amount_fen=9_000, liable_id=world.li_id
    )
    add_bill(tx, february)
    assert apply_prepayments(tx, world.unit_id, now=NOW).drawn_fen > 0
    item_id = add_fee_item(tx, world.community_id, "装修押金", "deposit")
    tx.execute(
        update(fee_items).where(fee_items.c.id == item_id).values(fee_class=FeeClass.DEPOSIT)
    )
    asked = DepositAsk(world.unit_id, item_id, 200_000, date(2026, 11, 30), "装修", world.li_id)
    bill_no = ask_for_deposit(tx, asked, actor=Actor(), now=NOW)
    assert bill_no is not None
    bill_id = tx.execute(select(bills.c.id).where(bills.c.bill_no == bill_no)).scalar_one()
    pay(tx, world.unit_id, (bill_id,))
    found = Inspection(bill_no, 30_000, "照片12张：楼道地砖破损", "业主签字")
    assert inspect(tx, found, actor=Actor(), now=NOW) == 170_000


def pay_too_much(tx: Connection, world: World, identity_id: int) -> None:
    """Let December be paid alone, then both together, then January alone.

    What was too much lies with us; a part of it has gone back, and a part is under way.
    """
    bills = [
        add_bill(tx, Owed(world.unit_id, world.fee_item_id, period, liable_id=world.li_id))
        for period in ("2026-12", "2027-01")
    ]
    together = begin_to_pay(tx, world.unit_id, tuple(bills), identity_id=identity_id)
    again = begin_to_pay(tx, world.unit_id, (bills[1],))
    pay(tx, world.unit_id, (bills[0],), identity_id=identity_id)
    surplus = settle(tx, together)
    settle(tx, again)
    for key, fen, ends in (("loose", 5_000, True), ("loose-2", 700, False), ("no", 300, False)):
        asked = RefundAskedFor(surplus, fen, "paid_too_much", "多缴", key, identity_id)
        view = request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW)
        state = RefundState.SUCCESS if ends else RefundState.PROCESSING
        state = RefundState.CLOSED if key == "no" else state
        fact = RefundFact("wechat_pay", view.refund_no, "", state, fen, settled_at=NOW)
        assert note_refund(tx, fact, heard_at=NOW).outcome == "moved"


def settle(tx: Connection, order: OpenOrder) -> int:
    """Hear that an order was paid; return the payment's key."""
    fact = PaymentFact(
        gateway="wechat_pay",
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=order.amount_fen,
        currency="CNY",
        merchant_id="1900000001",
        app_id="wx1",
        transaction_id=f"43{order.order_no}",
        paid_at=NOW,
    )
    settled = settle_payment(tx, fact, heard_at=NOW)
    assert settled.payment_id is not None
    return settled.payment_id


@pytest.fixture
async def lived(db: Database) -> World:
    return await db.write(live_a_little)


async def test_clean_books_prove_clean(db: Database, lived: World):
    assert await db.read(prove) == []


async def test_empty_books_prove_clean(db: Database):
    assert await db.read(prove) == []


BREAKS = {
    "every entry sums to zero and has two legs": (
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE id = 1",
        "DELETE FROM postings WHERE entry_id = 1",
    ),
    "every balance equals its postings": (
        "UPDATE unit_balances SET balance_fen = balance_fen + 1 WHERE account = 'receivable'",
        "DELETE FROM unit_balances WHERE account = 'receivable'",
        "INSERT INTO unit_balances (unit_id, account, balance_fen) VALUES (2, 'prepayment', -5)",
    ),
    "every bill is paid by its allocations": (
        "UPDATE bills SET paid_fen = amount_fen WHERE id = 3",
        "DELETE FROM allocations WHERE id = 1",
    ),
    "every bill is the sum of its lines": (
        "UPDATE bill_lines SET amount_fen = amount_fen - 1 WHERE id = 1",
    ),
    "what a unit owes is the sum of its open bills": (
        "UPDATE bills SET amount_fen = amount_fen + 1 WHERE id = 3",
        "UPDATE bills SET voided_at = issued_at WHERE id = 3",
        "UPDATE unit_balances SET balance_fen = balance_fen + 1 WHERE account = 'receivable'",
    ),
    "every payment is placed to the fen": (
        "UPDATE payments SET surplus_fen = surplus_fen + 1",
        "UPDATE payments SET allocated_fen = allocated_fen - 1, surplus_fen = surplus_fen + 1",
    ),
    "reserved money is that of live refunds": (
        "UPDATE payments SET reserved_fen = reserved_fen - 1 WHERE reserved_fen > 0",
        "UPDATE refunds SET state = 'closed' WHERE state = 'approved'",
    ),
    "every refund is the sum of its parts": (
        "DELETE FROM refund_parts WHERE refund_id = 2",
        "UPDATE refund_parts SET amount_fen = amount_fen + 1 WHERE refund_id = 1",
    ),
    "paid orders and payments are the same": (
        "UPDATE payment_orders SET state = 'open'",
        "UPDATE payment_orders SET amount_fen = amount_fen + 1",
    ),
    "every payment has its receipt": (
        "DELETE FROM receipts",
        "UPDATE receipts SET amount_fen = amount_fen - 1",
    ),
    "prepayment is the surplus that nobody has taken back": (
        "UPDATE payments SET surplus_fen = surplus_fen + 1",
        "UPDATE unit_balances SET balance_fen = balance_fen - 1 WHERE account = 'prepayment'",
        "UPDATE refunds SET state = 'closed' WHERE state = 'submitted'",
        "UPDATE refund_parts SET bill_id = 1 WHERE bill_id IS NULL",
    ),
    "what is due back is what came twice or is being refunded": (
        "UPDATE payments SET returned_fen = returned_fen - 1 WHERE returned_fen > 0",
        "UPDATE unit_balances SET balance_fen = 0 WHERE account = 'refund_due'",
        "UPDATE refunds SET state = 'success' WHERE state = 'submitted'",
        "UPDATE refund_parts SET amount_fen = amount_fen + 1 WHERE bill_id IS NULL",
    ),
    "prepayment is the sum of its moves": (
        "UPDATE prepayment_moves SET amount_fen = amount_fen + 1 WHERE amount_fen > 0",
        "DELETE FROM prepayment_moves WHERE bill_id IS NULL AND amount_fen < 0",
        "UPDATE unit_balances SET balance_fen = balance_fen - 1 WHERE account = 'prepayment'",
    ),
    "no prepayment is overdrawn": (
        "UPDATE prepayment_moves SET amount_fen = 1 WHERE amount_fen > 9000",
    ),
    "every draw of a prepayment is on its bill": (
        "UPDATE allocations SET amount_fen = amount_fen - 1 WHERE move_id IS NOT NULL",
        "UPDATE allocations SET bill_id = 1 WHERE move_id IS NOT NULL",
        "UPDATE prepayment_moves SET amount_fen = amount_fen + 1 WHERE bill_id IS NOT NULL",
    ),
    "deposits held are those asked for less what was kept or given back": (
        "UPDATE deposits SET deducted_fen = deducted_fen - 1",
        "UPDATE deposits SET returned_fen = returned_fen + 1",
        "UPDATE postings SET amount_fen = amount_fen - 1 WHERE account = 'deposit'",
    ),
    "clearing and fees hold what came less what went on": (
        "UPDATE refunds SET state = 'success' WHERE state = 'approved'",
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE account = 'clearing'",
    ),
    "what is deferred is the months of bills that have not come": (
        "UPDATE postings SET amount_fen = amount_fen - 1 WHERE account = 'deferred'",
        "DELETE FROM deferrals WHERE recognised_at IS NULL",
        "UPDATE bills SET voided_at = issued_at WHERE last_on = '2027-01-31'",
    ),
    "each month of a bill becomes income once": (
        "UPDATE deferrals SET recognised_at = NULL",
        "UPDATE deferrals SET recognised_at = '2027-01-01 00:00:00' WHERE recognised_at IS NULL",
        "UPDATE deferrals SET amount_fen = amount_fen + 1 WHERE recognised_at IS NOT NULL",
    ),
    "what a bill defers is what its entry set apart": (
        "UPDATE deferrals SET amount_fen = amount_fen + 1",
        "DELETE FROM deferrals WHERE period = '2026-12'",
    ),
    "the drawer holds what vouchers say": (
        "UPDATE vouchers SET amount_fen = amount_fen - 1",
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE account = 'cash'",
    ),
    "every payment at the counter has its voucher": (
        "DELETE FROM vouchers",
        "UPDATE vouchers SET voided_at = made_at",
        "UPDATE vouchers SET method = 'pos'",
    ),
    "every hand-in sheet is the sum of its vouchers": (
        "UPDATE cashier_days SET cash_due_fen = cash_due_fen + 1",
        "UPDATE vouchers SET cashier_day_id = NULL",
    ),
    "what is waived is what was approved": (
        "UPDATE bill_waivers SET amount_fen = amount_fen + 1",
        "UPDATE bill_waivers SET state = 'declined'",
    ),
    "what is written off is what was approved": (
        "UPDATE write_offs SET amount_fen = amount_fen + 1",
        "UPDATE write_offs SET state = 'reversed'",
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE account = 'bad_debt'",
    ),
    "every bill says what was waived and written off of it": (
        "UPDATE bills SET waived_fen = waived_fen + 1",
        "UPDATE bills SET written_off_fen = written_off_fen + 1",
        "UPDATE write_offs SET state = 'declined'",
    ),
}


def test_every_sentence_has_its_control():
    assert BREAKS.keys() == SENTENCES.keys()


def by_hand(statement: str) -> Callable[[Connection], None]:
    def change(tx: Connection) -> None:
        if "postings" in statement:
            allow_edits(tx)
        assert tx.exec_driver_sql(statement).rowcount >= 1

    return change


@pytest.mark.parametrize(
    ("sentence", "statement"), [(name, one) for name, many in BREAKS.items() for one in many]
)
async def test_e13_a_row_edited_by_hand_is_found_and_named(
    db: Database, lived: World, sentence, statement
):
    await db.write(by_hand(statement))

    broken = await db.read(prove)

    assert sentence in {one.sentence for one in broken}
    assert all(one.reference and one.reference != "None" for one in broken)
