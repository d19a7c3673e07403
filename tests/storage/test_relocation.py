"""A grown company moves from SQLite to PostgreSQL: every row, as a whole, or nothing at all."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, make_url

from bot import demo_seed
from bot.cli.main import main
from storage import relocation
from storage.database import lock_file, open_database
from storage.models.all import metadata
from storage.queries.proofs import prove
from tests.factories import add_community, ask_back, build, meet, pay
from tests.postgres import Postgres

pytestmark = pytest.mark.postgresql

NOW = datetime.fromisoformat("2026-11-23T10:00:00+08:00")
Typed = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def grown(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo's books, at rest in a file."""
    folder = tmp_path_factory.mktemp("grown")
    for part in migrated_sqlite.glob("wuyebot.db*"):
        shutil.copy(part, folder)

    async def seed() -> None:
        async with open_database(f"sqlite+aiosqlite:///{folder}/wuyebot.db") as db:
            await demo_seed.seed(db, folder=folder, now=NOW, account="demo")
            await db.write(trade)

    asyncio.run(seed())
    return folder / "wuyebot.db"


def trade(tx: Connection) -> None:
    """Have Ms Li pay a bill and ask the money back, and a paper kept of what was not waived."""
    world = build(tx)
    identity_id = meet(tx, "o-li")
    payment_id = pay(tx, world.unit_id, (world.october_id,), identity_id=identity_id)
    ask_back(tx, payment_id, identity_id=identity_id)
    tx.exec_driver_sql(
        "INSERT INTO bill_waivers (waiver_no, bill_id, community_id, kind, state, amount_fen,"
        " asked_by, asked_at, attachment)"
        f" VALUES ('W1', {world.november_id}, {world.community_id}, 'quality', 'declined', 1,"
        " 1, '2026-11-23 02:00:00.000000', x'00ff0a')"
    )


@pytest.fixture
def source(grown: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(grown, tmp_path / "wuyebot.db"))


@pytest.fixture
def target(migrated_postgres: Postgres) -> Iterator[str]:
    url = migrated_postgres.copy()
    yield url
    migrated_postgres.drop(url)


@pytest.fixture
def migrate_database(source: Path, target: str, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Give the command as an operator types it; it returns the status and what was said."""

    def typed(*more: str) -> tuple[int, str]:
        to = target.replace("postgresql+asyncpg:", "postgresql:")
        with pytest.raises(SystemExit) as ended:
            main(["migrate-database", "--from", f"sqlite:{source}", "--to", to, *more])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return typed


def run(url: str, *statements: str) -> list[Any]:
    """Say something to PostgreSQL behind everybody's back; return the last answer."""

    async def say() -> list[Any]:
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        link = await asyncpg.connect(dsn)
        try:
            answers = [await link.fetch(one) for one in statements]
        finally:
            await link.close()
        return list(answers[-1])

    return asyncio.run(say())


def rows_in(url: str) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {name})" for name in metadata.tables)
    return int(run(url, f"SELECT {counts} AS n")[0]["n"])


def change(source: Path, *statements: str) -> None:
    with closing(sqlite3.connect(source)) as books, books:
        for one in statements:
            books.execute(one)


def test_every_row_arrives_the_books_prove_and_the_company_goes_on(
    migrate_database: Typed, source: Path, target: str
):
    with closing(sqlite3.connect(source)) as books:
        names = list(metadata.tables)
        kept = sum(books.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in names)

    moved, said = migrate_database()

    async def go_on() -> tuple[list[Any], int]:
        async with open_database(target) as db:
            return await db.read(prove), await db.write(add_community, "湖畔新村")

    broken, new_community = asyncio.run(go_on())
    assert (moved, broken) == (0, []), said
    assert f"{len(names)} tables, {kept} rows: the same, row by row" in said
    assert new_community == 4
    again, refused = migrate_database()
    assert again == 1
    assert "the target is not empty" in refused
    assert "nothing is in the target that was not there before" in refused
    assert rows_in(target) == kept + 2


