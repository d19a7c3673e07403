"""What all pages of the console (后台) share: who is signed in, her forms, and the frame."""

from typing import Any, Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import UnfitRequest, read_form, refuse_other_sites
from bot.web.seals import Seals
from storage.kinds import StaffRole
from storage.operations.console_sessions import note_seen
from storage.queries.console_sessions import Session, session_of

ROLES: Final = {
    StaffRole.MANAGER: "经理",
    StaffRole.CASHIER: "收银",
    StaffRole.STEWARD: "管家",
}
EVERYBODY: Final = (
    ("", "今日"),
    ("units", "房屋与住户"),
    ("tickets", "工单"),
    ("bills", "账务"),
    ("broadcasts", "群发"),
)
AT_THE_COUNTER: Final = (
    ("money", "收款"),
    ("figures", "报表"),
)
"""Rooms of those who look after the money."""
OF_THE_MANAGER: Final = (("texts", "设置"),)
"""Rooms of those who decide for a community; each leads to the others."""
COUNTERS: Final = (StaffRole.CASHIER, StaffRole.MANAGER)

Form = dict[str, list[str]]


class ConsoleDesk:
    """A door of the console; each of its pages asks first who comes."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages
        self._seals = Seals(parts.secret)
        self._home = f"{pages.root}/console"
        self._is_https = parts.base_url.startswith("https:")
        self._cookie = "__Host-console" if self._is_https else "console"

    async def _session(self, request: web.Request) -> Session | None:
        """Return who is signed in, without counting it as a visit."""
        secret = request.cookies.get(self._cookie, "")
        if not secret or len(secret) > 100:
            return None
        found: Session | None = await self._parts.db.read(
            session_of, secret, now=self._parts.clock.now()
        )
        return found

    async def visit(self, request: web.Request, *roles: StaffRole) -> Session:
        """Return who is signed in; all others are sent to the sign-in page.

        A page of roles that are not hers is none: HTTPNotFound.
        """
        session = await self._session(request)
        if session is None:
            raise web.HTTPSeeOther(f"{self._home}/sign-in")
        if roles and session.staff.role not in roles:
            raise web.HTTPNotFound
        await self._parts.db.write(note_seen, session, now=self._parts.clock.now())
        return session

    async def _filled(self, request: web.Request, session: Session) -> Form:
        """Return a form that this session was given by us. Raises UnfitRequest."""
        refuse_other_sites(request, self._parts.base_url)
        form = await read_form(request)
        self._refuse_anothers(form, session)
        return form

    def _refuse_anothers(self, form: Form, session: Session) -> None:
        """Take only a form that this session was given by us. Raises UnfitRequest."""
        sealed = form.get("press", [""])[0][:400]
        whose = self._seals.open("console", sealed, now=self._parts.clock.now())
        if whose != str(session.session_id):
            raise UnfitRequest(403, "not her form")

    def _page(
        self,
        session: Session,
        template: str,
        *,
        room: str,
        status: int = 200,
        **facts: Any,  # noqa: ANN401 - a template's values
    ) -> web.Response:
        """Render a page in the frame: her rooms, her name, the way out."""
        member = session.staff
        mine = EVERYBODY + (AT_THE_COUNTER if member.role in COUNTERS else ())
        mine += OF_THE_MANAGER if member.role is StaffRole.MANAGER else ()
        press = self._seals.seal("console", str(session.session_id), until=session.ends_at)
        return self._pages.render(
            template,
            status=status,
            home=self._home,
            rooms=[(f"{self._home}/{name}", label, name == room) for name, label in mine],
            member=member,
            role=ROLES[member.role],
            is_counting=member.role in COUNTERS,
            press=press,
            **facts,
        )

    def _go(self, where: str) -> web.Response:
        return web.Response(status=303, headers={"Location": f"{self._home}{where}"})


def typed(form: Form, name: str) -> str:
    """Return a field that may be there once, "" where it is not."""
    return form.get(name, [""])[0].strip()


def whole(text: str) -> int | None:
    """Return a number of an address, None where it is none."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 18
    return int(text) if is_number else None
