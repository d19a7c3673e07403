"""Calls one account's API over aiohttp: one token for all, one retry, no address in a log."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.channels.exchange import JSON_HEADERS, Patience, exchange, read_answer
from bot.channels.wechat_errors import (
    BAD_CONFIGURATION,
    STALE_TOKEN,
    ApiRefused,
    NotCalled,
    OutcomeUnknown,
)
from bot.channels.wechat_tokens import Grant, Refresh, Tokens
from storage import crashpoints

AS_JSON: Final = json.JSONEncoder(ensure_ascii=False).encode
_T = TypeVar("_T")


class ApiClient(ABC):
    """One account's way to an API whose calls carry a token in their query."""

    def __init__(
        self,
        *,
        base_url: str,
        http: aiohttp.ClientSession,
        now: Callable[[], datetime],
        patience: Patience | None = None,
        mend: frozenset[int] = BAD_CONFIGURATION,
    ) -> None:
        self._origin = base_url.rstrip("/")
        self._http = http
        self._now = now
        self._patience = patience or Patience()
        self._limits = self._patience.limits()
        self._urls: dict[str, tuple[str, URL]] = {}
        self.tokens = Tokens(self._fetch_token, now=now, mend=mend)

    @abstractmethod
    async def _fetch_token(self, refresh: Refresh) -> Grant:
        """Ask the platform for a token. Raises ApiRefused, NotCalled or OutcomeUnknown."""

    async def deliver(self, path: str, message: Mapping[str, object]) -> dict[str, Any]:
        """Post a message to a person, e.g. by "/cgi-bin/message/custom/send".

        Raises ApiRefused, ApiShut, NotCalled (it did not arrive) or OutcomeUnknown (it may have).
        """
        body = AS_JSON(message).encode("utf-8", "replace")

        async def once(token: str) -> dict[str, Any]:
            raw, _ = await exchange(
                self._http,
                "POST",
                self._url(path, token),
                body=aiohttp.BytesPayload(body),
                headers=JSON_HEADERS,
                timeout=self._limits,
            )
            answer = read_answer(raw)
            if "errcode" not in answer:
                raise OutcomeUnknown("answer without errcode")
            return answer

        return await self._with_token(once)

    async def look(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Read what the platform keeps. Raises as `deliver` does."""

        async def once(token: str) -> dict[str, Any]:
            url = self._url(path, token).update_query(dict(params))
            raw, _ = await exchange(self._http, "GET", url, timeout=self._limits)
            return read_answer(raw)

        return await self._with_token(once)

    async def ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Ask an address that takes no token (OAuth). Raises as `deliver` does."""
        url = URL(self._origin + path).with_query(dict(params))
        raw, _ = await exchange(self._http, "GET", url, timeout=self._limits)
        return read_answer(raw)

    async def _with_token(self, call: Callable[[str], Awaitable[_T]]) -> _T:
        """Make a call, and once more with a fresh token where the first was refused.

        A token and a call have their own limits, which together stay under the deadline; only
        what follows a refused token has to be held to it.
        """
        deadline = asyncio.get_running_loop().time() + self._patience.delivery
        token = await self.tokens.get()
        try:
            return await call(token)
        except ApiRefused as refused:
            if refused.code not in STALE_TOKEN:
                raise
        try:
            async with asyncio.timeout_at(deadline):
                return await self._again(call, token)
        except TimeoutError:
            raise OutcomeUnknown("deadline") from None

    async def _again(self, call: Callable[[str], Awaitable[_T]], stale: str) -> _T:
        fresh = await self.tokens.get(stale=stale)
        try:
            return await call(fresh)
        except ApiRefused as refused:
            if refused.code in STALE_TOKEN:
                self._give_up(fresh, refused)
            raise

    def _give_up(self, token: str, refused: ApiRefused) -> NoReturn:
        if token != self.tokens.current:
            raise NotCalled("the token changed meanwhile") from None
        raise self.tokens.shut(refused) from None

    def _url(self, path: str, token: str) -> URL:
        known = self._urls.get(path)
        if known is None or known[0] != token:
            address = f"{self._origin}{path}?access_token={quote(token, safe='')}"
            known = (token, URL(address, encoded=True))
            self._urls[path] = known
        return known[1]


def granted(answer: Mapping[str, Any]) -> Grant:
    """Read the token out of an answer. Raises OutcomeUnknown where there is none."""
    crashpoints.reach("token.before_keep")
    try:
        return Grant(str(answer["access_token"]), int(answer["expires_in"]))
    except (KeyError, ValueError, TypeError):
        raise OutcomeUnknown("answer without a token") from None
