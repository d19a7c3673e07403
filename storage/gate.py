"""The gate: callers that wait while the database is busy go through together in the next hop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Work = Callable[[Connection], Any]
MAX_BATCH: Final = 256


class Shared(NamedTuple):
    """Work that is done for several callers at once: each gives one thing, and gets one result."""

    operation: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    given: Any

    def __call__(self, tx: Connection) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Do it for this caller alone."""
        (result,) = self.operation(tx, [self.given])
        return result


@dataclass(slots=True)
class Call:
    """One caller's work and the future that she waits on."""

    work: Work | Shared
    future: asyncio.Future[Any]
    is_light: bool
    """Light work may be lost with the power, never with the process (no money in it)."""


Run = Callable[[list[Call]], Awaitable[None]]
Outcomes = list[tuple[Call, Any, BaseException | None]]


def resolve(outcomes: Outcomes) -> None:
    """Give each caller what she gets; one who has gone away gets nothing."""
    for call, value, trouble in outcomes:
        if call.future.done():
            continue
        if trouble is None:
            call.future.set_result(value)
        else:
            call.future.set_exception(trouble)


class Spoiled(Exception):
    """One of several calls failed that went together: nothing is kept, each is tried alone."""


def turns(calls: Sequence[Call]) -> list[list[Call]]:
    """Part a batch into turns: neighbours who wait for the same shared work take one."""
    found: list[list[Call]] = []
    for call in calls:
        if found and _is_shared(found[-1][0].work, call.work):
            found[-1].append(call)
        else:
            found.append([call])
    return found


def _is_shared(one: Work | Shared, other: Work | Shared) -> bool:
    if not isinstance(one, Shared) or not isinstance(other, Shared):
        return False
    return one.operation is other.operation


def take(turn: list[Call], tx: Connection) -> Outcomes:
    """Run a turn. Raises what a call alone raises; Spoiled or DBAPIError for several."""
    if len(turn) == 1:
        return [(turn[0], turn[0].work(tx), None)]
    shared = [call.work for call in turn if isinstance(call.work, Shared)]
    try:
        results = shared[0].operation(tx, [one.given for one in shared])
        return [(call, result, None) for call, result in zip(turn, results, strict=True)]
    except DBAPIError:
        raise
    except Exception as trouble:
        raise Spoiled from trouble


def look(tx: Connection, calls: list[Call]) -> Outcomes:
    """Run calls that change nothing over one snapshot. Raises DBAPIError for a bad statement."""
    outcomes: Outcomes = []
    with tx.begin():
        for call in calls:
            try:
                outcomes.append((call, call.work(tx), None))
            except DBAPIError:
                raise
            except Exception as trouble:  # the caller's own, handed back to her
                outcomes.append((call, None, trouble))
    return outcomes


class Gate:
    """Lets waiting calls through in batches, first come first served, one batch at a time."""

    def __init__(self, run: Run) -> None:
        """Take the function that carries a batch through and resolves its futures."""
        self._run = run
        self._waiting: list[Call] = []
        self._pump: asyncio.Task[None] | None = None

    def submit(self, work: Work | Shared, *, is_light: bool) -> asyncio.Future[Any]:
        """Put work into the next batch; the future brings what it returned or raised.

        Work goes in the order in which it was put in, whether anybody waits for it or not.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Call(work, future, is_light))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._drain())
        return future

    async def close(self) -> None:
        """Wait until nobody waits any more."""
        if self._pump is not None:
            await self._pump

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            try:
                await self._run(batch)
            except BaseException as trouble:
                for call in batch:
                    if not call.future.done():
                        call.future.set_exception(trouble)
                if not isinstance(trouble, Exception):
                    raise
