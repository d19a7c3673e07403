"""The way into the console (后台) and out: a link from chat, or a phone number and a password."""

import asyncio
from typing import Final

from aiohttp import web

from bot.passwords import LONGEST, proves
from bot.web.console import ConsoleDesk, typed
from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import read_form, refuse_other_sites
from bot.web.visitors import address_of, house_of
from storage.operations.console_sessions import (
    Try,
    count_try,
    note_wrong_password,
    sign_in_by_pass,
    sign_in_by_password,
    sign_out,
)
from storage.queries.console_sessions import Proof, opens, proof_of

WRONG: Final = (
    "手机号或密码不对，或者试得太多了。请过15分钟再试，或者在公众号里发“后台”，用链接进来。"
)
"""The same for a wrong name, a wrong password and a lock: nobody learns who works here."""
LINK_OVER: Final = "这个链接用过了或者过期了。请在公众号里再发一次“后台”。"
AT_ONCE: Final = 2
"""So many passwords are looked at together: each takes 19 MiB."""


class ConsoleSignInDoor(ConsoleDesk):
    """Signs in and out."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Look at few passwords at once."""
        super().__init__(parts, pages)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show how one comes in; who is in goes to Today."""
        if await self._session(request) is not None:
            return self._go("/")
        return self._sign_in_page()

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Look at a phone number and a password; each try is counted before it is looked at."""
        refuse_other_sites(request, self._parts.base_url)
        form = await read_form(request)
        name = typed(form, "phone")[:40]
        password = form.get("password", [""])[0][:LONGEST]
        one = Try(name, house_of(address_of(request, self._parts.address_header)))
        now = self._parts.clock.now()
        if not await self._parts.db.write(count_try, one, now=now):
            return self._sign_in_page(notice=WRONG, status=403)
        proof: Proof | None = await self._parts.db.read(proof_of, name)
        async with self._turns:
            is_right = await asyncio.to_thread(proves, password, proof.phc if proof else None)
        if proof is None or not is_right:
            staff_id = proof.staff_id if proof else None
            await self._parts.db.write(note_wrong_password, staff_id, now=now)
            return self._sign_in_page(notice=WRONG, status=403)
        secret = await self._parts.db.write(sign_in_by_password, one, proof.staff_id, now=now)
        return self._let_in(secret)

    async def show_link(self, request: web.Request) -> web.StreamResponse:
        """Show the button behind a link from chat: what only looks at links uses none up."""
        once = request.match_info["once"]
        now = self._parts.clock.now()
        if not await self._parts.db.read(opens, once, now=now):
            return self._sign_in_page(notice=LINK_OVER, status=404)
        return self._pages.render("console_enter.html", page_url=f"{self._home}/enter/{once}")

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Use a link up and begin a session."""
        refuse_other_sites(request, self._parts.base_url)
        now = self._parts.clock.now()
        secret = await self._parts.db.write(sign_in_by_pass, request.match_info["once"], now=now)
        if secret is None:
            return self._sign_in_page(notice=LINK_OVER, status=404)
        return self._let_in(secret)

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """End the session; its cookie opens nothing any more."""
        session = await self.visit(request)
        await self._filled(request, session)
        await self._parts.db.write(sign_out, session, now=self._parts.clock.now())
        response = self._go("/sign-in")
        response.del_cookie(self._cookie, path="/", secure=self._is_https, httponly=True)
        return response

    def _sign_in_page(self, *, notice: str = "", status: int = 200) -> web.Response:
        return self._pages.render(
            "console_sign_in.html", status=status, page_url=f"{self._home}/sign-in", notice=notice
        )

    def _let_in(self, secret: str) -> web.Response:
        response = self._go("/")
        response.set_cookie(
            self._cookie, secret, path="/", httponly=True, secure=self._is_https, samesite="Lax"
        )
        return response
