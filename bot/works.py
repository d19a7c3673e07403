"""Does long work (后台任务), one after the other; what a crash left is taken up again."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from storage.database import Database
from storage.errors import Unavailable
from storage.frozen import dataclass
from storage.lazy import load
from storage.operations.works import TakenWork, break_off, end_work, note_step, take_work
from storage.ports.clock import Clock
from storage.queries.works import work_waits
from storage.work_kinds import WorkKind

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 10
"""So often it looks for what another process left, besides when it is woken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of work: plain JSON values for its page, and whether nothing is left to do."""

    report: Mapping[str, Any]
    is_final: bool


Told = Callable[[str, int], Awaitable[None]]
Do = Callable[[Database, TakenWork, Told, Clock], Awaitable[Outcome]]

WAYS: Final[Mapping[WorkKind, tuple[str, str]]] = {
    WorkKind.IMPORT: ("bot.spreadsheets.import_work", "take_sheet"),
}
"""Kind of work → who does it, loaded for the first of its kind. Each may be done twice."""


class Worker:
    """The one place where long work is done."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Do nothing before it is told to live."""
        self._db = db
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once: something was asked for."""
        self._woken.set()

    async def live(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is under way is left to who comes next."""
        stopped = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            one = asyncio.ensure_future(self._round())
            await asyncio.wait({stopped, one}, return_when=asyncio.FIRST_COMPLETED)
            one.cancel()
            (trouble,) = await asyncio.gather(one, return_exceptions=True)
            if isinstance(trouble, Exception):
                log.error("work.postponed", exc_info=trouble)
                await asyncio.wait({stopped}, timeout=LOOK_EVERY_SECONDS)

    async def _round(self) -> None:
        """Do all that waits, then wait for more."""
        self._woken.clear()
        await self.work_off()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await self._woken.wait()

    async def work_off(self) -> int:
        """Do all that waits; return how many pieces were begun."""
        begun = 0
        while await self._db.read(work_waits):
            one = await self._db.write(take_work)
            if one is not None:
                begun += 1
                await self._do(one)
        return begun

    async def _do(self, one: TakenWork) -> None:
        """Do one piece; what fails for a reason of ours is broken off, the rest goes on."""
        module, way = WAYS[one.kind]
        do: Do = getattr(load(module), way)

        async def told(step: str, size: int) -> None:
            await self._db.write(note_step, one, step, size)

        doing = asyncio.ensure_future(do(self._db, one, told, self._clock))
        try:
            await asyncio.wait({doing})
        finally:
            doing.cancel()
        trouble, now = doing.exception(), self._clock.now()
        if trouble is None:
            outcome = doing.result()
            await self._db.write(end_work, one, outcome.report, now=now, is_final=outcome.is_final)
            return
        log.error("work.failed", extra={"work": one.work_id}, exc_info=trouble)
        if not isinstance(trouble, Unavailable):
            await self._db.write(break_off, one, now=now)
