"""What a receipt (收据) shows: its number, what was paid, and what has gone back since."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.payments import allocations, payment_orders, payments, receipts, refunds
from storage.periods import BillingPeriod
from storage.rules.refunds import VOID

_OLDER = receipts.alias("older")
_REPLACED = (
    select(_OLDER.c.receipt_no)
    .where(_OLDER.c.id == receipts.c.replaces_id)
    .scalar_subquery()
    .label("replaces_no")
)
_GONE = (RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """What one bill got of the payment, in fen."""

    item_name: str
    period: BillingPeriod
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ReceiptRefund:
    """Money of this payment that goes, or went, back."""

    refund_no: str
    amount_fen: int
    is_settled: bool
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt as printed. No name and no phone number."""

    receipt_no: str
    order_no: str
    gateway: str
    unit_label: str
    community_name: str
    company_name: str
    office_phone: str
    amount_fen: int
    surplus_fen: int
    returned_fen: int
    refunded_fen: int
    """What is back with the payer by now."""
    paid_at: datetime
    issued_at: datetime
    voided_at: datetime | None
    receipt_fen: int
    """What this receipt is over: the payment less what went back before it."""
    replaces_no: str
    """The voided one whose place it takes, "" for the first."""
    is_invoiced: bool
    """A tax invoice was issued for it."""
    lines: tuple[ReceiptLine, ...]
    refunds: tuple[ReceiptRefund, ...]


_NEWEST: Final = (
    select(
        receipts.c.receipt_no,
        receipts.c.issued_at,
        receipts.c.voided_at,
        receipts.c.invoiced_at,
        receipts.c.amount_fen.label("receipt_fen"),
        _REPLACED,
        payment_orders.c.order_no,
        payments,
        units.c.label,
        communities.c.name,
        communities.c.company_name,
        communities.c.phone,
    )
    .select_from(
        receipts.join(payments)
        .join(payment_orders, payment_orders.c.id == payments.c.order_id)
        .join(units, units.c.id == payments.c.unit_id)
        .join(communities, communities.c.id == units.c.community_id)
    )
    .order_by(receipts.c.id.desc())
    .limit(1)
)


def receipt_of(tx: Connection, payment_id: int) -> ReceiptView | None:
    """Return the receipt of a payment, None where there is none."""
    row = tx.execute(_NEWEST.where(receipts.c.payment_id == payment_id)).one_or_none()
    if row is None:
        return None
    given_back = _refunds(tx, payment_id)
    return ReceiptView(
        receipt_no=row.receipt_no,
        order_no=row.order_no,
        gateway=row.gateway,
        unit_label=row.label,
        community_name=row.name,
        company_name=row.company_name,
        office_phone=row.phone,
        amount_fen=row.amount_fen,
        surplus_fen=row.surplus_fen,
        returned_fen=row.returned_fen,
        refunded_fen=sum(one.amount_fen for one in given_back if one.is_settled),
        paid_at=row.paid_at,
        issued_at=row.issued_at,
        voided_at=row.voided_at,
        receipt_fen=row.receipt_fen,
        replaces_no=row.replaces_no or "",
        is_invoiced=row.invoiced_at is not None,
        lines=_lines(tx, payment_id),
        refunds=given_back,
    )


def _lines(tx: Connection, payment_id: int) -> tuple[ReceiptLine, ...]:
    rows = tx.execute(
        select(fee_items.c.name, bills.c.period, allocations.c.amount_fen)
        .select_from(allocations.join(bills).join(fee_items))
        .where(
            allocations.c.payment_id == payment_id,
            allocations.c.refund_id.is_(None),
            allocations.c.move_id.is_(None),
        )
        .order_by(bills.c.period, bills.c.id)
    ).all()
    return tuple(
        ReceiptLine(row.name, BillingPeriod.parse(row.period), row.amount_fen) for row in rows
    )


def _refunds(tx: Connection, payment_id: int) -> tuple[ReceiptRefund, ...]:
    rows = tx.execute(
        select(refunds)
        .where(
            refunds.c.payment_id == payment_id,
            refunds.c.state.not_in(_GONE),
            refunds.c.cause != VOID,
        )
        .order_by(refunds.c.id)
    ).all()
    return tuple(
        ReceiptRefund(
            row.refund_no, row.amount_fen, row.state == RefundStep.SUCCESS, row.settled_at
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class ReceiptPayment:
    """The payment behind a receipt, as the office finds it by the number."""

    payment_id: int
    unit_label: str
    amount_fen: int
    left_fen: int
    """What no refund has spoken for."""
    paid_at: datetime


def payment_of_receipt(
    tx: Connection, receipt_no: str, community_ids: Sequence[int]
) -> ReceiptPayment | None:
    """Return the payment of a receipt in some communities, voided or not, or None."""
    row = tx.execute(
        select(payments, units.c.label)
        .select_from(
            receipts.join(payments, payments.c.id == receipts.c.payment_id).join(
                units, units.c.id == payments.c.unit_id
            )
        )
        .where(receipts.c.receipt_no == receipt_no, payments.c.community_id.in_(community_ids))
    ).one_or_none()
    if row is None:
        return None
    left_fen = row.amount_fen - row.reserved_fen
    return ReceiptPayment(row.id, row.label, row.amount_fen, left_fen, row.paid_at)
