"""A platform's book: one SQLite file, committed before the platform answers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row


class Book:
    """One platform's tables; every call is synchronous and short."""

    def __init__(self, path: Path, schema: str, *, durability: str = "FULL") -> None:
        """Open the book at `path` and lay out its tables; durability is SQLite's synchronous."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={durability}")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA busy_timeout=10000")
        self._db.executescript(f"BEGIN IMMEDIATE;{schema}COMMIT;")
        self._depth = 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def rows(self, sql: str, *args: object) -> list[Row]:
        """Return all rows."""
        return self._db.execute(sql, args).fetchall()

    def row(self, sql: str, *args: object) -> Row | None:
        """Return the first row, or None."""
        found: Row | None = self._db.execute(sql, args).fetchone()
        return found

    def value(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the caller knows the column
        """Return the first column of the first row, or None."""
        found = self._db.execute(sql, args).fetchone()
        return None if found is None else found[0]

    def write(self, sql: str, *args: object) -> int:
        """Run one change (committed at once outside `transaction`); return the last row id."""
        return self._db.execute(sql, args).lastrowid or 0

    def change(self, sql: str, *args: object) -> int:
        """Run one change; return how many rows it touched."""
        return self._db.execute(sql, args).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inner ones belong to the outermost. Nothing inside may await."""
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth -= 1

    def kept(self, name: str) -> str | None:
        """Return a small setting from the book's `settings` table."""
        found: str | None = self.value("SELECT value FROM settings WHERE name = ?", name)
        return found

    def keep(self, name: str, value: str) -> None:
        """Store a small setting."""
        self.write(
            "INSERT INTO settings (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )
