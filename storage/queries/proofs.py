"""Proof of the books: each sentence that must be true, and the rows for which it is not."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, case, func, literal, or_, select, union_all

from storage.kinds import Account, OrderState, RefundStep
from storage.models.bills import bill_lines, bills
from storage.models.ledger import entries, postings, unit_balances
from storage.models.payments import (
    allocations,
    payment_orders,
    payments,
    receipts,
    refund_parts,
    refunds,
)

HISTORY: Final = 2
"""`is_imported` of a bill that came in paid from the old books: no allocation stands behind it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A sentence that is not true, and a row for which it is not."""

    sentence: str
    reference: str
    found: str


def _sum(column: Any) -> Any:  # noqa: ANN401 - a SQL expression
    return func.coalesce(func.sum(column), 0)


def _entries_sum_to_zero() -> Select[Any]:
    return (
        select(entries.c.entry_key, _sum(postings.c.amount_fen))
        .select_from(entries.outerjoin(postings))
        .group_by(entries.c.id, entries.c.entry_key)
        .having(or_(_sum(postings.c.amount_fen) != 0, func.count(postings.c.id) < 2))
    )


def _balances_equal_postings() -> Select[Any]:
    both = union_all(
        select(unit_balances.c.unit_id, unit_balances.c.account, unit_balances.c.balance_fen),
        select(postings.c.unit_id, postings.c.account, -postings.c.amount_fen).where(
            postings.c.unit_id.is_not(None)
        ),
    ).subquery()
    return (
        select(both.c.unit_id, both.c.account, func.sum(both.c.balance_fen))
        .group_by(both.c.unit_id, both.c.account)
        .having(func.sum(both.c.balance_fen) != 0)
    )


def _bills_paid_by_allocations() -> Select[Any]:
    return (
        select(bills.c.bill_no, bills.c.paid_fen, _sum(allocations.c.amount_fen))
        .select_from(bills.outerjoin(allocations))
        .where(bills.c.is_imported != HISTORY)
        .group_by(bills.c.id, bills.c.bill_no, bills.c.paid_fen)
        .having(bills.c.paid_fen != _sum(allocations.c.amount_fen))
    )


def _bills_sum_of_lines() -> Select[Any]:
    return (
        select(bills.c.bill_no, bills.c.amount_fen, func.sum(bill_lines.c.amount_fen))
        .select_from(bills.join(bill_lines))
        .group_by(bills.c.id, bills.c.bill_no, bills.c.amount_fen)
        .having(bills.c.amount_fen != func.sum(bill_lines.c.amount_fen))
    )


def _receivable_equals_open_bills() -> Select[Any]:
    both = union_all(
        select(bills.c.unit_id, (bills.c.amount_fen - bills.c.paid_fen).label("fen")).where(
            bills.c.voided_at.is_(None)
        ),
        select(unit_balances.c.unit_id, -unit_balances.c.balance_fen).where(
            unit_balances.c.account == Account.RECEIVABLE
        ),
    ).subquery()
    return (
        select(both.c.unit_id, func.sum(both.c.fen))
        .group_by(both.c.unit_id)
        .having(func.sum(both.c.fen) != 0)
    )


def _payments_fully_placed() -> Select[Any]:
    placed = payments.c.allocated_fen + payments.c.surplus_fen + payments.c.returned_fen
    given = case((allocations.c.refund_id.is_(None), allocations.c.amount_fen), else_=0)
    return (
        select(payments.c.transaction_id, payments.c.amount_fen, _sum(given))
        .select_from(payments.outerjoin(allocations))
        .group_by(payments.c.id)
        .having(or_(placed != payments.c.amount_fen, payments.c.allocated_fen != _sum(given)))
    )


def _reserved_equals_live_refunds() -> Select[Any]:
    ended = [RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED]
    live = case((refunds.c.state.in_(ended), 0), else_=refunds.c.amount_fen)
    return (
        select(payments.c.transaction_id, payments.c.reserved_fen, _sum(live))
        .select_from(payments.outerjoin(refunds))
        .group_by(payments.c.id)
        .having(payments.c.reserved_fen != _sum(live))
    )


def _refunds_sum_of_parts() -> Select[Any]:
    return (
        select(refunds.c.refund_no, refunds.c.amount_fen, _sum(refund_parts.c.amount_fen))
        .select_from(refunds.outerjoin(refund_parts))
        .group_by(refunds.c.id)
        .having(refunds.c.amount_fen != _sum(refund_parts.c.amount_fen))
    )


def _paid_orders_have_payments() -> Select[Any]:
    has_payment = payments.c.id.is_not(None)
    is_paid = payment_orders.c.state == OrderState.PAID
    return (
        select(payment_orders.c.order_no, payment_orders.c.amount_fen, payments.c.amount_fen)
        .select_from(payment_orders.outerjoin(payments))
        .where(
            or_(
                is_paid != has_payment,
                payment_orders.c.amount_fen != payments.c.amount_fen,
            )
        )
    )


def _payments_have_receipts() -> Select[Any]:
    return (
        select(payments.c.transaction_id, payments.c.amount_fen, receipts.c.amount_fen)
        .select_from(payments.outerjoin(receipts))
        .where(or_(receipts.c.id.is_(None), receipts.c.amount_fen != payments.c.amount_fen))
    )


def _clearing_equals_platforms_money() -> Select[Any]:
    held = select(_sum(postings.c.amount_fen)).where(postings.c.account == Account.CLEARING)
    came = select(_sum(payments.c.amount_fen))
    went = select(_sum(refunds.c.amount_fen)).where(refunds.c.state == RefundStep.SUCCESS)
    balance, expected = held.scalar_subquery(), came.scalar_subquery() - went.scalar_subquery()
    return select(literal(Account.CLEARING.value), balance, expected).where(balance != expected)


SENTENCES: Final = {
    "every entry sums to zero and has two legs": _entries_sum_to_zero,
    "every balance equals its postings": _balances_equal_postings,
    "every bill is paid by its allocations": _bills_paid_by_allocations,
    "every bill is the sum of its lines": _bills_sum_of_lines,
    "what a unit owes is the sum of its open bills": _receivable_equals_open_bills,
    "every payment is placed to the fen": _payments_fully_placed,
    "reserved money is that of live refunds": _reserved_equals_live_refunds,
    "every refund is the sum of its parts": _refunds_sum_of_parts,
    "paid orders and payments are the same": _paid_orders_have_payments,
    "every payment has its receipt": _payments_have_receipts,
    "clearing holds what came less what went back": _clearing_equals_platforms_money,
}


def prove(tx: Connection, *, limit: int = 50) -> list[Broken]:
    """Return the rows that break a sentence, at most `limit` a sentence; [] is proof."""
    return [
        Broken(sentence, str(row[0]), " / ".join(str(one) for one in row[1:]))
        for sentence, question in SENTENCES.items()
        for row in tx.execute(question().limit(limit))
    ]
