"""`wuyebot book`: our payments, refunds and allocations in the shape of a platform's book."""

import asyncio
import json
from typing import Annotated, Any

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.queries.book import book


def command(
    config: ConfigOption = None,
    folder: FolderOption = None,
    json_lines: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,  # noqa: FBT002
) -> None:
    """Print our own book; readable beside a running bot."""
    try:
        ours = asyncio.run(_book(database_url(config, folder)))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if json_lines:
        typer.echo(json.dumps(ours, ensure_ascii=False))
        return
    for kind, rows in ours.items():
        typer.echo(f"{kind}: {len(rows)}")
        for row in rows:
            typer.echo("  " + "  ".join(str(one) for one in row.values()))


async def _book(url: str) -> dict[str, list[dict[str, Any]]]:
    async with open_reader(url) as db:
        return await db.read(book)
