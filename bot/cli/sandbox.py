"""`wuyebot sandbox`: the imitated platforms alone, with their books in a folder."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import log
from bot.sandbox.server import serve


def command(
    port: Annotated[int, typer.Option(help="Where to answer, on loopback.")] = 8090,
    folder: Annotated[Path, typer.Option("--data", help="Where the books are kept.")] = Path(
        ".sandbox"
    ),
    now: Annotated[str, typer.Option(help="Start the virtual clock here (ISO).")] = "",
) -> None:
    """Run the platforms until they are told to stop."""
    log.set_up("INFO")
    start = datetime.fromisoformat(now) if now else None
    asyncio.run(serve(folder.resolve(), port, now=start))
