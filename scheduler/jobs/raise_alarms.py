"""Tell the duty group when a job is late, a channel stops, a difference opens, a queue grows."""

from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations import alarms


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Look every five minutes, one process for all; each trouble is told once until it ends."""
    if not await deps.db.read(alarms.may_look):
        return {}
    return await deps.db.write(alarms.look_and_tell, group=deps.duty_group, now=now)


JOB = Job(name="raise_alarms", cron="*/5 * * * *", run=run, has_rows=False)
