"""Closing a month (结账) and, with a reason, opening it again (反结账)."""

from datetime import datetime

from sqlalchemy import Connection, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import PeriodNotOver
from storage.models.tariffs import period_closes
from storage.operations.deferrals import recognise
from storage.operations.issuing import lock_billing
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.closes import closed_periods


def close_period(
    tx: Connection, *, community_id: int, period: BillingPeriod, actor: Actor, now: datetime
) -> bool:
    """Close a month: none of its figures moves any more. False where it is closed.

    What the month has earned and waits to be booked is booked first. No bill of it is made then;
    one that is taken back or corrected counts on the day of that. Raises PeriodNotOver: what is
    booked today lies in an open month.
    """
    if period >= BillingPeriod.of(shanghai_day(now)):
        raise PeriodNotOver(str(period))
    lock_billing(tx, community_id)
    if str(period) in closed_periods(tx, community_id):
        return False
    while recognise(tx, community_id=community_id, now=now):
        pass
    tx.execute(
        period_closes.insert().values(
            community_id=community_id,
            period=str(period),
            closed_at=now,
            closed_by=actor.staff_id,
        )
    )
    audit.note(tx, actor, "close", "period", f"{community_id}/{period}", at=now)
    return True


def reopen_period(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    reason: str,
    actor: Actor,
    now: datetime,
) -> bool:
    """Open a closed month again, with a reason that is kept. False where it is not closed."""
    lock_billing(tx, community_id)
    opened: int = tx.execute(
        update(period_closes)
        .where(
            period_closes.c.community_id == community_id,
            period_closes.c.period == str(period),
            period_closes.c.reopened_at.is_(None),
        )
        .values(reopened_at=now, reason=reason.strip()[:120])
    ).rowcount
    if opened:
        audit.note(tx, actor, "reopen", "period", f"{community_id}/{period}", at=now, detail=reason)
    return bool(opened)
