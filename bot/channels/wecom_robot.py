"""The WeCom group robot (企业微信群机器人): tells staff groups, twenty messages a minute."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import aiohttp
from yarl import URL

from bot.channels.exchange import JSON_HEADERS, Patience, exchange, read_answer
from bot.channels.throttle import MINUTE, Throttle
from bot.channels.wechat_errors import ApiRefused, NotCalled, OutcomeUnknown
from storage.ports.chat import Attempt, OutgoingMessage, Reach, Route, Verdict

MAX_TEXT_BYTES: Final = 2048
PER_MINUTE: Final = 20
MAX_UNFINISHED: Final = 1000

MEANINGS: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        -1: Verdict.UNKNOWN,
        45009: Verdict.LATER,
        # The robot was taken out of its group, or its address is mistyped.
        93000: Verdict.GONE,
        40008: Verdict.BAD_CONTENT,
        40058: Verdict.BAD_CONTENT,
        44004: Verdict.BAD_CONTENT,
        47001: Verdict.BAD_CONTENT,
        301019: Verdict.BAD_CONTENT,
    }
)
"""Error code → what is done next; what is not here is not tried again."""


@dataclass(frozen=True)
class Config:
    """The robots of one company. Raises ValueError, naming the key, where one is empty."""

    name: str
    groups: Mapping[str, str] = field(repr=False)
    """Group name → webhook address, a secret."""

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        if not self.name:
            raise ValueError("name is empty")
        for group, address in self.groups.items():
            if not group or not address.startswith(("https://", "http://")):
                raise ValueError(f"groups.{group} is no webhook address")


def _pieces(line: str, limit_bytes: int) -> Iterator[str]:
    """Cut one line into pieces of at most `limit_bytes`, on characters' borders."""
    raw = line.encode()
    while len(raw) > limit_bytes:
        piece = raw[:limit_bytes].decode(errors="ignore")
        yield piece
        raw = raw[len(piece.encode()) :]
    yield raw.decode()


def split_text(text: str, limit_bytes: int = MAX_TEXT_BYTES) -> list[str]:
    """Split a text into messages of at most `limit_bytes` in UTF-8, between lines where it can."""
    clean = text.encode("utf-8", "ignore").decode().strip()
    parts: list[str] = []
    for line in clean.split("\n"):
        for piece in _pieces(line, limit_bytes):
            joined = f"{parts[-1]}\n{piece}" if parts else piece
            if parts and len(joined.encode()) <= limit_bytes:
                parts[-1] = joined
            else:
                parts.append(piece)
    return [part for part in parts if part.strip()]


class WecomRobot:
    """The robots of a company's groups, a ChatChannel whose recipients are group names."""

    def __init__(
        self,
        config: Config,
        *,
        http: aiohttp.ClientSession,
        now: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        self.name = config.name
        self._http = http
        self._now = now
        self._limits = (patience or Patience()).limits()
        self._urls = {group: URL(address) for group, address in config.groups.items()}
        self._throttles = {group: Throttle(now, PER_MINUTE) for group in config.groups}
        self._parts_sent: dict[str, int] = {}

    def routes_for(self, message: OutgoingMessage, reach: Reach) -> tuple[Route, ...]:
        """Return the one way there is."""
        return (Route.GROUP,)

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        """Tell a group. Never raises for what the platform may answer: the verdict says it.

        A long text goes out in parts; tried again with the same `delivery_id`, it goes on
        with the first part that was not accepted.
        """
        if route is not Route.GROUP:
            return Attempt(route, Verdict.NOT_NOW, "a robot only speaks to its group")
        text = f"{message.text}\n{message.url}" if message.url else message.text
        return await self._say(recipient, text, delivery_id)

    async def send_text(self, group: str, text: str) -> Attempt:
        """Tell a group a text; LATER, with nothing sent, where its minute is full."""
        return await self._say(group, text, "")

    async def _say(self, group: str, text: str, delivery_id: str) -> Attempt:
        url = self._urls.get(group)
        if url is None:
            return Attempt(Route.GROUP, Verdict.GONE, "no robot is configured for this group")
        parts = split_text(text)
        if not 0 < len(parts) <= PER_MINUTE:
            return Attempt(Route.GROUP, Verdict.BAD_CONTENT, f"{len(parts)} messages")
        throttle = self._throttles[group]
        done = self._parts_sent.get(delivery_id, 0)
        left = parts[done:]
        if throttle.room() < len(left):
            not_before = throttle.free_at(len(left))
            return Attempt(Route.GROUP, Verdict.LATER, "20 a minute", not_before=not_before)
        # Taken before the first await, so that two who speak at once share the minute.
        for _ in left:
            throttle.take()
        for number, part in enumerate(left, start=done):
            attempt = await self._post(url, part, throttle)
            if attempt.verdict is not Verdict.SENT:
                return self._broken_off(attempt, delivery_id, number)
        self._parts_sent.pop(delivery_id, None)
        return Attempt(Route.GROUP, Verdict.SENT)

    def _broken_off(self, attempt: Attempt, delivery_id: str, parts_sent: int) -> Attempt:
        """Remember how far we came; without an id of ours the rest may not be tried again."""
        if not parts_sent:
            return attempt
        if attempt.verdict is Verdict.LATER and delivery_id:
            if len(self._parts_sent) >= MAX_UNFINISHED:
                self._parts_sent.pop(next(iter(self._parts_sent)))
            self._parts_sent[delivery_id] = parts_sent
            return attempt
        detail = f"{parts_sent} parts sent, then {attempt.verdict}: {attempt.detail}"
        return Attempt(Route.GROUP, Verdict.UNKNOWN, detail)

    async def _post(self, url: URL, text: str, throttle: Throttle) -> Attempt:
        body = json.dumps(
            {"msgtype": "text", "text": {"content": text}}, ensure_ascii=False
        ).encode()
        try:
            raw, _ = await exchange(
                self._http, "POST", url, body=body, headers=JSON_HEADERS, timeout=self._limits
            )
            answer = read_answer(raw)
        except NotCalled as trouble:
            return Attempt(Route.GROUP, Verdict.LATER, trouble.reason)
        except OutcomeUnknown as trouble:
            return Attempt(Route.GROUP, Verdict.UNKNOWN, trouble.reason)
        except ApiRefused as refused:
            return self._refused(refused, throttle)
        if "errcode" not in answer:
            return Attempt(Route.GROUP, Verdict.UNKNOWN, "answer without errcode")
        return Attempt(Route.GROUP, Verdict.SENT)

    def _refused(self, refused: ApiRefused, throttle: Throttle) -> Attempt:
        verdict = MEANINGS.get(refused.code, Verdict.BAD_CONTENT)
        detail = f"{refused.code} {refused.words}"[:300]
        if verdict is not Verdict.LATER:
            return Attempt(Route.GROUP, verdict, detail)
        throttle.fill()
        return Attempt(Route.GROUP, verdict, detail, not_before=self._now() + MINUTE)
