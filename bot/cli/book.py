"""`wuyebot book`: our payments, refunds and allocations in the shape of a platform's book."""

import json

import typer

from bot.cli.places import ConfigOption, FolderOption, JsonOption, ask_books
from storage.queries.book import book


def command(
    config: ConfigOption = None,
    folder: FolderOption = None,
    json_lines: JsonOption = False,  # noqa: FBT002
) -> None:
    """Print our own book; readable beside a running bot."""
    ours = ask_books(config, folder, book)
    if json_lines:
        typer.echo(json.dumps(ours, ensure_ascii=False))
        return
    for kind, rows in ours.items():
        typer.echo(f"{kind}: {len(rows)}")
        for row in rows:
            typer.echo("  " + "  ".join(str(one) for one in row.values()))
