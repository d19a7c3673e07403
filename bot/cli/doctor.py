"""`wuyebot doctor`: what is configured, what is missing, what will not work and what to do."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot import config as settings_file
from bot.cli.places import fail
from bot.config import ConfigError, Settings
from bot.gateways.registry import GATEWAYS
from bot.lazy import load
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.queries.proofs import prove
from storage.steps import newest_step, sqlite_file, step_of

FIXED_SQLITE: Final = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Versions in which two connections can no longer spoil a write-ahead log."""

Line = tuple[str, str]


def command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")] = Path(
        "config.toml"
    ),
) -> None:
    """Look at everything, one line each; exit status 1 where something will not work."""
    try:
        settings = settings_file.read(config)
    except ConfigError as trouble:
        fail(f"bad   {trouble}")
    lines = [
        *_web(settings),
        *_channels(settings),
        *_gateways(settings),
        *asyncio.run(_database(settings)),
        *_backups(settings),
    ]
    for grade, text in lines:
        typer.echo(f"{grade:<6}{text}")
    raise typer.Exit(1 if any(grade == "bad" for grade, _ in lines) else 0)


def _web(settings: Settings) -> Iterator[Line]:
    base_url = settings.web.base_url
    if base_url.startswith("https://"):
        yield "ok", f"web: residents open {base_url}"
    else:
        yield "warn", f"web: {base_url} is not https; WeChat opens and calls back only https"


def _channels(settings: Settings) -> Iterator[Line]:
    if not any(kind == "wechat_official" for kind, _ in settings.channels.values()):
        yield "warn", "channels: no official account; phase 0: imports, paper bills, reports only"
    for account, (kind, one) in settings.channels.items():
        yield "ok", f"channels.{account}: {kind}"
        if kind == "wechat_official" and not one.templates:
            yield "warn", f"channels.{account}: no templates; outside 48 hours nobody is reached"


def _gateways(settings: Settings) -> Iterator[Line]:
    if not settings.gateways:
        yield "warn", "gateways: none; residents can look but not pay"
    for name, one in settings.gateways.items():
        try:
            gateway = load(GATEWAYS[name])
            gateway.Gateway(one, None, now=lambda: datetime.now(UTC))
        except ValueError as trouble:
            yield "bad", f"gateways.{name}: {trouble}"
            continue
        yield "ok", f"gateways.{name}: keys load"


async def _database(settings: Settings) -> list[Line]:
    url = settings.database.url
    lines = list(_sqlite(url))
    try:
        async with open_reader(url) as db:
            step = await db.read(step_of)
            if step != newest_step():
                return [*lines, ("warn", f"database: at step {step or 'none'}; `run` brings it up")]
            broken = await db.read(prove)
    except (StorageUnavailable, OSError) as trouble:
        return [*lines, ("warn", f"database: {trouble}; `run` creates a SQLite file")]
    if broken:
        return [*lines, ("bad", f"books: {len(broken)} rows break a sentence; see wuyebot audit")]
    return [*lines, ("ok", "books: every sentence holds")]


def _sqlite(url: str) -> Iterator[Line]:
    path = sqlite_file(url)
    if path is None:
        yield "ok", "database: PostgreSQL; back it up with its own tools"
        return
    version = sqlite3.sqlite_version_info
    is_fixed = version >= FIXED_SQLITE[0] or any(
        version[:2] == one[:2] and version >= one for one in FIXED_SQLITE[1:]
    )
    why = "" if is_fixed else " (one connection writes and checkpoints: safe with this version)"
    yield "ok", f"database: SQLite {sqlite3.sqlite_version} at {path}, WAL, FULL{why}"
    folder = path.parent if path.parent.exists() else Path()
    free = shutil.disk_usage(folder).free // 2**20
    yield ("ok" if free > 1024 else "warn"), f"disk: {free} MiB free"


def _backups(settings: Settings) -> Iterator[Line]:
    if sqlite_file(settings.database.url) is None:
        return
    found = sorted(settings.backup.dir.glob("wuyebot-*.db"))
    if not found:
        yield "warn", f"backup: none in {settings.backup.dir} yet; the first comes at 03:30"
    else:
        yield "ok", f"backup: newest is {found[-1].name}, {len(found)} kept"
