"""Proof of the books: each sentence that must be true, and the rows for which it is not."""

from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storage.frozen import dataclass
from storage.kinds import Account, FeeClass, OrderState, RefundStep
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.ledger import entries, postings, unit_balances
from storage.models.payments import (
    allocations,
    payment_orders,
    payments,
    receipts,
    refund_parts,
    refunds,
)
from storage.models.prepayments import deposits, prepayment_moves
from storage.models.reconciliation import gateway_statements
from storage.queries.counter_proofs import (
    bills_say_what_is_asked_no_more,
    drawer_equals_vouchers,
    sheets_sum_their_vouchers,
    vouchers_stand_behind_payments,
    waived_equals_approved,
    written_off_equals_approved,
)
from storage.queries.deferred_proofs import (
    bills_defer_what_they_booked,
    deferred_equals_months_to_come,
    months_are_income_once,
)
from storage.rules.counter import BANK, ELSEWHERE

HISTORY: Final = 2
"""`is_imported` of a bill that came in paid from the old books: no allocation stands behind it."""


ENDED: Final = (RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED)
"""Refunds that will not happen: their money is free again."""


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
    at_once = and_(allocations.c.refund_id.is_(None), allocations.c.move_id.is_(None))
    given = case((at_once, allocations.c.amount_fen), else_=0)
    return (
        select(payments.c.transaction_id, payments.c.amount_fen, _sum(given))
        .select_from(payments.outerjoin(allocations))
        .group_by(payments.c.id)
        .having(or_(placed != payments.c.amount_fen, payments.c.allocated_fen != _sum(given)))
    )


def _reserved_equals_live_refunds() -> Select[Any]:
    live = case((refunds.c.state.in_(ENDED), 0), else_=refunds.c.amount_fen)
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
    went = (
        select(_sum(refunds.c.amount_fen - refunds.c.kept_fen))
        .where(refunds.c.payment_id == payments.c.id, refunds.c.state == RefundStep.SUCCESS)
        .scalar_subquery()
    )
    is_live = and_(receipts.c.payment_id == payments.c.id, receipts.c.voided_at.is_(None))
    mine = select(receipts.c.id).where(receipts.c.payment_id == payments.c.id)
    numbered = mine.correlate(payments).exists()
    return (
        select(payments.c.transaction_id, payments.c.amount_fen - went, receipts.c.amount_fen)
        .select_from(payments.outerjoin(receipts, is_live))
        .where(
            or_(
                ~numbered,
                func.coalesce(receipts.c.amount_fen, 0) != payments.c.amount_fen - went,
            )
        )
    )


def _loose_parts(states: ColumnElement[bool]) -> Select[Any]:
    """Return (unit, fen) of refunds, in those states, of money that is on no bill."""
    return (
        select(refunds.c.unit_id, refund_parts.c.amount_fen)
        .select_from(refunds.join(refund_parts).join(payments))
        .where(refund_parts.c.bill_id.is_(None), states)
    )


def _from_prepayment() -> Select[Any]:
    """Return what was set aside from the prepayment for refunds that have not failed."""
    is_live = refunds.c.state.not_in(ENDED)
    return _loose_parts(and_(is_live, payments.c.returned_fen == 0))


def _credit_equals(account: Account, *rows: Select[Any]) -> Select[Any]:
    """Ask for the units whose credit on an account is not the sum of (unit, fen) rows."""
    held = select(unit_balances.c.unit_id, unit_balances.c.balance_fen.label("fen")).where(
        unit_balances.c.account == account
    )
    both = union_all(held, *rows).subquery()
    return (
        select(both.c.unit_id, func.sum(both.c.fen))
        .group_by(both.c.unit_id)
        .having(func.sum(both.c.fen) != 0)
    )


def _less(rows: Select[Any]) -> Select[Any]:
    taken = rows.subquery()
    return select(taken.c.unit_id, -taken.c.amount_fen)


def _prepayment_equals_surplus() -> Select[Any]:
    surplus = select(payments.c.unit_id, payments.c.surplus_fen)
    drawn = select(prepayment_moves.c.unit_id, prepayment_moves.c.amount_fen).where(
        prepayment_moves.c.bill_id.is_not(None)
    )
    return _credit_equals(Account.PREPAYMENT, surplus, drawn, _less(_from_prepayment()))


def _prepayment_equals_moves() -> Select[Any]:
    moved = select(prepayment_moves.c.unit_id, prepayment_moves.c.amount_fen)
    return _credit_equals(Account.PREPAYMENT, moved)


def _prepayments_not_overdrawn() -> Select[Any]:
    purse = (prepayment_moves.c.payment_id, prepayment_moves.c.fee_item_id)
    left = func.sum(prepayment_moves.c.amount_fen)
    return select(*purse, left).group_by(*purse).having(left < 0)


