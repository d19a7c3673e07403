"""The phone in the browser: its page, its drawings, and what it reads of the world."""

from pathlib import Path

from aiohttp import web

from bot.sandbox.cashier import Cashier
from bot.sandbox.control import is_local
from bot.sandbox.pay_book import MERCHANT_NAME
from bot.sandbox.phone_people import PhoneDirectory, conversation, last_messages, open_codes
from bot.sandbox.webview import Webview
from bot.sandbox.world import World

PREFIX = "/_sandbox/phone"
STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
ACCOUNT_NAME = MERCHANT_NAME.removesuffix("服务有限公司")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Phone:
    """The page and what only the page asks."""

    def __init__(self, world: World) -> None:
        """Show one world."""
        self._world = world
        self._directory = PhoneDirectory(world)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses of the phone and of its static files."""
        return [
            web.get(PREFIX, self.page),
            web.get(PREFIX + "/start", self.start),
            web.post(PREFIX + "/people", self.take_people),
            web.get(PREFIX + "/codes", self.codes),
            web.get(PREFIX + "/conversation/{openid}", self.conversation),
            web.get("/_sandbox/static/{name}", self.static),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """Show the phone."""
        return _file("phone.html")

    async def start(self, request: web.Request) -> web.Response:
        """Tell the account's name, the people, the groups, and the last message of every chat."""
        return web.json_response(
            {
                "account": ACCOUNT_NAME,
                "people": self._directory.people(),
                "groups": self._world.robots.seen_groups(),
                "last": last_messages(self._world),
            }
        )

    async def take_people(self, request: web.Request) -> web.Response:
        """Take `{residents, staff}` as in demo.json, so that faces have names; loopback only."""
        if not is_local(request.remote):
            raise web.HTTPForbidden(text="loopback only")
        try:
            known = self._directory.take(await request.json())
        except (AttributeError, TypeError, ValueError) as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from wrong
        self._directory.keep()
        self._world.live.publish("people")
        return web.json_response({"known": known})

    async def codes(self, request: web.Request) -> web.Response:
        """Tell the QR codes that wait for a payer, the newest first."""
        return web.json_response(open_codes(self._world))

    async def conversation(self, request: web.Request) -> web.Response:
        """Return both sides of a person's chat after a number, oldest first."""
        after = request.query.get("after", "0")
        openid = request.match_info["openid"]
        found = conversation(self._world, openid, int(after)) if after.isdecimal() else None
        if found is None:
            raise web.HTTPNotFound(text="nobody of that openid")
        return web.json_response(found)

    async def static(self, request: web.Request) -> web.Response:
        """Serve one drawing, style or script."""
        return _file(request.match_info["name"])


def _file(name: str) -> web.Response:
    if name not in {path.name for path in STATIC.iterdir()}:
        raise web.HTTPNotFound
    path = STATIC / name
    kind = KINDS.get(path.suffix)
    if kind is None:
        raise web.HTTPNotFound
    text = path.read_text(encoding="utf-8")
    return web.Response(text=text, content_type=kind, charset="utf-8", headers=HEADERS)


def routes(world: World) -> list[web.RouteDef]:
    """Return every address of the phone: page, statics, chat app's browser, cashier."""
    return [
        *Phone(world).routes(),
        *Webview(world).routes(),
        *Cashier(world.pay).routes(),
    ]
