"""A day's statement read in and held against the books: a large one against a small one.

On SQLite all the work is in the process, so its CPU is what a line costs, whatever else the
machine does; a million lines are many times the database's page cache, twenty thousand are less.
"""

import asyncio
import gzip
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, text

from bot.sandbox.pay_bills import COLUMNS, SUMMARY
from storage.database import open_database
from storage.models.base import UtcDateTime
from tests.benchmarks import machine
from tests.benchmarks.fresh import fresh_database
from tests.benchmarks.reconcile_run import MERCHANT
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import FULL, Scale
from tests.postgres import running_postgres

NAMES = ("reconcile_lines", "reconcile_lines_postgresql", "reconcile_memory")
LARGE, SHORT_LARGE, SMALL = 1_000_000, 100_000, 20_000
ROUNDS = 2
PLANTED = 5
"""Lines without a payment, and payments without a line, in each statement."""
AMOUNT_FEN = 25_060
PIECE = 20_000


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Reconcile a large and a small day on fresh databases, each in a process of its own."""
    large = LARGE if scale == FULL else SHORT_LARGE
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    with running_postgres() as server:
        for number in range(ROUNDS if scale == FULL else 2):
            for engine in ("sqlite", "postgresql"):
                runs = {}
                for lines in (SMALL, large if engine == "sqlite" else SHORT_LARGE):
                    with fresh_database(engine, folder / "reconciling.db", server) as url:
                        runs[lines] = _reconciled(url, folder, lines)
                        say(f"  round {number + 1} {engine}: {_told(runs[lines])}")
                spent = "cpu_seconds" if engine == "sqlite" else "seconds"
                each = [one[spent] / one["lines"] * 1e6 for one in runs.values()]
                name = NAMES[0] if engine == "sqlite" else NAMES[1]
                pairs[name].append((each[1], each[0]))
                if engine == "sqlite":
                    peaks = [one["peak_mb"] for one in runs.values()]
                    pairs["reconcile_memory"].append((peaks[1], peaks[0]))
    small = f"each line of {SMALL:,}"
    return [
        Row(NAMES[0], pairs[NAMES[0]], small, "µs of CPU a line", "lower", 2.0),
        Row(NAMES[1], pairs[NAMES[1]], small, "µs a line", "lower", 2.0),
        Row(NAMES[2], pairs[NAMES[2]], f"the peak with {SMALL:,} lines", "MB", "lower", 2.0),
    ]


def _told(run: dict[str, Any]) -> str:
    rate = run["lines"] / run["seconds"]
    return (
        f"{run['lines']:,} lines in {run['seconds']:.1f} s ({rate:,.0f}/s, "
        f"{run['cpu_seconds']:.1f} s of CPU: "
        f"{run['read_seconds']:.1f} s read, {run['compare_seconds']:.1f} s compared), "
        f"{run['kept']} differences, peak {run['peak_mb']:.0f} MB"
    )


def _reconciled(url: str, folder: Path, lines: int) -> dict[str, Any]:
    path = folder / f"statement-{lines}.csv.gz"
    numbers = asyncio.run(_seed(url, lines))
    _write(path, numbers)
    words = ("-m", "tests.benchmarks.child", "reconcile", url, str(path))
    told: dict[str, Any] = json.loads(machine.run(machine.SERVER_CORE, *words))
    path.unlink()
    assert told["lines"] == lines, told
    assert told["kinds"] == [["ours_only", PLANTED], ["platform_only", PLANTED]], told
    return told


async def _seed(url: str, lines: int) -> list[str]:
    """Write as many paid orders as the statement has lines; return the numbers of its lines."""
    dice = random.Random(lines)
    ours = [f"W261123{dice.getrandbits(64):016X}" for _ in range(lines)]
    began = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)

    def place(tx: Connection) -> None:
        tx.execute(text("INSERT INTO communities (id, name) VALUES (1, '云栖花园')"))
        tx.execute(
            text(
                "INSERT INTO units (id, community_id, kind, code, label)"
                " VALUES (1, 1, 'home', '1-1-1', '1-1-1')"
            )
        )

    def pay(tx: Connection, first: int, numbers: list[str]) -> None:
        rows = [
            {
                "id": first + n,
                "no": number,
                "at": began + timedelta(seconds=(first + n) * 40_000 // lines),
                "fen": AMOUNT_FEN,
                "merchant": MERCHANT,
                "trade": f"42{number}",
            }
            for n, number in enumerate(numbers, 1)
        ]
        for statement in SEEDS:
            tx.execute(statement, rows)

    async with open_database(url) as db:
        await db.write(place)
        for first in range(0, lines, PIECE):
            await db.jot(pay, first, ours[first : first + PIECE])
    strangers = [f"W261123{n:016X}" for n in range(PLANTED)]
    return [*ours[PLANTED:], *strangers]


AT = bindparam("at", type_=UtcDateTime())
SEEDS = (
    text(
        "INSERT INTO payment_orders (id, order_no, community_id, unit_id, gateway, kind, state,"
        " amount_fen, merchant_id, created_at, expires_at) VALUES (:id, :no, 1, 1, 'wechat_pay',"
        " 'jsapi', 'paid', :fen, :merchant, :at, :at)"
    ).bindparams(AT),
    text(
        "INSERT INTO payments (order_id, community_id, unit_id, gateway, transaction_id,"
        " amount_fen, paid_at, settled_at) VALUES (:id, 1, 1, 'wechat_pay', :trade, :fen,"
        " :at, :at)"
    ).bindparams(AT),
)


def _write(path: Path, numbers: list[str]) -> None:
    """Write a statement in the platform's own format, packed."""
    fen, rate = AMOUNT_FEN * len(numbers), 150 * len(numbers)
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="") as out:
        out.write(COLUMNS + "\r\n")
        for n, number in enumerate(numbers):
            at = f"2026-11-23 {n % 20:02d}:{n % 60:02d}:{n // 60 % 60:02d}"
            cells = [at, "wx1", MERCHANT, "0", "", f"42{number}", number, "oUpF8uMuAJO_M2pxb1Q9"]
            cells += ["JSAPI", "SUCCESS", "OTHERS", "CNY", "250.60", "0.00", "0", "0", "0.00"]
            cells += ["0.00", "", "", "物业费", "", "1.50000", "0.60%", "250.60", "0.00", ""]
            out.write(",".join("`" + cell for cell in cells) + "\r\n")
        sums = [f"{len(numbers)}.0", _yuan(fen), "0.00", "0.00", _yuan(rate), _yuan(fen), "0.00"]
        out.write(SUMMARY + "\r\n" + ",".join("`" + cell for cell in sums) + "\r\n")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
