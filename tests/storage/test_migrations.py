"""The schema goes up and down on both engines, and is what the models say."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from storage import migrate
from storage.database import Database, open_reader
from storage.models.all import metadata
from storage.queries.proofs import prove
from storage.steps import VERSIONS, is_newest, newest_step, step_of
from tests.factories import build, pay


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without tables, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server = request.getfixturevalue("migrated_postgres")
    url = server.empty()
    yield url
    server.drop(url)


async def tables(url: str) -> set[str]:
    async with open_reader(url) as db:
        return await db.read(lambda tx: set(inspect(tx).get_table_names()))


async def go(step: Callable[..., None], *way: str) -> None:
    await asyncio.to_thread(step, *way)


async def test_e14_the_schema_goes_up_and_down_and_up_again(empty_url: str):
    await go(migrate.upgrade, empty_url)
    full = await tables(empty_url)
    await go(migrate.downgrade, empty_url, "base")
    bare = await tables(empty_url)
    await go(migrate.upgrade, empty_url)

    assert full >= set(metadata.tables)
    assert bare <= {"alembic_version"}
    assert await tables(empty_url) == full


async def test_the_schema_is_what_the_models_say(db: Database):
    def differences(tx: Connection) -> list:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await db.read(differences) == []


async def test_checks_and_unique_keys_are_in_the_schema_too(db: Database):
    def missing(tx: Connection) -> dict[str, set[str]]:
        found = inspect(tx)
        dialect = tx.dialect.name
        lacking = {}
        for name, table in metadata.tables.items():
            known = {one["name"] for one in found.get_check_constraints(name)}
            wanted = {
                str(one.name)
                for one in table.constraints
                if type(one).__name__ == "CheckConstraint"
                and (dialect == "sqlite" or not str(one.name).endswith("_whole"))
            }
            lacking[name] = wanted - known
        return {name: names for name, names in lacking.items() if names}

    assert await db.read(missing) == {}


async def test_going_up_where_nothing_is_to_be_done_leaves_the_books_alone(
    db: Database, database_url: str
):
    def live(tx: Connection) -> None:
        world = build(tx)
        pay(tx, world.unit_id, (world.october_id,))

    await db.write(live)
    await go(migrate.upgrade, database_url)

    assert await db.read(prove) == []
    assert await db.read(step_of) == newest_step()
    assert await is_newest(database_url)


async def test_a_database_without_tables_needs_every_step(empty_url: str):
    assert not await is_newest(empty_url)


async def test_a_file_that_lacks_a_step_is_seen(tmp_path: Path):
    path = tmp_path / "old.db"
    link = sqlite3.connect(path)
    link.execute("CREATE TABLE alembic_version (version_num TEXT)")
    link.execute("INSERT INTO alembic_version VALUES ('0000')")
    link.commit()
    link.close()

    assert not await is_newest(f"sqlite+aiosqlite:///{path}")


def test_steps_are_numbered_without_gaps():
    numbers = sorted(int(one.name.split("_")[0]) for one in VERSIONS.glob("[0-9]*.py"))

    assert numbers == list(range(1, len(numbers) + 1))
