"""Receipts (收据): numbered, one per payment; the payer is told in the same transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from storage import outbox
from storage.events import PaymentSettled
from storage.kinds import RefundStep, Urgency
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.payments import allocations, payment_orders, payments, receipts, refunds
from storage.models.people import identities
from storage.models.prepayments import prepay_orders
from storage.operations.hearers import Hearer, hearers
from storage.outbox import Addressee
from storage.periods import shanghai_day
from storage.ports.payments import TradeKind
from storage.queries.bills import open_bills
from storage.sql import insert_once, next_number


def issue(tx: Connection, payment_id: int, *, now: datetime) -> str:
    """Number a payment's receipt, once, and tell the payer; return the number."""
    payment = tx.execute(
        select(
            payments,
            payment_orders.c.order_no,
            payment_orders.c.identity_id,
            payment_orders.c.kind,
            payment_orders.c.payer_id,
            units.c.label,
        )
        .select_from(payments.join(payment_orders).join(units, units.c.id == payments.c.unit_id))
        .where(payments.c.id == payment_id)
    ).one()
    year = shanghai_day(now).year
    receipt_no = f"R{year}{next_number(tx, f'receipt:{year}'):07d}"
    values = {
        "receipt_no": receipt_no,
        "payment_id": payment_id,
        "community_id": payment.community_id,
        "amount_fen": payment.amount_fen,
        "issued_at": now,
    }
    if insert_once(tx, receipts, values) is None or payment.returned_fen:
        return receipt_no
    _tell(tx, payment, receipt_no, now)
    return receipt_no


def _tell(tx: Connection, payment: Row[Any], receipt_no: str, now: datetime) -> None:
    paid = _paid(tx, payment.id)
    kept_for = "" if paid else _kept_for(tx, payment.order_id)
    for hearer in _hearers(tx, payment):
        left = open_bills(tx, hearer.binding_id) if hearer.binding_id else None
        event = PaymentSettled(
            order_no=payment.order_no,
            receipt_no=receipt_no,
            payment_id=payment.id,
            unit_label=payment.label,
            amount_fen=payment.amount_fen,
            bills=paid,
            surplus_fen=payment.surplus_fen,
            paid_at=payment.paid_at.isoformat(),
            open_fen=-1 if left is None else sum(bill.open_fen for bill in left),
            kept_for=kept_for,
        )
        outbox.enqueue(
            tx,
            event,
            hearer.addressee,
            key=f"receipt:{receipt_no}:{hearer.addressee.identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=payment.community_id,
        )


def _paid(tx: Connection, payment_id: int) -> tuple[tuple[str, str, int], ...]:
    """Return (fee, period, fen) of each bill that was paid; of several units with theirs."""
    rows = tx.execute(
        select(
            fee_items.c.name, bills.c.period, allocations.c.amount_fen, units.c.label, units.c.id
        )
        .select_from(
            allocations.join(bills).join(fee_items).join(units, units.c.id == bills.c.unit_id)
        )
        .where(allocations.c.payment_id == payment_id)
        .order_by(bills.c.period, bills.c.id)
    ).all()
    several = len({row.id for row in rows}) > 1
    return tuple(
        (f"{row.label} {row.name}" if several else row.name, row.period, row.amount_fen)
        for row in rows
    )


def after_refund(tx: Connection, payment_id: int, *, now: datetime) -> str | None:
    """Void the receipt of a payment of which money went back, and number one over what is kept.

    Returns the new number, None where nothing is kept or there was no receipt.
    """
    paid_fen: int = tx.execute(
        select(payments.c.amount_fen).where(payments.c.id == payment_id)
    ).scalar_one()
    went_fen: int = tx.execute(
        select(func.coalesce(func.sum(refunds.c.amount_fen - refunds.c.kept_fen), 0)).where(
            refunds.c.payment_id == payment_id, refunds.c.state == RefundStep.SUCCESS
        )
    ).scalar_one()
    old = tx.execute(
        update(receipts)
        .where(receipts.c.payment_id == payment_id, receipts.c.voided_at.is_(None))
        .values(voided_at=now, void_reason="refund")
        .returning(receipts.c.id, receipts.c.community_id, receipts.c.invoiced_at)
    ).one_or_none()
    if old is None or paid_fen == went_fen:
        return None
    year = shanghai_day(now).year
    receipt_no = f"R{year}{next_number(tx, f'receipt:{year}'):07d}"
    values = {
        "receipt_no": receipt_no,
        "payment_id": payment_id,
        "community_id": old.community_id,
        "amount_fen": paid_fen - went_fen,
        "issued_at": now,
        "replaces_id": old.id,
        "invoiced_at": old.invoiced_at,
    }
    tx.execute(receipts.insert().values(values))
    return receipt_no


def _hearers(tx: Connection, payment: Row[Any]) -> list[Hearer]:
    """Return whoever hears of the money: whose link it was, and who paid by it."""
    heard = hearers(tx, identity_id=payment.identity_id, unit_id=payment.unit_id)
    known = {one.addressee.identity_id for one in heard}
    if payment.kind != TradeKind.JSAPI or not payment.payer_id:
        return heard
    payer = tx.execute(
        select(identities).where(identities.c.openid == payment.payer_id)
    ).one_or_none()
    if payer is None or payer.id in known:
        return heard
    return [*heard, Hearer(Addressee(payer.account, payer.openid, payer.id), 0)]


def _kept_for(tx: Connection, order_id: int) -> str:
    """Return the fee item that an order without bills puts money aside for, "" for any."""
    name = tx.execute(
        select(fee_items.c.name)
        .join(prepay_orders, prepay_orders.c.fee_item_id == fee_items.c.id)
        .where(prepay_orders.c.order_id == order_id)
    ).scalar_one_or_none()
    return name or ""
