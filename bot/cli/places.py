"""Which database a tool means: that of a configuration file, or that of a demo folder."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot import config
from bot.lazy import load

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The bot's configuration.")]
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


def prepared(url: str) -> str:
    """Return a database's URL once its schema is the newest; a missing SQLite file is created."""
    asyncio.run(load("bot.app").bring_schema_up(url))
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
