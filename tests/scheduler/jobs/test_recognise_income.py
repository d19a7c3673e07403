"""The clock makes income of a month when it comes: all communities, each part once."""

from datetime import UTC, date, datetime

from sqlalchemy import Connection

from scheduler.jobs import recognise_income as job
from scheduler.registry import JOBS
from storage import ledger
from storage.kinds import Account
from storage.operations import recognition
from storage.operations.bills import NewBill, book_bills
from storage.periods import BillingPeriod
from tests import factories
from tests.scheduler.conftest import Hall

YEAR = date(2026, 11, 1), date(2027, 10, 31)


def owe_a_year(tx: Connection, unit_id: int, fee_item_id: int, community_id: int) -> None:
    """Bill a year from November on, 1,200 yuan, on the 23rd of November."""
    begins_on, last_on = YEAR
    new = NewBill(
        unit_id=unit_id,
        fee_item_id=fee_item_id,
        item_name="车位费",
        period=BillingPeriod(2026, 11),
        amount_fen=120_000,
        due_on=date(2026, 11, 25),
        explanation={},
        begins_on=begins_on,
        last_on=last_on,
    )
    book_bills(tx, [new], community_id=community_id, against=Account.INCOME, now=factories.NOW)


async def billed(hall: Hall) -> None:
    """Bill a year in two communities."""

    def write(tx: Connection) -> None:
        world = hall.stage.world
        item = factories.add_fee_item(tx, world.community_id, "车位费", "parking")
        owe_a_year(tx, world.unit_id, item, world.community_id)
        other = factories.add_community(tx, "海棠苑")
        unit_id = factories.add_unit(tx, other, "1-1-101")
        owe_a_year(tx, unit_id, factories.add_fee_item(tx, other, "车位费", "parking"), other)

    await hall.db.write(write)


async def apart(hall: Hall) -> int:
    return -await hall.db.read(ledger.balance, Account.DEFERRED)


async def test_on_the_first_each_community_earns_the_month_once(hall: Hall, monkeypatch):
    monkeypatch.setattr(job, "PART", 1)
    await billed(hall)
    first = datetime(2026, 11, 30, 17, 40, tzinfo=UTC)

    early = await job.run(hall.deps, hall.now)
    done = await job.run(hall.deps, first)
    again = await job.run(hall.deps, first)

    assert [one["recognised"] for one in (early, done, again)] == [0, 2, 0]
    assert await apart(hall) == 2 * 10 * 10_000


async def test_a_community_that_fails_stops_no_other_and_is_made_up_for(hall: Hall, monkeypatch):
    await billed(hall)
    real, broken = recognition.recognise_income, hall.stage.world.community_id

    def recognise(tx, *, community_id, now, limit):
        if community_id == broken:
            raise ZeroDivisionError
        return real(tx, community_id=community_id, now=now, limit=limit)

    first = datetime(2026, 11, 30, 17, 40, tzinfo=UTC)
    with monkeypatch.context() as patched:
        patched.setattr(job, "recognise_income", recognise)
        assert await job.run(hall.deps, first) == {"recognised": 1}

    assert await job.run(hall.deps, first.replace(day=30)) == {"recognised": 1}
    assert await apart(hall) == 2 * 10 * 10_000


def test_the_clock_knows_the_job():
    assert job.JOB in JOBS
