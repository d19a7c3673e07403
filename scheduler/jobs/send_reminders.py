"""Decide every morning who is reminded; each community by its own plan."""

from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.operations.reminders import communities_to_plan, plan_reminders


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Put today's reminders in the outbox, a community at a time."""
    report = {"planned": 0, "capped": 0, "at_desk": 0}
    for community_id in await deps.db.read(communities_to_plan):
        with one_of_many("reminders.plan_broken", community_id=community_id):
            done = await deps.db.write(plan_reminders, community_id=community_id, now=now)
            report["planned"] += done.planned
            report["capped"] += done.capped
            report["at_desk"] += done.at_desk
    return report


JOB = Job(name="send_reminders", cron="0 9 * * *", run=run)
