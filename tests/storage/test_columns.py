"""What a column gives back is what it was given, on both engines, or it is refused (D13)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DBAPIError, StatementError

from storage.database import Database, open_database
from storage.models.bills import bills
from storage.models.payments import payment_events, serials
from storage.queries.proofs import prove
from tests.factories import NOW, World, build, pay


def keep(tx: Connection, heard_at: datetime, facts: str = "{}") -> tuple[datetime, str]:
    tx.execute(insert(payment_events).values(event_key="k", heard_at=heard_at, facts=facts))
    row = tx.execute(select(payment_events)).one()
    return row.heard_at, row.facts


@pytest.fixture
async def world(db: Database) -> World:
    return await db.write(build)


@pytest.mark.parametrize(
    "instant",
    [
        NOW,
        datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))),
        datetime(2026, 3, 8, 2, 30, tzinfo=timezone(timedelta(hours=-5))),
        datetime(1988, 6, 30, 16, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, 123456, tzinfo=UTC),
        datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC),
    ],
)
async def test_d13_an_instant_comes_back_aware_and_the_same(db: Database, instant):
    found, _ = await db.write(keep, instant)

    assert found == instant
    assert found.utcoffset() == timedelta(0)


async def test_d13_an_instant_without_a_zone_is_refused(db: Database):
    with pytest.raises((StatementError, ValueError), match="naive"):
        await db.write(keep, datetime(2026, 11, 23))  # noqa: DTZ001


async def test_d13_instants_of_any_zone_are_compared_as_instants(db: Database):
    await db.write(keep, NOW)
    same = NOW.astimezone(timezone(timedelta(hours=8)))

    def found(tx: Connection, at: datetime) -> bool:
        asked = select(payment_events.c.id).where(payment_events.c.heard_at <= at)
        return tx.execute(asked).first() is not None

    assert await db.read(found, same)
    assert not await db.read(found, same - timedelta(microseconds=1))


@pytest.mark.parametrize("text", ["物业费 ¥1", "𠮷野家", "a'b\"c\\d", "%s :x ? $1", "🙂" * 50])
async def test_d13_a_text_comes_back_as_it_was(db: Database, text):
    assert (await db.write(keep, NOW, text))[1] == text


async def test_d13_no_more_than_63_bits_are_taken(db: Database):
    def count(tx: Connection, number: int) -> None:
        tx.execute(insert(serials).values(name="x", last_used=number))

    with pytest.raises((OverflowError, DBAPIError)):
        await db.write(count, 2**63)


@pytest.mark.parametrize(
    "wrong",
    [
        {"paid_fen": -1},
        {"paid_fen": 25_061},
        {"amount_fen": 0},
        {"amount_fen": -25_060},
        {"amount_fen": 100_000_000_000},
        {"unit_id": 999_999},
        {"fee_item_id": None},
    ],
)
async def test_the_schema_itself_refuses_a_bill_that_cannot_be(db: Database, world: World, wrong):
    def spoil(tx: Connection) -> None:
        tx.execute(update(bills).where(bills.c.id == world.october_id).values(**wrong))

    with pytest.raises(DBAPIError):
        await db.write(spoil)
    assert await db.read(prove) == []


@pytest.mark.parametrize("wrong", ["'12abc'", "'x'", "1.5", "x'31'"])
async def test_d13_sqlite_stores_no_text_and_no_fraction_in_a_column_of_money(
    sqlite_url: str, wrong
):
    async with open_database(sqlite_url) as db:
        await db.write(build)

        def spoil(tx: Connection) -> None:
            tx.exec_driver_sql(f"UPDATE bills SET amount_fen = {wrong} WHERE id = 1")

        with pytest.raises(DBAPIError):
            await db.write(spoil)


@pytest.mark.parametrize(
    "column", ["amount_fen", "allocated_fen", "surplus_fen", "returned_fen", "reserved_fen"]
)
async def test_d13_where_a_payment_went_is_whole_fen(sqlite_url: str, column: str):
    def spoil(tx: Connection) -> None:
        tx.exec_driver_sql(f"UPDATE payments SET {column} = 0.5 WHERE id = 1")

    async with open_database(sqlite_url) as db:
        world = await db.write(build)
        await db.write(pay, world.unit_id, (world.october_id,))

        with pytest.raises(DBAPIError, match=f"{column}_whole"):
            await db.write(spoil)
