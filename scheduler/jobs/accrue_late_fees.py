"""Charge late fees (违约金) once a month is over, and take back every night what was too much."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.kinds import JobState
from storage.operations import job_runs
from storage.operations.late_fee_corrections import correct_late_fees
from storage.operations.late_fees import bill_late_fees, looked_back_to, may_charge
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.estate import all_communities
from storage.queries.late_fees import terms_of, units_charged, units_in_question

PART: Final = 200
"""How many units are charged in one transaction, so that nobody waits long for the writer."""
LEASE_SECONDS: Final = 300
MOST_CATCH_UP: Final = 12


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Correct what stands, then charge the months that are over; one community at a time.

    A month that an outage missed is charged now; a community whose terms charge nothing costs
    one question.
    """
    report = {"issued": 0, "told": 0, "corrected": 0}
    for community in await deps.db.read(all_communities):
        if community.opened_at is None:
            continue
        with one_of_many("late_fees.broken", community_id=community.community_id):
            await _one(deps, community.community_id, now, report)
    return report


async def _one(deps: JobDeps, community_id: int, now: datetime, report: JobReport) -> None:
    terms = await deps.db.read(terms_of, community_id)
    if not may_charge(terms, shanghai_day(now)):
        return
    for part in _parts(await deps.db.read(units_charged, community_id)):
        report["corrected"] += await deps.db.write(
            correct_late_fees, community_id=community_id, unit_ids=part, now=now
        )
    for period in await _due(deps, community_id, now):
        await _charge(deps, community_id, period, now, report)


async def _due(deps: JobDeps, community_id: int, now: datetime) -> list[BillingPeriod]:
    """Return the months to be charged: the one that is just over, and those missed before it."""
    newest = BillingPeriod.of(shanghai_day(now)).plus(-1)
    last = await deps.db.read(job_runs.last_period, _job_of(community_id))
    first = newest if last is None else BillingPeriod.parse(last)
    first = max(first, newest.plus(1 - MOST_CATCH_UP))
    due = []
    while first <= newest:
        due.append(first)
        first = first.plus(1)
    return due


def _job_of(community_id: int) -> str:
    return f"accrue_late_fees/{community_id}"


async def _charge(
    deps: JobDeps, community_id: int, period: BillingPeriod, now: datetime, report: JobReport
) -> None:
    lease = await deps.db.write(
        job_runs.begin, _job_of(community_id), str(period), seconds=LEASE_SECONDS
    )
    if lease is None:
        return
    made: JobReport = {}
    try:
        made = await _charge_units(deps, community_id, period, now)
    finally:
        state = JobState.DONE if made else JobState.FAILED
        await deps.db.write(job_runs.end, lease, state, made)
    for key, count in made.items():
        report[key] += count


async def _charge_units(
    deps: JobDeps, community_id: int, period: BillingPeriod, now: datetime
) -> JobReport:
    made = {"issued": 0, "told": 0}
    units = await deps.db.read(
        units_in_question,
        community_id,
        due_before=period.last_on + timedelta(days=1),
        since=looked_back_to(period),
    )
    for part in _parts(units):
        done = await deps.db.write(
            bill_late_fees, community_id=community_id, period=period, unit_ids=part, now=now
        )
        made["issued"] += done.issued
        made["told"] += done.told
        crashpoints.reach("late_fees.after_chunk")
    return made


def _parts(units: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(units), PART):
        yield units[start : start + PART]


JOB = Job(name="accrue_late_fees", cron="30 1 * * *", run=run)
