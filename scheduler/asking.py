"""Asks a platform about each of many things by itself; what has not ended is put off."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from scheduler.guard import one_of_many
from scheduler.job import JobReport
from storage.errors import GatewayUnavailable

log = logging.getLogger(__name__)


class Numbered(Protocol):
    """What is asked about, under its number."""

    @property
    def number(self) -> str:
        """The number that the platform knows it by."""
        ...


W = TypeVar("W", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Asking(Generic[W]):
    """One kind of question."""

    act: str
    """noun.verb, for the log."""
    ask: Callable[[W], Awaitable[str]]
    """Ask, write the answer down, and name the outcome. May raise GatewayUnavailable."""
    put_off: Callable[[W], Awaitable[None]]
    """See to it that it is asked about again later."""
    ended: tuple[str, ...]
    """Outcomes after which nothing is put off."""
    others: tuple[str, ...]


async def ask_each(works: Iterable[W], asking: Asking[W]) -> JobReport:
    """Ask about each; return how many came to which outcome, "unavailable" and "failed" too."""
    report = dict.fromkeys((*asking.ended, *asking.others, "unavailable", "failed"), 0)
    for work in works:
        outcome = "failed"
        with one_of_many("platform.question_broken", act=asking.act, number=work.number):
            outcome = await _outcome(work, asking)
        report[outcome] += 1
        if outcome not in asking.ended:
            await asking.put_off(work)
    return report


async def _outcome(work: W, asking: Asking[W]) -> str:
    try:
        return await asking.ask(work)
    except GatewayUnavailable:
        log.warning("platform.unavailable", extra={"act": asking.act, "number": work.number})
        return "unavailable"
