"""The billing process of the benchmark: our generator, or one bare INSERT … SELECT.

Started as `tests.benchmarks.child billing HOW URL UNITS MONTHS`; prints JSON.
"""

import asyncio
import gc
import json
from datetime import time
from time import perf_counter
from typing import Any

import psutil
from sqlalchemy import Connection, text

from scheduler.jobs.issue_bills import PART
from storage.database import Database, open_database
from storage.operations.issuing import issue_bills
from storage.periods import BillingPeriod, shanghai_instant

FIRST = BillingPeriod(2026, 1)
TWO = time(2)
"""At night, when the job runs."""
TABLES = ("bills", "bill_lines", "entries", "postings", "unit_balances")

BARE = """
INSERT INTO bills (bill_no, community_id, unit_id, fee_item_id, period, amount_fen, due_on,
                   issued_at)
SELECT 'B' || month.period || '-' || u.id || '-' || t.fee_item_id, 1, u.id, t.fee_item_id,
       month.period, (u.floor_area_m2 * t.price_e4 + 5000) / 10000, month.due_on, month.issued_at
FROM month CROSS JOIN units u CROSS JOIN tariffs t
ORDER BY month.period, u.id, t.fee_item_id
"""
MONTHS = {
    "sqlite": """
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :months),
month AS (SELECT substr(date('2026-01-01', '+' || n || ' months'), 1, 7) AS period,
                 date('2026-01-25', '+' || n || ' months') AS due_on,
                 '2026-01-01 02:00:00.000000' AS issued_at FROM number)
""",
    "postgresql": """
WITH month AS (SELECT to_char(day, 'YYYY-MM') AS period, CAST(day + interval '24 days' AS date)
                      AS due_on, now() AS issued_at
               FROM generate_series(CAST('2026-01-01' AS timestamp),
                                    CAST('2026-01-01' AS timestamp)
                                    + interval '1 month' * (CAST(:months AS integer) - 1),
                                    interval '1 month') AS day)
""",
}


def main(words: list[str]) -> None:
    """Bill once and print how long it took, what was written, and how much memory it held."""
    how, url, *sizes = words
    units, months = map(int, sizes)
    gc.collect()
    gc.freeze()
    print(json.dumps(asyncio.run(_run(how, url, units, months))))


async def _run(how: str, url: str, units: int, months: int) -> dict[str, Any]:
    async with open_database(url) as db:
        before = await db.read(_counts)
        way = _ours if how == "ours" else _bare
        began = perf_counter()
        rss_mb = await way(db, units, months)
        seconds = perf_counter() - began
        after = await db.read(_counts)
    written = {name: after[name] - before[name] for name in TABLES}
    return {"seconds": seconds, "written": written, "rss_mb": rss_mb}


def _counts(tx: Connection) -> dict[str, int]:
    return {name: tx.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES}


async def _ours(db: Database, units: int, months: int) -> list[float]:
    """Bill each month in its month as the job does, part by part; return the memory after each."""
    rss_mb = []
    for after in range(months):
        period = FIRST.plus(after)
        for start in range(1, units + 1, PART):
            await db.write(
                issue_bills,
                community_id=1,
                period=period,
                now=shanghai_instant(period.first_on, TWO),
                unit_ids=range(start, min(start + PART, units + 1)),
            )
        rss_mb.append(psutil.Process().memory_info().rss / 2**20)
    return rss_mb


async def _bare(db: Database, _units: int, months: int) -> list[float]:
    """Write as many bills, and nothing else, by one statement."""

    def insert(tx: Connection) -> None:
        tx.execute(text(MONTHS[tx.dialect.name] + BARE), {"months": months})

    await db.write(insert)
    return []
