"""The database: one door to write through, one to read through.

An operation or a query is a plain function over a connection; the door carries it to where the
connection lives. Callers that wait go through together: one transaction, a savepoint each, so
that a refusal undoes only its own work, and a batch that fails is tried again one by one.

On SQLite exactly one connection writes and checkpoints (`BEGIN IMMEDIATE`, WAL), another only
reads (`query_only`); each lives in the thread of its aiosqlite connection. On PostgreSQL the
same functions run over asyncpg, and operations lock the rows they change in id order.
"""

import asyncio
import fcntl
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import Connection as RawConnection
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast
from urllib.parse import quote

import aiosqlite
from sqlalchemy import Connection, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.errors import StorageUnavailable
from storage.gate import (
    Call,
    Gate,
    Outcomes,
    Shared,
    Spoiled,
    Work,
    look,
    resolve,
    take,
    turns,
)
from storage.lazy import load

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS: Final = 10_000
POSTGRES: Final = "storage.postgres"
"""The door to the other engine, loaded only where it is used: it brings half of SQLAlchemy."""


class Backend(Protocol):
    """One engine's way of carrying a batch through."""

    async def write(self, calls: list[Call]) -> None:
        """Run the calls in one transaction and resolve their futures after the commit."""
        ...

    async def read(self, calls: list[Call]) -> None:
        """Run the calls over one snapshot and resolve their futures."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...


class Database:
    """The two doors. Made by `open`, which owns everything behind them."""

    def __init__(self, backend: Backend, url: str) -> None:
        """Put the doors in front of a backend."""
        self.url = url
        self._backend = backend
        self._writes = Gate(backend.write)
        self._reads = Gate(backend.read)
        self._on_commit: list[Callable[[], None]] = []

    async def write(
        self, operation: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run an operation in a transaction; return after the commit is on the disk.

        Raises what the operation raises (its own changes are undone), or StorageUnavailable.
        """
        return cast("T", await self._commit(_bound(operation, args, kwargs)))

    async def write_together(
        self, operation: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> T:
        """Run an operation as `write` does, at once for all who wait for it, an item each.

        It returns a result per item, in their order. Where it raises, each item is tried alone.
        """
        return cast("T", await self._commit(Shared(operation, item)))

    async def _commit(self, work: Work | Shared) -> Any:  # noqa: ANN401
        result = await self._writes.submit(work, is_light=False)
        for wake in self._on_commit:
            wake()
        return result

    async def jot(
        self, operation: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run an operation that holds no money: it may return before the disk has it."""
        result: T = await self._writes.submit(_bound(operation, args, kwargs), is_light=True)
        return result

    def note(
        self, operation: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Put an operation that holds no money in line at once; nobody need wait for its future.

        Whatever is written later comes after it.
        """
        return self._writes.submit(_bound(operation, args, kwargs), is_light=True)

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query over a snapshot; it cannot change anything."""
        result: T = await self._reads.submit(_bound(query, args, kwargs), is_light=True)
        return result

    def wake_on_commit(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after every commit that may have enqueued something."""
        self._on_commit.append(wake)

    async def close(self) -> None:
        """Let those who wait through, then close."""
        await self._writes.close()
        await self._reads.close()
        await self._backend.close()


def _bound(work: Callable[..., Any], args: Any, kwargs: Any) -> Work:  # noqa: ANN401
    """Return the work with all but its connection given, which comes first."""
    return lambda tx: work(tx, *args, **kwargs)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open the database of a SQLAlchemy URL as its owner and close it at the end.

    Raises StorageUnavailable where another process owns a SQLite file.
    """
    if make_url(url).get_backend_name() == "sqlite":
        backend: Backend = await _SqliteBackend.open(Path(make_url(url).database or ""))
    else:
        backend = load(POSTGRES).open_backend(url)
    database = Database(backend, url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_reader(url: str) -> AsyncIterator[Database]:
    """Open the database beside a running bot, only to read. Raises StorageUnavailable."""
    if make_url(url).get_backend_name() == "sqlite":
        path = quote(str(_existing_file(url)))
        backend: Backend = _SqliteReader(await _open_sqlite(f"file:{path}?mode=ro", "BEGIN"))
    else:
        backend = load(POSTGRES).open_reading(url)
    database = Database(backend, url)
    try:
        yield database
    finally:
        await database.close()


def _existing_file(url: str) -> Path:
    path = Path(make_url(url).database or "")
    if not path.exists():
        raise StorageUnavailable(f"there is no database at {path}")
    return path


class _Sqlite:
    """One SQLite connection in the thread of its aiosqlite connection, under SQLAlchemy."""

    def __init__(self, link: aiosqlite.Connection, begin: str) -> None:
        self.link = link
        self.raw: RawConnection = link._conn
        engine = create_engine(
            "sqlite://", hide_parameters=True, creator=lambda: self.raw, poolclass=StaticPool
        )
        event.listen(engine, "begin", lambda tx: self.raw.execute(begin) and None)
        self.connection = engine.connect()

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` in the connection's own thread: one hop there and back."""
        result: T = await self.link._execute(work)  # type: ignore[no-untyped-call]
        return result

    async def close(self) -> None:
        """Close the connection in its own thread."""
        await self.call(self.connection.close)
        await self.link.close()


def _light(call: Call, tx: Connection) -> Any:  # noqa: ANN401
    """Run light work without a savepoint of its own: it hardly ever fails. Raises Spoiled."""
    try:
        return call.work(tx)
    except Exception as trouble:
        raise Spoiled from trouble


PRAGMAS: Final = (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON", "cache_size=-8192")
WRITER_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=16000")
READER_PRAGMAS: Final = ("query_only=1", "wal_autocheckpoint=0")


class _SqliteBackend:
    def __init__(self, writer: _Sqlite, reader: _Sqlite, lock: Any) -> None:  # noqa: ANN401
        self._writer, self._reader, self._lock = writer, reader, lock
        self._is_full = True

    @classmethod
    async def open(cls, path: Path) -> "_SqliteBackend":
        lock = await asyncio.to_thread(lock_file, path)
        try:
            writer = await _open_sqlite(path, "BEGIN IMMEDIATE", *WRITER_PRAGMAS)
            try:
                reader = await _open_sqlite(path, "BEGIN", *READER_PRAGMAS)
            except StorageUnavailable:
                await writer.close()
                raise
        except StorageUnavailable:
            lock.close()
            raise
        return cls(writer, reader, lock)

    async def write(self, calls: list[Call]) -> None:
        try:
            outcomes = await self._writer.call(lambda: self._carry(calls))
        except sqlite3.OperationalError as trouble:  # the door itself: locked from outside
            outcomes = [(call, None, StorageUnavailable(str(trouble))) for call in calls]
        except (DBAPIError, sqlite3.Error, Spoiled):
            log.warning("database.batch_failed", extra={"calls": len(calls)}, exc_info=True)
            outcomes = await self._writer.call(lambda: self._one_by_one(calls))
        resolve(outcomes)

    def _carry(self, calls: list[Call]) -> Outcomes:
        is_light = all(call.is_light for call in calls)
        self._sync_fully_unless(is_light)
        raw, tx = self._writer.raw, self._writer.connection
        if raw.in_transaction:  # a COMMIT that failed leaves the transaction open
            raw.execute("ROLLBACK")
        if is_light and len(calls) > 1:
            with tx.begin():
                return [(call, _light(call, tx), None) for call in calls]
        outcomes: Outcomes = []
        with tx.begin():
            for turn in turns(calls):
                raw.execute("SAVEPOINT one")
                try:
                    outcomes += take(turn, tx)
                except (DBAPIError, Spoiled):
                    raise
                except Exception as trouble:  # the caller's own, handed back to her
                    raw.execute("ROLLBACK TO one")
                    outcomes.append((turn[0], None, trouble))
                raw.execute("RELEASE one")
        return outcomes

    def _one_by_one(self, calls: list[Call]) -> Outcomes:
        outcomes: Outcomes = []
        for call in calls:
            try:
                outcomes += self._carry([call])
            except (OperationalError, sqlite3.Error) as trouble:
                outcomes.append((call, None, StorageUnavailable(str(trouble.args[0]))))
            except DBAPIError as trouble:
                outcomes.append((call, None, trouble))
        return outcomes

    def _sync_fully_unless(self, is_light: bool) -> None:  # noqa: FBT001 - a pragma's two values
        if self._is_full == is_light:
            self._is_full = not is_light
            self._writer.raw.execute(f"PRAGMA synchronous={'NORMAL' if is_light else 'FULL'}")

    async def read(self, calls: list[Call]) -> None:
        await _read_sqlite(self._reader, calls)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()
        self._lock.close()


class _SqliteReader:
    def __init__(self, reader: _Sqlite) -> None:
        self._reader = reader

    async def write(self, calls: list[Call]) -> None:
        raise StorageUnavailable("the database was opened only to read")

    async def read(self, calls: list[Call]) -> None:
        await _read_sqlite(self._reader, calls)

    async def close(self) -> None:
        await self._reader.close()


async def _read_sqlite(reader: _Sqlite, calls: list[Call]) -> None:
    try:
        outcomes = await reader.call(lambda: look(reader.connection, calls))
    except (DBAPIError, sqlite3.Error):
        outcomes = await reader.call(lambda: _look_one_by_one(reader.connection, calls))
    resolve(outcomes)


def _look_one_by_one(tx: Connection, calls: list[Call]) -> Outcomes:
    outcomes: Outcomes = []
    for call in calls:
        try:
            outcomes += look(tx, [call])
        except (OperationalError, sqlite3.Error) as trouble:
            outcomes.append((call, None, StorageUnavailable(str(trouble.args[0]))))
        except DBAPIError as trouble:
            outcomes.append((call, None, trouble))
    return outcomes


async def _open_sqlite(path: Path | str, begin: str, *pragmas: str) -> _Sqlite:
    """Open a connection and try it. Raises StorageUnavailable, with nothing left open."""
    try:
        link = await aiosqlite.connect(
            path, isolation_level=None, cached_statements=512, uri=isinstance(path, str)
        )
    except sqlite3.Error as trouble:
        raise StorageUnavailable(f"{path} cannot be opened: {trouble}") from trouble
    try:
        for pragma in (*PRAGMAS, *pragmas):
            await link.execute_fetchall(f"PRAGMA {pragma}")
        await link.execute_fetchall("SELECT count(*) FROM sqlite_schema")
        one: _Sqlite = await link._execute(  # type: ignore[no-untyped-call]
            lambda: _Sqlite(link, begin)
        )
    except (sqlite3.Error, DBAPIError) as trouble:
        await link.close()
        raise StorageUnavailable(f"{path} cannot be used: {trouble}") from trouble
    return one


def lock_file(path: Path) -> Any:  # noqa: ANN401 - an open file
    """Own a database file until the lock is closed. Raises StorageUnavailable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StorageUnavailable(
            f"{path} is in use by a running wuyebot; stop it first, or ask it through chat or web"
        ) from None
    return lock
