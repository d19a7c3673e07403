"""Which database a tool means: that of a configuration file, or that of a demo folder."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from bot import config
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.lazy import load

T = TypeVar("T")
ConfigOption = Annotated[Path | None, typer.Option("--config", help="The bot's configuration.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]
FolderOption = Annotated[Path | None, typer.Option("--data", help="A demo's folder.")]


def database_url(config_file: Path | None, demo_folder: Path | None) -> str:
    """Return the database's URL, or end with a clear word on standard error."""
    if config_file is not None:
        return read_or_exit(config_file).database.url
    if demo_folder is None:
        fail("say which books: --config FILE or --data DIR")
    try:
        facts = json.loads((demo_folder / "demo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as trouble:
        fail(f"{demo_folder}/demo.json cannot be read: {trouble}")
    return str(facts["database_url"])


def ask_books(
    config_file: Path | None, demo_folder: Path | None, question: Callable[[Any], T]
) -> T:
    """Answer a question from the books, beside a running bot, or end with a clear word."""
    url = database_url(config_file, demo_folder)
    try:
        return asyncio.run(_ask_books(url, question))
    except StorageUnavailable as trouble:
        fail(trouble.reason)


async def _ask_books(url: str, question: Callable[[Any], T]) -> T:
    async with open_reader(url) as db:
        return await db.read(question)


def prepared(url: str) -> str:
    """Return a database's URL once its schema is the newest; a missing SQLite file is created.

    Ends with a clear word where a running bot owns a file that is not the newest.
    """
    try:
        asyncio.run(load("bot.app").bring_schema_up(url))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    return url


def read_or_exit(path: Path) -> config.Settings:
    """Read a configuration, or end with what is wrong and what to do."""
    try:
        return config.read(path)
    except config.ConfigError as trouble:
        fail(str(trouble))


def fail(why: str) -> NoReturn:
    """End the program with status 1 and a sentence."""
    typer.echo(why, err=True)
    raise typer.Exit(1)
