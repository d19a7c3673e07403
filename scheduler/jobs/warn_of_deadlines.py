"""Warn staff of tickets that are due soon or overdue, once each."""

from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations import ticket_deadlines


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Put them before who has them and the managers."""
    if not await deps.db.read(ticket_deadlines.is_any_near, now=now):
        return {}
    return await deps.db.write(ticket_deadlines.warn_of_deadlines, now=now)


JOB = Job(name="warn_of_deadlines", cron="*/10 * * * *", run=run, has_rows=False)
