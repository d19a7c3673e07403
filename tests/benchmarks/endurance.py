"""How the server's memory grows over a hundred thousand messages, against a limit of ours."""

import statistics
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import estate, machine
from tests.benchmarks.load import drive
from tests.benchmarks.messages import Verifier, callbacks
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import OURS, PATH, running

LIMIT_MB = 1.0
"""What may be added in ten thousand messages once everything is warm."""
STEPS = 10
WARM_UP = 2 * estate.UNITS
"""Fills the caches of the two connections, which are bounded."""
CHECKED = 100


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Warm up with each person twice, then send on in ten steps and fit a line through the RSS."""
    template = folder / "estate.db"
    estate.seed(template)
    verifier = Verifier(estate.owed(template))
    database = estate.copy(template, folder / "run.db")
    step = scale.endurance // STEPS
    held: list[float] = []
    with running(OURS, database) as server:
        pid = server.process.pid
        for number in range(STEPS + 1):
            count = step if number else WARM_UP
            requests = callbacks(PATH, range(count), estate.UNITS)
            seen = drive(requests, server.port, pid, warm_up=0, folder=folder)
            held.append(machine.rss_mb(pid))
            say(f"  {number:>2} of {STEPS}: {count:,} messages, {held[-1]:.1f} MB")
            for place, reply in enumerate(seen.replies[:CHECKED]):
                verifier.check_bills(estate.openid(place + 1), reply)
    slope = statistics.linear_regression(range(len(held)), held).slope / step * 10_000
    unit = "MB per 10,000 messages"
    growth = max(slope, 0.0)
    return [Row("memory_flat", [(growth, LIMIT_MB)], "our limit", unit, "lower", goal=1.0)]
