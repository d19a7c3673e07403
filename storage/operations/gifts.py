"""The month after a year paid ahead (交一年送一个月): a gift, and what of it is taken back."""

from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from storage.kinds import LineKind
from storage.models.bills import bill_lines, bills
from storage.models.payments import payments
from storage.models.prepayments import prepay_orders, prepayment_moves
from storage.models.tariffs import discounts
from storage.money import split
from storage.periods import BillingPeriod
from storage.queries.months_ahead import YEAR
from storage.queries.prepayments import left_of_payment
from storage.rules.discounts import YearAhead, claw_back


def set_gift(tx: Connection, payment_id: int, *, uses_left: int) -> None:
    """Let the gift of a payment for months ahead be taken (1), or no more (0)."""
    gift_id = (
        select(prepay_orders.c.gift_id)
        .join(payments, payments.c.order_id == prepay_orders.c.order_id)
        .where(payments.c.id == payment_id)
        .scalar_subquery()
    )
    tx.execute(update(discounts).where(discounts.c.id == gift_id).values(uses_left=uses_left))


def refundable(tx: Connection, payment: Row[Any]) -> int:
    """Return the fen of a payment's prepayment that may go back, never more than is left.

    Who breaks a year paid ahead off has paid for what was used at its full price, the month that
    was a gift included.
    """
    left_fen = left_of_payment(tx, payment.id)
    had_fen = _gift_had(tx, payment)
    if not had_fen:
        return left_fen
    drawn = select(func.coalesce(func.sum(prepayment_moves.c.amount_fen), 0)).where(
        prepayment_moves.c.payment_id == payment.id, prepayment_moves.c.bill_id.is_not(None)
    )
    drawn_fen = -int(tx.execute(drawn).scalar_one())
    paid = split(payment.surplus_fen, [1] * YEAR)
    broken_off = claw_back(YearAhead(YEAR, 1), (*paid, had_fen), used_fen=drawn_fen + had_fen)
    set_apart_fen = int(payment.surplus_fen) - drawn_fen - left_fen
    return min(left_fen, max(broken_off.refund_fen - set_apart_fen, 0))


def _gift_had(tx: Connection, payment: Row[Any]) -> int:
    """Return what the gift of a payment for months ahead has been worth by now, in fen."""
    gift = tx.execute(
        select(discounts)
        .join(prepay_orders, prepay_orders.c.gift_id == discounts.c.id)
        .where(prepay_orders.c.order_id == payment.order_id)
    ).one_or_none()
    if gift is None:
        return 0
    month = str(BillingPeriod.of(gift.from_on))
    newest = tx.execute(_billed(gift).order_by(bills.c.period.desc()).limit(1)).scalar_one_or_none()
    if newest is None or newest < month:
        return 0
    if tx.execute(_billed(gift).where(bills.c.period == month)).first() is None:
        # A month for nothing has no bill: it is worth what one of those paid is.
        return int(payment.surplus_fen) // YEAR
    taken = (
        select(func.coalesce(func.sum(bill_lines.c.amount_fen), 0))
        .join(bills, bills.c.id == bill_lines.c.bill_id)
        .where(
            bills.c.id.in_(_billed(gift).with_only_columns(bills.c.id)),
            bills.c.period == month,
            bill_lines.c.kind == LineKind.DISCOUNT,
            bill_lines.c.label == gift.name,
        )
    )
    return -int(tx.execute(taken).scalar_one())


def _billed(gift: Row[Any]) -> Any:  # noqa: ANN401 - a SELECT
    return select(bills.c.period).where(
        bills.c.unit_id == gift.unit_id,
        bills.c.fee_item_id == gift.fee_item_id,
        bills.c.voided_at.is_(None),
    )
