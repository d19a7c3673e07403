"""Copy the books every night, and prove the copy."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.backup import back_up_sqlite, keep_newest
from storage.periods import shanghai_day

KEPT: Final = 14


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Back up SQLite; a PostgreSQL server is backed up by its own tools (docs/operating.md)."""
    if deps.sqlite_file is None:
        return {"backups": 0}
    target = deps.backup_dir / f"wuyebot-{shanghai_day(now):%Y%m%d}.db"
    await asyncio.to_thread(back_up_sqlite, deps.sqlite_file, target)
    removed = await asyncio.to_thread(keep_newest, Path(deps.backup_dir), KEPT)
    return {"backups": 1, "removed": removed}


JOB = Job(name="back_up", cron="30 3 * * *", run=run)
