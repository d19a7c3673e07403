"""What a scheduler's job needs in a test: the books, a standing clock, fakes at the ports."""

from datetime import datetime
from pathlib import Path

from handlers.composer import Composer
from scheduler.deps import JobDeps
from scheduler.jobs import deliver_outbox, send_broadcasts
from storage.database import Database
from storage.links import Links
from tests.factories import NOW
from tests.fakes import FakeChannel, FixedClock


async def _never(one, now):
    raise AssertionError("nothing was forgotten here")


def job_deps(db: Database, *channels: FakeChannel) -> JobDeps:
    """Fill what jobs may touch."""
    clock, links = FixedClock(NOW), Links(b"k" * 32, "https://wuye.example")
    return JobDeps(
        db=db,
        clock=clock,
        links=links,
        channels={one.name: one for one in channels},
        gateways={},
        compose=Composer(links, clock).compose,
        answer_late=_never,
        backup_dir=Path(),
        sqlite_file=None,
    )


async def tick(deps: JobDeps, now: datetime = NOW, *, times: int = 2) -> None:
    """Let the minute jobs of a broadcast run: queue, deliver, report."""
    for _ in range(times):
        await send_broadcasts.run(deps, now)
        await deliver_outbox.run(deps, now)
