"""A copy of the books that has been opened and proved before it gets its final name."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine

from storage import crashpoints
from storage.errors import StorageUnavailable
from storage.queries.proofs import prove


def back_up_sqlite(source: Path, target: Path) -> Path:
    """Copy a SQLite database with VACUUM INTO, prove the copy, and name it at the end.

    Blocks; run it in a thread. Raises StorageUnavailable where the copy does not hold: an older
    backup stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as link:
        link.execute("VACUUM INTO ?", (str(partial),))
    crashpoints.reach("backup.before_rename")
    _check(partial)
    with partial.open("rb") as copied:
        os.fsync(copied.fileno())
    partial.replace(target)
    return target


def _check(copy: Path) -> None:
    engine = create_engine(f"sqlite:///file:{copy}?mode=ro&uri=true")
    with engine.connect() as tx:
        verdict = tx.exec_driver_sql("PRAGMA integrity_check").scalar_one()
        broken = prove(tx, limit=1)
    engine.dispose()
    if verdict != "ok" or broken:
        raise StorageUnavailable(f"the backup does not hold: {verdict}, {broken}")


def keep_newest(folder: Path, count: int) -> int:
    """Remove all but the newest backups of a folder; return how many went."""
    old = sorted(folder.glob("wuyebot-*.db"))[:-count]
    for one in old:
        one.unlink()
    return len(old)
