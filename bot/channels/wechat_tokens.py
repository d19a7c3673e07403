"""The account's access token: who asks for it, how often, and when we stop asking."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from bot.channels.wechat_errors import (
    BAD_CONFIGURATION,
    CONFIGURATION_PAUSE,
    STALE_TOKEN,
    ApiRefused,
    ApiShut,
    NotCalled,
    OutcomeUnknown,
)
from storage.frozen import dataclass

log = logging.getLogger(__name__)

FORCE_APART: Final = timedelta(seconds=30)
"""The platform refuses forced refreshes that follow each other more closely."""
TOO_SOON: Final = 45011
DAY_QUOTA: Final = frozenset({45009})
EXPIRY_MARGIN: Final = timedelta(seconds=60)


class Refresh(Enum):
    """How a token is asked for."""

    STABLE = False
    """The present one, shared by every process."""
    FORCED = True
    """A new one; the platform allows 20 a day."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and how many seconds it lasts."""

    token: str
    expires_in: int


class Tokens:
    """The account's access token: asked for once however many wait, kept until it expires."""

    def __init__(
        self,
        fetch: Callable[[Refresh], Awaitable[Grant]],
        *,
        now: Callable[[], datetime],
        mend: frozenset[int] = BAD_CONFIGURATION,
    ) -> None:
        """Fetch tokens; after a code of `mend` a person has to mend the configuration."""
        self._fetch = fetch
        self._mend = mend
        self._now = now
        self._token = ""
        self._expires_at: datetime | None = None
        self._forced_at: datetime | None = None
        self._shut: ApiShut | None = None
        self._flight: asyncio.Task[None] | None = None

    @property
    def current(self) -> str:
        """The last token we were given, "" before the first."""
        return self._token

    async def get(self, *, stale: str = "") -> str:
        """Return a token that is not `stale`. Raises ApiShut or NotCalled."""
        while not self._is_good(stale):
            if self._flight is None or self._flight.done():
                self._flight = asyncio.create_task(self._refresh(stale))
                self._flight.add_done_callback(_look_at_outcome)
            await asyncio.shield(self._flight)
        return self._token

    def shut(self, refused: ApiRefused) -> ApiShut:
        """Stop calling the platform for a while; returns what to raise."""
        if self._shut is None:
            log.error("wechat.shut", extra={"code": refused.code})
        return self._shut_until(self._now() + CONFIGURATION_PAUSE, refused)

    def _shut_until(self, until: datetime, refused: ApiRefused) -> ApiShut:
        self._shut = ApiShut(until, refused.code, refused.words)
        return self._shut

    def _is_good(self, stale: str) -> bool:
        now = self._now()
        if self._shut is not None:
            if now < self._shut.until:
                raise ApiShut(self._shut.until, self._shut.code, self._shut.words)
            self._shut = None
        if not self._token or self._token == stale:
            return False
        return self._expires_at is not None and now < self._expires_at

    async def _refresh(self, stale: str) -> None:
        grant = await self._ask(Refresh.STABLE)
        if grant.token == stale:
            grant = await self._force(stale)
        lasts = timedelta(seconds=grant.expires_in)
        self._token, self._expires_at = (
            grant.token,
            self._now() + max(lasts - EXPIRY_MARGIN, lasts / 2),
        )

    async def _force(self, stale: str) -> Grant:
        now = self._now()
        if self._forced_at is not None and now - self._forced_at < FORCE_APART:
            too_soon = ApiRefused(TOO_SOON, "token refused soon after a forced refresh")
            raise self._shut_until(self._forced_at + FORCE_APART, too_soon)
        self._forced_at = now
        grant = await self._ask(Refresh.FORCED)
        if grant.token == stale:
            raise self.shut(ApiRefused(40001, "forced refresh returned the refused token"))
        return grant

    async def _ask(self, refresh: Refresh) -> Grant:
        try:
            return await self._fetch(refresh)
        except OutcomeUnknown as unknown:
            raise NotCalled(f"no token: {unknown.reason}") from None
        except ApiRefused as refused:
            if refused.code in STALE_TOKEN | self._mend | DAY_QUOTA:
                raise self.shut(refused) from None
            if refused.code == TOO_SOON:
                raise self._shut_until(self._now() + FORCE_APART, refused) from None
            raise NotCalled(f"no token: {refused.code} {refused.words}") from None


def _look_at_outcome(flight: asyncio.Task[None]) -> None:
    """Keep asyncio quiet about a failure when everybody who waited for it has left."""
    if not flight.cancelled():
        flight.exception()
