"""The books move house: from a SQLite file to PostgreSQL, as a whole or not at all (搬库).

One transaction of the target holds everything: the rows, their comparison with the source, and the
proof of the books. What fails, or differs, leaves the target as empty as it was.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    NullPool,
    Select,
    StaticPool,
    String,
    Table,
    create_engine,
    inspect,
    make_url,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.database import lock_file
from storage.errors import StorageUnavailable
from storage.frozen import dataclass
from storage.models.all import metadata
from storage.queries.proofs import Broken, prove
from storage.steps import newest_step, sqlite_file, step_of

ROWS_AT_ONCE: Final = 2000
MOST_DIFFERENCES: Final = 20
TROUBLE: Final = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
LARGEST: Final = {BigInteger: 2**63, Integer: 2**31}

Row = Sequence[Any]
Tell = Callable[[str, int], None]
"""Hears of each table that is done, with its rows."""


class CannotMove(Exception):
    """The books were not moved, or are not the same; the text says why."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One table that is the same in both databases."""

    table: str
    rows: int
    digest: str
    """SHA-256 over its rows in the order of their keys, alike on both engines."""


@dataclass(frozen=True, slots=True)
class Differing:
    """One row that is not the same: its table, its key, and the columns (or which side lacks it).

    Never what stands in it: names and telephone numbers may.
    """

    table: str
    key: str
    found: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What holding both databases against each other, row by row, has found."""

    alike: tuple[Carried, ...]
    differing: tuple[Differing, ...]
    """At most MOST_DIFFERENCES a table."""
    broken: tuple[Broken, ...] = ()
    """Sentences about the books that neither side keeps."""

    @property
    def rows(self) -> int:
        """Count the rows of the tables that are alike."""
        return sum(one.rows for one in self.alike)


async def is_bare(url: str) -> bool:
    """Tell whether a PostgreSQL database has no table at all. Raises CannotMove."""
    async with _target(url) as tx:
        return not await tx.run_sync(lambda it: inspect(it).get_table_names())


async def move(source: str, target: str, *, tell: Tell = lambda *_: None) -> Comparison:
    """Move a company's books; return how both compare, once they are the same and committed.

    The target has the newest schema and no row. Raises CannotMove, with the target as it was.
    """
    with _source(source) as old:
        async with _target(target) as new:
            await _lock_the_empty(new)
            for table in metadata.sorted_tables:
                tell(table.name, await _carry(table, old, new))
            found = await _compared(old, new)
            if found.differing:
                raise CannotMove(_named(found.differing))
            await _set_sequences(new)
            try:
                await new.commit()
            except TROUBLE as trouble:
                raise CannotMove(
                    "the answer to COMMIT was lost; ask with --check: the books are either all"
                    " there or not at all"
                ) from trouble
            return found


async def compare(source: str, target: str) -> Comparison:
    """Hold two databases against each other, row by row. Raises CannotMove."""
    with _source(source) as old:
        async with _target(target) as new:
            _expect_newest("target", await new.run_sync(step_of))
            return await _compared(old, new)


@contextmanager
def _source(url: str) -> Iterator[Connection]:
    """Open the stopped bot's file to read, and keep any bot from starting on it meanwhile."""
    path = sqlite_file(url)
    if path is None or not path.is_file():
        raise CannotMove(f"--from: there is no SQLite file at {path or 'that address'}")
    try:
        lock = lock_file(path)
    except (StorageUnavailable, OSError) as trouble:
        raise CannotMove(str(getattr(trouble, "reason", trouble))) from trouble
    with closing(lock):
        engine = create_engine(
            "sqlite://", creator=lambda: _opened(path), poolclass=StaticPool, hide_parameters=True
        )
        try:
            with engine.connect() as tx:
                tx.exec_driver_sql("BEGIN")
                _expect_newest("source", step_of(tx))
                yield tx
        except sqlite3.Error as trouble:
            raise CannotMove(f"{path} cannot be read: {trouble}") from trouble
        finally:
            engine.dispose()


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


@asynccontextmanager
async def _target(url: str) -> AsyncIterator[AsyncConnection]:
    """Give a transaction of PostgreSQL that is undone unless somebody commits it."""
    if make_url(url).get_backend_name() != "postgresql":
        raise CannotMove("--to: the books move to PostgreSQL (postgresql://…)")
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as tx:
            yield tx
    except TROUBLE as trouble:
        raise CannotMove(f"PostgreSQL: {_without_values(trouble)}") from trouble
    finally:
        await engine.dispose()


def _without_values(trouble: BaseException) -> str:
    """Say what the server said, first line only: the others may quote a row."""
    told = getattr(trouble, "orig", None) or trouble
    return (str(told).splitlines() or [type(trouble).__name__])[0]


def _expect_newest(which: str, step: str) -> None:
    if step != newest_step():
        raise CannotMove(
            f"the {which} is at step {step or 'none'}, this program at {newest_step()};"
            " start and stop `wuyebot run` of this version on it once"
        )


