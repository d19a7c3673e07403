"""`wuyebot restore`: proves a backup of a SQLite database, or puts it in a stopped bot's place."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.places import fail, read_or_exit
from storage.backup import Backup, check_backup, restore_sqlite
from storage.errors import StorageUnavailable
from storage.steps import sqlite_file


def command(
    backup: Annotated[Path | None, typer.Argument(help="The copy; the newest where left out.")] = (
        None
    ),
    config: Annotated[Path, typer.Option("--config", help="The bot's configuration.")] = Path(
        "config.toml"
    ),
    check: Annotated[bool, typer.Option("--check", help="Only prove it.")] = False,  # noqa: FBT002
) -> None:
    """Open a copy, prove every sentence about its books, and say what would be lost with it.

    Without --check it takes the database's place; what stood there is kept beside it.
    """
    settings = read_or_exit(config)
    target = sqlite_file(settings.database.url)
    if target is None:
        fail("PostgreSQL is restored with its own tools; then `wuyebot audit` proves the books")
    copy = backup or _newest(settings.backup.dir)
    begun = time.monotonic()
    try:
        found = check_backup(copy)
        typer.echo(_told(copy, found))
        if not check:
            kept = restore_sqlite(copy, target)
            where = f"; what stood there is now {kept}" if kept else ""
            typer.echo(f"{target} is that copy{where}. Start `wuyebot run`, then `wuyebot audit`.")
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    typer.echo(f"took {time.monotonic() - begun:.1f} s")


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("wuyebot-*.db"))
    if not found:
        fail(f"there is no backup in {folder}")
    return found[-1]


def _told(copy: Path, found: Backup) -> str:
    age = datetime.now(UTC) - datetime.fromtimestamp(copy.stat().st_mtime, tz=UTC)
    newest = "nothing" if found.newest_at is None else f"{found.newest_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{copy.name} holds: step {found.step}, {found.entries} entries, {found.payments} payments,"
        f" booked until {newest}\n"
        f"written {age.total_seconds() / 3600:.1f} h ago: what was done since at the counter and in"
        " chat is not in it; platforms' payments come back by asking and by their statements"
    )
