"""A sandbox on the real time that other authors' clients drive; it keeps what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.test_utils import unused_port

from bot.sandbox.app import build
from bot.sandbox.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class Sent:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Sandbox:
    """The platforms, what was asked of them, and what they told the merchant."""

    world: World
    http: aiohttp.ClientSession
    """A session whose every request is kept in `asked`."""
    asked: list[Sent] = field(default_factory=list)
    told: asyncio.Queue[Sent] = field(default_factory=asyncio.Queue)

    async def notice(self) -> Sent:
        """Return the next notice that the merchant was sent."""
        return await asyncio.wait_for(self.told.get(), 10)

    async def plant(self, platform: str, **fault: Any) -> None:
        """Have the platform's next answer or notice go wrong."""
        url = f"{self.world.control_url}/{platform}/faults"
        async with self.http.post(url, json=fault) as answer:
            assert answer.status == 200, await answer.text()

    @staticmethod
    async def of(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a client that waits for its answer, in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)


def _keeping(asked: list[Sent]) -> aiohttp.TraceConfig:
    """Keep what goes out of a session: head and body, as they were sent."""

    async def head(_: Any, __: Any, sent: aiohttp.TraceRequestHeadersSentParams) -> None:
        asked.append(Sent(sent.method, sent.url.raw_path_qs, dict(sent.headers), b""))

    async def body(_: Any, __: Any, sent: aiohttp.TraceRequestChunkSentParams) -> None:
        asked[-1] = replace(asked[-1], body=asked[-1].body + sent.chunk)

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(head)
    trace.on_request_chunk_sent.append(body)
    return trace


@asynccontextmanager
async def sandbox(folder: Path, *, answer: str = "") -> AsyncIterator[Sandbox]:
    """Open the sandbox, whose notices are answered with these words."""
    port = unused_port()
    world = World.open(folder, base_url=f"http://127.0.0.1:{port}")
    asked: list[Sent] = []
    async with aiohttp.ClientSession(trace_configs=[_keeping(asked)]) as http:
        stage = Sandbox(world, http, asked)

        async def heard(asked: web.Request) -> web.Response:
            body = await asked.read()
            stage.told.put_nowait(Sent("POST", asked.raw_path, dict(asked.headers), body))
            return web.Response(text=answer)

        app = build(world)
        app.router.add_post("/notify", heard)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield stage
        await runner.cleanup()
