"""Writing down how a task of a residents' group went: reminded, sent by its owner, or not."""

from datetime import datetime

from sqlalchemy import Connection, update

from storage.kinds import OutboxState
from storage.models.messages import outbox
from storage.models.work_chats import group_tasks
from storage.queries.group_tasks import GroupTask
from storage.sql import insert


def note_reminder(tx: Connection, task: GroupTask, *, now: datetime) -> None:
    """Write down that a group's owner was reminded."""
    _write(tx, task, reminders=task.reminders + 1, reminded_at=now)


def end_task(tx: Connection, task: GroupTask, *, why: str, now: datetime) -> bool:
    """End a task: its owner has sent it (""), or has not, and why. False: it had ended before.

    What was not sent counts as not delivered, and can be sent again.
    """
    is_open = group_tasks.c.ended_at.is_(None)
    _write(tx, task)
    ended = tx.execute(
        update(group_tasks)
        .where(group_tasks.c.attempt_id == task.attempt_id, is_open)
        .values(ended_at=now)
    ).rowcount
    if ended and why:
        tx.execute(
            update(outbox)
            .where(outbox.c.id == task.outbox_id, outbox.c.state == OutboxState.SENT)
            .values(state=OutboxState.DEAD, why=why)
        )
    return bool(ended)


def _write(tx: Connection, task: GroupTask, **values: object) -> None:
    mine = group_tasks.c.attempt_id == task.attempt_id
    fresh = insert(tx, group_tasks).values(attempt_id=task.attempt_id)
    tx.execute(fresh.on_conflict_do_nothing())
    if values:
        tx.execute(update(group_tasks).where(mine).values(**values))
