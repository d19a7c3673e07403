"""Which step of the schema a database is at, asked without loading the tool that takes steps."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError

from storage.database import open_reader

VERSIONS: Final = Path(__file__).with_name("migrations") / "versions"


def newest_step() -> str:
    """Return the name of the newest step that this program knows."""
    return max(one.name.split("_")[0] for one in VERSIONS.glob("[0-9]*.py"))


def step_of(tx: Connection) -> str:
    """Return the step that a database is at, "" for an empty one."""
    try:
        found = tx.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    except DBAPIError:
        return ""
    return found or ""


async def is_newest(url: str) -> bool:
    """Tell whether a database needs no step; a file that is not there needs them all."""
    path = sqlite_file(url)
    if path is not None and not _exists(path):
        return False
    async with open_reader(url) as db:
        return await db.read(step_of) == newest_step()


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for another engine."""
    parts = make_url(url)
    return Path(parts.database or "") if parts.get_backend_name() == "sqlite" else None


def _exists(path: Path) -> bool:
    return path.exists()
