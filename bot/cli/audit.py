"""`wuyebot audit`: proves the books; exit status 1 and the rows named where it cannot."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.queries.proofs import SENTENCES, Broken, prove


def command(
    config: ConfigOption = None,
    folder: FolderOption = None,
    json_lines: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,  # noqa: FBT002
) -> None:
    """Prove that every sentence about the books is true."""
    try:
        broken = asyncio.run(_prove(database_url(config, folder)))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if json_lines:
        told = {"sentences": len(SENTENCES), "broken": [asdict(one) for one in broken]}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in broken:
            typer.echo(f"NOT TRUE  {one.sentence}: {one.reference} ({one.found})")
        true = len(SENTENCES) - len({one.sentence for one in broken})
        typer.echo(f"{true} of {len(SENTENCES)} sentences hold, {len(broken)} rows break one")
    raise typer.Exit(1 if broken else 0)


async def _prove(url: str) -> list[Broken]:
    async with open_reader(url) as db:
        return await db.read(prove)
