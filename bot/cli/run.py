"""`wuyebot run`: the bot for real use: no sandbox, no seeded figures, no virtual clock."""

import asyncio
import gc
import signal
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from bot import config as settings_file
from bot import log
from bot.app import RealClock, open_house
from bot.cli.places import fail, read_or_exit
from bot.config import Settings
from bot.web import server
from storage.errors import StorageUnavailable


def command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Run until SIGTERM; what is under way is finished first."""
    settings = read_or_exit(config)
    log.set_up(settings.log.level)
    settings_file.arm_crashpoints()
    try:
        asyncio.run(_run(settings))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except (ValueError, OSError) as trouble:
        fail(f"{config}: {trouble}")


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    async with open_house(settings, RealClock()) as house:
        _settle_memory()
        runner = server.runner(house.web)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.web.host, settings.web.port).start()
            await house.runner.live(stop)
        finally:
            await runner.cleanup()


def _settle_memory() -> None:
    """Take what was built for good out of the collector's rounds: each would walk all of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
