"""Put broadcasts whose time has come in the outbox, part by part, and report those that ended."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.operations import broadcasting
from storage.operations.notices import withdraw
from storage.queries.notices import due_broadcasts, sending_broadcasts, stragglers

STRAGGLING: Final = timedelta(days=1)
"""How long after its cancellation a message in flight may still come back to wait."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Begin, queue and end broadcasts; broken off anywhere, the next run goes on from there."""
    report = {"begun": 0, "queued": 0, "ended": 0, "withdrawn": 0}
    for broadcast_id in await deps.db.read(due_broadcasts, now=now):
        report["begun"] += await deps.db.write(broadcasting.begin, broadcast_id, now=now)
        crashpoints.reach("broadcast.begun")
    for broadcast_id in await deps.db.read(sending_broadcasts):
        queued = await deps.db.write(broadcasting.queue_part, broadcast_id, now=now)
        while queued:
            crashpoints.reach("broadcast.after_chunk")
            report["queued"] += queued
            queued = await deps.db.write(broadcasting.queue_part, broadcast_id, now=now)
        report["ended"] += await deps.db.write(broadcasting.finish, broadcast_id, now=now)
    for broadcast_id in await deps.db.read(stragglers, since=now - STRAGGLING):
        report["withdrawn"] += await deps.db.write(withdraw, broadcast_id)
    return report


JOB = Job(name="send_broadcasts", cron="* * * * *", run=run, has_rows=False)
