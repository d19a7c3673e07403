"""What stands still though it should move: jobs that failed, messages that wait too long."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from storage.frozen import dataclass
from storage.kinds import JobState, OutboxState
from storage.models.messages import outbox
from storage.models.operating import job_runs

PATIENCE: Final = timedelta(minutes=10)
"""So long a message may wait for its way before somebody should look."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """What somebody should look at; nothing of it is one community's own."""

    failed_jobs: tuple[tuple[str, str], ...]
    """(job, period) of runs that failed and have not been done since."""
    late_messages: int


def standstill(tx: Connection, *, now: datetime, limit: int) -> Standstill:
    """Look at the newest failed runs, and count the messages that wait too long."""
    failed = tx.execute(
        select(job_runs.c.job, job_runs.c.period)
        .where(job_runs.c.state == JobState.FAILED)
        .order_by(job_runs.c.id.desc())
        .limit(limit)
    )
    late = select(func.count()).where(
        outbox.c.state.in_((OutboxState.WAITING, OutboxState.CLAIMED)),
        outbox.c.not_before < now - PATIENCE,
    )
    return Standstill(
        tuple((row.job, row.period) for row in failed), int(tx.execute(late).scalar_one())
    )
