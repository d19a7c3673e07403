"""A month's report stays as its end was, and managers hear of weeks and months once."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.messages import outbox
from storage.models.operating import audit_records
from storage.operations.digests import digests_due, digests_waiting, tell_digests
from storage.operations.month_reports import (
    Detail,
    communities_without_report,
    keep_report,
    publish_report,
)
from storage.periods import BillingPeriod, shanghai_instant
from storage.queries import collection
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import fee_summary
from storage.queries.month_reports import facts_of, published_months, report_of, shows_buildings
from tests.factories import NOW, World, add_staff, build, pay

NOVEMBER = BillingPeriod(2026, 11)
FIRST = shanghai_instant(date(2026, 12, 1)) + timedelta(hours=9)
"""A Tuesday and the first of December."""


@pytest.fixture
async def world(db: Database) -> World:
    def live(tx: Connection) -> World:
        found = build(tx)
        pay(tx, found.unit_id, (found.october_id,), paid_at=NOW)
        add_staff(tx, found.community_id, "周经理", StaffRole.MANAGER, "oBoss")
        add_staff(tx, found.community_id, "王管家", StaffRole.STEWARD, "oSteward")
        return found

    return await db.write(live)


async def keep(db: Database, world: World) -> bool:
    facts = await db.read(facts_of, world.community_id, NOVEMBER)
    return await db.write(keep_report, world.community_id, facts, now=FIRST)


async def told(db: Database) -> list[tuple[str, str]]:
    asked = select(outbox.c.recipient, outbox.c.facts).where(outbox.c.event == "FiguresTold")
    return [tuple(row) for row in await db.read(lambda tx: tx.execute(asked).all())]


async def test_a_report_is_made_once_and_stays_whatever_comes_later(db: Database, world: World):
    waiting = await db.read(communities_without_report, now=FIRST)
    made = [await keep(db, world) for _ in range(2)]
    before = await db.read(report_of, world.community_id, NOVEMBER)

    def late(tx: Connection) -> None:
        pay(tx, world.unit_id, (world.november_id,), paid_at=FIRST + timedelta(hours=1))

    await db.write(late)

    assert before is not None
    assert (waiting, made) == ([world.community_id], [True, False])
    assert await db.read(communities_without_report, now=FIRST) == []
    assert await db.read(report_of, world.community_id, NOVEMBER) == before
    summary = await db.read(fee_summary, Scope(world.community_id), Days.of(NOVEMBER))
    assert [(one.name, one.closing_fen) for one in before.items] == [
        (one.item_name, one.balance.closing_fen) for one in summary
    ]
    assert sum(fen for fen, _ in before.ages) == sum(one.closing_fen for one in before.items)
    assert before.takings == (("wechat_pay", 25_060),)
    assert before.buildings == ()


async def test_a_report_is_published_once_by_a_person_and_buildings_only_where_chosen(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch
):
    where = (world.community_id, NOVEMBER)
    await keep(db, world)
    assert not await db.write(publish_report, *where, Detail.COMMUNITY, actor=Actor(1), now=FIRST)
    few = await db.read(report_of, *where)
    assert few is not None
    assert (few.may_be_published, few.public_ages) == (False, ())
    monkeypatch.setattr(collection, "LEAST_UNITS", 1)
    assert await db.read(published_months, world.community_id) == []

    done = [
        await db.write(publish_report, *where, detail, actor=Actor(1), now=FIRST)
        for detail in (Detail.COMMUNITY, Detail.BUILDINGS)
    ]

    assert done == [True, False]
    assert await db.read(published_months, world.community_id) == [NOVEMBER]
    assert not await db.read(shows_buildings, world.community_id)
    asked = select(audit_records.c.staff_id).where(audit_records.c.noun == "month_report")
    assert await db.read(lambda tx: tx.execute(asked).scalars().all()) == [1]


def test_a_digest_is_due_on_its_day_and_two_days_after_an_outage():
    for today, due in (
        (date(2026, 11, 23), ["week"]),
        (date(2026, 11, 25), ["week"]),
        (date(2026, 11, 26), []),
        (date(2026, 12, 1), ["week", "month"]),
        (date(2027, 1, 3), ["month"]),
    ):
        assert [which for which, _ in digests_due(today)] == due


@pytest.mark.parametrize("late", [timedelta(), timedelta(days=1)])
async def test_managers_alone_hear_of_a_week_and_a_month_once(
    db: Database, world: World, late: timedelta
):
    at: datetime = FIRST
    counts = []
    for now in (at, at + late):
        waiting = await db.read(digests_waiting, now=now)
        counts.append(await db.write(tell_digests, waiting, now=now))

    assert counts == [2, 0]
    said = await told(db)
    assert {recipient for recipient, _ in said} == {"oBoss"}
    assert all('"came_fen":25060' in facts for _, facts in said[1:])
