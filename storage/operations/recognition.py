"""Income whose month has come (收入结转): out of what was set apart, each part once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, cast, literal, null, select, union_all, update

from storage import ledger
from storage.kinds import Account
from storage.models.bills import bills
from storage.models.deferrals import deferrals
from storage.operations.deferrals import KEY
from storage.operations.issuing import lock_billing
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.closes import closed_periods

MEMO: Final = "结转收入"


def recognise_income(tx: Connection, *, community_id: int, now: datetime, limit: int) -> int:
    """Make income of what was set apart for months that have come; return how many parts.

    Each part once, the oldest month first, at most `limit` at a time. It is the month's own
    income; where that month is closed, today's.
    """
    lock_billing(tx, community_id)
    today = shanghai_day(now)
    waiting = tx.execute(
        select(deferrals.c.id, deferrals.c.period)
        .join(bills, bills.c.id == deferrals.c.bill_id)
        .where(
            bills.c.community_id == community_id,
            bills.c.voided_at.is_(None),
            deferrals.c.recognised_at.is_(None),
            deferrals.c.period <= str(BillingPeriod.of(today)),
        )
        .order_by(deferrals.c.period, deferrals.c.bill_id)
        .limit(limit)
    ).all()
    by_month: dict[str, list[int]] = {}
    for row in waiting:
        by_month.setdefault(row.period, []).append(row.id)
    closed = closed_periods(tx, community_id)
    for period, ids in by_month.items():
        first_on = BillingPeriod.parse(period).first_on
        ledger.post_select(
            tx,
            _legs(ids),
            memo=MEMO,
            community_id=community_id,
            posted_at=now,
            effective_on=today if period in closed else first_on,
        )
        tx.execute(update(deferrals).where(deferrals.c.id.in_(ids)).values(recognised_at=now))
    return len(waiting)


def _legs(ids: Sequence[int]) -> Any:  # noqa: ANN401 - a SELECT
    key = literal(f"{KEY}:").concat(deferrals.c.period).concat(":").concat(bills.c.bill_no)
    of_bill = deferrals.join(bills, bills.c.id == deferrals.c.bill_id)
    legs = [
        select(
            key.label("entry_key"),
            literal(str(account)).label("account"),
            cast(null(), BigInteger).label("unit_id"),
            amount_fen.label("amount_fen"),
        )
        .select_from(of_bill)
        .where(deferrals.c.id.in_(ids))
        for account, amount_fen in (
            (Account.DEFERRED, deferrals.c.amount_fen),
            (Account.INCOME, -deferrals.c.amount_fen),
        )
    ]
    return union_all(*legs)
