"""The web application: every address we answer, and the runner that it needs."""

from typing import Any

from aiohttp import web

from bot.web.chat import ChatDoor
from bot.web.checkout import CheckoutDoor
from bot.web.front import FrontDoor
from bot.web.health import HealthDoor
from bot.web.middleware import middleware
from bot.web.pages import Pages
from bot.web.parts import Account, Company, Router, WebParts
from bot.web.receipts import ReceiptDoor
from bot.web.webhooks import WebhookDoor

__all__ = ["Account", "Company", "Router", "WebParts", "build", "runner"]

LINK = "{token:[A-Za-z0-9_-]{16,96}}"
NAME = "[A-Za-z0-9_.-]{1,40}"
PROOF = "{name:MP_verify_[0-9A-Za-z]{8,32}[.]txt}"


def build(parts: WebParts) -> web.Application:
    """Build the application over these parts; it opens and closes none of them."""
    pages = Pages(parts.company, parts.base_url)
    app = web.Application(middlewares=[middleware(pages)])
    chat = ChatDoor(parts)
    app.on_cleanup.append(chat.close)
    checkout = CheckoutDoor(parts, pages)
    front = FrontDoor(parts, pages)
    health = HealthDoor(parts)
    add = app.router.add_route
    add("POST", f"/wechat/{{account:{NAME}}}", chat.receive)
    add("GET", f"/wechat/{{account:{NAME}}}", chat.verify)
    add("POST", f"/notify/{{gateway:{NAME}}}/{{account:{NAME}}}", WebhookDoor(parts).receive)
    add("GET", f"/pay/{LINK}", checkout.show)
    add("POST", f"/pay/{LINK}", checkout.press)
    add("GET", f"/pay/{LINK}/state", checkout.state)
    add("GET", f"/pay/{LINK}/oauth", checkout.come_back)
    add("GET", f"/receipts/{LINK}", ReceiptDoor(parts, pages).show)
    add("GET", "/static/{name:[a-z]{1,20}[.][a-z]{2,3}}", pages.static)
    add("GET", "/healthz", health.alive)
    add("GET", "/readyz", health.ready)
    add("GET", "/metrics", health.metrics)
    add("GET", "/", front.front)
    add("GET", f"/{PROOF}", front.proof)
    add("*", "/disclosure/{community}", front.not_open)
    add("*", "/console/{rest:.*}", front.not_open)
    return app


def runner(app: web.Application) -> web.AppRunner:
    """Return the one safe way to run it.

    Bodies are never unpacked (a packed bomb would block everybody), what is left unread of a
    refused one is not waited for long, and no access log prints tokens.
    """
    options: dict[str, Any] = {"auto_decompress": False, "lingering_time": 2.0}
    options["shutdown_timeout"] = 5.0
    return web.AppRunner(app, access_log=None, keepalive_timeout=75, **options)
