"""Answering a request as a platform does, with the troubles that were ordered for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.sandbox.faults import ANSWER, GENERIC_KINDS, Fault
from bot.sandbox.ground import Ground, shortened

BODY_LIMIT = 21 * 1024 * 1024
HANG_SECONDS = 30.0
DELAY_SECONDS = 2.0

Work = Callable[[bytes], Awaitable[web.Response]]


async def read_body(request: web.Request) -> bytes:
    """Read the whole body, up to 21 MiB, whatever limit the application has."""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(max_size=BODY_LIMIT, actual_size=size)
        parts.append(part)
    return b"".join(parts)


async def answer(
    ground: Ground, platform: str, request: web.Request, work: Work, facts: Mapping[str, str]
) -> web.Response:
    """Do the work and answer, unless a generic trouble was ordered; note the call."""
    body = await read_body(request)
    shown = {"path": request.raw_path.split("?", 1)[0], "body": shortened(body), **facts}
    fault = ground.faults.take(platform, ANSWER, shown, *GENERIC_KINDS)
    response = await _troubled(request, body, work, fault)
    ground.calls.note(
        platform,
        request.method,
        shown["path"],
        query=dict(request.query),
        body=shown["body"],
        code=response.status,
        answer=shortened(response.body) if isinstance(response.body, bytes) else "",
        fault=fault.kind if fault else None,
    )
    if fault is not None and fault.kind == "timeout_after":
        await _hang(request, fault.seconds(HANG_SECONDS))
    return response


async def _troubled(
    request: web.Request, body: bytes, work: Work, fault: Fault | None
) -> web.Response:
    if fault is None or fault.kind == "timeout_after":
        return await work(body)
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds(DELAY_SECONDS))
        return await work(body)
    if fault.kind == "drop":
        _cut(request)
        return web.Response(status=503)
    return web.Response(status=int(fault.settings.get("code", 502)), text="Bad Gateway")


async def _hang(request: web.Request, seconds: float) -> None:
    """Keep the caller waiting until he leaves or the time is over, then cut the line."""
    steps = max(1, round(seconds / 0.05))
    for _ in range(steps):
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(0.05)
    _cut(request)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
