"""Pay open bills from what households have put aside (预存), and tell them what is left."""

from datetime import datetime
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.operations.prepayments import apply_prepayments
from storage.queries.prepayments import units_to_draw_for

PART: Final = 500


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Draw a unit at a time, each in a transaction of its own; one that fails stops no other."""
    report = {"units": 0, "bills": 0, "drawn_fen": 0}
    last = 0
    while found := await deps.db.read(units_to_draw_for, at=now, limit=PART, after=last):
        last = found[-1]
        for unit_id in found:
            with one_of_many("prepayment.not_applied", unit_id=unit_id):
                made = await deps.db.write(apply_prepayments, unit_id, now=now)
                report["units"] += bool(made.bill_count)
                report["bills"] += made.bill_count
                report["drawn_fen"] += made.drawn_fen
    return report


JOB = Job(name="apply_prepayments", cron="20 3 * * *", run=run)
"""New bills are drawn for when they are issued; this takes what was put aside since."""
