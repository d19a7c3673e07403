"""Payments as the office looks through them: some at a time, and one with all that became of it."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from storage.errors import UnknownOrder
from storage.frozen import dataclass
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.offline import vouchers
from storage.models.payments import allocations, payment_orders, payments, receipts, refunds
from storage.models.tax_invoices import tax_invoices
from storage.paying_kinds import TaxInvoiceState
from storage.periods import BillingPeriod, shanghai_instant
from storage.queries.audits import AuditLine, audit_of
from storage.queries.payments import is_newest_receipt
from storage.queries.refund_pages import RefundRow, refunds_of_payment


@dataclass(frozen=True, slots=True)
class PaymentWish:
    """Which payments somebody wants to see; what is empty does not matter."""

    first_on: date | None = None
    last_on: date | None = None
    gateway: str = ""
    fragment: str = ""
    """Of a room; or the begin of a receipt's, an order's or the platform's number."""
    before_id: int = 0
    """The last one of the page before."""


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment of a list; `refunded_fen` is what refunds have spoken for."""

    payment_id: int
    community_name: str
    unit_id: int
    unit_label: str
    gateway: str
    amount_fen: int
    refunded_fen: int
    paid_at: datetime
    receipt_no: str

    @property
    def left_fen(self) -> int:
        """What no refund has spoken for."""
        return self.amount_fen - self.refunded_fen


_ROWS: Final = select(
    payments,
    units.c.label,
    communities.c.name.label("community_name"),
    receipts.c.receipt_no,
    payment_orders.c.order_no,
).select_from(
    payments.join(units, units.c.id == payments.c.unit_id)
    .join(communities, communities.c.id == payments.c.community_id)
    .join(payment_orders, payment_orders.c.id == payments.c.order_id)
    .outerjoin(receipts, is_newest_receipt())
)


def page_of_payments(
    tx: Connection, wish: PaymentWish, *, community_ids: Sequence[int], limit: int
) -> list[PaymentRow]:
    """Return some payments of these communities, the newest first."""
    asked = _ROWS.where(payments.c.community_id.in_(community_ids), *_fits(wish))
    return [_row(row) for row in tx.execute(asked.order_by(payments.c.id.desc()).limit(limit))]


NEWEST: Final = 500
"""Among so many payments of the whole house an open page looks for what is new: a bounded look."""


def payments_mark(tx: Connection, *, community_ids: Sequence[int]) -> str:
    """Return a text that changes when money comes in to the communities, or is asked back.

    It adds up keys, so that of two that are written at once at two places none is missed,
    whichever ends first. What is older than the `NEWEST` payments of the house changes nothing.
    """
    late = (
        select(payments.c.id, payments.c.community_id, payments.c.reserved_fen)
        .order_by(payments.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    keys, asked_back = tx.execute(
        select(func.sum(late.c.id), func.sum(late.c.reserved_fen)).where(
            late.c.community_id.in_(community_ids)
        )
    ).one()
    return f"{keys or 0}-{asked_back or 0}"


def _fits(wish: PaymentWish) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.first_on is not None:
        found.append(payments.c.paid_at >= shanghai_instant(wish.first_on))
    if wish.last_on is not None:
        found.append(payments.c.paid_at < shanghai_instant(wish.last_on + timedelta(days=1)))
    if wish.gateway:
        found.append(payments.c.gateway == wish.gateway)
    if plain := re.sub(r"\s+", "", unicodedata.normalize("NFKC", wish.fragment)).upper():
        found.append(_holds(plain))
    if wish.before_id:
        found.append(payments.c.id < wish.before_id)
    return found


def _holds(plain: str) -> ColumnElement[bool]:
    room = re.sub(r"(栋|幢|号楼|单元|门)", "-", plain).removesuffix("室").strip("-")
    numbered = select(receipts.c.payment_id).where(
        receipts.c.receipt_no.startswith(plain, autoescape=True)
    )
    return or_(
        payments.c.id.in_(numbered),
        payment_orders.c.order_no.startswith(plain, autoescape=True),
        payments.c.transaction_id.startswith(plain, autoescape=True),
        units.c.code.contains(room or plain, autoescape=True),
        units.c.label.contains(plain, autoescape=True),
    )


def _row(row: Row[Any]) -> PaymentRow:
    return PaymentRow(
        row.id,
        row.community_name,
        row.unit_id,
        row.label,
        row.gateway,
        row.amount_fen,
        row.reserved_fen,
        row.paid_at,
        row.receipt_no or "",
    )


@dataclass(frozen=True, slots=True)
class PaymentPart:
    """What a bill got of a payment (above 0), or gave back (below 0)."""

    bill_no: str
    item_name: str
    period: BillingPeriod
    amount_fen: int
    refund_no: str


@dataclass(frozen=True, slots=True)
class PaymentReceipt:
    """A receipt of a payment, the one that counts or one that was voided."""

    receipt_no: str
    amount_fen: int
    issued_at: datetime
    voided_at: datetime | None
    void_reason: str


@dataclass(frozen=True, slots=True)
class TaxInvoiceOfPayment:
    """An application for an invoice of a payment."""

    application_no: str
    state: TaxInvoiceState
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PaymentInFull:
    """A payment with all that became of it."""

    row: PaymentRow
    order_no: str
    transaction_id: str
    heard_at: datetime
    surplus_fen: int
    """What was put aside when it came."""
    returned_fen: int
    """What was due back at once, for the bills were paid already."""
    parts: tuple[PaymentPart, ...]
    refunds: tuple[RefundRow, ...]
    receipts: tuple[PaymentReceipt, ...]
    invoices: tuple[TaxInvoiceOfPayment, ...]
    history: tuple[AuditLine, ...]


def payment_in_full(
    tx: Connection, payment_id: int, *, community_ids: Sequence[int]
) -> PaymentInFull:
    """Return a payment of these communities. Raises UnknownOrder."""
    mine = payments.c.community_id.in_(community_ids)
    row = tx.execute(_ROWS.where(payments.c.id == payment_id, mine)).one_or_none()
    if row is None:
        raise UnknownOrder
    back = refunds_of_payment(tx, payment_id)
    invoices = _invoices(tx, payment_id)
    taken = select(vouchers.c.voucher_no).where(vouchers.c.payment_id == payment_id)
    records = [("refund", one.refund_no) for one in back]
    records += [("tax_invoice", one.application_no) for one in invoices]
    records += [("voucher", one) for one in tx.execute(taken).scalars()]
    return PaymentInFull(
        row=_row(row),
        order_no=row.order_no,
        transaction_id=row.transaction_id,
        heard_at=row.settled_at,
        surplus_fen=row.surplus_fen,
        returned_fen=row.returned_fen,
        parts=_parts(tx, payment_id),
        refunds=tuple(back),
        receipts=_receipts(tx, payment_id),
        invoices=invoices,
        history=tuple(audit_of(tx, records)),
    )


def _parts(tx: Connection, payment_id: int) -> tuple[PaymentPart, ...]:
    rows = tx.execute(
        select(
            allocations.c.amount_fen,
            bills.c.bill_no,
            bills.c.period,
            fee_items.c.name,
            refunds.c.refund_no,
        )
        .select_from(
            allocations.join(bills, bills.c.id == allocations.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .outerjoin(refunds, refunds.c.id == allocations.c.refund_id)
        )
        .where(allocations.c.payment_id == payment_id)
        .order_by(allocations.c.id)
    )
    return tuple(
        PaymentPart(
            row.bill_no,
            row.name,
            BillingPeriod.parse(row.period),
            row.amount_fen,
            row.refund_no or "",
        )
        for row in rows
    )


def _receipts(tx: Connection, payment_id: int) -> tuple[PaymentReceipt, ...]:
    rows = tx.execute(
        select(receipts).where(receipts.c.payment_id == payment_id).order_by(receipts.c.id.desc())
    )
    return tuple(
        PaymentReceipt(
            row.receipt_no, row.amount_fen, row.issued_at, row.voided_at, row.void_reason
        )
        for row in rows
    )


def _invoices(tx: Connection, payment_id: int) -> tuple[TaxInvoiceOfPayment, ...]:
    rows = tx.execute(
        select(tax_invoices.c.application_no, tax_invoices.c.state, tax_invoices.c.amount_fen)
        .where(tax_invoices.c.payment_id == payment_id)
        .order_by(tax_invoices.c.id)
    )
    return tuple(
        TaxInvoiceOfPayment(row.application_no, TaxInvoiceState(row.state), row.amount_fen)
        for row in rows
    )
