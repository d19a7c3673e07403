"""Planning reminders costs what is due: many old bills beside few, and many that are due.

Old bills are paid, or have been open for years by households of whom nobody is reminded today.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Date, bindparam, text

from storage.database import open_database
from tests.benchmarks import machine
from tests.benchmarks.fresh import fresh_database
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.postgres import Postgres, running_postgres

NAMES = ("reminders_old_bills", "reminders_old_bills_postgresql", "reminders_linear")
UNITS = 4_000
OLD, MANY_OLD = 10_000, 100_000
DUE, MANY_DUE = 200, 2_000
ROUNDS = 5
NOTHING = 0
YESTERDAY = date(2026, 11, 23)


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Plan the same day's reminders among few old bills and many, each in a fresh database."""
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    with running_postgres() as server:
        for number in range(min(scale.rounds, ROUNDS)):
            for engine in ("sqlite", "postgresql"):
                few, many = (_planned(engine, folder, server, old, DUE) for old in (OLD, MANY_OLD))
                say(f"  round {number + 1} {engine}: {_told(few)}; {_told(many)}")
                name = NAMES[0] if engine == "sqlite" else NAMES[1]
                spent = "cpu_seconds" if engine == "sqlite" else "seconds"
                pairs[name].append((many[spent] * 1e3, few[spent] * 1e3))
            large = _planned("sqlite", folder, server, OLD, MANY_DUE)
            small = _planned("sqlite", folder, server, OLD, DUE)
            each = [one["cpu_seconds"] / one["planned"] * 1e6 for one in (large, small)]
            pairs[NAMES[2]].append((each[0], each[1]))
            say(f"  round {number + 1}: {_told(large)}; {_told(small)}")
    few_old = f"the same {DUE} reminders among {OLD:,} old bills, not {MANY_OLD:,}"
    return [
        Row(NAMES[0], pairs[NAMES[0]], few_old, "ms of CPU", "lower", 1.3),
        Row(NAMES[1], pairs[NAMES[1]], few_old, "ms", "lower", 1.3),
        Row(NAMES[2], pairs[NAMES[2]], f"each of {DUE}, not {MANY_DUE}", "µs of CPU", "lower", 1.3),
    ]


def _told(run: dict[str, Any]) -> str:
    return (
        f"{run['planned']:,} reminders among {run['old']:,} old bills in"
        f" {run['seconds'] * 1e3:.0f} ms ({run['cpu_seconds'] * 1e3:.0f} ms of CPU)"
    )


def _planned(engine: str, folder: Path, server: Postgres, old: int, due: int) -> dict[str, Any]:
    with fresh_database(engine, folder / "dunning.db", server) as url:
        asyncio.run(seed(url, old=old, due=due))
        words = ("-m", "tests.benchmarks.child", "dunning", url)
        told: dict[str, Any] = json.loads(machine.run(machine.SERVER_CORE, *words))
    assert told["planned"] == due, told
    return {**told, "old": old}


async def seed(url: str, *, old: int, due: int) -> None:
    """Write a community of bound flats, its old bills, and one bill that fell due yesterday each.

    The first `due` flats have one; their old bills are paid, of the others' every tenth is not.
    """

    def fill(tx: Connection) -> None:
        for statement in ESTATE:
            tx.execute(text(statement))
        flats = [{"n": n, "code": f"1-1-{n}", "phone": f"138{n:08d}"} for n in range(1, UNITS + 1)]
        for statement in FLATS:
            tx.execute(text(statement), flats)
        bills = [_old(n, due) for n in range(1, old + 1)]
        bills += [_bill(old + n, n, "2026-11", YESTERDAY, NOTHING) for n in range(1, due + 1)]
        for first in range(0, len(bills), 10_000):
            tx.execute(BILL, bills[first : first + 10_000])

    async with open_database(url) as db:
        await db.write(fill)
        if url.startswith("postgresql"):
            await db.write(lambda tx: tx.exec_driver_sql("ANALYZE") and None)


def _old(number: int, due: int) -> dict[str, Any]:
    unit = number % UNITS + 1
    months = number // UNITS
    period = f"{2001 + months // 12}-{months % 12 + 1:02d}"
    is_open = unit > due and unit % 10 == 0
    return _bill(
        number, unit, period, date.fromisoformat(f"{period}-25"), NOTHING if is_open else FEN
    )


def _bill(number: int, unit: int, period: str, due_on: date, paid_fen: int) -> dict[str, Any]:
    return {
        "id": number,
        "no": f"B{period}-{number:06d}",
        "unit": unit,
        "period": period,
        "fen": FEN,
        "paid": paid_fen,
        "due_on": due_on,
    }


FEN = 25_060
ESTATE = (
    "INSERT INTO communities (id, name, opened_at, widened_at)"
    " VALUES (1, '云栖花园', '2020-01-01 00:00:00', '2020-01-01 00:00:00')",
    "INSERT INTO fee_items (id, community_id, code, name) VALUES (1, 1, 'property_fee', '物业费')",
    "INSERT INTO dunning_steps (community_id, effective_on, days_from_due, tone)"
    " VALUES (1, '2020-01-01', 1, 'plain')",
)
FLATS = (
    "INSERT INTO units (id, community_id, kind, code, label) VALUES (:n, 1, 'home', :code, :code)",
    "INSERT INTO residents (id, community_id, name, phone) VALUES (:n, 1, :code, :phone)",
    "INSERT INTO occupancies (resident_id, unit_id, role, from_on)"
    " VALUES (:n, :n, 'owner', '2000-01-01')",
    "INSERT INTO identities (id, account, openid, first_seen_at)"
    " VALUES (:n, 'bench', :phone, '2020-01-01 00:00:00')",
    "INSERT INTO bindings (identity_id, unit_id, resident_id, role, state, bound_at)"
    " VALUES (:n, :n, :n, 'owner', 'active', '2020-01-01 00:00:00')",
)
BILL = text(
    "INSERT INTO bills (id, bill_no, community_id, unit_id, fee_item_id, liable_id, period,"
    " amount_fen, paid_fen, due_on, issued_at) VALUES (:id, :no, 1, :unit, 1, :unit, :period,"
    " :fen, :paid, :due_on, '2020-01-01 00:00:00')"
).bindparams(bindparam("due_on", type_=Date()))
