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
from bot.web.visitors import Visitors
from storage.lazy import load

__all__ = ["Account", "Company", "Router", "WebParts", "build", "runner"]

LINK = "{token:[A-Za-z0-9_-]{16,96}}"
NAME = "[A-Za-z0-9_.-]{1,40}"
COMMUNITY = "{community:[0-9]{1,18}}"
PROOF = "{name:MP_verify_[0-9A-Za-z]{8,32}[.]txt}"


def build(parts: WebParts) -> web.Application:
    """Build the application over these parts; it opens and closes none of them."""
    pages = Pages(parts.company, parts.base_url)
    visitors = Visitors(parts.requests_per_minute, header=parts.address_header)
    app = web.Application(middlewares=[middleware(pages, visitors)])
    chat = ChatDoor(parts)
    app.on_cleanup.append(chat.close)
    checkout = _later("bot.web.checkout", "CheckoutDoor", parts, pages)
    prepay = _later("bot.web.prepay", "PrepayDoor", parts, pages)
    receipts = _later("bot.web.receipts", "ReceiptDoor", parts, pages)
    statements = _later("bot.web.statements", "StatementDoor", parts, pages)
    disclosure = _later("bot.web.disclosure", "DisclosureDoor", parts, pages)
    clearances = _later("bot.web.clearances", "ClearanceDoor", parts, pages)
    webhooks = _later("bot.web.webhooks", "WebhookDoor", parts)
    front = FrontDoor(parts, pages)
    health = HealthDoor(parts)
    add = app.router.add_route
    add("POST", f"/wechat/{{account:{NAME}}}", chat.receive)
    add("GET", f"/wechat/{{account:{NAME}}}", chat.verify)
    add("POST", f"/notify/{{gateway:{NAME}}}/{{account:{NAME}}}", webhooks("receive"))
    add("GET", f"/pay/{LINK}", checkout("show"))
    add("POST", f"/pay/{LINK}", checkout("press"))
    add("GET", f"/pay/{LINK}/state", checkout("state"))
    add("GET", f"/pay/{LINK}/oauth", checkout("come_back"))
    add("GET", f"/pay/{LINK}/prepay", prepay("show"))
    add("POST", f"/pay/{LINK}/prepay", prepay("press"))
    add("GET", f"/pay/{LINK}/prepay/oauth", prepay("come_back"))
    add("GET", f"/receipts/{LINK}", receipts("show"))
    add("GET", f"/clearances/{LINK}", clearances("show"))
    add("GET", f"/statements/{LINK}", statements("show"))
    add("GET", f"/statements/{LINK}/statement.xlsx", statements("sheet"))
    add("GET", f"/disclosure/{COMMUNITY}", disclosure("show"))
    add("GET", f"/disclosure/{COMMUNITY}/shared/{{cost:[0-9]{{1,18}}}}", disclosure("shared"))
    add("GET", "/static/{name:[a-z]{1,20}[.][a-z]{2,3}}", pages.static)
    add("GET", "/healthz", health.alive)
    add("GET", "/readyz", health.ready)
    add("GET", "/metrics", health.metrics)
    add("GET", "/", front.front)
    add("GET", f"/{PROOF}", front.proof)
    add("*", "/console/{rest:.*}", front.not_open)
    return app


Way = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _later(module: str, door: str, *parts: WebParts | Pages) -> Callable[[str], Way]:
    """Return the ways through a door that is built when somebody first comes to it."""

    @cache
    def built() -> Any:  # noqa: ANN401 - a door
        return getattr(load(module), door)(*parts)

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
