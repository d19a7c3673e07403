"""Prove the books every night; what does not hold is put before an operator."""

import logging
from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations.differences import raise_broken
from storage.queries.proofs import prove

log = logging.getLogger(__name__)


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Count the broken sentences; each row is a difference, and the office hears of it once."""
    broken = await deps.db.read(prove)
    for one in broken:
        log.error("ledger.broken", extra={"sentence": one.sentence, "reference": one.reference})
    if broken:
        await deps.db.write(raise_broken, broken, at=now)
    return {"broken": len(broken)}


JOB = Job(name="check_ledger", cron="0 3 * * *", run=run)
