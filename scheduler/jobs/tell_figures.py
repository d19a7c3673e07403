"""Every morning: the month's report where a month is over, and the digests that are due."""

from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.operations.digests import digests_waiting, tell_digests
from storage.operations.month_reports import communities_without_report, keep_report
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.month_reports import facts_of


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Make each community's report by itself; one that fails has its turn the next morning."""
    made, over = 0, BillingPeriod.of(shanghai_day(now)).plus(-1)
    for community_id in await deps.db.read(communities_without_report, now=now):
        with one_of_many("report.not_made", community_id=community_id):
            facts = await deps.db.read(facts_of, community_id, over)
            made += await deps.db.write(keep_report, community_id, facts, now=now)
    waiting = await deps.db.read(digests_waiting, now=now)
    told = await deps.db.write(tell_digests, waiting, now=now) if waiting else 0
    return {"made": made, "told": told}


JOB = Job(name="tell_figures", cron="40 8 * * *", run=run)
"""After the night's bills and late fees; digests are due on Mondays and on the first."""
