"""One HTTP call to a chat platform, and whether it arrived: no address ever reaches a log."""

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.channels.wechat_errors import ApiRefused, NotCalled, OutcomeUnknown
from storage.frozen import dataclass

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}

_READ: Final = json.JSONDecoder(strict=False).decode


def open_http() -> aiohttp.ClientSession:
    """Open the connection pool that channels share: no cookies, no limit but the outbox's own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait, in seconds: for a connection, for one answer, for a whole delivery."""

    connect: float = 3.0
    answer: float = 4.5
    delivery: float = 10.0

    def limits(self) -> aiohttp.ClientTimeout:
        """Return the same in aiohttp's words."""
        return aiohttp.ClientTimeout(total=self.answer, sock_connect=self.connect)


async def exchange(
    http: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, for connecting and reading
    body: bytes | aiohttp.Payload | aiohttp.FormData | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[bytes, str]:
    """Make one call; return the body and its content type.

    Raises NotCalled or OutcomeUnknown, whose reasons never contain the address: it has secrets.
    """
    try:
        answer = await http.request(
            method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        )
        raw = await answer.read()  # which also gives the connection back, or closes it
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotCalled(type(error).__name__) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OutcomeUnknown(type(error).__name__) from None
    if answer.status >= 500:
        raise OutcomeUnknown(f"HTTP {answer.status}")
    if answer.status != 200:
        raise NotCalled(f"HTTP {answer.status}")
    return raw, answer.content_type


def read_answer(raw: bytes) -> dict[str, Any]:
    """Read an answer's JSON. Raises ApiRefused on an error code, OutcomeUnknown on no JSON."""
    try:
        answer: dict[str, Any] = _READ(raw.decode("utf-8", "replace"))
        code = int(answer.get("errcode", 0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise OutcomeUnknown("answer is not JSON") from None
    if code:
        raise ApiRefused(code, str(answer.get("errmsg", "")))
    return answer
