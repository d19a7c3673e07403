"""The ticker: wakes up, finds in the books what is due, and has it done once.

APScheduler only wakes us, and is loaded for the first tick (it loses jobs by itself: see the notes
in docs/operating.md); what has been done stands in one row per job and period, held by a lease
while it runs.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from scheduler.deps import JobDeps
from scheduler.job import Job
from storage.errors import Unavailable
from storage.kinds import JobState
from storage.lazy import load
from storage.operations import job_runs
from storage.periods import SHANGHAI
from storage.queries.agenda import next_event_at

log = logging.getLogger(__name__)

MOST_CATCH_UP: Final = 40
"""How many missed periods of one job are made up for, the oldest first."""

HEARTBEAT_SECONDS: Final = 5


class Runner:
    """Runs due jobs when told what time it is; one tick at a time."""

    def __init__(self, deps: JobDeps, jobs: Iterable[Job]) -> None:
        """Take the registry's jobs; nothing runs before the first tick."""
        self._deps = deps
        self._jobs = jobs
        self._lock = asyncio.Lock()
        self._woken = asyncio.Event()
        self._fires: dict[str, datetime] = {}

    @cached_property
    def _ticking(self) -> list[Job]:
        return [job for job in self._jobs if not job.has_rows]

    @cached_property
    def _dated(self) -> list[tuple[Job, Any]]:
        cron = load("apscheduler.triggers.cron").CronTrigger
        dated = [job for job in self._jobs if job.has_rows]
        return [(job, cron.from_crontab(job.cron, timezone=SHANGHAI)) for job in dated]

    def wake(self) -> None:
        """Have the next tick come at once: something was written that may be due."""
        self._woken.set()

    async def tick(self, now: datetime) -> datetime | None:
        """Do all that is due at `now`; return when there is something to do next."""
        async with self._lock:
            self._woken.clear()
            unfinished = await self._deps.db.read(job_runs.unfinished)
            for job, trigger in self._dated:
                await self._catch_up(job, trigger, unfinished.get(job.name, []), now)
            for job in self._ticking:
                await self._run(job, now)
            return await self._next_due(now)

    async def live(self, stop: asyncio.Event) -> None:
        """Tick every few seconds, and at once after a commit, until told to stop."""
        ticker = load("apscheduler.schedulers.asyncio").AsyncIOScheduler(timezone=SHANGHAI)
        ticker.add_job(
            self.wake,
            "interval",
            seconds=HEARTBEAT_SECONDS,
            timezone=SHANGHAI,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )
        ticker.start()
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                await self._tick_safely()
                woken = asyncio.ensure_future(self._woken.wait())
                await asyncio.wait({woken, stopped}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            stopped.cancel()
            ticker.shutdown(wait=False)

    async def _tick_safely(self) -> None:
        try:
            await self.tick(self._deps.clock.now())
        except Unavailable:
            log.warning("tick.postponed", exc_info=True)
        except Exception:
            log.exception("tick.failed")

    async def _catch_up(
        self,
        job: Job,
        trigger: Any,  # noqa: ANN401 - APScheduler has no types
        unfinished: Iterable[str],
        now: datetime,
    ) -> None:
        for period in unfinished:
            await self._run_period(job, period, now)
        if job.name in self._fires and self._fires[job.name] > now:
            return
        last = await self._deps.db.read(job_runs.last_period, job.name)
        if last is None:
            await self._deps.db.write(job_runs.baseline, job.name, _period(now))
        begun = now if last is None else datetime.fromisoformat(last)
        missed, fire = _missed(trigger, begun, now)
        for period in missed:
            await self._run_period(job, period, now)
        # Only now: had a run not even begun, the next tick has to look again.
        self._fires[job.name] = fire

    async def _run_period(self, job: Job, period: str, now: datetime) -> None:
        lease = await self._deps.db.write(
            job_runs.begin, job.name, period, seconds=job.time_limit_seconds + 60
        )
        if lease is None:
            return
        report = await self._run(job, now)
        state = JobState.FAILED if report is None else JobState.DONE
        if not await self._deps.db.write(job_runs.end, lease, state, report or {}):
            log.warning("job.fenced", extra={"job": job.name, "period": period})

    async def _run(self, job: Job, now: datetime) -> dict[str, int] | None:
        try:
            async with asyncio.timeout(job.time_limit_seconds):
                report = await job.run(self._deps, now)
        except Exception:
            log.exception("job.failed", extra={"job": job.name})
            return None
        if any(report.values()):
            log.info("job.done", extra={"job": job.name, **report})
        return report

    async def _next_due(self, now: datetime) -> datetime | None:
        found = list(self._fires.values())
        event = await self._deps.db.read(next_event_at)
        if event is not None:
            found.append(max(event, now + timedelta(seconds=1)))
        return min(found, default=None)


def _period(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S%z")


def _missed(
    trigger: Any,  # noqa: ANN401
    last: datetime,
    now: datetime,
) -> tuple[list[str], datetime]:
    """Name the periods after `last` that have begun by `now`, the oldest first, and the next one.

    Of more than can be made up for, the newest are kept and the rest is logged.
    """
    periods: list[str] = []
    fire = trigger.get_next_fire_time(None, last + timedelta(seconds=1))
    while fire <= now:
        periods.append(_period(fire))
        fire = trigger.get_next_fire_time(fire, fire + timedelta(seconds=1))
    if len(periods) > MOST_CATCH_UP:
        log.warning("job.periods_skipped", extra={"periods": len(periods) - MOST_CATCH_UP})
    return periods[-MOST_CATCH_UP:], fire
