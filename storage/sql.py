"""The few statements that both engines spell alike but SQLAlchemy keeps in two places."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import sqlite

from storage.lazy import load
from storage.models.payments import serials


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
    statement = (
        insert(tx, serials)
        .values(name=series, last_used=1)
        .on_conflict_do_update(index_elements=["name"], set_={"last_used": serials.c.last_used + 1})
        .returning(serials.c.last_used)
    )
    number: int = tx.execute(statement).scalar_one()
    return number


def database_now(tx: Connection) -> datetime:
    """Return the database's own time, which all replicas share; leases are counted on it."""
    if tx.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return found
