"""What must be true of the counter: drawer, vouchers, sheets; what was waived and written off."""

from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select

from storage.kinds import Account, RefundStep
from storage.models.bills import bills
from storage.models.ledger import entries, postings
from storage.models.offline import cashier_days, vouchers
from storage.models.payments import payments, refunds
from storage.models.refund_terms import bill_waivers
from storage.models.write_offs import write_offs
from storage.paying_kinds import CashMethod, WaiverState, WriteOffState
from storage.rules.counter import TAKES
from storage.rules.refunds import VOID


def _sum(column: Any) -> Any:  # noqa: ANN401 - a SQL expression
    return func.coalesce(func.sum(column), 0)


def drawer_equals_vouchers() -> Select[Any]:
    """Ask whether the cash of payments and refunds is other than that of vouchers."""
    of_money = or_(
        entries.c.entry_key.startswith("payment:"), entries.c.entry_key.startswith("refund:")
    )
    held = (
        select(_sum(postings.c.amount_fen))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(postings.c.account == Account.CASH, of_money)
        .scalar_subquery()
    )
    expected = (
        select(_sum(vouchers.c.amount_fen))
        .where(vouchers.c.method == CashMethod.CASH, vouchers.c.voided_at.is_(None))
        .scalar_subquery()
    )
    return select(literal(Account.CASH.value), held, expected).where(held != expected)


def vouchers_stand_behind_payments() -> Select[Any]:
    """Ask for payments without their voucher, and vouchers that are void where money is not."""
    gone = case((refunds.c.state == RefundStep.SUCCESS, refunds.c.amount_fen), else_=0)
    undone = and_(refunds.c.payment_id == payments.c.id, refunds.c.cause == VOID)
    kept = case((vouchers.c.voided_at.is_(None), vouchers.c.amount_fen), else_=0)
    return (
        select(payments.c.transaction_id, payments.c.amount_fen, vouchers.c.amount_fen)
        .select_from(
            payments.outerjoin(vouchers, vouchers.c.payment_id == payments.c.id).outerjoin(
                refunds, undone
            )
        )
        .where(payments.c.gateway.in_(TAKES))
        .group_by(payments.c.id, vouchers.c.id)
        .having(
            or_(
                vouchers.c.id.is_(None),
                payments.c.gateway != vouchers.c.method,
                payments.c.amount_fen != vouchers.c.amount_fen,
                payments.c.amount_fen - _sum(gone) != kept,
            )
        )
    )


def sheets_sum_their_vouchers() -> Select[Any]:
    """Ask for hand-in sheets whose cash is not that of the vouchers on them."""
    counts = and_(vouchers.c.method == CashMethod.CASH, vouchers.c.voided_at.is_(None))
    cash = _sum(case((counts, vouchers.c.amount_fen), else_=0))
    return (
        select(cashier_days.c.sheet_no, cashier_days.c.cash_due_fen, cash)
        .outerjoin(vouchers, vouchers.c.cashier_day_id == cashier_days.c.id)
        .group_by(cashier_days.c.id, cashier_days.c.sheet_no, cashier_days.c.cash_due_fen)
        .having(cashier_days.c.cash_due_fen != cash)
    )


def waived_equals_approved() -> Select[Any]:
    """Ask whether other principal is waived than was approved, on bills that stand."""
    held = (
        select(_sum(postings.c.amount_fen))
        .where(postings.c.account == Account.WAIVER)
        .scalar_subquery()
    )
    approved = (
        select(_sum(bill_waivers.c.amount_fen))
        .join(bills, bills.c.id == bill_waivers.c.bill_id)
        .where(bill_waivers.c.state == WaiverState.APPROVED, bills.c.voided_at.is_(None))
        .scalar_subquery()
    )
    return select(literal(Account.WAIVER.value), held, approved).where(held != approved)


def written_off_equals_approved() -> Select[Any]:
    """Ask whether other debt lies in bad debt than was approved and not asked for again."""
    held = (
        select(_sum(postings.c.amount_fen))
        .where(postings.c.account == Account.BAD_DEBT)
        .scalar_subquery()
    )
    approved = (
        select(_sum(write_offs.c.amount_fen))
        .where(write_offs.c.state == WriteOffState.APPROVED)
        .scalar_subquery()
    )
    return select(literal(Account.BAD_DEBT.value), held, approved).where(held != approved)


def bills_say_what_is_asked_no_more() -> Select[Any]:
    """Ask for bills that stand and were waived or written off by other fen than they say."""
    waived = (
        select(_sum(bill_waivers.c.amount_fen))
        .where(bill_waivers.c.bill_id == bills.c.id, bill_waivers.c.state == WaiverState.APPROVED)
        .scalar_subquery()
    )
    written_off = (
        select(_sum(write_offs.c.amount_fen))
        .where(write_offs.c.bill_id == bills.c.id, write_offs.c.state == WriteOffState.APPROVED)
        .scalar_subquery()
    )
    differs = or_(bills.c.waived_fen != waived, bills.c.written_off_fen != written_off)
    return select(
        bills.c.bill_no, bills.c.waived_fen, waived, bills.c.written_off_fen, written_off
    ).where(bills.c.voided_at.is_(None), differs)
