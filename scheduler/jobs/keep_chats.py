"""Make the chats of staff that the configuration names, and keep their members in step."""

import logging
from collections import Counter
from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.errors import ChannelUnavailable
from storage.queries.work_chats import members_of_chat

log = logging.getLogger(__name__)


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Look at every chat: who began to work here joins, who left is taken out.

    The platform keeps the list of members, and a chat's number follows from its name: whoever
    looks twice, or from two processes, changes nothing.
    """
    report: Counter[str] = Counter()
    for account, channel in deps.staff_chats.items():
        for name, community in channel.groups.items():
            members = await deps.db.read(members_of_chat, account, community)
            try:
                report[await channel.keep_chat(name, members)] += 1
            except ChannelUnavailable as refused:
                report["refused"] += 1
                log.warning("chats.refused", extra={"account": account, "reason": refused.reason})
    return dict(report)


JOB = Job(name="keep_chats", cron="*/10 * * * *", run=run, has_rows=False)
