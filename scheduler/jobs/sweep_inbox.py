"""Answer messages that were taken in before a crash and never answered."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage import inbox

PATIENCE: Final = timedelta(seconds=30)
"""Longer than any answer takes, so that a turn under way is left alone."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Have each one answered through the outbox; what is a day old is only marked."""
    forgotten = await deps.db.read(inbox.unanswered, patience=PATIENCE, limit=100)
    answered = 0
    for one in forgotten:
        if now - one.heard_at < timedelta(days=1):
            with one_of_many("inbox.sweep_broken", inbox_id=one.inbox_id):
                await deps.answer_late(one, now)
                answered += 1
    if forgotten:
        await deps.db.jot(inbox.mark_answered, [one.inbox_id for one in forgotten])
    return {"answered": answered}


JOB = Job(name="sweep_inbox", cron="* * * * *", run=run, has_rows=False)
