"""Who it is that pays inside WeChat: asked once by OAuth, then kept in a signed cookie."""

import hashlib
import logging
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.parts import Account, WebParts
from bot.web.reading import query_text
from bot.web.seals import Seals, lasting
from storage.errors import ChannelUnavailable
from storage.queries.orders import Payer

log = logging.getLogger(__name__)

COOKIE: Final = "payer"
STATE_MINUTES: Final = 10
COOKIE_MINUTES: Final = 120


class Payers:
    """Openids of visitors, each bound to the one link that she opened."""

    def __init__(self, parts: WebParts) -> None:
        """Sign with the links' secret."""
        self._parts = parts
        self._seals = Seals(parts.secret)
        base = urlsplit(parts.base_url)
        self._is_https = base.scheme == "https"
        self._root = base.path.rstrip("/")

    def known(self, request: web.Request, token: str) -> str:
        """Return the visitor's openid as her cookie proves it, "" where there is none."""
        sealed = request.cookies.get(COOKIE, "")
        text = self._seals.open("payer", sealed[:400], now=self._parts.clock.now())
        bound, _, openid = (text or "").partition("|")
        return openid if bound == _bound(token) else ""

    async def ask(self, payer: Payer, token: str, *, page: str = "/oauth") -> str:
        """Return the address where WeChat tells us who she is, "" where no account can ask.

        `page` is where below the link's own address she comes back to.
        """
        account = self._account(payer)
        if account is None:
            return ""
        until = lasting(self._parts.clock.now(), minutes=STATE_MINUTES)
        state = self._seals.seal("oauth", _bound(token), until=until)
        back = f"{self._parts.base_url.rstrip('/')}/pay/{token}{page}"
        return await account.authorize_url(back, state)

    async def learn(self, request: web.Request, payer: Payer, token: str) -> str:
        """Return the cookie for a visitor who comes back from WeChat, "" where it told nothing.

        A state that is not ours, is over or is of another link teaches us nothing.
        """
        account = self._account(payer)
        state = self._seals.open("oauth", query_text(request, "state"), now=self._parts.clock.now())
        if account is None or state != _bound(token):
            return ""
        try:
            openid = await account.openid_from_code(query_text(request, "code"))
        except ChannelUnavailable as trouble:
            log.warning("checkout.oauth_failed", extra={"reason": trouble.reason})
            return ""
        if not openid:
            return ""
        until = lasting(self._parts.clock.now(), minutes=COOKIE_MINUTES)
        return self._seals.seal("payer", f"{_bound(token)}|{openid}", until=until)

    def remember(self, response: web.Response, token: str, sealed: str) -> None:
        """Leave the cookie with the visitor, for this link only."""
        response.set_cookie(
            COOKIE,
            sealed,
            path=f"{self._root}/pay/{token}",
            max_age=COOKIE_MINUTES * 60,
            httponly=True,
            secure=self._is_https,
            samesite="Lax",
        )

    def _account(self, payer: Payer) -> Account | None:
        """Return the payer's own account, else the first: the gateways' app id is its."""
        channels = self._parts.channels
        return channels.get(payer.account) or next(iter(channels.values()), None)


def _bound(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:32]
