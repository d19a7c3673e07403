"""Bring a database's schema to the newest step, or back."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(url: str, to: str = "head") -> None:
    """Bring the schema up; run it outside of any event loop."""
    command.upgrade(_config(url), to)


def downgrade(url: str, to: str) -> None:
    """Bring the schema down to an earlier step."""
    command.downgrade(_config(url), to)
