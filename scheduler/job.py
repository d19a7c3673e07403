"""Job: something that time does, once per period."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from scheduler.deps import JobDeps
from storage.frozen import dataclass

JobReport = dict[str, int]
"""Counts of what was done, for the log and the console."""

Run = Callable[[JobDeps, datetime], Awaitable[JobReport]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job's name, its cron line (Shanghai time, five fields) and what it does.

    A job with a row is done once per period, whatever crashes; one without (minute jobs, which
    find their work in the books each time) only ticks.
    """

    name: str
    cron: str
    run: Run
    has_rows: bool = True
    time_limit_seconds: int = 300
