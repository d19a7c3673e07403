"""Payments settled per second, each on the disk before its acknowledgement, against bare commits.

The reference commits one row at a time on the same database, file system and core: what an fsync
per payment would allow at best.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.migrate import upgrade
from tests.benchmarks import machine, settle_town
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import FULL, Scale
from tests.postgres import HASTE, Postgres, own_postgres

NAMES = ("settle", "settle_postgresql", "settle_fsyncs", "settle_fsyncs_postgresql")
NOTICES, SHORT_NOTICES = 10_000, 2_000
TRACED = 200
AT_ONCE = 256
COMMITS = 4_000
ROUNDS = 5
GOAL = 0.5
STRACE = ("strace", "-f", "-e", "trace=fsync,fdatasync")
FSYNCS = "SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'"
BEFORE_18 = "SELECT wal_sync FROM pg_stat_wal"


@dataclass
class _Place:
    """Where the copies of one engine's database come from."""

    engine: str
    template: str
    folder: Path
    server: Postgres
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Give a fresh copy of the town."""
        if self.engine == "postgresql":
            url = self.server.copy(self.template)
            yield url
            self.server.drop(url)
            return
        path = self.folder / "settling.db"
        _clear(path)
        shutil.copyfile(self.folder / "settling-template.db", path)
        yield f"sqlite+aiosqlite:///{path}"
        _clear(path)


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate both ways on fresh copies of one town, then count fsyncs."""
    flats = NOTICES if scale == FULL else SHORT_NOTICES
    notices = settle_town.write_notices(folder, flats)
    with own_postgres() as server:
        _in_earnest(server)
        places = [_town(engine, flats, folder, server) for engine in ("sqlite", "postgresql")]
        for number in range(ROUNDS if scale == FULL else 3):
            for place in places:
                place.pairs.append(_round(place, notices, flats, say, number))
        counted = [place for place in places if place.engine != "sqlite" or _may_trace(say)]
        rows = [_fsyncs(place, notices, say) for place in counted]
        server.drop(places[1].template)
    notices.unlink()
    _clear(folder / "settling-template.db")
    bare = "one bare row per commit and fsync"
    return [
        Row(NAMES[0], places[0].pairs, bare, "payments/s", "higher", GOAL),
        Row(NAMES[1], places[1].pairs, bare, "payments/s", "higher", GOAL),
        *rows,
    ]


def _may_trace(say: Callable[[str], None]) -> bool:
    """Tell whether the system counts for us; without strace there is no row of SQLite's fsyncs."""
    tried = shutil.which("strace") and subprocess.run(
        [*STRACE, "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if not tried or tried.returncode:
        say("  sqlite: fsyncs are not counted, for there is no strace that may trace")
        return False
    return True


def _town(engine: str, flats: int, folder: Path, server: Postgres) -> _Place:
    path = folder / "settling-template.db"
    url = server.empty() if engine == "postgresql" else f"sqlite+aiosqlite:///{path}"
    if engine == "sqlite":
        _clear(path)
    upgrade(url)
    asyncio.run(settle_town.seed(url, flats))
    if engine == "postgresql":
        server.disconnect(url)
    return _Place(engine, url, folder, server)


def _in_earnest(server: Postgres) -> None:
    """Undo what tests do for speed: every commit waits for the disk, as in production."""
    for setting in HASTE:
        server._execute(f"ALTER SYSTEM RESET {setting}")
    server._execute("SELECT pg_reload_conf()")


def _round(
    place: _Place, notices: Path, flats: int, say: Callable[[str], None], number: int
) -> tuple[float, float]:
    rates = {}
    for way in ("ours", "bare") if number % 2 else ("bare", "ours"):
        with place.copy() as url:
            told = _ours(url, notices, place.folder) if way == "ours" else _bare(url)
            if way == "ours":
                asyncio.run(settle_town.check(url, flats, flats))
            rates[way] = told
    ours, bare = rates["ours"], rates["bare"]
    pair = (ours["acknowledged"] / ours["seconds"], bare["commits"] / bare["seconds"])
    say(
        f"  round {number + 1} {place.engine}: {pair[0]:,.0f}/s in {ours['transactions']:,}"
        f" transactions ({ours['cpu_seconds'] / ours['acknowledged'] * 1e6:,.0f} µs of CPU each),"
        f" bare {pair[1]:,.0f}/s"
    )
    return pair


def _ours(url: str, notices: Path, folder: Path, at_once: int = AT_ONCE) -> dict[str, Any]:
    words = ("-m", "tests.benchmarks.child", "settle", url, str(notices), str(folder), str(at_once))
    told: dict[str, Any] = json.loads(machine.run(machine.SERVER_CORE, *words))
    return told


def _bare(url: str) -> dict[str, Any]:
    words = ("-m", "tests.benchmarks.child", "commits", url, str(COMMITS))
    told: dict[str, Any] = json.loads(machine.run(machine.SERVER_CORE, *words))
    return told


def _fsyncs(place: _Place, notices: Path, say: Callable[[str], None]) -> Row:
    """Count how often the disk was waited for while notices were acknowledged one by one."""
    few = place.folder / "few-notices.jsonl"
    with notices.open("rb") as lines:
        few.write_bytes(b"".join(line for _, line in zip(range(TRACED), lines, strict=False)))
    counts: dict[int, tuple[int, dict[str, Any]]] = {}
    for at_once in (1, AT_ONCE):
        with place.copy() as url:
            count = _counted_postgresql if place.engine == "postgresql" else _counted_sqlite
            counts[at_once] = count(place, url, few, at_once)
            asyncio.run(settle_town.check(url, NOTICES, TRACED))
    few.unlink()
    alone, together = counts[1], counts[AT_ONCE]
    assert together[0] >= together[1]["transactions"], "a transaction was not waited for"
    say(
        f"  {place.engine}: {alone[0]} fsyncs for {TRACED} acknowledged one at a time;"
        f" {together[0]} for {TRACED} in {together[1]['transactions']} transactions"
    )
    name = NAMES[2] if place.engine == "sqlite" else NAMES[3]
    pairs = [(float(alone[0]), float(TRACED))]
    return Row(name, pairs, "acknowledgements, one at a time", "fsyncs", "higher", 1)


def _counted_postgresql(
    place: _Place, url: str, few: Path, at_once: int
) -> tuple[int, dict[str, Any]]:
    before = _server_fsyncs(place.server)
    told = _ours(url, few, place.folder, at_once)
    place.server.disconnect(url)
    return _server_fsyncs(place.server) - before, told


def _server_fsyncs(server: Postgres) -> int:
    assert server._admin is not None
    server._execute("SELECT pg_stat_force_next_flush()")
    version = server._wait(server._admin.fetchval("SHOW server_version_num"))
    question = FSYNCS if int(version) >= 180_000 else BEFORE_18
    return int(server._wait(server._admin.fetchval(question)))


def _counted_sqlite(place: _Place, url: str, few: Path, at_once: int) -> tuple[int, dict[str, Any]]:
    """Have the system itself count, by strace."""
    trace = place.folder / "settling.trace"
    words = ("-m", "tests.benchmarks.child", "settle", url, str(few), str(place.folder))
    done = subprocess.run(
        [*STRACE, "-o", str(trace), sys.executable, *words, str(at_once)],
        cwd=machine.ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found = sum("sync(" in line for line in trace.read_text().splitlines())
    trace.unlink()
    told: dict[str, Any] = json.loads(done.stdout)
    return found, told


def _clear(path: Path) -> None:
    for old in path.parent.glob(path.name + "*"):
        old.unlink()
