"""`wuyebot run`: the bot for real use: no sandbox, no seeded figures, no virtual clock."""

from pathlib import Path
from typing import Annotated

import typer

from bot import serving
from bot.cli.places import fail


def command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Run until SIGTERM; what is under way is finished first."""
    try:
        serving.serve(config)
    except serving.CannotServe as trouble:
        fail(str(trouble))
