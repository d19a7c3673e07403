"""`wuyebot run`: the bot for real use: no sandbox, no seeded figures, no virtual clock."""

from pathlib import Path
from typing import Annotated

import typer

from bot import serving
from bot.cli.places import fail
from bot.roles import Role, parse


def command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
    roles: Annotated[
        str, typer.Option(help="On PostgreSQL: what this process does of web,worker,scheduler.")
    ] = ",".join(Role),
) -> None:
    """Run until SIGTERM; what is under way is finished first."""
    try:
        serving.serve(config, parse(roles))
    except (serving.CannotServe, ValueError) as trouble:
        fail(str(trouble))
