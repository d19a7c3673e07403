"""From which parts of a payment a refund may come, and how much is left of each."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from storage import ledger
from storage.kinds import Account, FeeClass, RefundStep
from storage.models.bills import bills, fee_items
from storage.models.payments import allocations, refund_parts, refunds
from storage.models.prepayments import deposits
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
    spoken_for = _spoken_for(tx, payment)
    if deposit_bill_id is not None:
        return _on_bills(tx, payment, allocations.c.bill_id == deposit_bill_id, spoken_for)
    is_meant = fee_items.c.fee_class != FeeClass.DEPOSIT
    loose = Source(None, _loose(tx, payment, spoken_for.get(None, 0)))
    return [loose, *_on_bills(tx, payment, is_meant, spoken_for)]


def sources_undone(tx: Connection, payment: Row[Any]) -> list[Source]:
    """Return what a void gives back: deposits too, until they are inspected."""
    spoken_for = _spoken_for(tx, payment)
    loose = Source(None, _loose(tx, payment, spoken_for.get(None, 0)))
    inspected = select(deposits.c.bill_id).where(deposits.c.inspected_at.is_not(None))
    return [loose, *_on_bills(tx, payment, allocations.c.bill_id.not_in(inspected), spoken_for)]


def _spoken_for(tx: Connection, payment: Row[Any]) -> dict[int | None, int]:
    rows = tx.execute(
        select(refund_parts.c.bill_id, func.sum(refund_parts.c.amount_fen))
        .join(refunds)
        .where(refunds.c.payment_id == payment.id, refunds.c.state.in_(LIVE))
        .group_by(refund_parts.c.bill_id)
    )
    return {row[0]: int(row[1]) for row in rows}


def _on_bills(
    tx: Connection,
    payment: Row[Any],
    is_meant: ColumnElement[bool],
    spoken_for: Mapping[int | None, int],
) -> list[Source]:
    given = case((allocations.c.refund_id.is_(None), allocations.c.amount_fen), else_=0)
    booked = tx.execute(
        select(allocations.c.bill_id, func.sum(given))
        .select_from(allocations.join(bills, bills.c.id == allocations.c.bill_id).join(fee_items))
        .where(allocations.c.payment_id == payment.id, is_meant)
        .group_by(allocations.c.bill_id)
        .order_by(allocations.c.bill_id)
    ).all()
    return [Source(row[0], int(row[1]) - spoken_for.get(row[0], 0)) for row in booked]


def _loose(tx: Connection, payment: Row[Any], spoken_for_fen: int) -> int:
    """Return the fen of a payment that are on no bill and may go back."""
    if payment.returned_fen:
        return int(payment.returned_fen) - spoken_for_fen
    held_fen = -ledger.unit_balance(tx, Account.PREPAYMENT, payment.unit_id)
    return min(refundable(tx, payment), held_fen)
