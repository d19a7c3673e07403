"""How often a platform lets us speak: messages counted within a moving span of time."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

MINUTE: Final = timedelta(seconds=60)


class Throttle:
    """How many messages may still go within a span of time, by the clock we are given."""

    def __init__(self, now: Callable[[], datetime], most: int, span: timedelta = MINUTE) -> None:
        self._now = now
        self._most, self._span = most, span
        self._sent: deque[datetime] = deque()

    def room(self) -> int:
        """Return how many messages may go now."""
        since = self._now() - self._span
        while self._sent and self._sent[0] <= since:
            self._sent.popleft()
        return self._most - len(self._sent)

    def take(self) -> None:
        """Count one message."""
        self._sent.append(self._now())

    def fill(self) -> None:
        """Count the span as full: the platform says it is full though we thought otherwise."""
        while self.room() > 0:
            self.take()

    def free_at(self, messages: int) -> datetime:
        """Return when there is room for so many."""
        short = messages - self.room()
        return self._sent[short - 1] + self._span if short > 0 else self._now()
