"""Troubles of the running itself reach the duty group once each, and once more when they end."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert, select, update

from scheduler.jobs import raise_alarms
from storage.audit import open_discrepancy
from storage.events import StaffTask, load
from storage.kinds import AlarmKind, JobState
from storage.models.messages import outbox
from storage.models.operating import alarms, discrepancies, job_runs
from storage.operations.alarms import tell_of_troubles
from storage.queries.troubles import open_alarms
from storage.sql import database_now
from tests.scheduler.conftest import Hall

GROUP = "值班群"


def run_of(tx, job: str, state: JobState, *, ago: timedelta, epoch: int = 1) -> None:
    at = database_now(tx) - ago
    ended = None if state is JobState.RUNNING else at
    tx.execute(
        insert(job_runs).values(
            job=job,
            period="2026-11-23T03:30:00+0800",
            state=state,
            started_at=at,
            lease_until=at,
            finished_at=ended,
            epoch=epoch,
        )
    )


def trouble(tx, *, at) -> None:
    """Have one of each: a job silent, one cut off, one failing; a shut channel, a difference."""
    run_of(tx, "back_up", JobState.DONE, ago=timedelta(hours=27))
    run_of(tx, "reconcile", JobState.RUNNING, ago=timedelta(hours=1))
    run_of(tx, "issue_bills", JobState.FAILED, ago=timedelta(minutes=1), epoch=3)
    run_of(tx, "send_reminders", JobState.DONE, ago=timedelta(hours=25))
    run_of(tx, "check_ledger", JobState.FAILED, ago=timedelta(minutes=1), epoch=2)
    run_of(tx, "gone_long_ago", JobState.DONE, ago=timedelta(days=20))
    open_discrepancy(tx, "no_statement", "alipay:2026-11-22", "", at=at)
    open_discrepancy(tx, "no_statement", "wechat_pay:2026-11-22", "", at=at)


def heal(tx, *, at) -> None:
    tx.execute(
        update(job_runs).values(
            state=JobState.DONE, finished_at=database_now(tx), lease_until=database_now(tx)
        )
    )
    tx.execute(update(discrepancies).values(closed_at=at))


async def told(hall: Hall) -> list[tuple[str, str]]:
    """Return (topic, note) of what the duty group is told, in order."""
    rows = await hall.db.read(
        lambda tx: tx.execute(
            select(outbox).where(outbox.c.recipient == GROUP).order_by(outbox.c.id)
        ).all()
    )
    assert {row.account for row in rows} <= {"wecom"}
    tasks = [load(row.event, row.facts) for row in rows]
    return [(one.topic, one.note) for one in tasks if isinstance(one, StaffTask)]


async def test_each_trouble_is_told_once_until_it_ends_and_then_once_more(hall: Hall):
    await hall.db.write(trouble, at=hall.now)

    async def look() -> dict[str, int]:
        return await hall.db.write(tell_of_troubles, group=GROUP, now=hall.now)

    first, second = await look(), await look()
    said = await told(hall)
    await hall.db.write(heal, at=hall.now)
    healed, quiet = await look(), await look()
    ends = (await told(hall))[len(said) :]
    await hall.db.write(open_discrepancy, "no_statement", "alipay:2026-11-23", "", at=hall.now)
    again = await look()

    day = "2026-11-23"
    assert [first, second] == [{"begun": 4, "ended": 0}, {"begun": 0, "ended": 0}]
    assert said == [
        ("alarm_late_job", f"back_up {day}"),
        ("alarm_late_job", f"issue_bills {day}"),
        ("alarm_late_job", f"reconcile {day}"),
        ("alarm_difference", "no_statement 2"),
    ]
    assert [healed, quiet] == [{"begun": 0, "ended": 4}, {"begun": 0, "ended": 0}]
    assert {note for topic, note in ends if topic == "alarm_over"} == {
        *("late_job back_up", "late_job issue_bills", "late_job reconcile"),
        "difference no_statement",
    }
    assert again == {"begun": 1, "ended": 0}


CASES: tuple[tuple[int, int, timedelta, dict[AlarmKind, int]], ...] = (
    (3, 2, timedelta(0), {AlarmKind.CHANNEL: 1}),
    (2, 2, timedelta(0), {}),
    (3, 1, timedelta(0), {}),
    (100, 0, timedelta(minutes=16), {AlarmKind.QUEUE: 1}),
    (99, 0, timedelta(minutes=16), {}),
    (100, 0, timedelta(minutes=14), {}),
)
"""How many messages wait, how often tried, for how long due, and which alarm that is."""


async def test_a_channel_that_is_shut_and_a_queue_that_grows_are_seen(hall: Hall, put):
    await put("first")
    first = (await hall.stage.rows(outbox))[0]._asdict()
    del first["id"]

    def fill(tx, count: int, tries: int, late: timedelta) -> dict[str, int]:
        row = first | {"tries": tries, "not_before": hall.now - late}
        tx.execute(outbox.delete())
        tx.execute(insert(outbox), [row | {"message_key": f"k{n}"} for n in range(count)])
        tell_of_troubles(tx, group="", now=hall.now)
        return {kind: n for kind, n in open_alarms(tx).items() if n}

    for count, tries, late, found in CASES:
        assert await hall.db.write(fill, count, tries, late) == found, (count, tries, late)
    assert await told(hall) == []


async def test_of_all_processes_one_looks_every_five_minutes(hall: Hall):
    deps = replace(hall.deps, duty_group=GROUP)
    await hall.db.write(trouble, at=hall.now)

    reports = [await raise_alarms.run(deps, hall.now) for _ in range(3)]

    def later(tx):
        past = database_now(tx) - timedelta(seconds=1)
        turn = job_runs.c.job == "raise_alarms"
        tx.execute(update(job_runs).where(turn).values(lease_until=past))

    await hall.db.write(later)
    reports.append(await raise_alarms.run(deps, hall.now))

    assert reports == [{"begun": 4, "ended": 0}, {}, {}, {"begun": 0, "ended": 0}]
    assert len(await told(hall)) == 4
    assert len(await hall.stage.rows(alarms)) == 4
