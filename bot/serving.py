"""The bot as a service: opens the street first, and does what can wait after that."""

import asyncio
import gc
import signal
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from bot import config as settings_file
from bot import log
from bot.app import RealClock, open_house
from bot.config import ConfigError, Settings
from bot.roles import ALL, Role
from bot.web import server
from storage.errors import StorageUnavailable
from storage.steps import sqlite_file

STREET_FIRST_SECONDS: Final = 0.5
"""For so long only the street is served: it has waited for us, the clock's work has no face."""


class CannotServe(Exception):
    """The service cannot be started, or goes on no longer; the text says why."""


def serve(config: Path, roles: frozenset[Role] = ALL) -> None:
    """Run until SIGTERM; what is under way is finished first. Raises CannotServe."""
    try:
        settings = settings_file.read(config)
    except ConfigError as trouble:
        raise CannotServe(str(trouble)) from trouble
    if roles != ALL and sqlite_file(settings.database.url) is not None:
        raise CannotServe(
            "--roles: a SQLite file has one process that does everything; leave --roles out, or"
            " move to PostgreSQL (wuyebot migrate-database)"
        )
    log.set_up(settings.log.level)
    settings_file.arm_crashpoints()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, roles))
    except StorageUnavailable as trouble:
        raise CannotServe(trouble.reason) from trouble
    except (ValueError, OSError) as trouble:
        raise CannotServe(f"{config}: {trouble}") from trouble


async def _serve(settings: Settings, roles: frozenset[Role]) -> None:
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    gc.set_threshold(50_000, 20, 100)
    async with open_house(settings, RealClock(), roles) as house:
        runner = server.runner(house.web)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.web.host, settings.web.port).start()
            await _ended_within(stop, STREET_FIRST_SECONDS)
            await asyncio.to_thread(house.warm_up)
            _settle_memory()
            await (stop.wait() if roles == {Role.WEB} else house.live(stop))
        finally:
            await runner.cleanup()


async def _ended_within(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _settle_memory() -> None:
    """Take what was built for good out of the collector's rounds: each would walk all of it."""
    gc.collect()
    gc.freeze()
