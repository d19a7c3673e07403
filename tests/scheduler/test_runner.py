"""The ticker: each period once, whatever crashes, hangs, jumps or runs beside it."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from scheduler.runner import MOST_CATCH_UP, Runner
from storage.database import open_database
from storage.errors import StorageUnavailable
from storage.kinds import JobState
from storage.models.operating import job_runs as runs
from storage.operations import job_runs
from tests.fakes import FixedClock
from tests.scheduler.conftest import Hall, open_hall

EIGHT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""Eight in the morning in Shanghai."""

DAILY = "0 9 * * *"
LOG = logging.getLogger(__name__)


@dataclass
class Chore:
    """A job that counts its runs, and fails or hangs where a test says so."""

    cron: str = DAILY
    name: str = "chore"
    limit: int = 300
    has_rows: bool = True
    failures: int = 0
    hang: bool = False
    done_at: list[datetime] = field(default_factory=list)
    ran: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def run(self, deps: JobDeps, now: datetime) -> JobReport:
        self.done_at.append(now)
        self.ran.release()
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        if self.hang:
            await asyncio.Event().wait()
        return {"done": 1}

    @property
    def job(self) -> Job:
        return Job(self.name, self.cron, self.run, self.has_rows, self.limit)


async def kept(hall: Hall, name: str = "chore") -> list[tuple[str, str]]:
    """Return (period, state) of a job's rows, oldest first."""
    rows = [row for row in await hall.stage.rows(runs) if row.job == name]
    return sorted((row.period[:10], row.state) for row in rows)


async def begun(hall: Hall, *chores: Chore) -> Runner:
    """Let jobs' histories begin at eight."""
    runner = Runner(hall.deps, [chore.job for chore in chores])
    await runner.tick(EIGHT)
    return runner


async def test_s1_a_period_is_done_once(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)

    for minutes in (59, 60, 60, 61, 120, 900):
        await runner.tick(EIGHT + timedelta(minutes=minutes))

    assert chore.done_at == [EIGHT + timedelta(minutes=60)]
    assert await kept(hall) == [("2026-11-23", "done"), ("2026-11-23", "done")]


async def test_f05_a_job_that_was_due_while_we_were_down_is_done_at_the_start(hall: Hall):
    chore = Chore()
    await begun(hall, chore)

    reborn = Runner(hall.deps, [chore.job])
    await reborn.tick(EIGHT + timedelta(minutes=60, seconds=90))

    assert len(chore.done_at) == 1


async def test_s2_f03_after_a_long_time_each_missed_period_is_done_once_and_in_order(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)

    await runner.tick(EIGHT + timedelta(days=10, hours=2))
    await runner.tick(EIGHT + timedelta(days=10, hours=3))

    found = await kept(hall)
    assert len(chore.done_at) == 11
    assert len({day for day, _ in found[1:]}) == 11
    by_key = [row.period for row in await hall.stage.rows(runs)]
    assert by_key == sorted(by_key)


async def test_f03_a_leap_of_years_does_not_run_a_job_a_thousand_times(hall: Hall, caplog):
    chore = Chore()
    runner = await begun(hall, chore)

    await runner.tick(EIGHT + timedelta(days=1000))

    assert len(chore.done_at) == MOST_CATCH_UP
    assert (await kept(hall))[-1] == ("2029-08-18", "done")
    assert "job.periods_skipped" in caplog.text


async def test_f04_a_clock_that_goes_back_runs_nothing_again(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)
    await runner.tick(EIGHT + timedelta(hours=1))

    for minutes in (0, 59, 60, 61):
        await runner.tick(EIGHT + timedelta(minutes=minutes))
    await Runner(hall.deps, [chore.job]).tick(EIGHT + timedelta(minutes=60))

    assert len(chore.done_at) == 1


async def test_a_jobs_history_begins_when_it_is_first_seen(hall: Hall):
    chore = Chore()

    await Runner(hall.deps, [chore.job]).tick(EIGHT + timedelta(hours=5))

    assert chore.done_at == []
    assert await kept(hall) == [("2026-11-23", "done")]


async def test_a_failed_run_is_recorded_and_tried_again_at_the_next_tick(hall: Hall, caplog):
    chore = Chore(failures=1)
    runner = await begun(hall, chore)

    await runner.tick(EIGHT + timedelta(hours=1))
    assert (await kept(hall))[-1] == ("2026-11-23", "failed")
    await runner.tick(EIGHT + timedelta(hours=1, seconds=5))
    await runner.tick(EIGHT + timedelta(hours=1, seconds=10))

    assert len(chore.done_at) == 2
    assert (await kept(hall))[-1] == ("2026-11-23", "done")