def _draws_stand_behind_allocations() -> Select[Any]:
    drawn = select(
        prepayment_moves.c.id.label("move_id"),
        prepayment_moves.c.payment_id,
        prepayment_moves.c.bill_id,
        prepayment_moves.c.amount_fen.label("fen"),
    ).where(prepayment_moves.c.bill_id.is_not(None))
    given = select(
        allocations.c.move_id,
        allocations.c.payment_id,
        allocations.c.bill_id,
        allocations.c.amount_fen,
    ).where(allocations.c.move_id.is_not(None))
    both = union_all(drawn, given).subquery()
    which = (both.c.move_id, both.c.payment_id, both.c.bill_id)
    return select(*which, func.sum(both.c.fen)).group_by(*which).having(func.sum(both.c.fen) != 0)


def _deposits_equal_rows() -> Select[Any]:
    of_deposit = fee_items.c.fee_class == FeeClass.DEPOSIT
    asked = (
        select(_sum(bills.c.amount_fen))
        .select_from(bills.join(fee_items, fee_items.c.id == bills.c.fee_item_id))
        .where(of_deposit, bills.c.voided_at.is_(None), bills.c.is_imported == 0)
    )
    kept = select(_sum(deposits.c.deducted_fen + deposits.c.returned_fen))
    under_way = select(_sum(refunds.c.amount_fen)).where(
        refunds.c.cause == "deposit",
        refunds.c.state.not_in(ENDED),
        refunds.c.state != RefundStep.SUCCESS,
    )
    held = select(_sum(postings.c.amount_fen)).where(postings.c.account == Account.DEPOSIT)
    balance = held.scalar_subquery()
    expected = kept.scalar_subquery() - asked.scalar_subquery() - under_way.scalar_subquery()
    return select(literal(Account.DEPOSIT.value), balance, expected).where(balance != expected)


def _refund_due_equals_rows() -> Select[Any]:
    returned = select(payments.c.unit_id, payments.c.returned_fen)
    went = _loose_parts(refunds.c.state == RefundStep.SUCCESS)
    return _credit_equals(Account.REFUND_DUE, returned, _from_prepayment(), _less(went))


def _clearing_equals_platforms_money() -> Select[Any]:
    held = select(_sum(postings.c.amount_fen)).where(
        postings.c.account.in_((Account.CLEARING, Account.GATEWAY_FEE))
    )
    came = select(_sum(payments.c.amount_fen)).where(~_is_elsewhere(payments.c.gateway))
    gone = case((_is_elsewhere(refunds.c.gateway), refunds.c.kept_fen), else_=refunds.c.amount_fen)
    went = select(_sum(gone)).where(refunds.c.state == RefundStep.SUCCESS)
    paid_out = select(_sum(gateway_statements.c.settled_fen)).scalar_subquery()
    balance = held.scalar_subquery()
    expected = came.scalar_subquery() - went.scalar_subquery() - paid_out
    return select(literal(Account.CLEARING.value), balance, expected).where(balance != expected)


def _is_elsewhere(way: Column[str]) -> ColumnElement[bool]:
    return or_(way.in_(ELSEWHERE), way.startswith(BANK, autoescape=True))


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
    "prepayment is the surplus that nobody has taken back": _prepayment_equals_surplus,
    "what is due back is what came twice or is being refunded": _refund_due_equals_rows,
    "prepayment is the sum of its moves": _prepayment_equals_moves,
    "no prepayment is overdrawn": _prepayments_not_overdrawn,
    "every draw of a prepayment is on its bill": _draws_stand_behind_allocations,
    "deposits held are those asked for less what was kept or given back": _deposits_equal_rows,
    "clearing and fees hold what came less what went on": _clearing_equals_platforms_money,
    "what is deferred is the months of bills that have not come": deferred_equals_months_to_come,
    "each month of a bill becomes income once": months_are_income_once,
    "what a bill defers is what its entry set apart": bills_defer_what_they_booked,
    "the drawer holds what vouchers say": drawer_equals_vouchers,
    "every payment at the counter has its voucher": vouchers_stand_behind_payments,
    "every hand-in sheet is the sum of its vouchers": sheets_sum_their_vouchers,
    "what is waived is what was approved": waived_equals_approved,
    "what is written off is what was approved": written_off_equals_approved,
    "every bill says what was waived and written off of it": bills_say_what_is_asked_no_more,
}


def prove(tx: Connection, *, limit: int = 50) -> list[Broken]:
    """Return the rows that break a sentence, at most `limit` a sentence; [] is proof."""
    return [
        Broken(sentence, str(row[0]), " / ".join(str(one) for one in row[1:]))
        for sentence, question in SENTENCES.items()
        for row in tx.execute(question().limit(limit))
    ]
