"""Issuing bills with lines, explanations and entries against one bare INSERT … SELECT."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from storage.database import open_database
from tests.benchmarks import machine
from tests.benchmarks.fresh import fresh_database
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.postgres import HASTE, Postgres, running_postgres

NAMES = (
    "billing_sqlite",
    "billing_postgresql",
    "billing_linear",
    "billing_memory",
    "billing_month",
)
ITEMS, MONTHS = 5, 20
SMALL = 10_000
"""Bills of the run that a large one is held against, bill by bill."""
MONTH_UNITS = 3_000
WARM = 4
"""After so many months caches are full, and memory has to stay where it is."""
ROUNDS = 5
ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class _Run:
    """What one run wrote, how long that took, and the memory after each month."""

    seconds: float
    bills: int
    rows: int
    rss_mb: list[float]

    @property
    def rate(self) -> float:
        """Rows written a second, of all tables."""
        return self.rows / self.seconds

    def __str__(self) -> str:
        """Print as "50,000 bills in 2.1 s (119,000 rows/s)"."""
        return f"{self.bills:,} bills in {self.seconds:.2f} s ({self.rate:,.0f} rows/s)"


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate our generator and the bare statement on fresh copies of one estate."""
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    with running_postgres() as server:
        _in_earnest(server)
        estates = [_Estates(engine, folder, server) for engine in ENGINES]
        for number in range(min(scale.rounds, ROUNDS)):
            for estate in estates:
                ways = ("ours", "bare") if number % 2 else ("bare", "ours")
                runs = {way: estate.run(way, scale.bills) for way in ways}
                ours, bare = runs["ours"], runs["bare"]
                assert ours.bills == bare.bills == scale.bills, (ours, bare)
                say(f"  round {number + 1} {estate.engine}: {ours}, bare {bare}")
                pairs[f"billing_{estate.engine}"].append((ours.rate, bare.rate))
                if estate.engine == "sqlite":
                    _add_others(pairs, estate, ours)
    return _rows(pairs)


def _add_others(
    pairs: dict[str, list[tuple[float, float]]], estate: "_Estates", ours: _Run
) -> None:
    small = estate.run("ours", SMALL)
    each = ours.seconds / ours.bills, small.seconds / small.bills
    pairs["billing_linear"].append((each[0] * 1e6, each[1] * 1e6))
    pairs["billing_memory"].append((ours.rss_mb[-1], ours.rss_mb[WARM]))
    month = estate.run("ours", MONTH_UNITS * ITEMS, months=1)
    pairs["billing_month"].append((month.seconds, 2.0))


def _rows(pairs: dict[str, list[tuple[float, float]]]) -> list[Row]:
    bare = "one bare INSERT … SELECT of as many bills into the same table"
    return [
        Row("billing_sqlite", pairs["billing_sqlite"], bare, "rows/s", "higher", 0.5),
        Row("billing_postgresql", pairs["billing_postgresql"], bare, "rows/s", "higher", 0.5),
        Row(
            "billing_linear",
            pairs["billing_linear"],
            f"each bill of {SMALL:,}",
            "µs a bill",
            "lower",
            1.5,
        ),
        Row(
            "billing_memory",
            pairs["billing_memory"],
            f"after {WARM + 1} of {MONTHS} months",
            "MB",
            "lower",
            1.1,
        ),
        Row(
            "billing_month",
            pairs["billing_month"],
            f"2 seconds for {MONTH_UNITS:,} units and {ITEMS} items",
            "s",
            "lower",
            1.0,
        ),
    ]


def _in_earnest(server: Postgres) -> None:
    """Have a server of our own wait for the disk again, as it would for an office."""
    if server.is_ours:
        for setting in HASTE:
            server._execute(f"ALTER SYSTEM SET {setting} = on")
        server._execute("SELECT pg_reload_conf()")


class _Estates:
    """Fresh databases of one engine with an estate of any size."""

    def __init__(self, engine: str, folder: Path, server: Postgres) -> None:
        self.engine, self._folder, self._server = engine, folder, server

    def run(self, how: str, bills: int, *, months: int = MONTHS) -> _Run:
        """Bill so many by one way in a process of its own."""
        units = bills // ITEMS // months
        with fresh_database(self.engine, self._folder / "billing.db", self._server) as url:
            asyncio.run(_seed(url, units))
            words = ("-m", "tests.benchmarks.child", "billing", how, url, str(units), str(months))
            told: dict[str, Any] = json.loads(machine.run(machine.SERVER_CORE, *words))
        written = told["written"]
        rows = sum(written.values())
        return _Run(told["seconds"], written["bills"], rows, told["rss_mb"])


async def _seed(url: str, count: int) -> None:
    """Write a community of so many flats of all sizes, an owner in each, and five fees."""
    numbers = random.Random(5)
    flats = [
        {"id": n, "code": f"{n // 100}-1-{n}", "area": numbers.randint(4_000, 20_000)}
        for n in range(1, count + 1)
    ]

    def fill(tx: Connection) -> None:
        tx.execute(text("INSERT INTO communities (id, name) VALUES (1, '云栖花园')"))
        for n in range(1, ITEMS + 1):
            basis = "fixed" if n == ITEMS else "by_area"
            tx.execute(
                text("INSERT INTO fee_items (id, community_id, name) VALUES (:n, 1, :name)"),
                {"n": n, "name": f"费用{n}"},
            )
            tx.execute(
                text(
                    "INSERT INTO tariffs (community_id, fee_item_id, unit_kind, basis, price_e4,"
                    " effective_on) VALUES (1, :n, 'home', :basis, :price, '2020-01-01')"
                ),
                {"n": n, "basis": basis, "price": 10_000 + 1_234 * n},
            )
        for statement in SEEDS:
            tx.execute(text(statement), flats)

    async with open_database(url) as db:
        await db.write(fill)


SEEDS = (
    "INSERT INTO units (id, community_id, kind, code, label, floor_area_m2)"
    " VALUES (:id, 1, 'home', :code, :code, :area)",
    "INSERT INTO residents (id, community_id, name, phone) VALUES (:id, 1, :code, :code)",
    "INSERT INTO occupancies (resident_id, unit_id, role, from_on)"
    " VALUES (:id, :id, 'owner', '2020-01-01')",
)
