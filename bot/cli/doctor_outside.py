"""What only the outside can tell the doctor: its clock, its quotas and templates, our https."""

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.app import RealClock
from bot.channels.wechat_client import WechatClient
from bot.channels.wechat_errors import ApiRefused, ApiShut, NotCalled, OutcomeUnknown
from bot.config import Settings

SECONDS: Final = 4.0
SKEW: Final = timedelta(seconds=30)
MOST_SKEW: Final = timedelta(minutes=4)
"""From five minutes on platforms refuse what we sign, and we refuse what they do."""
CERTIFICATE_WARNING_DAYS: Final = 14
QUOTAS: Final = ("/cgi-bin/message/template/send", "/cgi-bin/message/custom/send")
LITTLE_LEFT: Final = 10
"""A tenth of the day's quota."""

Line = tuple[str, str]


async def outside(settings: Settings) -> list[Line]:
    """Ask each platform once, all at a time; what does not answer is a warning, not a failure."""
    clock = RealClock()
    accounts = [
        (f"channels.{name}", one)
        for name, (kind, one) in settings.channels.items()
        if kind == "wechat_official"
    ]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        answers = await asyncio.gather(
            _https(settings.web.base_url),
            *(_account(where, one, http, clock) for where, one in accounts),
        )
    return [line for lines in answers for line in lines]


async def _https(base_url: str) -> list[Line]:
    """Look at the certificate that residents' phones see."""
    parts = urlsplit(base_url)
    if parts.scheme != "https":
        return []
    host = parts.hostname or ""
    try:
        async with asyncio.timeout(SECONDS):
            _, line = await asyncio.open_connection(
                host, parts.port or 443, ssl=ssl.create_default_context()
            )
    except ssl.SSLError as trouble:
        return [("bad", f"web: {host}: phones refuse its certificate: {trouble.reason}")]
    except (OSError, TimeoutError):
        return [("warn", f"web: {host} does not answer from here; are proxy and name in place?")]
    certificate = line.get_extra_info("peercert")
    line.close()
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = (datetime.fromtimestamp(ends, tz=UTC) - datetime.now(UTC)).days
    grade = "ok" if days >= CERTIFICATE_WARNING_DAYS else "warn"
    return [(grade, f"web: the certificate of {host} holds for {days} more days")]


async def _account(
    where: str,
    config: Any,  # noqa: ANN401 - the channel's Config
    http: aiohttp.ClientSession,
    clock: RealClock,
) -> list[Line]:
    """Ask an official account for the time, its templates and what is left of the day."""
    client = WechatClient(
        app_id=config.app_id,
        app_secret=config.app_secret,
        base_url=config.base_url,
        http=http,
        now=clock.now,
    )
    lines = await _skew(where, config.base_url, http)
    try:
        listed = await client.call_group("GET", "template/get_all_private_template", {})
        lines += _templates(where, config.templates, listed)
        for path in QUOTAS:
            sent = {"data": json.dumps({"cgi_path": path}).encode()}
            lines += _quota(where, path, await client.call_group("POST", "openapi/quota/get", sent))
    except (ApiRefused, ApiShut) as refused:
        why = f"{refused.code} {refused.words}"
        lines.append(("bad", f"{where}: the platform refuses us: {why}; app_id, app_secret, IP?"))
    except (NotCalled, OutcomeUnknown) as trouble:
        lines.append(("warn", f"{where}: the platform does not answer ({trouble.reason})"))
    return lines


async def _skew(where: str, base_url: str, http: aiohttp.ClientSession) -> list[Line]:
    """Hold our clock against the platform's, as its answers name it."""
    limits = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with http.get(base_url, timeout=limits, allow_redirects=False) as answer:
            told = parsedate_to_datetime(answer.headers["Date"])
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        return []
    return [judge_skew(where, datetime.now(UTC) - told)]


def judge_skew(where: str, ahead: timedelta) -> Line:
    """Grade by how much our clock is ahead of somebody's (negative: behind)."""
    seconds = round(ahead.total_seconds())
    if abs(ahead) >= MOST_SKEW:
        return "bad", f"clock: {seconds} s ahead of {where}: signatures are refused; set up NTP"
    grade = "ok" if abs(ahead) <= SKEW else "warn"
    return grade, f"clock: {seconds} s ahead of {where}"


def _templates(where: str, configured: Mapping[str, Any], listed: Any) -> Iterator[Line]:  # noqa: ANN401
    theirs = {str(one.get("template_id", "")) for one in listed.get("template_list", [])}
    for kind, mapping in configured.items():
        if mapping.template_id not in theirs:
            yield "bad", f"{where}: templates.{kind}: the account has no {mapping.template_id}"
    if configured and all(one.template_id in theirs for one in configured.values()):
        yield "ok", f"{where}: all {len(configured)} templates are the account's own"


def _quota(where: str, path: str, answer: Any) -> Iterator[Line]:  # noqa: ANN401
    quota = answer.get("quota", {})
    limit, left = int(quota.get("daily_limit", 0)), int(quota.get("remain", 0))
    grade = "ok" if left * LITTLE_LEFT >= limit else "warn"
    yield grade, f"{where}: {left} of {limit} calls left today of {path}"
