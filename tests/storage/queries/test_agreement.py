"""What the books and a statement do not say alike: found at the same cost a row, however many."""

from datetime import timedelta

from sqlalchemy import Connection, event

from storage.database import Database, open_database
from storage.periods import shanghai_day
from storage.queries.agreement import Merchant, missing_payments
from tests import factories
from tests.factories import NOW, pay

DAYS = frozenset(shanghai_day(NOW) + timedelta(days=n) for n in range(-1, 3))


async def test_a_stretch_of_payments_is_read_by_their_keys_and_not_by_the_gateway(
    sqlite_url: str,
):
    def steps(tx: Connection) -> list[str]:
        asked = []

        def note(tx, cursor, statement, parameters, context, executemany):
            asked.append((statement, parameters))

        world = factories.build(tx)
        pay(tx, world.unit_id, (world.october_id,))
        event.listen(tx.engine, "before_cursor_execute", note)
        merchant = Merchant("wechat_pay", "1900000001")
        missing_payments(tx, merchant, read_days=DAYS, before_id=99, limit=5)
        event.remove(tx.engine, "before_cursor_execute", note)
        assert len(asked) == 2
        return [
            row[3]
            for text, values in asked
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]

    async with open_database(sqlite_url) as db:
        seen = await db.write(steps)

    assert seen.count("SEARCH payments USING INTEGER PRIMARY KEY (rowid<?)") == 2, seen
    assert not any("payments USING INDEX" in step for step in seen), seen


async def test_stretches_find_what_one_look_at_all_finds(db: Database):
    def live(tx: Connection) -> None:
        world = factories.build(tx)
        pay(tx, world.unit_id, (world.october_id,))
        pay(tx, world.unit_id, (world.november_id,))

    await db.write(live)
    merchant = Merchant("wechat_pay", "1900000001")

    def look(tx: Connection, limit: int) -> list[str]:
        found, before_id = [], None
        while True:
            chunk = missing_payments(tx, merchant, read_days=DAYS, before_id=before_id, limit=limit)
            found += [one.order_no for one in chunk.findings]
            if chunk.last_id is None:
                return sorted(found)
            before_id = chunk.last_id

    one_by_one, at_once = await db.read(look, 1), await db.read(look, 100)

    assert one_by_one == at_once
    assert len(at_once) == 2
