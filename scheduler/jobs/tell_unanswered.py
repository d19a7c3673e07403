"""Put before a person what a platform has not answered for too long."""

from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations import unanswered


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Open a task for each such order and refund; we go on asking meanwhile."""
    return await deps.db.write(unanswered.tell_unanswered, now=now)


JOB = Job(name="tell_unanswered", cron="0 9 * * *", run=run)
