"""A copy of the books, proved before it gets its name, and proved again before it is put back."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import DBAPIError

from storage import crashpoints
from storage.database import lock_file
from storage.errors import StorageUnavailable
from storage.frozen import dataclass
from storage.models.ledger import entries
from storage.models.payments import payments
from storage.queries.proofs import prove
from storage.steps import newest_step, step_of

PARTIAL: Final = ".partial"


@dataclass(frozen=True, slots=True)
class Backup:
    """What stands in a copy of the books that holds."""

    step: str
    entries: int
    payments: int
    newest_at: datetime | None
    """When its last entry was booked: what came later is not in it."""


def back_up_sqlite(source: Path, target: Path) -> Path:
    """Copy a SQLite database with VACUUM INTO, prove the copy, and name it at the end.

    Blocks; run it in a thread. Raises StorageUnavailable where the copy does not hold: an older
    backup stays as it was. What an earlier, cut-off copy left behind is thrown away.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(PARTIAL)
    for left in target.parent.glob(f"*{PARTIAL}"):
        left.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as link:
        link.execute("VACUUM INTO ?", (str(partial),))
    crashpoints.reach("backup.before_rename")
    with closing(_opened(partial)) as copied:
        _check(partial, copied)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(target)
    return target


def check_backup(copy: Path) -> Backup:
    """Prove a copy and say what is in it, without a change. Blocks.

    Raises StorageUnavailable where it is none, does not hold, or is of a newer program.
    """
    if not copy.is_file():
        raise StorageUnavailable(f"there is no backup at {copy}")
    with closing(_opened(copy)) as link:
        found = _check(copy, link)
    if found.step > newest_step():
        raise StorageUnavailable(
            f"{copy} is at step {found.step}, this program at {newest_step()}: take the newer one"
        )
    return found


def restore_sqlite(copy: Path, target: Path) -> Path | None:
    """Put a proved copy in a stopped bot's place; return where what stood there is kept now.

    Blocks. Raises StorageUnavailable, with everything as it was, where the copy does not hold or
    a bot runs.
    """
    check_backup(copy)
    with closing(lock_file(target)):
        arriving = target.with_name(f"{target.name}.arriving")
        shutil.copyfile(copy, arriving)
        with arriving.open("rb") as copied:
            os.fsync(copied.fileno())
        kept = _set_aside(target)
        arriving.replace(target)
    return kept


def _set_aside(target: Path) -> Path | None:
    """Rename what stands there, its write-ahead log first: without it rows are missing."""
    if not target.exists():
        return None
    kept = target.with_name(f"{target.name}.before-restore")
    number = 1
    while kept.exists():
        number += 1
        kept = target.with_name(f"{target.name}.before-restore-{number}")
    for end in ("-wal", "-shm", ""):
        part = target.with_name(target.name + end)
        if part.exists():
            part.replace(kept.with_name(kept.name + end))
    return kept


def _opened(copy: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(copy))}?mode=ro", uri=True)


def _check(copy: Path, link: sqlite3.Connection) -> Backup:
    engine = create_engine("sqlite://", creator=lambda: link)
    try:
        with engine.connect() as tx:
            verdict: Any = tx.exec_driver_sql("PRAGMA integrity_check").scalar_one()
            broken = prove(tx, limit=1)
            found = _contents(tx)
    except (DBAPIError, sqlite3.Error) as trouble:
        raise StorageUnavailable(f"{copy} cannot be read as our books") from trouble
    if verdict != "ok" or broken:
        raise StorageUnavailable(f"the backup does not hold: {verdict}, {broken}")
    return found


def _contents(tx: Connection) -> Backup:
    booked, newest_at = tx.execute(select(func.count(), func.max(entries.c.posted_at))).one()
    paid = tx.execute(select(func.count(payments.c.id))).scalar_one()
    return Backup(step_of(tx), booked, paid, newest_at)


def keep_newest(folder: Path, count: int) -> int:
    """Remove all but the newest backups of a folder; return how many went."""
    old = sorted(folder.glob("wuyebot-*.db"))[:-count]
    for one in old:
        one.unlink()
    return len(old)
