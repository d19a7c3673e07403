"""The web application: every address we answer, and the runner that it needs."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from aiohttp import web

from bot.web.chat import ChatDoor
from bot.web.front import FrontDoor
from bot.web.health import HealthDoor
from bot.web.middleware import middleware
from bot.web.pages import Pages
from bot.web.parts import Account, Company, Router, WebParts
from bot.web.routes import DOORS, NAME, ROUTES
from bot.web.visitors import Visitors
from storage.lazy import load

__all__ = ["Account", "Company", "Router", "WebParts", "build", "runner"]

PROOF = "{name:MP_verify_[0-9A-Za-z]{8,32}[.]txt}"


def build(parts: WebParts) -> web.Application:
    """Build the application over these parts; it opens and closes none of them."""
    pages = Pages(parts.company, parts.base_url)
    visitors = Visitors(parts.requests_per_minute, header=parts.address_header)
    app = web.Application(middlewares=[middleware(pages, visitors)])
    chat = ChatDoor(parts, parts.channels)
    work = ChatDoor(parts, parts.work_channels)
    app.on_cleanup.extend((chat.close, work.close))
    front = FrontDoor(parts, pages)
    health = HealthDoor(parts)
    doors = {name: _later(*where, parts, pages) for name, where in DOORS.items()}
    add = app.router.add_route
    add("POST", f"/wechat/{{account:{NAME}}}", chat.receive)
    add("GET", f"/wechat/{{account:{NAME}}}", chat.verify)
    add("POST", f"/wecom/{{account:{NAME}}}", work.receive)
    add("GET", f"/wecom/{{account:{NAME}}}", work.verify)
    for method, path, door, way in ROUTES:
        add(method, path, doors[door](way))
    add("GET", "/static/{name:[a-z]{1,20}[.][a-z]{2,3}}", pages.static)
    add("GET", "/healthz", health.alive)
    add("GET", "/readyz", health.ready)
    add("GET", "/metrics", health.metrics)
    add("GET", "/", front.front)
    add("GET", f"/{PROOF}", front.proof)
    return app


Way = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _later(module: str, door: str, parts: WebParts, pages: Pages) -> Callable[[str], Way]:
    """Return the ways through a door that is built when somebody first comes to it."""

    @cache
    def built() -> Any:  # noqa: ANN401 - a door
        return getattr(load(module), door)(parts, pages)

    def through(way: str) -> Way:
        async def answer(request: web.Request) -> web.StreamResponse:
            response: web.StreamResponse = await getattr(built(), way)(request)
            return response

        return answer

    return through


def runner(app: web.Application) -> web.AppRunner:
    """Return the one safe way to run it.

    Bodies are never unpacked (a packed bomb would block everybody), what is left unread of a
    refused one is not waited for long, and no access log prints tokens.
    """
    options: dict[str, Any] = {"auto_decompress": False, "lingering_time": 2.0}
    options["shutdown_timeout"] = 5.0
    return web.AppRunner(app, access_log=None, keepalive_timeout=75, **options)
