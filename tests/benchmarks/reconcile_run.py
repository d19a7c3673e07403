"""The reconciling process of the benchmark: reads one statement in and holds it against the books.

Started as `tests.benchmarks.child reconcile URL FILE`; prints JSON.
"""

import asyncio
import gc
import json
import resource
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import text

from bot.gateways.wechat_pay_statement import lines_of
from scheduler.jobs import reconcile
from scheduler.statement_files import take_in
from storage.database import open_database
from storage.operations.reconciliation import Expected, expect_statement
from storage.ports.payments import StatementFile, StatementLine
from tests.desk import job_deps

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 2, 15, tzinfo=UTC)
MERCHANT = "1900000109"


class Reader:
    """The one method of the gateway that reading a kept file needs."""

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Read it as the adapter does."""
        return lines_of(path, day, MERCHANT)


def main(words: list[str]) -> None:
    """Reconcile once and print how long it took, what was found, and the most memory held."""
    url, file = words
    gc.collect()
    gc.freeze()
    before = resource.getrusage(resource.RUSAGE_SELF)
    told = asyncio.run(_run(url, Path(file)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    told["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told["peak_mb"] = _peak_mb()
    print(json.dumps(told))


def _peak_mb() -> float:
    """Return the most memory held by this program; `ru_maxrss` would count who started it too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def _run(url: str, path: Path) -> dict[str, Any]:
    file = StatementFile("wechat_pay", MERCHANT, DAY, path, "0" * 64)
    async with open_database(url) as db:
        expected = Expected("wechat_pay", MERCHANT, DAY)
        statement = await db.write(expect_statement, expected, now=NOW)
        began = perf_counter()
        outcome = await take_in(db, Reader(), file, statement, now=NOW)  # type: ignore[arg-type]
        read = perf_counter()
        report = await reconcile.run(job_deps(db), NOW)
        ended = perf_counter()
        lines = await db.read(
            lambda tx: tx.execute(text("SELECT count(*) FROM statement_lines")).scalar_one()
        )
        kinds = await db.read(
            lambda tx: [
                tuple(row)
                for row in tx.execute(
                    text("SELECT kind, count(*) FROM discrepancies GROUP BY kind ORDER BY kind")
                )
            ]
        )
    assert outcome == "fetched", outcome
    return {
        "lines": lines,
        "read_seconds": read - began,
        "compare_seconds": ended - read,
        "seconds": ended - began,
        "kept": report["kept"],
        "kinds": kinds,
    }
