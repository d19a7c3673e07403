"""The chat app's browser: pages of the bot, seen by one person with WeChat's user agent."""

import html
import re
import urllib.parse
from collections.abc import Mapping

import aiohttp
from aiohttp import web
from yarl import URL

from bot.sandbox.cashier import words_page
from bot.sandbox.world import World

PREFIX = "/_sandbox/webview"
WECHAT_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Sandbox Phone) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50.2701 "
    "NetType/WIFI Language/zh_CN"
)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
AUTHORIZE = "/connect/oauth2/authorize"
SANDBOX_AUTHORIZE = "/_sandbox/wechat" + AUTHORIZE
PASSED_ON = ("Accept", "Accept-Language", "Content-Type", "If-None-Match", "X-Requested-With")
NOT_RETURNED = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-security-policy",
        "content-type",
        "keep-alive",
        "location",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
        "x-frame-options",
    }
)
BODY_LIMIT = 2 * 1024 * 1024
SECONDS = aiohttp.ClientTimeout(total=30)
ADDRESS = re.compile(
    r"""(\s(?:href|src|action|formaction|poster)\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE
)
REFRESH = re.compile(
    r"""(<meta[^>]+content\s*=\s*["'][^"'>]*?url\s*=\s*)([^"'>]+)""", re.IGNORECASE
)
STYLE_ADDRESS = re.compile(r"(url\(\s*[\"']?)(/(?!/)[^\"')]*)", re.IGNORECASE)
HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
NONCE = re.compile(r"'nonce-([^']+)'")
NOT_HERE = "手机里只打开本机的页面"
NOBODY = "请先在左边选一个人"


class Webview:
    """One cookie jar for each person, one door to the bot's pages."""

    def __init__(self, world: World) -> None:
        """Browse for the people of one world."""
        self._world = world
        self._jars: dict[str, aiohttp.CookieJar] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/webview."""
        return [
            web.get(PREFIX, self.open),
            web.route("*", PREFIX + "/{openid}/{port:[0-9]+}{path:/.*}", self.proxy),
        ]

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open `?openid=&url=` as that person: 302 to the proxied address."""
        openid, raw = request.query.get("openid", ""), request.query.get("url", "")
        if self._world.account.person(openid) is None:
            return words_page(NOBODY)
        inside = self._inside(openid, _join(self._world.base_url + "/", raw))
        if inside is None:
            return words_page(NOT_HERE, raw)
        raise web.HTTPFound(URL(inside, encoded=True))

    async def proxy(self, request: web.Request) -> web.StreamResponse:
        """Fetch a page as the person, with WeChat's user agent, and hand it on."""
        openid, port = request.match_info["openid"], request.match_info["port"]
        if self._world.account.person(openid) is None:
            return words_page(NOBODY)
        if port not in self._ports():
            return words_page(NOT_HERE)
        target = self._target(request, openid, port)
        jar = self._jars.setdefault(openid, aiohttp.CookieJar(unsafe=True))
        body = await _body(request)
        try:
            async with (
                aiohttp.ClientSession(cookie_jar=jar, timeout=SECONDS) as session,
                session.request(
                    request.method,
                    target,
                    headers=self._headers(request, openid, target),
                    data=body or None,
                    allow_redirects=False,
                ) as got,
            ):
                return await self._returned(openid, target, got)
        except (aiohttp.ClientError, TimeoutError):
            return words_page("网页打不开，请检查网络后再试", str(target.with_query(None)))

    def _ports(self) -> set[str]:
        """Return the loopback ports behind which the bot and the sandbox answer."""
        known = [self._world.base_url, self._world.account.callback_url or ""]
        urls = [urllib.parse.urlsplit(url) for url in known]
        return {str(url.port or 80) for url in urls if url.hostname in LOOPBACK}

    def _inside(self, openid: str, url: str) -> str | None:
        """Return the proxied address of a page, or None where it is not of this machine."""
        parts = urllib.parse.urlsplit(url)
        if parts.path == AUTHORIZE and (parts.hostname or "").endswith("open.weixin.qq.com"):
            base = urllib.parse.urlsplit(self._world.base_url)
            parts = parts._replace(
                scheme="http", netloc=base.netloc, path=SANDBOX_AUTHORIZE, fragment=""
            )
        if parts.scheme != "http" or parts.hostname not in LOOPBACK:
            return None
        try:
            port = str(parts.port or 80)
        except ValueError:
            return None
        if port not in self._ports():
            return None
        rest = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
        return f"{PREFIX}/{urllib.parse.quote(openid, safe='')}/{port}{rest}"

    def _target(self, request: web.Request, openid: str, port: str) -> URL:
        """Return the real address, byte for byte as the page wrote it."""
        base = urllib.parse.urlsplit(self._world.base_url)
        callback = urllib.parse.urlsplit(self._world.account.callback_url or "")
        host = callback.hostname if str(callback.port or 80) == port else base.hostname
        raw = request.raw_path.split(f"/{port}/", 1)[1]
        shown = f"[{host}]" if host and ":" in host else host
        return URL(f"http://{shown}:{port}/{raw}", encoded=True)

    def _headers(self, request: web.Request, openid: str, target: URL) -> dict[str, str]:
        """Return what WeChat's browser would send."""
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers["User-Agent"] = WECHAT_AGENT
        if "Origin" in request.headers:
            is_hidden = request.headers["Origin"] == "null"
            headers["Origin"] = "null" if is_hidden else str(target.origin())
        came = _real(request.headers.get("Referer", ""), openid)
        if came:
            headers["Referer"] = came
        if target.raw_path == SANDBOX_AUTHORIZE:
            headers["X-Sandbox-Openid"] = openid
        return headers

    async def _returned(
        self, openid: str, target: URL, got: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers = {k: v for k, v in got.headers.items() if k.lower() not in NOT_RETURNED}
        headers["X-Frame-Options"] = "SAMEORIGIN"
        policy = got.headers.get("Content-Security-Policy", "")
        headers["Content-Security-Policy"] = _policy(policy)
        if "Location" in got.headers:
            to = _join(str(target), got.headers["Location"])
            inside = self._inside(openid, to)
            if inside is None:
                return words_page(NOT_HERE, to)
            headers["Location"] = inside
        raw = await got.read()
        kind = got.headers.get("Content-Type", "application/octet-stream")
        if got.content_type == "text/html":
            text = raw.decode(got.charset or "utf-8", "replace")
            raw = self._page(openid, str(target), text, policy).encode()
            kind = "text/html; charset=utf-8"
        elif got.content_type == "text/css":
            raw = self._style(openid, str(target), raw.decode("utf-8", "replace")).encode()
        return web.Response(body=raw, status=got.status, headers=headers | {"Content-Type": kind})

    def _page(self, openid: str, url: str, text: str, policy: str) -> str:
        """Return a page with its addresses inside the proxy and the bridge in its head."""

        def address(found: re.Match[str]) -> str:
            raw = found.group(2) if found.group(2) is not None else found.group(3)
            inside = self._rewritten(openid, url, html.unescape(raw))
            return f'{found.group(1)}"{html.escape(inside)}"'

        def refresh(found: re.Match[str]) -> str:
            return found.group(1) + html.escape(
                self._rewritten(openid, url, html.unescape(found.group(2)))
            )

        text = REFRESH.sub(refresh, ADDRESS.sub(address, text))
        nonce = NONCE.search(policy)
        script = _bridge(openid, self._ports(), nonce.group(1) if nonce else "")
        if HEAD.search(text):
            return HEAD.sub(lambda found: found.group(0) + script, text, count=1)
        return script + text

    def _style(self, openid: str, url: str, text: str) -> str:
        return STYLE_ADDRESS.sub(
            lambda found: found.group(1) + self._rewritten(openid, url, found.group(2)), text
        )

    def _rewritten(self, openid: str, url: str, raw: str) -> str:
        """Return a rooted or whole address inside the proxy; others are left as they are."""
        if not raw.startswith(("/", "http://")):
            return raw
        return self._inside(openid, _join(url, raw)) or raw


def _join(base: str, raw: str) -> str:
    try:
        return urllib.parse.urljoin(base, raw)
    except ValueError:
        return ""


async def _body(request: web.Request) -> bytes:
    """Read a form as the page sent it, at most 2 MiB."""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(max_size=BODY_LIMIT, actual_size=size)
        parts.append(part)
    return b"".join(parts)


def _real(address: str, openid: str) -> str:
    """Return the address that stands behind a proxied one, or nothing."""
    parts = urllib.parse.urlsplit(address)
    start = f"{PREFIX}/{urllib.parse.quote(openid, safe='')}/"
    if not parts.path.startswith(start):
        return ""
    port, _, rest = parts.path.removeprefix(start).partition("/")
    path = urllib.parse.urlunsplit(("", "", "/" + rest, parts.query, ""))
    return f"http://{parts.hostname}:{port}{path}"


def _bridge(openid: str, ports: set[str], nonce: str) -> str:
    known: Mapping[str, str] = {
        "src": "/_sandbox/static/bridge.js",
        "data-openid": openid,
        "data-prefix": f"{PREFIX}/{urllib.parse.quote(openid, safe='')}",
        "data-ports": ",".join(sorted(ports)),
        "nonce": nonce,
    }
    traits = " ".join(f'{name}="{html.escape(text)}"' for name, text in known.items() if text)
    return f"<script {traits}></script>"


def _policy(given: str) -> str:
    """Return a page's content policy, with the phone allowed to frame it and lend its bridge."""
    kept: dict[str, list[str]] = {}
    for directive in given.split(";"):
        words = directive.split()
        if words and words[0].lower() not in kept:
            kept[words[0].lower()] = words[1:]
    kept["frame-ancestors"] = ["'self'"]
    for name in ("script-src", "connect-src", "frame-src"):
        sources = kept.get(name, kept.get("default-src"))
        if sources is not None and "'self'" not in sources:
            kept[name] = [source for source in sources if source != "'none'"] + ["'self'"]
    return "; ".join(" ".join([name, *sources]) for name, sources in kept.items())
