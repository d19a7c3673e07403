"""What must be true of income that is set apart for other months than the bill's (递延收入)."""

from typing import Any

from sqlalchemy import Select, and_, case, func, literal, select, union_all

from storage.kinds import Account
from storage.models.bills import bills
from storage.models.deferrals import deferrals
from storage.models.ledger import entries, postings


def _sum(column: Any) -> Any:  # noqa: ANN401 - a SQL expression
    return func.coalesce(func.sum(column), 0)


def deferred_equals_months_to_come() -> Select[Any]:
    """Ask for communities that hold more or less apart than the months of bills that wait."""
    held = (
        select(entries.c.community_id, postings.c.amount_fen.label("fen"))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(postings.c.account == Account.DEFERRED)
    )
    waiting = (
        select(bills.c.community_id, deferrals.c.amount_fen)
        .join(bills, bills.c.id == deferrals.c.bill_id)
        .where(deferrals.c.recognised_at.is_(None), bills.c.voided_at.is_(None))
    )
    both = union_all(held, waiting).subquery()
    return (
        select(both.c.community_id, func.sum(both.c.fen))
        .group_by(both.c.community_id)
        .having(func.sum(both.c.fen) != 0)
    )


def months_are_income_once() -> Select[Any]:
    """Ask for months of bills whose entry is missing, too early, or of another amount."""
    key = literal("recognise:").concat(deferrals.c.period).concat(":").concat(bills.c.bill_no)
    booked = _sum(postings.c.amount_fen)
    expected = case((deferrals.c.recognised_at.is_(None), 0), else_=deferrals.c.amount_fen)
    is_taken_out = and_(postings.c.entry_id == entries.c.id, postings.c.account == Account.DEFERRED)
    return (
        select(bills.c.bill_no, deferrals.c.period, expected, booked)
        .select_from(
            deferrals.join(bills, bills.c.id == deferrals.c.bill_id)
            .outerjoin(entries, entries.c.entry_key == key)
            .outerjoin(postings, is_taken_out)
        )
        .group_by(
            deferrals.c.id,
            bills.c.bill_no,
            deferrals.c.period,
            deferrals.c.amount_fen,
            deferrals.c.recognised_at,
        )
        .having(booked != expected)
    )


def bills_defer_what_they_booked() -> Select[Any]:
    """Ask for bills whose months to come are not what their entry set apart."""
    apart = _sum(deferrals.c.amount_fen)
    booked = (
        select(_sum(postings.c.amount_fen))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(
            entries.c.entry_key == literal("bill:").concat(bills.c.bill_no),
            postings.c.account == Account.DEFERRED,
        )
        .scalar_subquery()
    )
    return (
        select(bills.c.bill_no, apart, -booked)
        .join(deferrals, deferrals.c.bill_id == bills.c.id)
        .group_by(bills.c.id, bills.c.bill_no)
        .having(apart != -booked)
    )
