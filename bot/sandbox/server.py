"""The sandbox alone in its own process: `wuyebot sandbox`."""

import asyncio
import logging
import signal
from datetime import datetime
from pathlib import Path

from aiohttp import web

from bot.sandbox.app import build
from bot.sandbox.world import World

log = logging.getLogger(__name__)

HOST = "127.0.0.1"


async def serve(folder: Path, port: int, *, now: datetime | None = None) -> None:
    """Serve the platforms on loopback until SIGTERM or SIGINT; writes DIR/platforms.json."""
    world = World.open(folder, base_url=f"http://{HOST}:{port}", now=now)
    runner = web.AppRunner(build(world), access_log=None, shutdown_timeout=3.0)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    world.write_platforms()
    log.info("sandbox.ready", extra={"port": port})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wish in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wish, stop.set)
    await stop.wait()
    await runner.cleanup()
