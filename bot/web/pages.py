"""Pages: templates, styles and scripts, and the headers that every answer carries."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.parts import Company
from handlers import words
from storage import money
from storage.lazy import load
from storage.periods import SHANGHAI

HERE: Final = Path(__file__).parent
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
    "Server": "wuyebot",
}


class Pages:
    """Renders templates for one company; text from outside is always escaped."""

    def __init__(self, company: Company, base_url: str) -> None:
        """Load the static files, once; templates when the first page is asked for."""
        self._company = company
        self._static = _load_static()
        self.root = urlsplit(base_url).path.rstrip("/")

    @cached_property
    def _environment(self) -> Any:  # noqa: ANN401 - jinja2's, loaded for the first page
        jinja2 = load("jinja2")
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            yuan=money.yuan,
            capitals=money.capitals,
            month=words.period,
            day=words.day,
            moment=_moment,
            soon=words.moment,
            clock=words.clock_time,
            gateway=words.gateway,
            account=words.paid_from,
        )
        versions = {name: tag for name, (_, _, tag) in self._static.items()}
        environment.globals.update(
            company=self._company,
            root=self.root,
            static=lambda name: f"{self.root}/static/{name}?v={versions[name]}",
        )
        return environment

    def render(self, name: str, *, status: int = 200, **facts: Any) -> web.Response:  # noqa: ANN401
        """Return a page that nobody may keep a copy of."""
        text = self._environment.get_template(name).render(**facts)
        return web.Response(
            status=status,
            body=text.encode("utf-8", "replace"),
            headers={"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
        )

    def message(self, status: int, title: str, text: str) -> web.Response:
        """Return a page that only says something: what happened, and what to do next."""
        return self.render("message.html", status=status, title=title, text=text)

    async def static(self, request: web.Request) -> web.Response:
        """Answer with one of our own styles or scripts."""
        found = self._static.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body, kind, tag = found
        is_versioned = request.query_string == f"v={tag}"
        age = "public, max-age=31536000, immutable" if is_versioned else "no-cache"
        return web.Response(
            body=body, headers={"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": age}
        )


def secure(response: web.StreamResponse) -> None:
    """Give an answer the headers that it does not have yet."""
    for name, content in HEADERS.items():
        response.headers.setdefault(name, content)
    response.headers.setdefault("Cache-Control", "no-store")


def allow_form(response: web.StreamResponse, action: str) -> None:
    """Let this one page post a form to a platform's own address, and to nobody else."""
    parts = urlsplit(action)
    target = f"form-action 'self' {parts.scheme}://{parts.netloc}"
    response.headers["Content-Security-Policy"] = POLICY.replace("form-action 'self'", target)


def _load_static() -> dict[str, tuple[bytes, str, str]]:
    found = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in KINDS:
            body = path.read_bytes()
            tag = hashlib.sha256(body).hexdigest()[:12]
            found[path.name] = (body, KINDS[path.suffix], tag)
    return found


def _moment(at: Any) -> str:  # noqa: ANN401 - a template's value
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
