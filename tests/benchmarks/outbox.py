"""The durable outbox (claim, compose, send, mark) against a bare client at the same concurrency."""

import json
import sqlite3
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import estate, machine
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import free_port, wait_for

NAMES = {200: "outbox_drain", 50: "outbox_drain_50"}
WAYS = ("ours", "bare")


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate both ways; each message has to arrive once and to be marked as sent."""
    template = folder / "outbox.db"
    estate.seed(template, messages=scale.deliveries)
    pairs: dict[int, list[tuple[float, float]]] = {concurrency: [] for concurrency in NAMES}
    for number in range(scale.rounds):
        for concurrency in NAMES:
            runs = {}
            for way in WAYS if number % 2 else WAYS[::-1]:
                database = estate.copy(template, folder / "run.db")
                runs[way] = _one(way, database, scale.deliveries, concurrency)
            ours, bare = (runs[way] for way in WAYS)
            assert ours.posted == bare.posted, "both have to post the same"
            say(f"  round {number + 1} {concurrency:>3} at once: {ours}, bare {bare}")
            pairs[concurrency].append((ours.rate, bare.rate))
    return [
        Row(name, pairs[most], f"bare aiohttp client, {most} at once", "messages/s", "higher", 0.75)
        for most, name in NAMES.items()
    ]


@dataclass(frozen=True)
class _Run:
    """How fast one way was, what it cost, and a sum over what it posted."""

    rate: float
    cpu_us: float
    posted: int

    def __str__(self) -> str:
        """Print as "2,345/s (210 µs)": messages a second, processor time of each."""
        return f"{self.rate:,.0f}/s ({self.cpu_us:.0f} µs)"


def _one(way: str, database: Path, count: int, concurrency: int) -> _Run:
    port = free_port()
    words = ("-m", "tests.benchmarks.child", "platform", str(port))
    platform = machine.start(machine.LOAD_CORE, *words)
    try:
        wait_for(port, platform)
        told = json.loads(
            machine.run(
                machine.SERVER_CORE,
                *("-m", "tests.benchmarks.child", "drain", way, str(database)),
                *map(str, (port, count, concurrency)),
            )
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/heard") as answer:
            heard = json.loads(answer.read())
    finally:
        machine.stop(platform)
    assert (heard["people"], heard["most"], told["sent"]) == (count, 1, count), (heard, told)
    assert way != "ours" or _sent(database) == count
    return _Run(count / told["seconds"], told["cpu"] / count * 1e6, heard["checksum"])


def _sent(database: Path) -> int:
    link = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    (found,) = link.execute(
        "SELECT count(DISTINCT o.id) FROM outbox o JOIN delivery_attempts a ON a.outbox_id = o.id"
        " WHERE o.state = 'sent' AND a.verdict = 'sent'"
    ).fetchone()
    link.close()
    return int(found)
