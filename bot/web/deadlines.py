"""Answers "success" for whatever is not ready in time: one timer for all that wait."""

import asyncio
from collections import deque
from typing import Final

REPLY_SECONDS: Final = 4.2
"""The platform hangs up after five; its clock began before ours."""


class Deadlines:
    """Waiting answers in the order of their deadlines, which are all equally far."""

    def __init__(self, in_time: bytes, *, seconds: float = REPLY_SECONDS) -> None:
        """Take what is answered instead of an answer that is late."""
        self._instead = in_time
        self._seconds = seconds
        self._waiting: deque[tuple[float, asyncio.Future[bytes]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, reply: asyncio.Future[bytes], received: float) -> None:
        """Resolve `reply` in time, counted from the loop's time when the request was received."""
        due = received + self._seconds
        waiting = self._waiting
        while waiting and waiting[0][1].done():  # let go early: an answer is long, and cold by then
            waiting.popleft()
        waiting.append((due, reply))
        if self._timer is None:
            self._timer = reply.get_loop().call_at(due, self._ring)

    def close(self) -> None:
        """Stop the timer; whoever waits is answered now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._resolve(self._waiting.popleft()[1])

    def _ring(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        waiting = self._waiting
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            self._resolve(waiting.popleft()[1])
        if waiting:
            self._timer = loop.call_at(waiting[0][0], self._ring)

    def _resolve(self, reply: asyncio.Future[bytes]) -> None:
        if not reply.done():
            reply.set_result(self._instead)