async def _lock_the_empty(new: AsyncConnection) -> None:
    """Keep everybody else from writing to the target, and look that nothing is in it."""
    _expect_newest("target", await new.run_sync(step_of))
    names = ", ".join(table.name for table in metadata.sorted_tables)
    await new.execute(sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    for table in metadata.sorted_tables:
        if (await new.execute(select(1).select_from(table).limit(1))).first() is not None:
            raise CannotMove(
                f"the target is not empty: {table.name} has rows;"
                " make a new database, or compare with --check"
            )


async def _carry(table: Table, old: Connection, new: AsyncConnection) -> int:
    """Copy a table's rows; return how many."""
    link: Any = (await new.get_raw_connection()).driver_connection
    columns = list(table.columns)
    kept = [one.type.dialect_impl(new.dialect).bind_processor(new.dialect) for one in columns]
    count = 0
    for rows in old.execute(_in_order(table, old)).partitions(ROWS_AT_ONCE):
        records = [
            tuple(
                value if keep is None or value is None else keep(value)
                for keep, value in zip(kept, row, strict=True)
            )
            for row in rows
        ]
        try:
            await link.copy_records_to_table(
                table.name, records=records, columns=[one.name for one in columns]
            )
        except (*TROUBLE, ValueError, TypeError) as trouble:
            raise CannotMove(
                f"{table.name}: {_misfit(table, rows) or _without_values(trouble)}"
            ) from trouble
        count += len(records)
    return count


def _misfit(table: Table, rows: Sequence[Row]) -> str:
    """Name the first row that PostgreSQL has no room for where SQLite looked away, "" if none."""
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            if why := _does_not_fit(column, value):
                return f"{_key_of(table, row)}: {column.name} {why}; correct it in the source"
    return ""


def _does_not_fit(column: Column[Any], value: Any) -> str:  # noqa: ANN401 - as it was stored
    if isinstance(value, str):
        length = getattr(column.type, "length", None)
        if "\0" in value:
            return "holds U+0000"
        return f"is longer than {length}" if length is not None and len(value) > length else ""
    if isinstance(value, int):
        most = next((it for kind, it in LARGEST.items() if isinstance(column.type, kind)), None)
        return "" if most is None or -most <= value < most else "is too large a number"
    return ""


def _key_of(table: Table, row: Row) -> str:
    parts = zip(table.columns, row, strict=True)
    return ", ".join(f"{one.name}={value}" for one, value in parts if one.primary_key)


def _in_order(table: Table, tx: Connection | AsyncConnection) -> Select[Any]:
    """Select a table in the order of its keys, which both engines have to understand alike."""
    by_bytes = tx.dialect.name == "postgresql"
    keys = [
        one.collate("C") if by_bytes and isinstance(one.type, String) else one
        for one in table.primary_key
    ]
    return select(table).order_by(*keys)


async def _compared(old: Connection, new: AsyncConnection) -> Comparison:
    """Hold every row against its twin, and the proof of the books against its own."""
    alike: list[Carried] = []
    differing: list[Differing] = []
    for table in metadata.sorted_tables:
        same = await _held_together(table, old, new)
        alike += [same] if same is not None else []
        differing += await _differences(table, old, new) if same is None else []
    broken = () if differing else await _proved_alike(old, new)
    return Comparison(tuple(alike), tuple(differing), broken)


async def _held_together(table: Table, old: Connection, new: AsyncConnection) -> Carried | None:
    """Walk through a table on both sides at once; None where a row is not the same."""
    theirs = await new.stream(_in_order(table, new))
    pieces = theirs.partitions(ROWS_AT_ONCE)
    digest, count = sha256(), 0
    for rows in old.execute(_in_order(table, old)).partitions(ROWS_AT_ONCE):
        if rows != await anext(pieces, []):
            await theirs.close()
            return None
        digest.update("".join(repr(tuple(row)) for row in rows).encode("utf-8", "surrogatepass"))
        count += len(rows)
    rest = await anext(pieces, None)
    await theirs.close()
    return Carried(table.name, count, digest.hexdigest()) if rest is None else None


async def _differences(table: Table, old: Connection, new: AsyncConnection) -> list[Differing]:
    """Name the first rows of a table that are not the same, by their keys."""
    found: list[Differing] = []
    ours = iter(old.execute(_in_order(table, old)))
    mine: Row | None = next(ours, None)
    theirs = await new.stream(_in_order(table, new))
    async for row in theirs:
        while mine is not None and _place(table, mine) < _place(table, row):
            found.append(Differing(table.name, _key_of(table, mine), "not in the target"))
            mine = next(ours, None)
        if mine is None or _place(table, mine) > _place(table, row):
            found.append(Differing(table.name, _key_of(table, row), "not in the source"))
        else:
            unlike = [
                one.name for one, a, b in zip(table.columns, mine, row, strict=True) if a != b
            ]
            if unlike:
                found.append(Differing(table.name, _key_of(table, row), ", ".join(unlike)))
            mine = next(ours, None)
        if len(found) >= MOST_DIFFERENCES:
            break
    await theirs.close()
    rest = [] if mine is None else [mine, *ours]
    found += [Differing(table.name, _key_of(table, one), "not in the target") for one in rest]
    return found[:MOST_DIFFERENCES]


def _place(table: Table, row: Row) -> tuple[Any, ...]:
    """Return what a row is ordered by."""
    parts = dict(zip((one.name for one in table.columns), row, strict=True))
    return tuple(parts[one.name] for one in table.primary_key)


async def _proved_alike(old: Connection, new: AsyncConnection) -> tuple[Broken, ...]:
    """Prove both books; return what was broken before. Raises CannotMove where they disagree."""
    before, after = prove(old), await new.run_sync(prove)
    if set(before) != set(after):
        named = "; ".join(f"{one.sentence}: {one.reference}" for one in set(before) ^ set(after))
        raise CannotMove(f"audit does not say the same of both: {named}")
    return tuple(before)


async def _set_sequences(new: AsyncConnection) -> None:
    """Let the target number its next rows after the last one of each table."""
    for table in metadata.sorted_tables:
        key = next(iter(table.primary_key))
        if key.name != "id" or len(table.primary_key) > 1:
            continue
        await new.execute(
            sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"  # noqa: S608
                f" FROM {table.name} HAVING max(id) IS NOT NULL"
            )
        )


def _named(differing: Sequence[Differing]) -> str:
    first = "; ".join(f"{one.table} {one.key} ({one.found})" for one in differing[:5])
    return f"{len(differing)} rows arrived otherwise than they left: {first}"
