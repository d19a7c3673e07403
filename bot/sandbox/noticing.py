"""Notices of a payment platform on their way: due, troubled on order, repeated, given up."""

import asyncio
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.sandbox.book import Book
from bot.sandbox.clock import from_ms, to_ms
from bot.sandbox.faults import NOTICE, Fault
from bot.sandbox.ground import Ground

log = logging.getLogger(__name__)

NOTICES_SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
  id TEXT PRIMARY KEY, order_no TEXT NOT NULL, event_type TEXT NOT NULL, url TEXT NOT NULL,
  plain TEXT NOT NULL, created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting', mode TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS notices_due ON notices (state, due_ms);
"""


class Notices(ABC):
    """The notices one platform has in its book (NOTICES_SCHEMA); a timer of the clock.

    `schedule` holds the seconds from each failed attempt to the next one.
    """

    def __init__(
        self, platform: str, ground: Ground, book: Book, *, schedule: tuple[int, ...]
    ) -> None:
        """Send for one platform."""
        self.platform, self.ground, self.notebook = platform, ground, book
        self.schedule = schedule
        self._sending: set[str] = set()
        self._held: str | None = None

    @abstractmethod
    def letter(self, row: Mapping[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
        """Return a notice's body and headers, spoilt as the trouble says."""

    @abstractmethod
    def is_heard(self, code: int, answer: str) -> bool:
        """Tell whether the merchant's answer ends the repeats."""

    deadline_seconds = 5.0

    def queue(self, order_no: str, event_type: str, url: str, plain: str, mode: str = "") -> None:
        """Queue a notice; call inside the transaction that books what it tells."""
        now = to_ms(self.ground.clock.now())
        self.notebook.write(
            "INSERT INTO notices (id, order_no, event_type, url, plain, created_ms, due_ms, mode) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self.fresh_id(),
            order_no,
            event_type,
            url,
            plain,
            now,
            now,
            mode,
        )

    def fresh_id(self) -> str:
        """Return a new notice's number, the same in all its repeats."""
        return str(uuid.uuid4())

    # Timers

    def next_due(self) -> datetime | None:
        """Return when the first notice that is not under way falls due."""
        rows = self.notebook.rows(
            "SELECT id, due_ms FROM notices WHERE state = 'waiting' ORDER BY due_ms LIMIT 200"
        )
        waiting = [row["due_ms"] for row in rows if row["id"] not in self._sending]
        return from_ms(waiting[0]) if waiting else None

    async def run_due(self, now: datetime) -> int:
        """Send what is due, all at once; return how many were sent."""
        rows = self.notebook.rows(
            "SELECT * FROM notices WHERE state = 'waiting' AND due_ms <= ? "
            "ORDER BY due_ms LIMIT 50",
            to_ms(now),
        )
        mine = [dict(row) for row in rows if row["id"] not in self._sending]
        self._sending |= {row["id"] for row in mine}
        try:
            await asyncio.gather(*(self._send(row) for row in mine))
        finally:
            self._sending -= {row["id"] for row in mine}
        return len(mine)

    async def _send(self, row: dict[str, Any]) -> None:
        facts = {"order_no": row["order_no"], "event": row["event_type"]}
        fault = self.ground.faults.take(self.platform, NOTICE, facts)
        if fault is not None and fault.kind == "delay":
            self._later(row, fault.seconds(30.0), row["attempt"])
            return
        if fault is not None and fault.kind == "reorder" and self._held is None:
            self._hold(row, fault)
            return
        heard = False
        times = 2 if fault is not None and fault.kind == "duplicate" else 1
        if fault is None or fault.kind != "drop":
            outcomes = [await self._post(row, fault) for _ in range(times)]
            heard = outcomes[0]
        self._release()
        if heard:
            self.notebook.write("UPDATE notices SET state = 'heard' WHERE id = ?", row["id"])
            return
        attempt = row["attempt"] + 1
        if attempt > len(self.schedule):
            self.notebook.write("UPDATE notices SET state = 'given up' WHERE id = ?", row["id"])
            return
        self._later(row, self.schedule[attempt - 1], attempt)

    def _hold(self, row: dict[str, Any], fault: Fault) -> None:
        """Let the next notice go first; without one this goes after a minute."""
        self._later(row, fault.seconds(60.0), row["attempt"])
        self._held = row["id"]

    def _release(self) -> None:
        """After one notice has gone, the one that was held may go at once."""
        if self._held is not None:
            held, self._held = self._held, None
            now = to_ms(self.ground.clock.now())
            self.notebook.write(
                "UPDATE notices SET due_ms = MIN(due_ms, ?) WHERE id = ?", now, held
            )

    def _later(self, row: dict[str, Any], seconds: float, attempt: int) -> None:
        due = to_ms(self.ground.clock.now() + timedelta(seconds=seconds))
        self.notebook.write(
            "UPDATE notices SET due_ms = ?, attempt = ? WHERE id = ?", due, attempt, row["id"]
        )

    async def _post(self, row: dict[str, Any], fault: Fault | None) -> bool:
        body, headers = self.letter(row, fault)
        answer, code = "", 0
        try:
            async with self.ground.http().post(
                row["url"],
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self.deadline_seconds),
                allow_redirects=False,
            ) as response:
                code, answer = response.status, await response.text("utf-8", "replace")
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            answer = type(wrong).__name__
        heard = self.is_heard(code, answer)
        self.ground.calls.note(
            self.platform,
            "NOTICE",
            row["url"],
            order_no=row["order_no"],
            event=row["event_type"],
            attempt=row["attempt"] + 1,
            code=code,
            answer=answer[:500],
            fault=fault.kind if fault else None,
        )
        if not heard:
            log.info("notice.not_heard", extra={"order_no": row["order_no"], "code": code})
        return heard
