"""On the first of a month, make income of what bills have set apart for it."""

from datetime import datetime
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.operations.recognition import recognise_income
from storage.queries.estate import all_communities

PART: Final = 1000
"""How many parts become income in one transaction, so that nobody waits long for the writer."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Take a community at a time; one that fails stops no other and has its turn the next night.

    A month that an outage missed is taken with the next.
    """
    report = {"recognised": 0}
    for community in await deps.db.read(all_communities):
        with one_of_many("income.not_recognised", community_id=community.community_id):
            report["recognised"] += await _one(deps, community.community_id, now)
    return report


async def _one(deps: JobDeps, community_id: int, now: datetime) -> int:
    total = 0
    while made := await deps.db.write(
        recognise_income, community_id=community_id, now=now, limit=PART
    ):
        total += made
    return total


JOB = Job(name="recognise_income", cron="40 1 * * *", run=run)
"""Before the night's bills. It finds its work on the first; other nights make up for a failure."""
