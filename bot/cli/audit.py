"""`wuyebot audit`: proves the books; exit status 1 and the rows named where it cannot."""

import json
from dataclasses import asdict

import typer

from bot.cli.places import ConfigOption, FolderOption, JsonOption, ask_books
from storage.queries.proofs import SENTENCES, prove


def command(
    config: ConfigOption = None,
    folder: FolderOption = None,
    json_lines: JsonOption = False,  # noqa: FBT002
) -> None:
    """Prove that every sentence about the books is true."""
    broken = ask_books(config, folder, prove)
    if json_lines:
        told = {"sentences": len(SENTENCES), "broken": [asdict(one) for one in broken]}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in broken:
            typer.echo(f"NOT TRUE  {one.sentence}: {one.reference} ({one.found})")
        true = len(SENTENCES) - len({one.sentence for one in broken})
        typer.echo(f"{true} of {len(SENTENCES)} sentences hold, {len(broken)} rows break one")
    raise typer.Exit(1 if broken else 0)
