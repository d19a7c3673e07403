"""An empty database with the newest schema, of either engine, for as long as one measure takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.migrate import upgrade


@contextmanager
def fresh_database(engine: str, path: Path, server: Any) -> Iterator[str]:
    """Yield its URL; `path` is where SQLite keeps it, `server` the PostgreSQL that may hold it."""
    url = server.empty() if engine == "postgresql" else f"sqlite+aiosqlite:///{path}"
    _clear(path)
    upgrade(url)
    try:
        yield url
    finally:
        _clear(path)
        if engine == "postgresql":
            server.drop(url)


def _clear(path: Path) -> None:
    for one in path.parent.glob(path.name + "*"):
        one.unlink()
