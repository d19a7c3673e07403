"""Fixtures of the web's tests: a town in the books, and a browser's client before its doors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.web.server import WebParts, build, runner
from storage.database import Database
from tests.bot.web.town import Town, settle


class Doors(TestServer):
    """A server that runs the application as the bot runs it."""

    async def _make_runner(self, **_options: Any) -> web.AppRunner:
        return runner(self.app)


Open = Callable[[WebParts], Awaitable[TestClient]]


@pytest.fixture
async def town(db: Database) -> Town:
    return await settle(db)


@pytest.fixture
async def open_doors() -> AsyncIterator[Open]:
    """Start a web application as it is run, and give a client that follows nothing by itself."""
    clients: list[TestClient] = []

    async def start(parts: WebParts) -> TestClient:
        client = TestClient(Doors(build(parts)), cookie_jar=aiohttp.CookieJar(unsafe=True))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def door(town: Town, open_doors: Open) -> TestClient:
    return await open_doors(town.parts())
