"""Answers of the last minute, so that a callback sent again gets the same one; bounded."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

KEPT_SECONDS: Final = 60
KEPT_MOST: Final = 4096

Reply = asyncio.Future[bytes]


class Repeats:
    """Message key → its answer, done or still under way."""

    def __init__(self, time: Callable[[], float]) -> None:
        """Start empty; `time` is monotonic seconds."""
        self._time = time
        self._kept: OrderedDict[str, tuple[float, Reply]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def find(self, key: str) -> Reply | None:
        """Return the answer to a message that was heard in the last minute, or None."""
        kept = self._kept.get(key)
        if kept is None or kept[0] <= self._time():
            return None
        return kept[1]

    def keep(self, key: str, reply: Reply) -> None:
        """Remember an answer to be; the oldest go where there are too many."""
        now = self._time()
        kept = self._kept
        kept[key] = (now + KEPT_SECONDS, reply)
        while kept:
            oldest = next(iter(kept.values()))
            if oldest[0] > now and len(kept) <= KEPT_MOST:
                return
            kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """Let a message be heard anew: it could not be taken in."""
        self._kept.pop(key, None)
