"""The dunning process of the benchmark: plans the reminders of a day, once.

Started as `tests.benchmarks.child dunning URL`; prints JSON.
"""

import asyncio
import gc
import json
import resource
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from storage.database import open_database
from storage.operations.reminders import plan_reminders

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
"""Nine in the morning of a plain Tuesday."""


def main(words: list[str]) -> None:
    """Plan once and print how long it took and how many reminders it decided."""
    [url] = words
    gc.collect()
    gc.freeze()
    before = resource.getrusage(resource.RUSAGE_SELF)
    told = asyncio.run(_run(url))
    after = resource.getrusage(resource.RUSAGE_SELF)
    told["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps(told))


async def _run(url: str) -> dict[str, Any]:
    async with open_database(url) as db:
        began = perf_counter()
        made = await db.write(plan_reminders, community_id=1, now=NOW)
        ended = perf_counter()
    return {"planned": made.planned, "seconds": ended - began}
