"""Follow what owners of residents' groups were asked to send: remind them, and learn what came."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.errors import ChannelUnavailable
from storage.operations.group_tasks import end_task, note_reminder
from storage.ports.chat import StaffChats, TaskStands
from storage.queries.group_tasks import PRESS_WITHIN, GroupTask, open_tasks
from storage.queries.quiet import quiet_end

log = logging.getLogger(__name__)

REMIND_AFTER: Final = timedelta(hours=4)
MOST_REMINDERS: Final = 3


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Ask about each task that waits; after four hours its owner is reminded, by day only.

    After two days, or with its broadcast cancelled, the task is taken back before it counts as
    not sent: whoever sends it again cannot double it.
    """
    report: Counter[str] = Counter()
    for account, channel in deps.staff_chats.items():
        names = channel.residents_groups
        for task in await deps.db.read(open_tasks, account=account, names=names) if names else ():
            try:
                report[await _follow(deps, channel, task, now)] += 1
            except ChannelUnavailable as refused:
                report["refused"] += 1
                log.warning("tasks.refused", extra={"account": account, "reason": refused.reason})
    return dict(report)


async def _follow(deps: JobDeps, channel: StaffChats, task: GroupTask, now: datetime) -> str:
    stands = await channel.task_stands(task.group, task.message_id)
    if stands is TaskStands.SENT:
        await deps.db.write(end_task, task, why="", now=now)
    elif stands is not TaskStands.WAITING:
        await deps.db.write(end_task, task, why=stands, now=now)
    elif task.is_cancelled or now - task.asked_at >= PRESS_WITHIN:
        await channel.cancel_task(task.message_id)
        why = "cancelled" if task.is_cancelled else "not_pressed"
        await deps.db.write(end_task, task, why=why, now=now)
        return why
    elif await _may_remind(deps, task, now):
        await channel.remind_of_task(task.message_id)
        await deps.db.write(note_reminder, task, now=now)
        return "reminded"
    return stands


async def _may_remind(deps: JobDeps, task: GroupTask, now: datetime) -> bool:
    last = task.reminded_at or task.asked_at
    if task.reminders >= MOST_REMINDERS or now - last < REMIND_AFTER:
        return False
    return await deps.db.read(quiet_end, task.community_id, now=now) is None


JOB = Job(name="follow_group_tasks", cron="*/10 * * * *", run=run, has_rows=False)
