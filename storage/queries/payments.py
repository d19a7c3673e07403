"""What has been paid for a flat, what is on its way, and what is open in each flat."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.models.bills import bills, fee_items
from storage.models.payments import allocations, payment_orders, payments, receipts
from storage.periods import BillingPeriod
from storage.queries.bills import open_bills, payment_history


@dataclass(frozen=True, slots=True)
class PaidBill:
    """What a payment gave to one bill."""

    item_name: str
    period: BillingPeriod
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SettledPayment:
    """Money that arrived, what it paid, and its receipt."""

    payment_id: int
    paid_at: datetime
    amount_fen: int
    returned_fen: int
    """What went back at once because the bills were paid already."""
    gateway: str
    receipt_no: str
    refunded_fen: int
    """What was asked back and has not failed."""
    bills: tuple[PaidBill, ...]


def settled_payments(tx: Connection, binding_id: int, *, limit: int) -> list[SettledPayment]:
    """Return the newest payments that paid something this binding may see."""
    past = payment_history(tx, binding_id, limit=limit)
    return payments_by_id(tx, [one.payment_id for one in past])


def payments_by_id(tx: Connection, payment_ids: list[int]) -> list[SettledPayment]:
    """Return payments, the newest first. Asks nothing about who may see them."""
    rows = tx.execute(
        select(payments, receipts.c.receipt_no)
        .select_from(payments.outerjoin(receipts, is_newest_receipt()))
        .where(payments.c.id.in_(payment_ids))
        .order_by(payments.c.paid_at.desc(), payments.c.id.desc())
    ).all()
    paid: dict[int, list[PaidBill]] = {}
    for row in tx.execute(
        select(allocations.c.payment_id, fee_items.c.name, bills.c.period, allocations.c.amount_fen)
        .select_from(allocations.join(bills).join(fee_items))
        .where(allocations.c.payment_id.in_(payment_ids), allocations.c.refund_id.is_(None))
        .order_by(bills.c.period, bills.c.id)
    ):
        one = PaidBill(row.name, BillingPeriod.parse(row.period), row.amount_fen)
        paid.setdefault(row.payment_id, []).append(one)
    return [
        SettledPayment(
            row.id,
            row.paid_at,
            row.amount_fen,
            row.returned_fen,
            row.gateway,
            row.receipt_no or "",
            row.reserved_fen,
            tuple(paid.get(row.id, ())),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class PendingPayment:
    """A payment that was begun and whose end we have not heard."""

    order_no: str
    amount_fen: int
    gateway: str
    created_at: datetime


def pending_payments(
    tx: Connection, *, identity_id: int, unit_id: int, since: datetime
) -> list[PendingPayment]:
    """Return what a person began to pay for a unit and nobody has reported, the newest first."""
    rows = tx.execute(
        select(payment_orders)
        .where(
            payment_orders.c.identity_id == identity_id,
            payment_orders.c.unit_id == unit_id,
            payment_orders.c.state == OrderState.OPEN,
            payment_orders.c.created_at >= since,
        )
        .order_by(payment_orders.c.id.desc())
        .limit(3)
    ).all()
    return [
        PendingPayment(row.order_no, row.amount_fen, row.gateway, row.created_at) for row in rows
    ]


def refundable_payments(
    tx: Connection, *, binding_id: int, identity_id: int, unit_id: int, since: datetime
) -> list[SettledPayment]:
    """Return payments of hers that still hold money that can go back, the newest first.

    Hers are those she made in chat, and those made from a paper bill that she may see.
    """
    seen = [one.payment_id for one in payment_history(tx, binding_id, limit=50)]
    mine = or_(
        payment_orders.c.identity_id == identity_id,
        and_(payment_orders.c.identity_id.is_(None), payments.c.id.in_(seen)),
    )
    found = tx.execute(
        select(payments.c.id)
        .select_from(payments.join(payment_orders))
        .where(
            mine,
            payments.c.unit_id == unit_id,
            payments.c.reserved_fen < payments.c.amount_fen,
            payments.c.paid_at > since,
        )
        .order_by(payments.c.paid_at.desc(), payments.c.id.desc())
        .limit(5)
    ).scalars()
    return payments_by_id(tx, list(found))


def open_fen_by_binding(tx: Connection, binding_ids: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (how many bills are open, how many fen) for each binding, in the order given."""
    found = [open_bills(tx, one) for one in binding_ids]
    return [(len(bills_of), sum(bill.open_fen for bill in bills_of)) for bills_of in found]


def is_newest_receipt() -> ColumnElement[bool]:
    """Say which receipt of a payment is the one that counts, or counted last."""
    other = receipts.alias()
    newest = select(func.max(other.c.id)).where(other.c.payment_id == payments.c.id)
    return receipts.c.id == newest.scalar_subquery()
