"""Alive, fit to serve, and counted: for load balancers and whoever watches."""

import asyncio
from typing import Final

from aiohttp import web

from bot.web.parts import WebParts
from storage.errors import StorageUnavailable
from storage.queries.health import is_readable, pulse

READY_SECONDS: Final = 2
LOOPBACK: Final = ("127.0.0.1", "::1")


class HealthDoor:
    """The three addresses that no resident sees."""

    def __init__(self, parts: WebParts) -> None:
        """Look at these parts."""
        self._parts = parts

    async def alive(self, _request: web.Request) -> web.Response:
        """Say that the process answers, nothing more."""
        return web.Response(text="ok")

    async def ready(self, _request: web.Request) -> web.Response:
        """Say whether the books can be read in time and the rest is up."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                is_fit = await self._parts.db.read(is_readable) and self._parts.is_ready()
        except (TimeoutError, StorageUnavailable):
            is_fit = False
        return web.Response(status=200 if is_fit else 503, text="ready" if is_fit else "not ready")

    async def metrics(self, request: web.Request) -> web.Response:
        """Print the counters, on this machine only."""
        if request.remote not in LOOPBACK or "X-Forwarded-For" in request.headers:
            raise web.HTTPNotFound
        text = self._parts.metrics.text(await self._parts.db.read(pulse))
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return web.Response(body=text, headers={"Content-Type": kind})
