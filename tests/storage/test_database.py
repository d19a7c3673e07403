"""The two doors: nothing is lost at the one to write, nothing is changed at the one to read."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import aiosqlite
import asyncpg
import pytest
from sqlalchemy import Connection, bindparam, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage import database as doors
from storage.database import Database, open_database, open_reader
from storage.errors import NothingToPay, StorageUnavailable
from storage.gate import Gate
from storage.models.payments import serials
from storage.sql import next_number
from tests.conftest import cannot_run

WRITERS, ROUNDS = 4, 50
ROOT = Path(__file__).parents[2]


def file_of(url: str) -> str:
    return make_url(url).database or ""


def read_then_write(tx: Connection) -> None:
    """Read, think, write: what loses money where nobody guards the door."""
    row = select(serials.c.last_used).where(serials.c.name == "till").with_for_update()
    seen = tx.execute(row).scalar_one()
    tx.execute(update(serials).where(serials.c.name == "till").values(last_used=seen + 1))


def set_up_till(tx: Connection) -> None:
    tx.execute(insert(serials).values(name="till", last_used=0))


def till(tx: Connection):
    return tx.execute(select(serials.c.last_used).where(serials.c.name == "till")).scalar_one()


def put(tx: Connection, name: str, number: int = 1) -> str:
    tx.execute(insert(serials).values(name=name, last_used=number))
    return name


def names(tx: Connection) -> list[str]:
    return list(tx.execute(select(serials.c.name).order_by(serials.c.name)).scalars())


def put_then_refuse(tx: Connection, name: str) -> None:
    put(tx, name)
    raise NothingToPay("3-2-1201")


async def test_e09_four_writers_lose_nothing_through_the_door(db: Database):
    await db.write(set_up_till)

    async def writer():
        for _ in range(ROUNDS):
            await db.write(read_then_write)

    await asyncio.gather(*(writer() for _ in range(WRITERS)))

    assert await db.read(till) == WRITERS * ROUNDS


@pytest.mark.postgresql
async def test_e09_two_processes_on_postgresql_lose_nothing_either(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as one, open_database(url) as two:
        await one.write(set_up_till)

        async def writer(db: Database):
            for _ in range(ROUNDS):
                await db.write(read_then_write)

        await asyncio.gather(*(writer(db) for db in (one, two, one, two)))
        counted = await one.read(till)
    migrated_postgres.drop(url)

    assert counted == WRITERS * ROUNDS


def tried(link: sqlite3.Connection, failures: list[Exception], *words):
    try:
        return [link.execute(*one).fetchone() for one in words][-1]
    except sqlite3.OperationalError as trouble:
        failures.append(trouble)
        if link.in_transaction:
            link.execute("ROLLBACK")
        return None


async def test_e09_with_the_guard_taken_away_sqlite_loses_or_fails(sqlite_url: str):
    async with open_database(sqlite_url) as db:
        await db.write(set_up_till)
    path = file_of(sqlite_url)
    barrier = threading.Barrier(WRITERS, timeout=20)
    failures: list[Exception] = []

    def writer():
        link = sqlite3.connect(path, isolation_level=None, timeout=0)
        for _ in range(5):
            barrier.wait()
            seen = tried(link, failures, ("BEGIN",), ("SELECT last_used FROM serials",))
            barrier.wait()  # also who could not read: the others count on her
            if seen is not None:
                add = ("UPDATE serials SET last_used = ?", (seen[0] + 1,))
                tried(link, failures, add, ("COMMIT",))
        link.close()

    threads = [threading.Thread(target=writer) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    async with open_database(sqlite_url) as db:
        counted = await db.read(till)
    assert counted < WRITERS * 5
    assert failures, "a plain BEGIN must fail where BEGIN IMMEDIATE waits"


async def test_d1_the_door_is_locked_before_anything_is_read(sqlite_url: str):
    def others_may_begin(tx: Connection) -> bool:
        link = sqlite3.connect(file_of(sqlite_url), isolation_level=None, timeout=0)
        try:
            link.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            link.close()
        return True

    async with open_database(sqlite_url) as db:
        assert not await db.write(others_may_begin)
        assert await db.read(others_may_begin)


@pytest.mark.postgresql
async def test_e09_with_the_guard_taken_away_postgresql_loses_in_silence(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db:
        await db.write(set_up_till)
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    links = [await asyncpg.connect(dsn) for _ in range(WRITERS)]
    everybody_has_read = asyncio.Barrier(WRITERS)

    async def writer(link: asyncpg.Connection):
        for _ in range(5):
            async with link.transaction():
                seen = await link.fetchval("SELECT last_used FROM serials")
                await everybody_has_read.wait()
                await link.execute("UPDATE serials SET last_used = $1", seen + 1)
            await everybody_has_read.wait()

    await asyncio.gather(*(writer(link) for link in links))
    for link in links:
        await link.close()
    async with open_database(url) as db:
        counted = await db.read(till)
    migrated_postgres.drop(url)

    assert counted == 5


async def test_a_refusal_undoes_only_its_own_work(db: Database):
    outcomes = await asyncio.gather(
        db.write(put, "first"),
        db.write(put_then_refuse, "refused"),
        db.write(put, "second"),
        return_exceptions=True,
    )

    assert [type(one) for one in outcomes] == [str, NothingToPay, str]
    assert await db.read(names) == ["first", "second"]


async def test_a_poisonous_call_fails_alone(db: Database):
    await db.write(put, "taken")

    outcomes = await asyncio.gather(
        db.write(put, "first"),
        db.write(put, "taken"),
        db.write(put, "second"),
        return_exceptions=True,
    )

    assert [type(one) for one in outcomes] == [str, IntegrityError, str]
    assert await db.read(names) == ["first", "second", "taken"]


async def test_a_poisonous_jot_fails_alone_though_jots_share_one_transaction(db: Database):
    def stumble(tx: Connection) -> None:
        put(tx, "half done")
        raise LookupError("gone")

    outcomes = await asyncio.gather(
        db.jot(put, "first"), db.jot(stumble), db.jot(put, "second"), return_exceptions=True
    )

    assert [type(one) for one in outcomes] == [str, LookupError, str]
    assert await db.read(names) == ["first", "second"]


async def test_what_is_noted_and_not_waited_for_is_there_for_whoever_writes_next(db: Database):
    db.note(put, "noted")

    assert await db.write(names) == ["noted"]


async def test_a_poisonous_question_fails_alone(db: Database):
    await db.write(put, "first")

    def stumble(tx: Connection) -> None:
        tx.execute(text("SELECT nothing FROM nowhere"))

    def forget(tx: Connection) -> None:
        raise LookupError("gone")

    outcomes = await asyncio.gather(
        db.read(names), db.read(stumble), db.read(forget), db.read(names), return_exceptions=True
    )

    assert outcomes[0] == outcomes[3] == ["first"]
    assert isinstance(outcomes[1], (DBAPIError, StorageUnavailable))
    assert isinstance(outcomes[2], LookupError)


async def test_a_bug_in_one_call_does_not_reach_its_neighbours(db: Database):
    def overflow(tx: Connection) -> None:
        put(tx, "too-much", 2**70)

    def stumble(tx: Connection) -> None:
        put(tx, "half-way")
        raise ZeroDivisionError

    outcomes = await asyncio.gather(
        db.write(put, "first"), db.write(overflow), db.write(stumble), return_exceptions=True
    )

    assert outcomes[0] == "first"
    assert isinstance(outcomes[1], (OverflowError, DBAPIError))
    assert isinstance(outcomes[2], ZeroDivisionError)
    assert await db.read(names) == ["first"]


async def test_a_commit_that_fails_is_tried_one_by_one(sqlite_url: str):
    async with open_database(sqlite_url) as db:

        def break_a_reference_late(tx: Connection) -> None:
            tx.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            tx.exec_driver_sql("INSERT INTO buildings (community_id, label) VALUES (999, '1')")

        outcomes = await asyncio.gather(
            db.write(put, "first"),
            db.write(break_a_reference_late),
            db.write(put, "second"),
            return_exceptions=True,
        )
        kept = await db.read(names)

    assert [type(one) for one in outcomes] == [str, IntegrityError, str]
    assert kept == ["first", "second"]


@pytest.mark.postgresql
async def test_a_commit_that_fails_is_tried_one_by_one_on_postgresql_too(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as db:

        def prepare(tx: Connection) -> None:
            tx.exec_driver_sql(
                "ALTER TABLE buildings ALTER CONSTRAINT fk_buildings_community_id"
                " DEFERRABLE INITIALLY DEFERRED"
            )

        def break_a_reference_late(tx: Connection) -> None:
            tx.exec_driver_sql("INSERT INTO buildings (community_id, label) VALUES (999, '1')")

        await db.write(prepare)
        outcomes = await asyncio.gather(
            db.write(put, "first"),
            db.write(break_a_reference_late),
            db.write(put, "second"),
            return_exceptions=True,
        )
        kept = await db.read(names)
    migrated_postgres.drop(url)

    assert [type(one) for one in outcomes] == [str, IntegrityError, str]
    assert kept == ["first", "second"]


async def test_a_reader_cannot_write(db: Database):
    outcome = await asyncio.gather(db.read(put, "sneaked"), return_exceptions=True)

    assert isinstance(outcome[0], (DBAPIError, StorageUnavailable))
    assert await db.read(names) == []


async def test_one_who_came_only_to_read_reads_beside_the_owner_and_writes_nothing(
    db: Database, database_url: str
):
    await db.write(put, "first")

    async with open_reader(database_url) as beside:
        assert await beside.read(names) == ["first"]
        with pytest.raises(StorageUnavailable):
            await beside.write(put, "second")
        await db.write(put, "third")
        assert await beside.read(names) == ["first", "third"]


async def test_a_reader_finds_a_folder_with_odd_signs_in_its_name(sqlite_url: str, tmp_path: Path):
    odd = tmp_path / "50% off #1?"
    odd.mkdir()
    shutil.copy(file_of(sqlite_url), odd / "wuyebot.db")

    async with open_reader(f"sqlite+aiosqlite:///{odd}/wuyebot.db".replace("?", "%3F")) as reader:
        assert await reader.read(names) == []


async def test_a_reader_is_told_where_there_is_no_database(tmp_path: Path):
    with pytest.raises(StorageUnavailable, match="no database at"):
        async with open_reader(f"sqlite+aiosqlite:///{tmp_path}/none.db"):
            pass


async def test_a_second_owner_of_the_file_is_refused_with_a_clear_message(sqlite_url: str):
    script = (
        "import asyncio, sys\n"
        "from storage.database import open_database\n"
        "from storage.errors import StorageUnavailable\n"
        "async def main():\n"
        "    async with open_database(sys.argv[1]):\n"
        "        print('opened')\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except StorageUnavailable as trouble:\n"
        "    print(trouble.reason)\n"
    )

    def second_owner() -> str:
        command = [sys.executable, "-c", script, sqlite_url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout

    async with open_database(sqlite_url) as db:
        said = await asyncio.to_thread(second_owner)
        await db.write(put, "still-mine")
    after = await asyncio.to_thread(second_owner)

    assert "in use by a running wuyebot" in said
    assert after.strip() == "opened"


async def test_e03_a_file_that_is_no_database_is_named_and_nothing_is_left_open(tmp_path: Path):
    broken = tmp_path / "wuyebot.db"
    broken.write_bytes(b"not a database at all, " * 100)
    url = f"sqlite+aiosqlite:///{broken}"

    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="cannot be used"):
            async with open_database(url):
                pass


async def test_d7_one_connection_writes_and_checkpoints(sqlite_url: str):
    async with open_database(sqlite_url) as db:

        def modes(tx: Connection) -> list[object]:
            asked = ("journal_mode", "query_only", "wal_autocheckpoint", "foreign_keys")
            return [tx.exec_driver_sql(f"PRAGMA {one}").scalar_one() for one in asked]

        journal, is_reader, pages, keys = await db.write(modes)
        assert (journal, is_reader, keys) == ("wal", 0, 1)
        assert isinstance(pages, int)
        assert pages > 0, "who writes checkpoints"
        assert await db.read(modes) == ["wal", 1, 0, 1]


async def test_money_waits_for_the_disk_and_only_notes_may_run_ahead(sqlite_url: str):
    full, normal = 2, 1

    def synchronous(tx: Connection):
        return tx.exec_driver_sql("PRAGMA synchronous").scalar_one()

    async with open_database(sqlite_url) as db:
        assert await db.write(synchronous) == full
        assert await db.jot(synchronous) == normal
        assert await db.write(synchronous) == full
        together = await asyncio.gather(db.jot(synchronous), db.write(synchronous))
        assert set(together) == {full}
        assert await db.jot(synchronous) == normal
        with pytest.raises(NothingToPay):
            await db.write(put_then_refuse, "refused")
        assert await db.write(synchronous) == full


async def test_e08_a_lower_setting_in_the_file_is_not_kept(sqlite_url: str):
    link = sqlite3.connect(file_of(sqlite_url))
    link.execute("PRAGMA synchronous=OFF")
    link.execute("PRAGMA journal_mode=DELETE")
    link.close()

    async with open_database(sqlite_url) as db:

        def modes(tx: Connection) -> list[object]:
            asked = ("journal_mode", "synchronous")
            return [tx.exec_driver_sql(f"PRAGMA {one}").scalar_one() for one in asked]

        assert await db.write(modes) == ["wal", 2]


def test_d8_every_acknowledged_commit_of_money_is_on_the_disk(sqlite_url: str, tmp_path: Path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no strace: apt-get install strace")
    script = (
        "import asyncio, sys\n"
        "from storage.database import open_database\n"
        "from storage.sql import next_number\n"
        "async def main():\n"
        "    async with open_database(sys.argv[1]) as db:\n"
        "        for _ in range(20):\n"
        "            await getattr(db, sys.argv[2])(next_number, 'receipt')\n"
        "asyncio.run(main())\n"
    )

    def syncs(door: str) -> int:
        trace = tmp_path / f"{door}.trace"
        command = [strace, "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
        command += [sys.executable, "-c", script, sqlite_url, door]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode and "ptrace" in done.stderr:
            cannot_run("strace may not trace here")
        assert done.returncode == 0, done.stderr
        lines = trace.read_text().splitlines()
        return sum("sync(" in line for line in lines)

    assert syncs("write") >= 20
    assert syncs("jot") < 20


async def test_e15_a_caller_who_goes_away_breaks_nothing(db: Database):
    going = asyncio.create_task(db.write(put, "hers"))
    staying = [asyncio.create_task(db.write(put, f"ours-{n}")) for n in range(5)]
    await asyncio.sleep(0)

    going.cancel()
    done = await asyncio.gather(*staying)

    assert done == [f"ours-{n}" for n in range(5)]
    assert going.cancelled() or going.done()
    assert set(done) <= set(await db.read(names))
    await db.write(put, "afterwards")
    assert "afterwards" in await db.read(names)


async def test_e15_nobody_waits_for_ever_where_the_batch_itself_breaks():
    async def run(calls):
        raise RuntimeError("the engine is gone")

    gate = Gate(run)

    outcomes = await asyncio.gather(
        *(gate.submit(lambda tx: None, is_light=False) for _ in range(3)), return_exceptions=True
    )

    assert [str(one) for one in outcomes] == ["the engine is gone"] * 3


async def test_e01_a_full_disk_is_told_and_leaves_nothing_half_written(sqlite_url: str):
    filler = "x" * 200_000

    def fill(tx: Connection) -> None:
        put(tx, "before-the-end")
        tx.exec_driver_sql(
            "INSERT INTO outbox (message_key, event, facts, account, recipient, urgency, state,"
            " created_at, not_before) VALUES ('k', 'e', ?, '', '', 'notice', 'waiting',"
            " '2026-01-01', '2026-01-01')",
            (filler,),
        )

    def limit(tx: Connection, pages: int) -> None:
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    async with open_database(sqlite_url) as db:
        pages = await db.read(lambda tx: tx.exec_driver_sql("PRAGMA page_count").scalar_one())
        await db.jot(limit, pages + 2)
        with pytest.raises(StorageUnavailable, match="full"):
            await db.write(fill)
        assert await db.read(names) == []

        outcomes = await asyncio.gather(
            db.write(put, "small"), db.write(fill), return_exceptions=True
        )
        assert outcomes[0] == "small"
        assert isinstance(outcomes[1], StorageUnavailable)

        await db.jot(limit, pages + 1000)
        await db.write(fill)
        assert await db.read(names) == ["before-the-end", "small"]


async def test_e02_a_database_locked_by_another_is_told_and_heals(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doors, "PRAGMAS", ("busy_timeout=50", "foreign_keys=ON"))
    async with open_database(sqlite_url) as db:
        other = await aiosqlite.connect(file_of(sqlite_url), isolation_level=None)
        await other.execute("BEGIN IMMEDIATE")

        outcomes = await asyncio.gather(
            *(db.write(put, f"n{n}") for n in range(20)), return_exceptions=True
        )
        assert {type(one) for one in outcomes} == {StorageUnavailable}
        assert await db.read(names) == []

        await other.execute("ROLLBACK")
        await other.close()
        await db.write(put, "afterwards")
        assert await db.read(names) == ["afterwards"]


@pytest.mark.postgresql
async def test_e10_two_batches_that_lock_in_opposite_order_both_go_through(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as one, open_database(url) as two:
        for name in ("a", "b"):
            await one.write(put, name, 0)

        def add(tx: Connection, name: str) -> None:
            row = serials.c.name == bindparam("wanted")
            more = update(serials).where(row).values(last_used=serials.c.last_used + 1)
            tx.execute(more, {"wanted": name})

        for _ in range(2):
            await asyncio.gather(
                one.write(add, "a"), one.write(add, "b"), two.write(add, "b"), two.write(add, "a")
            )

        def sums(tx: Connection) -> list[int]:
            return list(tx.execute(select(serials.c.last_used).order_by(serials.c.name)).scalars())

        counted = await one.read(sums)
    migrated_postgres.drop(url)

    assert counted == [4, 4]


@pytest.mark.postgresql
async def test_e12_a_server_that_drops_the_line_is_found_again(migrated_postgres):
    url = migrated_postgres.copy()
    name = make_url(url).database
    async with open_database(url) as db:
        await db.write(put, "first")
        migrated_postgres._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

        outcomes = await asyncio.gather(db.write(put, "second"), return_exceptions=True)
        kept = await db.read(names)
    migrated_postgres.drop(url)

    assert outcomes[0] == "second"
    assert kept == ["first", "second"]


async def test_numbers_of_a_series_have_no_gap_and_no_twin(db: Database):
    given_out = await asyncio.gather(*(db.write(next_number, "receipt:2026") for _ in range(40)))

    assert sorted(given_out) == list(range(1, 41))


async def test_those_who_wait_are_let_through_before_the_door_closes(database_url: str):
    async with open_database(database_url) as db:
        waiting = [asyncio.create_task(db.write(put, f"n{n}")) for n in range(10)]
        await asyncio.sleep(0)

    assert [task.result() for task in waiting] == [f"n{n}" for n in range(10)]


async def test_a_wake_follows_a_commit_and_never_a_refusal(db: Database):
    woken = []
    db.wake_on_commit(lambda: woken.append(1))

    await db.write(put, "first")
    with pytest.raises(NothingToPay):
        await db.write(put_then_refuse, "second")

    assert woken == [1]
