"""The one clock: real time plus an offset, only forward, walked from event to event."""

import asyncio
import json
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)

SHANGHAI = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ROUNDS = 40
STUCK_STEP = timedelta(seconds=60)
IDLE_SECONDS = 0.5

Tick = Callable[[datetime], Awaitable[datetime | None]]


class ClockBackwards(Exception):
    """Someone asked the clock to go back."""


class Timers(Protocol):
    """A platform's own events that fall due as the clock moves."""

    def next_due(self) -> datetime | None:
        """Return the instant of the first event that is not being worked on, or None."""
        ...

    async def run_due(self, now: datetime) -> int:
        """Do what is due at `now`; return how many events were done."""
        ...


def to_ms(at: datetime) -> int:
    """Return an aware instant as whole milliseconds since 1970, as the books keep it.

    Cut and not rounded: what is due now must not lie half a millisecond ahead.
    """
    return (at - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return the aware UTC instant of the milliseconds in a book."""
    return EPOCH + ms * MILLISECOND


def whole_second(at: datetime) -> datetime:
    """Round an instant up to a whole second, so that events due together share one stop."""
    return datetime.fromtimestamp(math.ceil(at.timestamp()), tz=UTC)


def iso(at: datetime) -> str:
    """Print an instant as the platforms do: Shanghai time with its offset, whole seconds."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def shanghai_day(at: datetime) -> str:
    """Return the Shanghai day of an instant as YYYY-MM-DD."""
    return at.astimezone(SHANGHAI).date().isoformat()


class VirtualClock:
    """Real time plus an offset that is kept in a file and only grows."""

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        """Continue the clock kept at `path`; a new one starts at `start`, or at the real time."""
        self._path = path
        self._walk = asyncio.Lock()
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[int]] = set()
        self.on_tick: list[Tick] = []
        self.on_move: list[Callable[[datetime, str], None]] = []
        self.timers: list[Timers] = []
        self.mode = "real"
        self._offset = 0.0
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.mode, self._offset = kept["mode"], float(kept["offset_seconds"])
        elif start is not None:
            self.mode, self._offset = "virtual", start.timestamp() - time.time()
            self._keep()
        self._latest = time.time() + self._offset

    def now(self) -> datetime:
        """Return the present instant, aware UTC; it never runs back."""
        self._latest = max(self._latest, time.time() + self._offset)
        return datetime.fromtimestamp(self._latest, tz=UTC)

    def wake(self) -> None:
        """Have the background look again at what is due."""
        self._wake.set()

    def next_due(self) -> datetime | None:
        """Return when the first platform timer falls due."""
        return min((due for t in self.timers if (due := t.next_due()) is not None), default=None)

    async def advance_to(self, target: datetime) -> datetime:
        """Walk to `target`, stopping at every event on the way; raises ClockBackwards."""
        async with self._walk:
            if target < self.now() - timedelta(seconds=1):
                raise ClockBackwards(target.isoformat())
            self.mode = "virtual"
            self._keep()
            while True:
                due = await self._settle()
                if self.now() >= target:
                    break
                self._jump(min(target, due) if due is not None else target)
            for told in self.on_move:
                told(self.now(), self.mode)
            return self.now()

    async def settle_platforms(self) -> None:
        """Do what the platforms have due now; the bot's own jobs stay with the bot."""
        for _ in range(ROUNDS):
            due = self.next_due()
            if due is None or due > self.now() or not await self._run_timers():
                return

    async def run(self) -> None:
        """Fire platform timers in real time for as long as the sandbox lives."""
        while True:
            due = self.next_due()
            left = IDLE_SECONDS if due is None else (due - self.now()).total_seconds()
            if left <= 0 and not self._walk.locked():
                job = asyncio.create_task(self._run_timers())
                self._running.add(job)
                job.add_done_callback(self._running.discard)
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), min(max(left, 0.02), IDLE_SECONDS))
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """Let running timers end."""
        for job in list(self._running):
            job.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _settle(self) -> datetime | None:
        for _ in range(ROUNDS):
            if self._running:
                await asyncio.wait(set(self._running))
            # The bot first: one in another process must know the time before it is called.
            bot_due = await self._tick()
            ran = await self._run_timers()
            now, due = self.now(), self.next_due()
            waiting = [at for at in (bot_due, due) if at is not None]
            if ran == 0 and all(at > now for at in waiting):
                return min(waiting, default=None)
        log.warning("clock.never_quiet")
        return self.now() + STUCK_STEP

    async def _run_timers(self) -> int:
        return sum(await asyncio.gather(*(t.run_due(self.now()) for t in self.timers)))

    async def _tick(self) -> datetime | None:
        dues = [await tick(self.now()) for tick in list(self.on_tick)]
        return min((due for due in dues if due is not None), default=None)

    def _jump(self, stop: datetime) -> None:
        ahead = (stop - self.now()).total_seconds()
        if ahead > 0:
            self._offset += ahead
            self._keep()

    def _keep(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(
            json.dumps({"mode": self.mode, "offset_seconds": self._offset}), encoding="utf-8"
        )
        os.replace(fresh, self._path)
