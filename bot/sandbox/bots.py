"""The bot's side of the clock when it is another process: a loopback address that is ticked."""

import logging
import time
from datetime import UTC, datetime

import aiohttp

from bot.sandbox.ground import Ground

log = logging.getLogger(__name__)

TICK_SECONDS = 120.0
CONNECT_SECONDS = 2.0
REST_SECONDS = 3.0


class BotLink:
    """Ticks the bot that announced itself; a dead one does not stop the clock."""

    def __init__(self, ground: Ground) -> None:
        """Begin without a bot."""
        self._ground = ground
        self._rest_until = 0.0
        self.tick_url: str | None = None

    def announce(self, tick_url: str | None) -> None:
        """Tick this address from now on."""
        self.tick_url, self._rest_until = tick_url, 0.0
        if self.tick not in self._ground.clock.on_tick:
            self._ground.clock.on_tick.append(self.tick)

    async def tick(self, now: datetime) -> datetime | None:
        """Have the bot do what is due; return when it next has something, None if it is dead."""
        if self.tick_url is None or time.monotonic() < self._rest_until:
            return None
        timeout = aiohttp.ClientTimeout(total=TICK_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            async with self._ground.http().post(
                self.tick_url, json={"now": now.isoformat()}, timeout=timeout
            ) as response:
                told = await response.json()
            due = told.get("next_due")
            return None if due is None else datetime.fromisoformat(due).astimezone(UTC)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError) as wrong:
            log.warning("bot.no_tick", extra={"reason": type(wrong).__name__})
            self._rest_until = time.monotonic() + REST_SECONDS
            return None