def test_a_planted_difference_is_found_by_its_table_key_and_column(
    migrate_database: Typed, target: str
):
    assert migrate_database()[0] == 0
    same, _ = migrate_database("--check")
    run(
        target,
        "UPDATE bills SET amount_fen = amount_fen + 1 WHERE id = 2",
        "DELETE FROM audit_records WHERE id = 1",
        "INSERT INTO serials (name, last_used) VALUES ('planted', 1)",
    )

    found, said = migrate_database("--check")

    assert (same, found) == (0, 1)
    assert "DIFFERENT  bills id=2: amount_fen" in said
    assert "DIFFERENT  audit_records id=1: not in the target" in said
    assert "DIFFERENT  serials name=planted: not in the source" in said
    assert said.count("DIFFERENT") == 3


PLANT = """
CREATE FUNCTION one_fen_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.amount_fen = NEW.amount_fen + 1; RETURN NEW; END $$
"""
TRIGGER = """
CREATE TRIGGER planted BEFORE INSERT ON {table} FOR EACH ROW WHEN (NEW.id = {id})
EXECUTE FUNCTION one_fen_more()
"""


def test_what_arrives_otherwise_than_it_left_is_found_before_anything_is_kept(
    migrate_database: Typed, target: str
):
    run(target, PLANT, TRIGGER.format(table="postings", id=7))

    status, said = migrate_database()

    assert status == 1
    assert "1 rows arrived otherwise than they left: postings id=7 (amount_fen)" in said
    assert rows_in(target) == 0
    run(target, "DROP TRIGGER planted ON postings")
    assert migrate_database()[0] == 0


def test_a_row_that_only_sqlite_let_in_is_named_and_nothing_is_kept(
    migrate_database: Typed, source: Path, target: str
):
    change(source, "UPDATE units SET label = substr(hex(zeroblob(99)), 1, 61) WHERE id = 3")

    status, said = migrate_database()

    assert status == 1
    assert "units: id=3: label is longer than 60; correct it in the source" in said
    assert rows_in(target) == 0
    change(source, "UPDATE units SET label = '3栋' || char(0) WHERE id = 3")
    assert "units: id=3: label holds U+0000" in migrate_database()[1]
    change(source, "UPDATE units SET label = '3栋1单元301' WHERE id = 3")
    assert migrate_database()[0] == 0


def test_a_server_that_is_lost_half_way_leaves_the_target_empty(
    migrated_postgres: Postgres, source: Path, target: str
):
    def cut(table: str, _rows: int) -> None:
        if table == "bills":
            migrated_postgres.disconnect(target)

    with pytest.raises(relocation.CannotMove):
        asyncio.run(relocation.move(f"sqlite+aiosqlite:///{source}", target, tell=cut))

    assert rows_in(target) == 0
    again = asyncio.run(relocation.move(f"sqlite+aiosqlite:///{source}", target))
    assert again.rows == rows_in(target)


def test_books_that_break_a_sentence_already_move_as_they_are_and_it_is_said(
    migrate_database: Typed, source: Path
):
    change(source, "UPDATE unit_balances SET balance_fen = balance_fen + 1 WHERE unit_id = 5")

    status, said = migrate_database()

    assert status == 0
    assert "NOT TRUE on both sides: " in said


def test_a_running_bot_and_another_step_are_refused(
    migrate_database: Typed, source: Path, target: str
):
    with closing(lock_file(source)):
        running = migrate_database()
    change(source, "UPDATE alembic_version SET version_num = '0001'")
    old = migrate_database()
    source.unlink()
    gone = migrate_database()

    assert [one[0] for one in (running, old, gone)] == [1, 1, 1]
    assert "in use by a running wuyebot; stop it first" in running[1]
    assert "the source is at step 0001" in old[1]
    assert "there is no SQLite file" in gone[1]
    assert rows_in(target) == 0


def test_a_new_database_gets_its_tables_and_an_older_one_is_not_touched(
    postgres_server: Postgres, source: Path, capsys: pytest.CaptureFixture[str]
):
    url = postgres_server.empty()
    words = ["migrate-database", "--from", f"sqlite:///{source}", "--to", url]
    with pytest.raises(SystemExit) as moved:
        main(words)
    run(url, "UPDATE alembic_version SET version_num = '0001'")

    with pytest.raises(SystemExit):
        main(words)

    assert not moved.value.code
    assert "the target is at step 0001" in capsys.readouterr().err
    postgres_server.drop(url)
