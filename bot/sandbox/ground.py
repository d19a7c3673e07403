"""What every platform stands on: folder, address, clock, call log, troubles, live events."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.sandbox.clock import VirtualClock, iso
from bot.sandbox.faults import Faults

KEPT_CALLS = 20_000
KEPT_TEXT = 8_192


class LiveEvents:
    """What the phone page watches as it happens."""

    def __init__(self) -> None:
        """Begin with nobody watching."""
        self._watching: set[asyncio.Queue[dict[str, Any]]] = set()

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[dict[str, Any]]]:
        """Watch until the block ends; a watcher that falls 1,000 behind loses the oldest."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=1000)
        self._watching.add(queue)
        try:
            yield queue
        finally:
            self._watching.discard(queue)

    def publish(self, kind: str, **facts: object) -> None:
        """Tell every watcher."""
        for queue in self._watching:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait({"type": kind, **facts})


@dataclass
class CallLog:
    """Every request the platforms received, the last 20,000 of this run."""

    clock: VirtualClock
    _kept: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    _last: int = 0

    def note(self, platform: str, method: str, path: str, **facts: object) -> None:
        """Write one request down."""
        self._last += 1
        at = iso(self.clock.now())
        self._kept.append(
            {"seq": self._last, "platform": platform, "at": at, "method": method, "path": path}
            | facts
        )

    def after(self, seq: int, platform: str | None = None) -> list[dict[str, Any]]:
        """Return the requests after a number, oldest first."""
        return [
            call
            for call in self._kept
            if call["seq"] > seq and (platform is None or call["platform"] == platform)
        ]


@dataclass
class Ground:
    """What the platforms share; each has its own book beside it."""

    folder: Path
    base_url: str
    clock: VirtualClock
    calls: CallLog
    faults: Faults = field(default_factory=Faults)
    live: LiveEvents = field(default_factory=LiveEvents)
    _http: aiohttp.ClientSession | None = None

    def http(self) -> aiohttp.ClientSession:
        """Return the session with which the platforms call the bot."""
        if self._http is None or self._http.closed:
            connector = aiohttp.TCPConnector(limit=0, force_close=False)
            self._http = aiohttp.ClientSession(connector=connector)
        return self._http

    async def close(self) -> None:
        """End the calls under way."""
        if self._http is not None:
            await self._http.close()
            self._http = None


def shortened(raw: bytes) -> str:
    """Return a body as text for the call log, not more than 8 KiB of it."""
    return raw[:KEPT_TEXT].decode("utf-8", "replace")