async def test_a_job_that_goes_on_failing_is_tried_ever_more_patiently(hall: Hall, caplog):
    chore = Chore(failures=99)
    runner = await begun(hall, chore)

    for seconds in range(30):
        await runner.tick(EIGHT + timedelta(hours=1, seconds=seconds))

    assert len(chore.done_at) == job_runs.PATIENT_FROM


async def test_one_job_that_fails_stops_no_other(hall: Hall, caplog):
    bad, good, minute = (
        Chore(name="bad", failures=99),
        Chore(name="good"),
        Chore(name="minute", has_rows=False),
    )
    runner = await begun(hall, bad, good, minute)

    await runner.tick(EIGHT + timedelta(hours=1))

    assert len(good.done_at) == 1
    assert len(minute.done_at) == 2


async def crash_while_running(hall: Hall, lease_seconds: int) -> str:
    """Leave behind what a process leaves that dies in the middle of a run."""
    period = "2026-11-23T09:00:00+0800"
    lease = await hall.db.write(job_runs.begin, "chore", period, seconds=lease_seconds)
    assert lease is not None
    return period


async def test_s1_d3_a_run_that_a_crash_cut_off_is_taken_over_when_its_lease_is_over(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)
    await crash_while_running(hall, lease_seconds=-1)

    await runner.tick(EIGHT + timedelta(hours=2))

    assert len(chore.done_at) == 1
    assert (await kept(hall))[-1] == ("2026-11-23", "done")


async def test_a_run_under_way_elsewhere_is_left_alone(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)
    await crash_while_running(hall, lease_seconds=3600)

    await runner.tick(EIGHT + timedelta(hours=2))
    assert chore.done_at == []

    assert await hall.db.write(job_runs.forget_leases) == 1
    await runner.tick(EIGHT + timedelta(hours=2))
    assert len(chore.done_at) == 1


async def test_s3_f09_one_who_lost_the_lease_cannot_say_how_it_ended(hall: Hall):
    await begun(hall, Chore())
    period = "2026-11-23T09:00:00+0800"
    slow = await hall.db.write(job_runs.begin, "chore", period, seconds=-1)
    quick = await hall.db.write(job_runs.begin, "chore", period, seconds=60)
    assert slow is not None
    assert quick is not None

    assert not await hall.db.write(job_runs.end, slow, JobState.FAILED, {})
    assert await hall.db.write(job_runs.end, quick, JobState.DONE, {"done": 1})
    assert not await hall.db.write(job_runs.end, slow, JobState.FAILED, {})

    assert (await kept(hall))[-1] == ("2026-11-23", "done")
    assert await hall.db.write(job_runs.begin, "chore", period, seconds=60) is None


async def test_f07_a_job_that_hangs_is_cut_off_and_the_next_run_proceeds(hall: Hall, caplog):
    stuck, next_one = Chore(name="stuck", hang=True, limit=0), Chore(name="next")
    runner = await begun(hall, stuck, next_one)

    await runner.tick(EIGHT + timedelta(hours=1))
    assert (await kept(hall, "stuck"))[-1] == ("2026-11-23", "failed")
    assert len(next_one.done_at) == 1
    assert "job.failed" in caplog.text

    stuck.hang = False
    await runner.tick(EIGHT + timedelta(days=1, hours=1))
    assert [state for _, state in await kept(hall, "stuck")] == ["done"] * 3


async def test_f06_a_loop_that_stalls_loses_no_job(hall: Hall):
    chore = Chore()
    runner = await begun(hall, chore)

    # No tick at nine: the next one comes a minute late.
    await runner.tick(EIGHT + timedelta(minutes=61))

    assert len(chore.done_at) == 1


@pytest.mark.postgresql
async def test_f08_two_runners_on_one_postgresql_do_a_period_once(migrated_postgres, tmp_path):
    url = migrated_postgres.copy()
    async with open_database(url) as db, open_database(url) as other_db:
        hall = await open_hall(db, url, tmp_path)
        chore = Chore()
        here = Runner(hall.deps, [chore.job])
        there = Runner(replace(hall.deps, db=other_db), [chore.job])
        await here.tick(EIGHT)

        for days in range(3):
            at = EIGHT + timedelta(days=days, hours=1)
            skewed = at + timedelta(minutes=5)
            await asyncio.gather(here.tick(at), there.tick(skewed), here.tick(at))

        assert len(chore.done_at) == 3
        assert [state for _, state in await kept(hall)] == ["done"] * 4
    migrated_postgres.drop(url)


