"""A process that runs one job on a shared PostgreSQL, slowly enough to be stopped in the middle.

`python -m tests.faults.worker URL FOLDER NAME [unfenced]`: tells by FOLDER/NAME.began that the job
runs, and ends it once FOLDER/NAME.go_on is there. What the scheduler says goes to its output.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from scheduler.runner import Runner
from storage.database import open_database
from storage.kinds import JobState
from storage.models.operating import job_runs as runs
from storage.operations import job_runs
from tests.factories import NOW

BEGAN, GO_ON, UNFENCED = ".began", ".go_on", "unfenced"
CHORE = "chore"
LEASE_SECONDS = 2
PATIENCE_SECONDS = 90
DUE_AT = NOW + timedelta(hours=1)


def with_a_short_lease(
    tx: Connection, job: str, period: str, *, seconds: int
) -> job_runs.Lease | None:
    """Take a lease that a test can outlast."""
    return taken(tx, job, period, seconds=min(seconds, LEASE_SECONDS))


def without_the_fence(
    tx: Connection, lease: job_runs.Lease, state: JobState, report: Mapping[str, Any]
) -> bool:
    """Write down how a run ended, whoever holds the lease by now: the planted bug."""
    mine = (runs.c.job == lease.job, runs.c.period == lease.period)
    epoch = tx.execute(update(runs).where(*mine).values(epoch=runs.c.epoch).returning(runs.c.epoch))
    now_held = job_runs.Lease(lease.job, lease.period, epoch.scalar_one())
    return ended(tx, now_held, state, report)


taken, ended = job_runs.begin, job_runs.end


async def work(url: str, folder: Path, name: str) -> None:
    """Do what is due at `DUE_AT`, once."""

    async def chore(deps: JobDeps, now: datetime) -> JobReport:
        (folder / (name + BEGAN)).touch()
        deadline = time.monotonic() + PATIENCE_SECONDS
        go_on = folder / (name + GO_ON)
        while not go_on.exists() and time.monotonic() < deadline:  # noqa: ASYNC110 - not our loop
            await asyncio.sleep(0.02)
        return {name: 1}

    async with open_database(url) as db:
        nothing: Any = None
        deps = JobDeps(db, nothing, nothing, {}, {}, nothing, nothing, folder, None)
        await Runner(deps, [Job(CHORE, "0 * * * *", chore)]).tick(DUE_AT)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    job_runs.begin = with_a_short_lease
    if UNFENCED in sys.argv:
        job_runs.end = without_the_fence
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
