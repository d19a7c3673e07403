"""The line to PostgreSQL breaks or falls silent: work is done once, or said to be undone."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Connection, select, update

import storage.postgres
from storage import ledger
from storage.database import Database, open_database
from storage.errors import StorageUnavailable
from storage.kinds import Account
from storage.models.payments import payments, serials
from storage.postgres import PATIENCE, PostgresBackend
from tests.faults.line import Break, Line, opened
from tests.postgres import Postgres
from tests.storage.operations.stage import staged

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(120)]

CALLERS = 3
TILL = "till"


@pytest.fixture
def direct_url(migrated_postgres: Postgres) -> Iterator[str]:
    """Give a database of the test's own."""
    url = migrated_postgres.copy()
    yield url
    migrated_postgres.drop(url)


@pytest.fixture
async def line(direct_url: str) -> AsyncIterator[Line]:
    async with opened(direct_url) as one:
        yield one


def set_up_till(tx: Connection) -> None:
    tx.execute(serials.insert().values(name=TILL, last_used=0))


def count_one(tx: Connection) -> int:
    """Count on: twice is twice, so that a repetition shows."""
    found: int = tx.execute(
        update(serials).values(last_used=serials.c.last_used + 1).returning(serials.c.last_used)
    ).scalar_one()
    return found


def till(tx: Connection) -> int:
    found: int = tx.execute(select(serials.c.last_used)).scalar_one()
    return found


async def count_at_once(db: Database) -> list[int | BaseException]:
    calls = (db.write(count_one) for _ in range(CALLERS))
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("moment", [Break.BEFORE, Break.AFTER, Break.WITHHELD])
async def test_e11_a_line_that_breaks_at_commit_leaves_each_work_done_once(
    line: Line, moment: Break
):
    async with open_database(line.url) as db:
        await db.write(set_up_till)
        line.at_commit = moment

        counted = await count_at_once(db)
        kept = await db.read(till)

    assert line.broken == 1
    assert counted == [1, 2, 3]
    assert kept == CALLERS


async def test_e11_without_asking_for_its_fate_a_batch_is_done_twice(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    """Positive control."""

    async def not_asked(*_: object) -> bool:
        return False

    monkeypatch.setattr(PostgresBackend, "_has_committed", not_asked)
    async with open_database(line.url) as db:
        await db.write(set_up_till)
        line.at_commit = Break.AFTER

        await count_at_once(db)
        kept = await db.read(till)

    assert kept == 2 * CALLERS


async def test_e11_where_nobody_can_be_asked_the_caller_hears_so_and_nothing_is_repeated(
    line: Line, direct_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.postgres.PAUSE_SECONDS", 0.01)
    async with open_database(line.url) as db, open_database(direct_url) as beside:
        await db.write(set_up_till)
        line.at_commit, line.is_shut = Break.AFTER, True

        counted = await count_at_once(db)
        line.is_shut = False
        kept = await beside.read(till)
        afterwards = await db.write(count_one)

    assert [type(one) for one in counted] == [StorageUnavailable] * CALLERS
    assert kept == CALLERS
    assert afterwards == CALLERS + 1


@pytest.mark.parametrize("moment", [Break.BEFORE, Break.AFTER])
async def test_e11_a_payment_whose_commit_was_cut_is_booked_once(line: Line, moment: Break):
    async with open_database(line.url) as db:
        stage = await staged(db)
        order = await stage.order(stage.both)
        fact = stage.gateway.pay(order.order_no)
        line.at_commit = moment

        outcomes = [(await stage.settle(fact)).outcome for _ in range(2)]

        assert line.broken == 1
        assert outcomes == ["settled", "repeated"]
        assert len(await stage.rows(payments)) == 1
        assert await stage.told() == ["PaymentSettled"]
        assert await db.read(ledger.balance, Account.CLEARING) == order.amount_fen
        await stage.books_hold()


@pytest.mark.parametrize("works", [1, CALLERS])
async def test_e12_a_backend_killed_in_mid_transaction_costs_nothing(
    direct_url: str, migrated_postgres: Postgres, works: int
):
    killed: list[int] = []

    def count_and_lose_the_backend(tx: Connection) -> int:
        seen = count_one(tx)
        if not killed:
            killed.append(seen)
            migrated_postgres.disconnect(direct_url)
        return seen

    async with open_database(direct_url) as db:
        await db.write(set_up_till)
        counted = await asyncio.gather(
            *(db.write(count_and_lose_the_backend) for _ in range(works))
        )
        kept = await db.read(till)

    assert killed
    assert counted == [*range(1, works + 1)]
    assert kept == works


async def test_e12_a_line_that_falls_silent_is_given_up_in_time_and_another_is_taken(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage.postgres, "PATIENCE", {**PATIENCE, "command_timeout": 0.5})
    async with open_database(line.url) as db:
        await db.write(set_up_till)
        line.at_commit = Break.SILENT

        async with asyncio.timeout(60):
            counted = await count_at_once(db)
        kept = await db.read(till)

    assert line.broken == 1
    assert counted == [1, 2, 3]
    assert kept == CALLERS


async def test_e12_without_patience_a_silent_line_is_waited_for_until_the_end(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    """Positive control."""
    monkeypatch.setattr(storage.postgres, "PATIENCE", {})
    async with open_database(line.url) as db:
        await db.write(set_up_till)
        line.at_commit = Break.SILENT

        waiting = asyncio.ensure_future(db.write(count_one))
        done, _ = await asyncio.wait({waiting}, timeout=1)
        assert not done
        await line.close()
        await asyncio.wait({waiting})

    assert isinstance(waiting.exception(), StorageUnavailable)


@pytest.mark.parametrize("is_patient", [True, False])
async def test_e12_one_who_stops_in_mid_transaction_keeps_her_locks_only_where_nobody_ends_her(
    direct_url: str, monkeypatch: pytest.MonkeyPatch, is_patient: bool
):
    """The second is the positive control: without an end, the others wait."""
    soon = {"idle_in_transaction_session_timeout": "300ms"} if is_patient else {}
    monkeypatch.setattr(storage.postgres, "PATIENCE", {**PATIENCE, "server_settings": soon})
    async with open_database(direct_url) as stopped, open_database(direct_url) as other:
        await stopped.write(set_up_till)
        backend: PostgresBackend = stopped._backend  # type: ignore[assignment]
        async with backend._engine.connect() as tx:
            await tx.run_sync(count_one)

            waiting = asyncio.ensure_future(other.write(count_one))
            await asyncio.wait({waiting}, timeout=60 if is_patient else 1)
            has_gone_through = waiting.done()
            await tx.invalidate()
        counted = await waiting
        kept = await stopped.read(till)

    assert has_gone_through is is_patient
    assert counted == 1
    assert kept == 1


async def test_e12_a_server_that_is_down_is_said_to_be_and_found_again(
    mortal_server: Postgres, migrate
):
    url = mortal_server.empty()
    migrate(url)
    async with open_database(url) as db:
        await db.write(set_up_till)
        await db.write(count_one)

        await asyncio.to_thread(mortal_server.crash)
        async with asyncio.timeout(60):
            away = [
                *await count_at_once(db),
                *await asyncio.gather(db.read(till), return_exceptions=True),
            ]
        await asyncio.to_thread(mortal_server.recover)
        back = await db.write(count_one)
    mortal_server.drop(url)

    assert [type(one) for one in away] == [StorageUnavailable] * (CALLERS + 1)
    assert back == 2
