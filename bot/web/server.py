"""The web application: every address we answer, and the runner that it needs."""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any, Final

from aiohttp import web

from bot.web.chat import DOOR, WORK_DOOR, ChatDoor
from bot.web.front import FrontDoor
from bot.web.health import HealthDoor
from bot.web.middleware import Edge, middleware
from bot.web.pages import Pages
from bot.web.parts import Account, Company, Router, WebParts
from bot.web.routes import DOORS, NAME, ROUTES
from bot.web.visitors import Visitors
from storage.lazy import load

__all__ = ["Account", "Company", "Router", "WebParts", "build", "build_watch", "runner"]

PROOF = "{name:MP_verify_[0-9A-Za-z]{8,32}[.]txt}"


AHEAD: Final[web.AppKey[Any]] = web.AppKey("AHEAD")
"""What stands before the application where it is run, given what answers behind it."""


def build(parts: WebParts) -> web.Application:
    """Build the application over these parts; it opens and closes none of them."""
    pages = Pages(parts.company, parts.base_url)
    edge = _edge(parts, pages)
    app = _application(parts, edge)
    chat = ChatDoor(parts, parts.channels, door=DOOR)
    work = ChatDoor(parts, parts.work_channels, door=WORK_DOOR)
    app[AHEAD] = partial(edge.ahead, chat.receive)
    app.on_cleanup.extend((chat.close, work.close))
    front = FrontDoor(parts, pages)
    doors = {name: _later(*where, parts, pages) for name, where in DOORS.items()}
    add = app.router.add_route
    for door, at in ((DOOR, chat), (WORK_DOOR, work)):
        add("POST", f"{door}{{account:{NAME}}}", at.receive)
        add("GET", f"{door}{{account:{NAME}}}", at.verify)
    for method, path, door, way in ROUTES:
        add(method, path, doors[door](way))
    add("GET", "/static/{name:[a-z]{1,20}[.][a-z]{2,3}}", pages.static)
    add("GET", "/", front.front)
    add("GET", f"/{PROOF}", front.proof)
    return app


def build_watch(parts: WebParts) -> web.Application:
    """Build what a process without the street answers: who watches over it, and nobody else."""
    return _application(parts, _edge(parts, Pages(parts.company, parts.base_url)))


def _edge(parts: WebParts, pages: Pages) -> Edge:
    return Edge(pages, Visitors(parts.requests_per_minute, header=parts.address_header))


def _application(parts: WebParts, edge: Edge) -> web.Application:
    app = web.Application(middlewares=[middleware(edge)])
    health = HealthDoor(parts)
    app.router.add_route("GET", "/healthz", health.alive)
    app.router.add_route("GET", "/readyz", health.ready)
    app.router.add_route("GET", "/metrics", health.metrics)
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


class _Runner(web.AppRunner):
    """Runs an application with what is to stand before it."""

    async def setup(self) -> None:
        """Make the server; connections that come later meet what stands before."""
        await super().setup()
        ahead = self.app.get(AHEAD)
        if self.server is not None and ahead is not None:
            self.server.request_handler = ahead(self.server.request_handler)


def runner(app: web.Application) -> web.AppRunner:
    """Return the one safe way to run it.

    Bodies are never unpacked (a packed bomb would block everybody), what is left unread of a
    refused one is not waited for long, and no access log prints tokens.
    """
    options: dict[str, Any] = {"auto_decompress": False, "lingering_time": 2.0}
    options["shutdown_timeout"] = 5.0
    return _Runner(app, access_log=None, keepalive_timeout=75, **options)
