"""Statements of the hot path: SQLAlchemy writes each once per engine, the driver runs it often."""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningInsert

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

    def rows(self, tx: Connection, **values: Any) -> Sequence[Any]:  # noqa: ANN401
        """Run it and return all rows; their columns have places and names."""
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
        self._places = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        columns = statement.exported_columns
        kinds = [column.type.dialect_impl(dialect) for column in columns]
        turns = [kind.result_processor(dialect, None) for kind in kinds]
        self._turns = [(place, turn) for place, turn in enumerate(turns) if turn is not None]
        names = [str(column.key) for column in columns]
        row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        self._row = row._make

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it over the driver's own connection. Raises what SQLAlchemy would raise."""
        given = {**self._fixed, **values}
        places = [given[name] if turn is None else turn(given[name]) for name, turn in self._places]
        raw: Any = tx.connection.dbapi_connection
        try:
            found = raw.execute(self._sql, places).fetchall()
        except sqlite3.Error as trouble:
            raise DBAPIError.instance(
                self._sql, None, trouble, sqlite3.Error, dialect=tx.dialect
            ) from trouble
        if not self._turns:
            return [*map(self._row, found)]
        return [self._turned(row) for row in found]

    def _turned(self, row: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a named tuple of these columns
        columns = list(row)
        for place, turn in self._turns:
            columns[place] = turn(columns[place])
        return self._row(columns)
