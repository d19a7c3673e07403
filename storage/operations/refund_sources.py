"""From which parts of a payment a refund may come, and how much is left of each."""

from typing import Any, Final

from sqlalchemy import Connection, Row, case, func, select

from storage import ledger
from storage.kinds import Account, FeeClass, RefundStep
from storage.models.bills import bills, fee_items
from storage.models.payments import allocations, refund_parts, refunds
from storage.operations.gifts import refundable
from storage.rules.refunds import Source

LIVE: Final = (
    RefundStep.REQUESTED,
    RefundStep.APPROVED,
    RefundStep.SUBMITTED,
    RefundStep.UNFUNDED,
    RefundStep.UNKNOWN,
    RefundStep.ABNORMAL,
    RefundStep.SUCCESS,
)
"""States whose money is spoken for."""


def sources_of(
    tx: Connection, payment: Row[Any], deposit_bill_id: int | None = None
) -> list[Source]:
    """Return what is left of each part of a payment, its oldest bill first.

    Prepayment that has been spent since is on its bills. A deposit goes back only as one: by
    the name of its bill, and then nothing else does.
    """
    spoken_for = dict(
        tx.execute(
            select(refund_parts.c.bill_id, func.sum(refund_parts.c.amount_fen))
            .join(refunds)
            .where(refunds.c.payment_id == payment.id, refunds.c.state.in_(LIVE))
            .group_by(refund_parts.c.bill_id)
        ).all()
    )
    is_meant = fee_items.c.fee_class != FeeClass.DEPOSIT
    if deposit_bill_id is not None:
        is_meant = allocations.c.bill_id == deposit_bill_id
    given = case((allocations.c.refund_id.is_(None), allocations.c.amount_fen), else_=0)
    booked = tx.execute(
        select(allocations.c.bill_id, func.sum(given))
        .select_from(allocations.join(bills, bills.c.id == allocations.c.bill_id).join(fee_items))
        .where(allocations.c.payment_id == payment.id, is_meant)
        .group_by(allocations.c.bill_id)
        .order_by(allocations.c.bill_id)
    ).all()
    of_bills = [Source(row[0], int(row[1]) - int(spoken_for.get(row[0], 0))) for row in booked]
    if deposit_bill_id is not None:
        return of_bills
    return [Source(None, _loose(tx, payment, int(spoken_for.get(None, 0)))), *of_bills]


def _loose(tx: Connection, payment: Row[Any], spoken_for_fen: int) -> int:
    """Return the fen of a payment that are on no bill and may go back."""
    if payment.returned_fen:
        return int(payment.returned_fen) - spoken_for_fen
    held_fen = -ledger.unit_balance(tx, Account.PREPAYMENT, payment.unit_id)
    return min(refundable(tx, payment), held_fen)
