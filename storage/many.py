"""Statements over many rows at once, without what SQLAlchemy does anew for each key or row."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

Turn = Callable[[Any], Any]
Among = Callable[[Column[Any]], ColumnElement[bool]]
"""Makes of a column the condition that its value is one of the keys."""


class Keyed:
    """A SELECT or UPDATE of the rows that have certain keys."""

    def __init__(self, write: Callable[[Among], Select[Any] | Update]) -> None:
        """Take the function that writes the statement, given how to say "one of the keys"."""
        keys = func.json_each(bindparam("keys")).table_valued("value")
        self._sqlite = write(lambda column: column.in_(select(keys.c.value)))
        self._postgres = write(_in_array)

    def run(
        self,
        tx: Connection,
        keys: Collection[int] | Collection[str],
        **values: Any,  # noqa: ANN401
    ) -> CursorResult[Any]:
        """Run it; other parameters are given by name."""
        ordered = sorted(keys)
        if tx.dialect.name == "sqlite":
            return tx.execute(self._sqlite, {"keys": json.dumps(ordered), **values})
        return tx.execute(self._postgres, {"keys": ordered, **values})


def _in_array(column: Column[Any]) -> ColumnElement[bool]:
    """Give all keys as one parameter, so that any number of them is the same statement."""
    kind = Text() if column.type.python_type is str else BigInteger()
    return column == any_(bindparam("keys", type_=ARRAY(kind)))


class Rows:
    """An INSERT of many rows, each a tuple of the named columns in the table's own order."""

    def __init__(self, table: Table, *names: str) -> None:
        """Keep what is filled. Raises ValueError where the order is not the table's."""
        if [column.name for column in table.c if column.name in names] != [*names]:
            raise ValueError(f"not in the order of {table.name}: {names}")
        self._insert = insert(table).values({name: bindparam(name) for name in names})
        self._kinds = {name: table.c[name].type for name in names}
        self._text = ""
        self._turns: list[tuple[int, Turn]] = []

    def insert(self, tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert some rows, or none."""
        if not rows:
            return
        if tx.dialect.name != "sqlite":
            tx.execute(self._insert, [dict(zip(self._kinds, row, strict=True)) for row in rows])
            return
        if not self._text:
            self._turns = list(_turns(self._kinds.values(), tx.dialect))
            self._text = str(self._insert.compile(dialect=tx.dialect))
        tx.exec_driver_sql(self._text, [self._turned(row) for row in rows])

    def _turned(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        columns = list(row)
        for place, turn in self._turns:
            columns[place] = turn(columns[place])
        return tuple(columns)


def _turns(kinds: Iterable[TypeEngine[Any]], dialect: Dialect) -> Iterator[tuple[int, Turn]]:
    """Name the places whose values the engine keeps in another form."""
    for place, kind in enumerate(kinds):
        turn = kind.dialect_impl(dialect).bind_processor(dialect)
        if turn is not None:
            yield place, lru_cache(maxsize=16)(turn)
