"""Statements of the hot path: SQLAlchemy writes each once per engine, the driver runs it often."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table, Update, bindparam
from sqlalchemy import Insert as PlainInsert
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from storage.lazy import load

Turn = Callable[[Any], Any]
Statement = Select[Any] | ReturningInsert[Any] | PlainInsert | Update
Insert = Callable[[Table], sqlite.Insert]
"""The engine's own INSERT, which can say ON CONFLICT; PostgreSQL's is alike."""


def filled(insert: Insert, table: Table, *names: str) -> sqlite.Insert:
    """Return an INSERT whose columns are filled by parameters of their names."""
    return insert(table).values({name: bindparam(name) for name in names})


class Prepared:
    """A statement that takes its values as named parameters.

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
            return self._on_sqlite(tx).rows(tx, values)
        return tx.execute(self._on_postgresql(), values).all()

    def run_many(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each row of values, and return nothing."""
        if not rows:
            return
        if tx.dialect.name == "sqlite":
            self._on_sqlite(tx).run_many(tx, rows)
        else:
            tx.execute(self._on_postgresql(), rows)

    def _on_sqlite(self, tx: Connection) -> "_Text":
        if self._text is None:
            self._text = _Text(self._write(sqlite.insert), tx.dialect)
        return self._text

    def _on_postgresql(self) -> Statement:
        if self._usual is None:
            self._usual = self._write(load("sqlalchemy.dialects.postgresql").insert)
        return self._usual


class _Text:
    """A statement as SQLite's driver takes it, and what turns our values into its and back."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._whole: list[Any] = []
        """What is given each time, with a gap wherever a caller's value comes in."""
        self._gaps: list[tuple[int, str, Turn | None]] = []
        turns = {name: _turn_in(one.type, dialect) for name, one in compiled.binds.items()}
        for place, name in enumerate(compiled.positiontup or ()):
            turn, fixed = turns[name], compiled.params[name]
            if compiled.binds[name].required:
                self._gaps.append((place, name, turn))
            if isinstance(fixed, str):
                fixed = str(fixed)  # the driver asks a kind of ours for its adapter each time
            self._whole.append(turn(fixed) if turn and fixed is not None else fixed)
        columns = [] if isinstance(statement, Update) else enumerate(statement.exported_columns)
        results = [(place, column.type.dialect_impl(dialect)) for place, column in columns]
        outs = [(place, kind.result_processor(dialect, None)) for place, kind in results]
        self._owner: Connection | None = None
        self._link: Any = None
        self._turns = [(place, _remembering(turn, 256)) for place, turn in outs if turn]

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Run it over the driver's own connection. Raises what SQLAlchemy would raise."""
        try:
            found: list[Sequence[Any]] = (
                self._raw(tx).execute(self._sql, self._given(values)).fetchall()
            )
        except sqlite3.Error as trouble:
            raise self._named(tx, trouble) from trouble
        return self._turned(found) if self._turns and found else found

    def run_many(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row of values. Raises what SQLAlchemy would raise."""
        try:
            self._raw(tx).executemany(self._sql, [self._given(row) for row in rows])
        except sqlite3.Error as trouble:
            raise self._named(tx, trouble) from trouble

    def _given(self, values: Mapping[str, Any]) -> list[Any]:
        given = self._whole.copy()
        for place, name, turn in self._gaps:
            given[place] = values[name] if turn is None else turn(values[name])
        return given

    def _raw(self, tx: Connection) -> Any:  # noqa: ANN401 - the driver's own connection
        if self._owner is not tx:  # a connection of ours lives as long as its thread
            self._owner, self._link = tx, tx.connection.dbapi_connection
        return self._link

    def _named(self, tx: Connection, trouble: sqlite3.Error) -> BaseException:
        return DBAPIError.instance(self._sql, None, trouble, sqlite3.Error, dialect=tx.dialect)

    def _turned(self, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """Turn whole columns at a time: that is a loop in C and not one of ours."""
        if len(rows) == 1:
            row = list(rows[0])
            for place, turn in self._turns:
                row[place] = turn(row[place])
            return [row]
        columns: list[Any] = list(zip(*rows, strict=True))
        for place, turn in self._turns:
            columns[place] = map(turn, columns[place])
        return list(zip(*columns, strict=True))


def _turn_in(kind: TypeEngine[Any], dialect: Dialect) -> Turn | None:
    """Return what turns a value of ours into the engine's, None where it goes in as it is."""
    turn = kind.dialect_impl(dialect).bind_processor(dialect)
    return turn and _remembering(turn, 16)


def _remembering(turn: Turn, most: int) -> Turn:
    """Keep what a value was turned into: an instant, a day or a month comes again and again."""
    return lru_cache(maxsize=most)(turn)
