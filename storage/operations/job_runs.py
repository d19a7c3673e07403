"""Which job ran for which period: one row each, held by a lease while it runs."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from storage.frozen import dataclass
from storage.kinds import JobState
from storage.models.operating import job_runs
from storage.sql import database_now, insert_once

PATIENT_FROM: Final = 3
"""From this try of a period on, a failure makes the next one wait."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job for a period; whoever took it over since has a higher epoch."""

    job: str
    period: str
    epoch: int


def last_period(tx: Connection, job: str) -> str | None:
    """Return the newest period that has a row, or None where the job never ran."""
    found: str | None = tx.execute(
        select(func.max(job_runs.c.period)).where(job_runs.c.job == job)
    ).scalar_one()
    return found


def unfinished(tx: Connection) -> dict[str, list[str]]:
    """Return job → the periods whose run failed or was cut off and may be taken now, oldest first.

    Jobs that left nothing unfinished are not named.
    """
    rows = tx.execute(
        select(job_runs.c.job, job_runs.c.period)
        .where(job_runs.c.state != JobState.DONE, job_runs.c.lease_until < database_now(tx))
        .order_by(job_runs.c.period)
    )
    found: dict[str, list[str]] = {}
    for job, period in rows:
        found.setdefault(job, []).append(period)
    return found


def is_free(tx: Connection, job: str, period: str) -> bool:
    """Tell whether `begin` would give the lease of a period that never ends."""
    until: datetime | None = tx.execute(
        select(job_runs.c.lease_until).where(job_runs.c.job == job, job_runs.c.period == period)
    ).scalar_one_or_none()
    return until is None or until < database_now(tx)


def begin(tx: Connection, job: str, period: str, *, seconds: int) -> Lease | None:
    """Take the lease of a job's period; None where it is done, or another holds it."""
    now = database_now(tx)
    until = now + timedelta(seconds=seconds)
    values = {
        "job": job,
        "period": period,
        "state": JobState.RUNNING,
        "started_at": now,
        "lease_until": until,
    }
    if insert_once(tx, job_runs, values) is not None:
        return Lease(job, period, 1)
    row = tx.execute(
        update(job_runs)
        .where(
            job_runs.c.job == job,
            job_runs.c.period == period,
            job_runs.c.state != JobState.DONE,
            job_runs.c.lease_until < now,
        )
        .values(state=JobState.RUNNING, lease_until=until, epoch=job_runs.c.epoch + 1)
        .returning(job_runs.c.epoch)
    ).scalar_one_or_none()
    return None if row is None else Lease(job, period, row)


def end(tx: Connection, lease: Lease, state: JobState, report: Mapping[str, Any]) -> bool:
    """Write down how a run ended; False where the lease was taken over meanwhile (fenced).

    A failed run is tried again at the next tick, and from the third failure on after a while
    that doubles up to an hour.
    """
    now = database_now(tx)
    wait = timedelta(0)
    if state is JobState.FAILED and lease.epoch >= PATIENT_FROM:
        wait = min(timedelta(minutes=2 ** min(lease.epoch - PATIENT_FROM, 6)), timedelta(hours=1))
    changed = tx.execute(
        update(job_runs)
        .where(
            job_runs.c.job == lease.job,
            job_runs.c.period == lease.period,
            job_runs.c.epoch == lease.epoch,
        )
        .values(
            state=state,
            finished_at=now,
            lease_until=now + wait,
            report=json.dumps(dict(report)),
        )
    ).rowcount
    return changed == 1


def write_report(tx: Connection, job: str, period: str, report: Mapping[str, Any]) -> None:
    """Replace what a run that is done reported: what it left open was done since."""
    tx.execute(
        update(job_runs)
        .where(
            job_runs.c.job == job, job_runs.c.period == period, job_runs.c.state == JobState.DONE
        )
        .values(report=json.dumps(dict(report)))
    )


def baseline(tx: Connection, job: str, period: str) -> None:
    """Let a job's history begin: periods up to this one are nobody's duty."""
    now = database_now(tx)
    values = {
        "job": job,
        "period": period,
        "state": JobState.DONE,
        "started_at": now,
        "lease_until": now,
        "finished_at": now,
    }
    insert_once(tx, job_runs, values)


def forget_leases(tx: Connection) -> int:
    """End the leases that a dead process left behind; only for a database with one owner."""
    ended: int = tx.execute(
        update(job_runs)
        .where(job_runs.c.state == JobState.RUNNING)
        .values(lease_until=database_now(tx) - timedelta(seconds=1))
    ).rowcount
    return ended
