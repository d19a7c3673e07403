"""The few statements that both engines spell alike but SQLAlchemy keeps in two places."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import ReturningInsert

from storage.lazy import load
from storage.models.payments import serials
from storage.prepared import Insert, Prepared


def insert(tx: Connection, table: Table) -> sqlite.Insert:
    """Return the engine's own INSERT, which can say ON CONFLICT; PostgreSQL's is alike."""
    own: sqlite.Insert = load(f"sqlalchemy.dialects.{tx.dialect.name}").insert(table)
    return own


def insert_once(tx: Connection, table: Table, values: Mapping[str, Any]) -> int | None:
    """Insert a row and return its key; return None where a unique key already has it."""
    statement = insert(tx, table).values(values).on_conflict_do_nothing().returning(table.c.id)
    found: int | None = tx.execute(statement).scalar_one_or_none()
    return found


def next_number(tx: Connection, series: str) -> int:
    """Give out the next number of a series, 1 at first; gaps only where a transaction failed."""
    return next_numbers(tx, series, 1)[0]


def next_numbers(tx: Connection, series: str, count: int) -> range:
    """Give out the next so many numbers of a series."""
    ((last,),) = _NEXT.rows(tx, name=series, last_used=count)
    return range(last - count + 1, last + 1)


def _write_next(insert: Insert) -> ReturningInsert[Any]:
    statement = insert(serials).values(name=bindparam("name"), last_used=bindparam("last_used"))
    return statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"last_used": serials.c.last_used + statement.excluded.last_used},
    ).returning(serials.c.last_used)


_NEXT = Prepared(_write_next)


def database_now(tx: Connection) -> datetime:
    """Return the database's own time, which all replicas share; leases are counted on it."""
    if tx.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return found