async def test_f01_a_job_of_the_last_day_runs_on_the_last_day_of_every_month(hall: Hall):
    chore = Chore(cron="0 9 last * *")
    runner = await begun(hall, chore)

    for day in range(365):
        await runner.tick(EIGHT + timedelta(days=day, hours=1))

    assert len(chore.done_at) == 12


async def test_a_tick_says_when_there_is_something_to_do_next(hall: Hall):
    daily, hourly = Chore(), Chore(name="hourly", cron="30 * * * *")
    runner = Runner(hall.deps, [daily.job, hourly.job])

    assert await runner.tick(EIGHT) == EIGHT + timedelta(minutes=30)
    assert await runner.tick(EIGHT + timedelta(minutes=30)) == EIGHT + timedelta(hours=1)
    assert await runner.tick(EIGHT + timedelta(hours=1)) == EIGHT + timedelta(minutes=90)
    order = await hall.stage.order(hall.stage.both)
    asked_at = hall.now + timedelta(seconds=30)
    assert await runner.tick(hall.now) == asked_at
    assert order.order_no


async def test_a_walk_from_instant_to_instant_never_stands_still(hall: Hall):
    """The demo's clock goes from one answer to the next; a month is few steps."""
    chore = Chore()
    runner = await begun(hall, chore)
    await hall.stage.request(await hall.stage.paid(hall.stage.both), 100_000_00 // 10_000)

    def say_all(tx):
        tx.exec_driver_sql("UPDATE outbox SET state = 'sent'")
        tx.exec_driver_sql("UPDATE refunds SET state = 'success', next_step_at = NULL")

    await hall.db.write(say_all)
    now, steps = EIGHT, 0
    while now < EIGHT + timedelta(days=31):
        found = await runner.tick(now)
        assert found is not None
        assert found > now
        now, steps = found, steps + 1

    assert steps < 60
    assert len(chore.done_at) >= 30


async def test_a_database_that_is_away_costs_a_tick_and_no_job(hall: Hall, caplog):
    chore = Chore()
    runner = await begun(hall, chore)
    ticks = asyncio.Semaphore(0)
    stop = asyncio.Event()

    class Away:
        def __init__(self) -> None:
            self.count = 0

        async def read(self, *args, **kwargs):
            self.count += 1
            ticks.release()
            if self.count < 3:
                raise StorageUnavailable("locked")
            return await hall.db.read(*args, **kwargs)

        write = hall.db.write

    clock = FixedClock(EIGHT + timedelta(hours=1))
    away = Runner(replace(hall.deps, db=Away(), clock=clock), [chore.job])  # type: ignore[arg-type]
    living = asyncio.create_task(away.live(stop))
    while not chore.done_at:
        away.wake()
        await ticks.acquire()
        await asyncio.sleep(0)
    stop.set()
    await living

    assert len(chore.done_at) == 1
    assert runner is not None


async def test_a_commit_wakes_the_ticker_at_once(hall: Hall):
    minute = Chore(name="minute", has_rows=False)
    runner = Runner(hall.deps, [minute.job])
    hall.db.wake_on_commit(runner.wake)
    stop = asyncio.Event()
    living = asyncio.create_task(runner.live(stop))

    await asyncio.wait_for(minute.ran.acquire(), 5)
    await hall.stage.order(hall.stage.both)
    await asyncio.wait_for(minute.ran.acquire(), 4)
    stop.set()
    await living

    assert len(minute.done_at) >= 2


async def test_lease_times_are_the_databases_and_not_the_virtual_clocks(hall: Hall):
    await begun(hall, Chore())
    await hall.db.write(job_runs.begin, "chore", "2031-01-01T09:00:00+0800", seconds=60)

    (row,) = [row for row in await hall.stage.rows(runs) if row.state == "running"]
    assert row.lease_until - row.started_at == timedelta(seconds=60)
    assert abs(datetime.now(UTC) - row.started_at) < timedelta(hours=1)
    await hall.db.write(lambda tx: tx.execute(update(runs).values(report="{}")) and None)
