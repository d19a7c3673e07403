"""Money that waits (挂账): a person says for what it came (认领), or that it is none of theirs."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit, ledger
from storage.audit import Actor
from storage.bank_errors import RowTaken, UnknownBankRow
from storage.frozen import dataclass
from storage.kinds import Account, OrderState
from storage.ledger import Leg
from storage.models.bank import bank_rows
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.payments import payment_order_bills, payment_orders, receipts
from storage.operations.bank_rows import transaction_of
from storage.operations.bookings import book_payment
from storage.paying_kinds import BankRowState
from storage.ports.payments import PaymentFact, PaymentState, TradeKind
from storage.queries.bank_rows import OPEN, PlannedRow, plan_of_row
from storage.sql import next_number


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a row became."""

    receipt_no: str
    payment_id: int
    unit_label: str
    amount_fen: int


def assign_row(
    tx: Connection, row_id: int, unit_id: int, *, actor: Actor, now: datetime
) -> Assigned:
    """Say that a row was paid for a unit: its open bills, the oldest first; the rest is prepayment.

    Out of suspense it goes as any payment, with receipt and message. Raises UnknownBankRow, and
    RowTaken where somebody was quicker.
    """
    row = _lock(tx, row_id)
    plan = plan_of_row(tx, row_id, unit_id)
    order = _write_order(tx, row, plan, now)
    fact = PaymentFact(
        gateway=order.gateway,
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=row.amount_fen,
        currency="CNY",
        merchant_id=row.account_no,
        app_id="",
        transaction_id=transaction_of(row.serial, row.row_key),
        paid_at=row.booked_at,
    )
    payment_id = book_payment(tx, order, fact, now, into=Account.SUSPENSE)
    tx.execute(
        update(bank_rows)
        .where(bank_rows.c.id == row_id)
        .values(
            state=BankRowState.ASSIGNED,
            payment_id=payment_id,
            decided_by=actor.staff_id,
            decided_at=now,
        )
    )
    audit.note(tx, actor, "assign", "bank_row", str(row_id), at=now, detail=str(payment_id))
    receipt_no: str = tx.execute(
        select(receipts.c.receipt_no).where(receipts.c.payment_id == payment_id)
    ).scalar_one()
    return Assigned(receipt_no, payment_id, plan.unit_label, row.amount_fen)


def dismiss_row(tx: Connection, row_id: int, reason: str, *, actor: Actor, now: datetime) -> None:
    """Say that a row is no resident's money, or went back to whoever sent it.

    It leaves suspense and the bank account of these books. Raises UnknownBankRow, RowTaken.
    """
    row = _lock(tx, row_id)
    ledger.post(
        tx,
        key=f"suspense_out:{row_id}",
        memo="挂账转出",
        community_id=row.community_id,
        posted_at=now,
        legs=[Leg(Account.SUSPENSE, row.amount_fen), Leg(Account.BANK, -row.amount_fen)],
    )
    tx.execute(
        update(bank_rows)
        .where(bank_rows.c.id == row_id)
        .values(
            state=BankRowState.OTHER,
            note=reason[:120],
            decided_by=actor.staff_id,
            decided_at=now,
        )
    )
    audit.note(tx, actor, "dismiss", "bank_row", str(row_id), at=now, detail=reason)


def _lock(tx: Connection, row_id: int) -> Row[Any]:
    row = tx.execute(
        select(bank_rows).where(bank_rows.c.id == row_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownBankRow
    if row.state not in OPEN:
        raise RowTaken
    return row


def _write_order(tx: Connection, row: Row[Any], plan: PlannedRow, now: datetime) -> Row[Any]:
    unit = tx.execute(select(units).where(units.c.id == plan.unit_id)).one()
    number = next_number(tx, "bank_order")
    order = tx.execute(
        payment_orders.insert()
        .values(
            order_no=f"B{row.day_on:%y%m%d}{number:08d}",
            community_id=unit.community_id,
            unit_id=unit.id,
            payee_id=row.payee_id,
            gateway=row.gateway,
            kind=TradeKind.NATIVE,
            choice_key=f"row:{row.id}",
            state=OrderState.OPEN,
            amount_fen=row.amount_fen,
            merchant_id=row.account_no,
            app_id="",
            payer_id="",
            created_at=now,
            expires_at=now,
        )
        .returning(payment_orders)
    ).one()
    chosen = [
        {"order_id": order.id, "bill_id": one.bill_id, "amount_fen": one.fen} for one in plan.lines
    ]
    if chosen:
        ids = [one.bill_id for one in plan.lines]
        tx.execute(select(bills.c.id).where(bills.c.id.in_(ids)).with_for_update()).all()
        tx.execute(payment_order_bills.insert(), chosen)
    return order
