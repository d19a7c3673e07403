"""What is wrong with the running itself, now: late jobs, shut channels, differences, queues."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select

from storage.frozen import dataclass
from storage.kinds import AlarmKind, JobState, OutboxState
from storage.models.messages import outbox
from storage.models.operating import alarms, discrepancies, job_runs
from storage.sql import database_now

FAILED_TRIES: Final = 3
LEASE_OVER: Final = timedelta(minutes=15)
"""So long after its lease nobody has taken over a run that was cut off."""
SILENT: Final = timedelta(hours=26)
"""Every dated job has a period at least once a day."""
FORGOTTEN: Final = timedelta(days=14)
"""A job that has not run for so long is none any more."""
STUCK: Final = 3
"""So many messages that were tried twice and wait: the channel is shut, not one person's chat."""
QUEUE_AFTER: Final = timedelta(minutes=15)
LONG_QUEUE: Final = 100

WAITS: Final = (OutboxState.WAITING, OutboxState.CLAIMED)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person has to look at, one per kind and reference at a time."""

    kind: AlarmKind
    reference: str
    detail: str
    """How many, or of which period; never whose."""


def troubles(tx: Connection, *, now: datetime) -> list[Trouble]:
    """Look at everything. Jobs are timed by the database's own clock, messages by `now`."""
    return [*_late_jobs(tx), *_shut_channels(tx), *_differences(tx), *_queue(tx, now)]


def open_alarms(tx: Connection) -> dict[str, int]:
    """Count the alarms that have not ended, by kind."""
    rows = tx.execute(
        select(alarms.c.kind, func.count())
        .where(alarms.c.ended_at.is_(None))
        .group_by(alarms.c.kind)
    ).all()
    return {str(kind): 0 for kind in AlarmKind} | {row[0]: row[1] for row in rows}


def _late_jobs(tx: Connection) -> list[Trouble]:
    now = database_now(tx)
    runs = job_runs.c
    stuck = tx.execute(
        select(runs.job, func.min(runs.period).label("period"))
        .where(
            or_(
                and_(runs.state == JobState.FAILED, runs.epoch >= FAILED_TRIES),
                and_(runs.state == JobState.RUNNING, runs.lease_until < now - LEASE_OVER),
            ),
        )
        .group_by(runs.job)
    )
    found = {row.job: row.period for row in stuck}
    last = func.max(runs.finished_at)
    silent = tx.execute(
        select(runs.job, func.max(runs.period).label("period"))
        .where(runs.finished_at.is_not(None))
        .group_by(runs.job)
        .having(last < now - SILENT, last > now - FORGOTTEN)
    )
    found = {row.job: row.period for row in silent} | found
    return [Trouble(AlarmKind.LATE_JOB, job, period[:10]) for job, period in sorted(found.items())]


def _shut_channels(tx: Connection) -> list[Trouble]:
    rows = tx.execute(
        select(outbox.c.account, func.count().label("count"))
        .where(outbox.c.state.in_(WAITS), outbox.c.tries >= 2)
        .group_by(outbox.c.account)
        .having(func.count() >= STUCK)
        .order_by(outbox.c.account)
    )
    return [Trouble(AlarmKind.CHANNEL, row.account, str(row.count)) for row in rows]


def _differences(tx: Connection) -> list[Trouble]:
    rows = tx.execute(
        select(discrepancies.c.kind, func.count().label("count"))
        .where(discrepancies.c.closed_at.is_(None))
        .group_by(discrepancies.c.kind)
        .order_by(discrepancies.c.kind)
    )
    return [Trouble(AlarmKind.DIFFERENCE, row.kind, str(row.count)) for row in rows]


def _queue(tx: Connection, now: datetime) -> list[Trouble]:
    is_late = and_(outbox.c.state.in_(WAITS), outbox.c.not_before < now - QUEUE_AFTER)
    count = tx.execute(select(func.count()).where(is_late)).scalar_one()
    return [Trouble(AlarmKind.QUEUE, "outbox", str(count))] if count >= LONG_QUEUE else []
