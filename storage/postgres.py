"""The door to PostgreSQL: batches over asyncpg, one transaction, a savepoint a call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.errors import StorageUnavailable
from storage.gate import Call, Outcomes, Spoiled, look, resolve, take, turns

log = logging.getLogger(__name__)

MOST_TRIES: Final = 3
"""How often a PostgreSQL transaction is begun anew that others got in the way of."""

IN_THE_WAY: Final = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: begun anew, it goes through."""

PATIENCE: Final[dict[str, Any]] = {
    "timeout": 10,
    "command_timeout": 60,
    "server_settings": {"idle_in_transaction_session_timeout": "30s"},
}
"""Nobody waits for ever: for a line, for a statement (seconds), or for the locks of a process
that stopped in the middle of a transaction."""

MOST_QUESTIONS: Final = 5
PAUSE_SECONDS: Final = 0.2

TICKET: Final = text(
    "SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS number, pg_backend_pid() AS backend"
)
FATE: Final = text("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))")
END: Final = text("SELECT pg_terminate_backend(:backend)")


def open_backend(url: str) -> "PostgresBackend":
    """Return the owner's door; connections are made when they are needed."""
    return PostgresBackend(_engine(url, connections=4, connect_args=PATIENCE))


def open_reading(url: str) -> "PostgresReader":
    """Return the door of one who only reads."""
    return PostgresReader(_engine(url, connections=1))


def _engine(url: str, *, connections: int, **options: Any) -> AsyncEngine:  # noqa: ANN401
    return create_async_engine(
        url, pool_size=connections, max_overflow=0, hide_parameters=True, **options
    )


class PostgresReader:
    """Reads over a snapshot that the server itself keeps from being written to."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def write(self, calls: list[Call]) -> None:
        raise StorageUnavailable("the database was opened only to read")

    async def read(self, calls: list[Call]) -> None:
        try:
            outcomes = await self._look(calls)
        except (DBAPIError, OSError):
            outcomes = await _one_by_one(self._look, calls)
        resolve(outcomes)

    async def _look(self, calls: list[Call]) -> Outcomes:
        async with self._reading.connect() as tx:
            return await tx.run_sync(look, calls)

    async def close(self) -> None:
        await self._engine.dispose()


class PostgresBackend(PostgresReader):
    """Reads as the reader does; writes in one transaction that may be begun anew."""

    async def write(self, calls: list[Call]) -> None:
        try:
            outcomes = await self._carry(calls)
        except (DBAPIError, OSError, Spoiled):
            log.warning("database.batch_failed", extra={"calls": len(calls)}, exc_info=True)
            outcomes = await _one_by_one(self._carry, calls)
        resolve(outcomes)

    async def _carry(self, calls: list[Call]) -> Outcomes:
        """Carry calls through; where the answer to COMMIT was lost, ask what became of them."""
        outcomes: Outcomes = []
        ticket: Row[Any] | None = None
        try:
            async with self._engine.begin() as tx:
                outcomes = await tx.run_sync(_with_savepoints, calls)
                ticket = (await tx.execute(TICKET)).one()
        except (DBAPIError, OSError):
            if ticket is None or not await self._has_committed(ticket):
                raise
            log.warning("database.answer_lost", extra={"calls": len(calls)})
        return outcomes

    async def _has_committed(self, ticket: Row[Any]) -> bool:
        """Tell whether a transaction is in the books. Raises StorageUnavailable: nobody knows."""
        for _ in range(MOST_QUESTIONS):
            try:
                fate = await self._ask(ticket)
            except (DBAPIError, OSError):
                fate = None
            if fate in ("committed", "aborted"):
                return fate == "committed"
            await asyncio.sleep(PAUSE_SECONDS)
        raise StorageUnavailable("the server does not say what became of a transaction")

    async def _ask(self, ticket: Row[Any]) -> str | None:
        """Ask for a transaction's fate, and end it where it still waits for our word."""
        if ticket.number is None:
            return "aborted"
        async with self._engine.connect() as tx:
            fate: str | None = await tx.scalar(FATE, {"number": ticket.number})
            if fate == "in progress":
                await tx.execute(END, {"backend": ticket.backend})
        return fate


async def _one_by_one(
    carry: Callable[[list[Call]], Awaitable[Outcomes]], calls: list[Call]
) -> Outcomes:
    """Carry each call in a transaction of its own, anew where others got in its way."""
    outcomes: Outcomes = []
    for call in calls:
        for tries_left in range(MOST_TRIES - 1, -1, -1):
            try:
                outcomes += await carry([call])
            except StorageUnavailable as trouble:
                outcomes.append((call, None, trouble))
            except (DBAPIError, OSError) as trouble:
                is_in_the_way = _sqlstate(trouble) in IN_THE_WAY
                if tries_left and is_in_the_way:
                    continue
                outcomes.append((call, None, _named(trouble)))
            break
    return outcomes


def _sqlstate(trouble: DBAPIError | OSError) -> str:
    return str(getattr(getattr(trouble, "orig", None), "sqlstate", ""))


def _named(trouble: DBAPIError | OSError) -> Exception:
    """Tell trouble with the server, which is nobody's fault, from a statement that is wrong."""
    is_elsewhere = isinstance(trouble, (OperationalError, InterfaceError, OSError))
    if is_elsewhere or _sqlstate(trouble)[:2] in ("08", "40", "53", "57"):
        return StorageUnavailable(type(trouble).__name__)
    return trouble


def _with_savepoints(tx: Connection, calls: list[Call]) -> Outcomes:
    outcomes: Outcomes = []
    for turn in turns(calls):
        try:
            with tx.begin_nested():
                outcomes += take(turn, tx)
        except (DBAPIError, Spoiled):
            raise
        except Exception as trouble:  # the caller's own, handed back to her
            outcomes.append((turn[0], None, trouble))
    return outcomes
