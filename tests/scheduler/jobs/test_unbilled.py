"""A fee that a month's run could not bill reaches the manager, once a month, until it is mended."""

import json
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select, update

from scheduler.jobs import issue_bills
from storage.kinds import StaffRole
from storage.models.estate import units
from storage.models.messages import outbox
from storage.periods import SHANGHAI, BillingPeriod
from storage.queries.unbilled import unbilled
from tests import factories, town
from tests.desk import job_deps
from tests.scheduler.jobs.test_issue_bills import DECEMBER, priced

MONTH = BillingPeriod(2026, 12)


def size(tx, area: Decimal | None, *codes: str) -> None:
    tx.execute(update(units).where(units.c.code.in_(codes)).values(floor_area_m2=area))


def heard(tx) -> list[tuple[str, dict, str]]:
    """Return (who, facts, when) of what was put before staff."""
    rows = tx.execute(select(outbox).where(outbox.c.event == "StaffTask").order_by(outbox.c.id))
    return [
        (one.recipient, json.loads(one.facts), f"{one.not_before.astimezone(SHANGHAI):%d %H:%M}")
        for one in rows
    ]


async def test_a_manager_hears_once_a_month_how_many_fees_were_left_out_and_why(db):
    place = await db.write(priced)
    other = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, other, "外人", StaffRole.MANAGER, "s-elsewhere")
    await db.write(size, None, "3-1-101", "5-1-101")
    deps = job_deps(db)

    for night in range(3):
        await issue_bills.run(deps, DECEMBER + timedelta(days=night))

    ((who, facts, when),) = await db.read(heard)
    assert (who, when) == ("s-manager", "02 08:30")
    assert (facts["topic"], facts["reference"]) == ("unbilled", "2026-12")
    assert facts["note"] == "area_missing:2"
    ids = [place.community_id]
    left = await db.read(unbilled, community_ids=ids, period=MONTH)
    assert [one.unit_label for one in left] == ["3栋1单元101", "5栋1单元101"]

    await db.write(size, Decimal("89.50"), "3-1-101", "5-1-101")
    await issue_bills.run(deps, DECEMBER + timedelta(days=3))
    assert await db.read(unbilled, community_ids=ids, period=MONTH) == []

    await db.write(size, None, "3-1-101")
    await issue_bills.run(deps, DECEMBER + timedelta(days=31))
    assert [facts["reference"] for _, facts, _ in await db.read(heard)] == ["2026-12", "2027-01"]


async def test_where_nothing_is_left_out_nobody_hears_anything(db):
    await db.write(priced)

    await issue_bills.run(job_deps(db), DECEMBER)

    assert await db.read(heard) == []


async def test_what_was_left_out_is_told_after_a_crash_that_kept_it_back(db, monkeypatch):
    await db.write(priced)
    await db.write(size, None, "3-1-101")
    deps = job_deps(db)
    with monkeypatch.context() as cut:
        cut.setattr(issue_bills, "tell_unbilled", lambda *_, **__: [])
        await issue_bills.run(deps, DECEMBER)
    before = await db.read(heard)

    await issue_bills.run(deps, DECEMBER + timedelta(days=1))

    assert before == []
    assert len(await db.read(heard)) == 1
