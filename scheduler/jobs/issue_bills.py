"""Issue each community's bills of the month once its day has come, and tell the households."""

import asyncio
import logging
from datetime import datetime
from typing import Final

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.kinds import JobState
from storage.operations import bills, job_runs
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.estate import all_communities, units_of
from storage.queries.policies import policy_on

log = logging.getLogger(__name__)

PART: Final = 500
"""How many units are billed in one transaction, so that nobody waits long for the writer."""
LEASE_SECONDS: Final = 300
MOST_CATCH_UP: Final = 12


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Bill what is due, a community at a time; what one of them breaks, the others do not feel.

    A month that an outage missed is billed now, and told with the newest.
    """
    signed = [one for one in await deps.db.read(all_communities) if one.opened_at is not None]
    outcomes = await asyncio.gather(
        *(_one(deps, one.community_id, now) for one in signed), return_exceptions=True
    )
    failed = [one for one in outcomes if isinstance(one, BaseException)]
    for trouble in failed:
        log.error("bills.not_issued", exc_info=trouble)
    if failed:
        raise failed[0]
    done = [one for one in outcomes if not isinstance(one, BaseException)]
    return {key: sum(one[key] for one in done) for key in ("issued", "skipped", "told")}


async def _one(deps: JobDeps, community_id: int, now: datetime) -> JobReport:
    report = {"issued": 0, "skipped": 0, "told": 0}
    for period in await _due(deps, community_id, now):
        lease = await deps.db.write(
            job_runs.begin, f"issue_bills/{community_id}", str(period), seconds=LEASE_SECONDS
        )
        if lease is None:
            continue
        made: JobReport = {}
        try:
            made = await _issue(deps, community_id, period, now)
        finally:
            state = JobState.DONE if made else JobState.FAILED
            await deps.db.write(job_runs.end, lease, state, made)
        for key, count in made.items():
            report[key] += count
    return report


async def _due(deps: JobDeps, community_id: int, now: datetime) -> list[BillingPeriod]:
    """Return the months to be billed: this one from its day on, and those missed before it."""
    today = shanghai_day(now)
    newest = BillingPeriod.of(today)
    policy = await deps.db.read(policy_on, community_id, today)
    last = await deps.db.read(job_runs.last_period, f"issue_bills/{community_id}")
    if newest.day(policy.issue_day) > today:
        newest = newest.plus(-1)
        if last is None:
            return []
    first = BillingPeriod.parse(last) if last is not None else newest
    first = max(first, newest.plus(1 - MOST_CATCH_UP))
    due = []
    while first <= newest:
        due.append(first)
        first = first.plus(1)
    return due


async def _issue(
    deps: JobDeps, community_id: int, period: BillingPeriod, now: datetime
) -> JobReport:
    units = [one.unit_id for one in await deps.db.read(units_of, community_id)]
    report = {"issued": 0, "skipped": 0, "told": 0}
    for start in range(0, len(units), PART):
        made = await deps.db.write(
            bills.issue_bills,
            community_id=community_id,
            period=period,
            now=now,
            unit_ids=frozenset(units[start : start + PART]),
        )
        report["issued"] += made.issued
        report["skipped"] += len(made.skipped)
        crashpoints.reach("bills.after_chunk")
    if period == BillingPeriod.of(shanghai_day(now)):
        report["told"] = await deps.db.write(
            bills.announce, community_id=community_id, period=period, now=now
        )
    return report


JOB = Job(name="issue_bills", cron="0 2 * * *", run=run)
