"""Bills are issued once a month when the community's day has come, whatever was missed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from scheduler.jobs import issue_bills
from storage import crashpoints
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.messages import outbox
from storage.periods import BillingPeriod
from storage.queries.billing_runs import runs_done
from tests import town
from tests.desk import job_deps
from tests.factories import add_tariff

DECEMBER = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
"""The second of December, two in the morning in Shanghai."""


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


def priced(tx, **choices):
    """Build the town with areas and a price for its homes."""
    place = town.build(tx, **choices)
    tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
    add_tariff(tx, place.community_id, place.fee_item_id, 28_000)
    return place


async def issued(db):
    rows = await db.read(lambda tx: tx.execute(select(bills.c.period, bills.c.unit_id)).all())
    assert len(rows) == len(set(rows))
    return {period: sum(row.period == period for row in rows) for period in {r[0] for r in rows}}


async def told(db):
    return await db.read(
        lambda tx: list(
            tx.execute(select(outbox.c.recipient).where(outbox.c.event == "BillsIssued")).scalars()
        )
    )


async def test_the_bills_of_a_month_are_made_once_and_told_once(db):
    await db.write(priced)
    deps = job_deps(db)

    first = await issue_bills.run(deps, DECEMBER)
    again = await issue_bills.run(deps, DECEMBER + timedelta(days=1))

    assert (first["issued"], first["told"]) == (13, 12)
    assert again == {"issued": 0, "skipped": 0, "told": 0}
    assert (await issued(db))["2026-12"] == 13
    assert len(await told(db)) == 12


async def test_before_the_communitys_day_nothing_is_issued(db):
    await db.write(priced, issue_day=5)

    report = await issue_bills.run(job_deps(db), DECEMBER)

    assert report["issued"] == 0


async def test_a_community_that_is_not_signed_gets_no_bills(db):
    await db.write(priced)
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)

    report = await issue_bills.run(job_deps(db), DECEMBER)

    assert report["issued"] == 0


async def test_a_month_missed_by_an_outage_is_billed_and_only_the_newest_is_told(db):
    await db.write(priced)
    deps = job_deps(db)
    await issue_bills.run(deps, DECEMBER)

    report = await issue_bills.run(deps, DECEMBER + timedelta(days=62))

    assert report["issued"] == 26
    found = await issued(db)
    assert [found[period] for period in ("2026-12", "2027-01", "2027-02")] == [13, 13, 13]
    assert len(await told(db)) == 24


@pytest.mark.parametrize("kill_after", [1, 2, 3])
async def test_broken_off_between_parts_the_run_ends_with_the_same_bills(
    db, monkeypatch, kill_after
):
    await db.write(priced)
    deps = job_deps(db)
    monkeypatch.setattr(issue_bills, "PART", 5)
    passes = iter(range(1, 100))

    def kill(name):
        if name == "bills.after_chunk" and next(passes) == kill_after:
            raise Killed

    monkeypatch.setattr(crashpoints, "reach", kill)
    with pytest.raises(Killed):
        await issue_bills.run(deps, DECEMBER)

    await issue_bills.run(deps, DECEMBER)

    assert (await issued(db))["2026-12"] == 13
    assert len(await told(db)) == 12


async def areas(db, area_m2):
    await db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=area_m2)) and None)


async def test_what_a_run_left_out_is_listed_and_billed_once_it_is_known(db):
    place = await db.write(priced)
    await areas(db, None)
    deps = job_deps(db)

    first = await issue_bills.run(deps, DECEMBER)
    [listed] = await db.read(runs_done, place.community_id, since=BillingPeriod(2026, 12))
    await areas(db, Decimal("89.50"))
    second = await issue_bills.run(deps, DECEMBER + timedelta(days=1))
    third = await issue_bills.run(deps, DECEMBER + timedelta(days=2))

    assert (first["issued"], first["skipped"], first["told"]) == (0, 13, 0)
    assert {(one.item_name, one.period, one.reason) for one in listed.left_out} == {
        ("物业费", "2026-12", "area_missing")
    }
    assert (second["issued"], second["told"], third["issued"]) == (13, 12, 0)
    [after] = await db.read(runs_done, place.community_id, since=BillingPeriod(2026, 12))
    assert (after.left_out, after.counts["issued"]) == ((), 13)
    assert len(await told(db)) == 12


async def test_a_bill_that_comes_later_is_told_with_what_is_still_open(db):
    await db.write(priced)
    [first, *_] = await db.read(lambda tx: tx.execute(select(units.c.id)).scalars().all())
    lacks = update(units).where(units.c.id == first)
    await db.write(lambda tx: tx.execute(lacks.values(floor_area_m2=None)) and None)
    deps = job_deps(db)
    await issue_bills.run(deps, DECEMBER)
    before = len(await told(db))

    await areas(db, Decimal("89.50"))
    report = await issue_bills.run(deps, DECEMBER + timedelta(days=40))

    assert report["issued"] == 13 + 1
    assert len(await told(db)) > before
