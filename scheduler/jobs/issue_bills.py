"""Issue each community's bills of the month once its day has come, and tell the households."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from scheduler.jobs import apply_prepayments
from storage import crashpoints
from storage.kinds import JobState
from storage.operations import bills, issuing, job_runs
from storage.operations.unbilled import tell_unbilled
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.billing_runs import BillingRun, assigned_late, job_of, left_out, runs_done
from storage.queries.estate import all_communities, units_of
from storage.queries.policies import policy_on

log = logging.getLogger(__name__)

PART: Final = 1000
"""How many units are billed in one transaction, so that nobody waits long for the writer."""
LEASE_SECONDS: Final = 300
MOST_CATCH_UP: Final = 12
MOST_FOLLOWED: Final = 4
"""For so many months what a run left out, or could not know yet, is tried again each night."""


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
    today = shanghai_day(now)
    earliest = BillingPeriod.of(today).plus(1 - MOST_FOLLOWED)
    followed = await deps.db.read(runs_done, community_id, since=earliest)
    for run in followed:
        late = await deps.db.read(
            assigned_late, community_id, run.period, since=earliest, today=today
        )
        if again := run.unit_ids | late:
            _add(report, await _follow_up(deps, community_id, run, now, only=again))
    for period in await _due(deps, community_id, now):
        lease = await deps.db.write(
            job_runs.begin, job_of(community_id), str(period), seconds=LEASE_SECONDS
        )
        if lease is None:
            continue
        made: dict[str, Any] = {}
        try:
            made = await _issue(deps, community_id, period, now)
        finally:
            state = JobState.DONE if made else JobState.FAILED
            await deps.db.write(job_runs.end, lease, state, made)
        _add(report, made)
    await deps.db.write(tell_unbilled, community_id=community_id, since=earliest, now=now)
    return report


def _add(report: JobReport, made: Mapping[str, Any]) -> None:
    for key in report:
        report[key] += made.get(key, 0)


async def _follow_up(
    deps: JobDeps, community_id: int, run: BillingRun, now: datetime, *, only: Collection[int]
) -> JobReport:
    """Bill what a run left out and what has come since.

    A reading, an area, a day that is over, or a fee that was assigned after the run; `only` names
    the units, all that the run left out among them.
    """
    made = await _issue(deps, community_id, run.period, now, only=only)
    counts = {**run.counts, "skipped": made["skipped"]}
    counts["issued"] = run.counts.get("issued", 0) + made["issued"]
    kept = {**counts, "missing": made["missing"]}
    await deps.db.write(job_runs.write_report, job_of(community_id), str(run.period), kept)
    return {"issued": made["issued"], "told": made["told"]}


async def _due(deps: JobDeps, community_id: int, now: datetime) -> list[BillingPeriod]:
    """Return the months to be billed: this one from its day on, and those missed before it."""
    today = shanghai_day(now)
    newest = BillingPeriod.of(today)
    policy = await deps.db.read(policy_on, community_id, today)
    last = await deps.db.read(job_runs.last_period, job_of(community_id))
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
    deps: JobDeps,
    community_id: int,
    period: BillingPeriod,
    now: datetime,
    *,
    only: Collection[int] | None = None,
) -> dict[str, Any]:
    """Bill part by part; return the counts, and under "missing" what was left out and why."""
    units = only
    if units is None:
        units = [one.unit_id for one in await deps.db.read(units_of, community_id)]
    ordered = sorted(units)
    report: dict[str, Any] = {"issued": 0, "skipped": 0, "told": 0, "missing": []}
    for start in range(0, len(ordered), PART):
        made = await deps.db.write(
            issuing.issue_bills,
            community_id=community_id,
            period=period,
            now=now,
            unit_ids=frozenset(ordered[start : start + PART]),
        )
        report["issued"] += made.issued
        report["skipped"] += len(made.missing)
        report["missing"] += left_out(made.missing)
        crashpoints.reach("bills.after_chunk")
    is_newest = period == BillingPeriod.of(shanghai_day(now))
    if is_newest if only is None else report["issued"]:
        await apply_prepayments.run(deps, now)
        report["told"] = await deps.db.write(
            bills.announce, community_id=community_id, period=period, now=now
        )
    return report


JOB = Job(name="issue_bills", cron="0 2 * * *", run=run)
