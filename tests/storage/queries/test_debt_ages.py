"""Debts by age sum to what was owed on the day, and the bills behind each bucket to the bucket."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from storage.database import Database
from storage.queries.debt_ages import Bucket, debts_by_age, debts_of_age
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import fee_summary
from storage.queries.forecasts import month_ahead
from storage.rules.collecting import AGES, bucket_of
from tests import factories
from tests.factories import NOW, World, pay

DUE = date(2026, 10, 25)


@pytest.fixture
async def world(db: Database) -> World:
    return await db.write(factories.build)


@pytest.mark.parametrize("late", [0, 30, 31, 60, 61, 90, 91, 180, 181, 365, 366])
async def test_a_debt_is_in_the_bucket_of_its_age(db: Database, world: World, late: int):
    as_of = max(DUE + timedelta(days=late), date(2026, 11, 23))
    scope = Scope(world.community_id)

    found = await db.read(debts_by_age, scope, as_of)
    rows = [
        list(await db.read(debts_of_age, scope, as_of, bucket, limit=9))
        for bucket in range(len(AGES) + 1)
    ]

    [summary] = await db.read(fee_summary, scope, Days(as_of, as_of))
    assert sum(one.open_fen for one in found) == summary.balance.closing_fen == 150_020
    assert [sum(one.open_fen for one in part) for part in rows] == [one.open_fen for one in found]
    for bucket, part in enumerate(rows):
        assert {bucket_of(one.due_on, as_of) for one in part} <= {bucket}


async def test_what_is_paid_later_was_still_open_on_the_day(db: Database, world: World):
    scope, day = Scope(world.community_id), date(2026, 11, 25)
    before = await db.read(debts_by_age, scope, day)

    def settle(tx: Connection) -> None:
        pay(tx, world.unit_id, (world.october_id,), paid_at=NOW + timedelta(days=3))

    await db.write(settle)

    assert await db.read(debts_by_age, scope, day) == before
    later = await db.read(debts_by_age, scope, date(2026, 11, 26))
    assert later == (Bucket(124_960, 2), *[Bucket(0, 0)] * 5)
    first = await db.read(debts_of_age, scope, date(2026, 11, 26), 0, limit=1)
    rest = await db.read(
        debts_of_age, scope, date(2026, 11, 26), 0, after_id=first[-1].bill_id, limit=9
    )
    assert sum(one.open_fen for one in (*first, *rest)) == 124_960


async def test_a_month_without_a_past_is_forecast_by_what_has_come(db: Database, world: World):
    def settle(tx: Connection) -> None:
        pay(tx, world.unit_id, (world.november_id,), paid_at=NOW)

    await db.write(settle)

    found = await db.read(month_ahead, Scope(world.community_id), date(2026, 11, 24))

    assert found.forecast == (25_060, 25_060, 124_960, 25_060, 0)
    assert found.trial == (0, 0, 0)
