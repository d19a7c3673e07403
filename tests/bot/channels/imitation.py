"""A small imitation of both chat platforms' servers, whose next answers a test may choose."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

OK = {"errcode": 0, "errmsg": "ok"}
Answer = dict[str, Any] | str | int


class StandingClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


class Imitation:
    """Tokens of one account, and a queue of answers for every other address.

    An answer is a body, an HTTP status, or one of "never", "reset", "half" and "html".
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.epoch = 1
        self.is_refusing_every_token = False
        self.token_answer: Callable[[bool], Answer] | None = None
        self.token_calls: list[bool] = []
        self.calls: list[tuple[str, dict[str, str], Any]] = []
        self.answers: deque[Answer] = deque()
        self.default: Answer = OK | {"msgid": 200228332}
        self.released = asyncio.Event()

    @property
    def token(self) -> str:
        return f"token/{self.epoch}+="

    async def stable_token(self, request: web.Request) -> web.StreamResponse:
        forced = (await request.json())["force_refresh"]
        self.token_calls.append(forced)
        if self.token_answer is not None:
            return await self.give(request, self.token_answer(forced))
        if forced:
            self.epoch += 1
        return web.json_response({"access_token": self.token, "expires_in": 7200})

    async def anything(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        is_json = request.content_type == "application/json"
        body = await request.json() if is_json else raw
        self.calls.append((request.path, dict(request.query), body))
        given = request.query.get("access_token")
        if given is not None and (self.is_refusing_every_token or given != self.token):
            words = "invalid credential, access_token is invalid or not latest rid: 65-1-2"
            return web.json_response({"errcode": 40001, "errmsg": words})
        return await self.give(request, self.answers.popleft() if self.answers else self.default)

    async def give(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, dict):
            return web.json_response(answer)
        if isinstance(answer, int):
            return web.Response(status=answer, text="busy")
        if answer == "html":
            return web.Response(text="<html>502</html>", content_type="text/html")
        if answer == "never":
            await self.released.wait()
            return web.Response()
        transport = request.transport
        assert transport is not None
        if answer == "half":
            transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"errcode":0,"err')
        transport.close()
        return web.Response()


@asynccontextmanager
async def imitated() -> AsyncIterator[tuple[Imitation, aiohttp.ClientSession]]:
    """Run the imitation and open a client session for the channels."""
    imitation = Imitation()
    application = web.Application()
    application.router.add_post("/cgi-bin/stable_token", imitation.stable_token)
    application.router.add_route("*", "/{rest:.*}", imitation.anything)
    server = TestServer(application)
    await server.start_server(access_log=None)
    imitation.base_url = str(server.make_url("")).rstrip("/")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield imitation, http
    imitation.released.set()
    await server.close()
