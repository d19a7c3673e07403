"""Month's-end reports (月报) are made once, and published by one word of a manager."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, update

from storage import audit
from storage.audit import Actor
from storage.models.month_reports import month_reports
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.estate import all_communities
from storage.queries.month_reports import report_of
from storage.sql import insert_once


class Detail(StrEnum):
    """How much of a report is published."""

    COMMUNITY = "community"
    """The community as a whole."""
    BUILDINGS = "buildings"
    """The rates of its buildings too; those with few households stand together."""


def communities_without_report(tx: Connection, *, now: datetime) -> list[int]:
    """Return the open communities whose last month has no report yet."""
    over = BillingPeriod.of(shanghai_day(now)).plus(-1)
    return [
        one.community_id
        for one in all_communities(tx)
        if one.opened_at is not None and report_of(tx, one.community_id, over) is None
    ]


def keep_report(tx: Connection, community_id: int, facts: str, *, now: datetime) -> bool:
    """Freeze the figures of the month that is over. False where that was done before."""
    over = BillingPeriod.of(shanghai_day(now)).plus(-1)
    values = {"community_id": community_id, "period": str(over), "facts": facts, "made_at": now}
    return insert_once(tx, month_reports, values) is not None


def publish_report(
    tx: Connection,
    community_id: int,
    period: BillingPeriod,
    detail: Detail,
    *,
    actor: Actor,
    now: datetime,
) -> bool:
    """Let everybody see a month's report.

    False where there is none, where it tells of too few households, or where all see it already.
    """
    found = report_of(tx, community_id, period)
    if found is None or not found.may_be_published:
        return False
    published: int = tx.execute(
        update(month_reports)
        .where(
            month_reports.c.community_id == community_id,
            month_reports.c.period == str(period),
            month_reports.c.published_at.is_(None),
        )
        .values(
            published_at=now,
            published_by=actor.staff_id,
            shows_buildings=int(detail is Detail.BUILDINGS),
        )
    ).rowcount
    if published:
        reference = f"{community_id}/{period}"
        audit.note(tx, actor, "publish", "month_report", reference, at=now, detail=detail)
    return bool(published)
