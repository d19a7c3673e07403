"""Statements of the hot path: SQLAlchemy writes each once per engine, the driver runs it often."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningInsert

Turn = Callable[[Any], Any]
Statement = Select[Any] | ReturningInsert[Any]
Insert = Callable[[Table], sqlite.Insert | postgresql.Insert]
"""The engine's own INSERT, which can say ON CONFLICT."""


class Prepared:
    """A statement that returns rows and takes its values as named parameters.

    On SQLite its text is kept and handed to the driver, with the same types in and out: what
    SQLAlchemy does anew for each execution costs several times the statement itself. On
    PostgreSQL the way to the server is what costs, so there it goes the usual way.
    """

    def __init__(self, write: Callable[[Insert], Statement]) -> None:
        """Keep the function that writes the statement; it is called once per engine."""
        self._write = write
        self._text: _Text | None = None
        self._usual: Statement | None = None

    def rows(self, tx: Connection, /, **values: Any) -> Sequence[Sequence[Any]]:  # noqa: ANN401
        """Run it and return all rows, their columns in the statement's order."""
        if tx.dialect.name == "sqlite":
            if self._text is None:
                self._text = _Text(self._write(sqlite.insert), tx.dialect)
            return self._text.rows(tx, values)
        if self._usual is None:
            self._usual = self._write(postgresql.insert)
        return tx.execute(self._usual, values).all()


class _Text:
    """A statement as SQLite's driver takes it, and what turns our values into its and back."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._fixed = compiled.params
        kinds = {name: one.type.dialect_impl(dialect) for name, one in compiled.binds.items()}
        self._places = [
            (name, _remembering(kinds[name].bind_processor(dialect)))
            for name in compiled.positiontup or ()
        ]
        columns = enumerate(statement.exported_columns)
        results = [(place, column.type.dialect_impl(dialect)) for place, column in columns]
        turns = [(place, kind.result_processor(dialect, None)) for place, kind in results]
        self._turns = [(place, turn) for place, turn in turns if turn is not None]

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Run it over the driver's own connection. Raises what SQLAlchemy would raise."""
        given = {**self._fixed, **values}
        places = [given[name] if turn is None else turn(given[name]) for name, turn in self._places]
        raw: Any = tx.connection.dbapi_connection
        try:
            found: list[Sequence[Any]] = raw.execute(self._sql, places).fetchall()
        except sqlite3.Error as trouble:
            raise DBAPIError.instance(
                self._sql, None, trouble, sqlite3.Error, dialect=tx.dialect
            ) from trouble
        return [self._turned(row) for row in found] if self._turns else found

    def _turned(self, row: Sequence[Any]) -> Sequence[Any]:
        columns = list(row)
        for place, turn in self._turns:
            columns[place] = turn(columns[place])
        return columns


def _remembering(turn: Turn | None) -> Turn | None:
    """Keep what a value was turned into: one instant is given several times in a row."""
    return None if turn is None else lru_cache(maxsize=16)(turn)
