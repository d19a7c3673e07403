"""Seeds a SQLite file quickly: ten thousand flats, a bound owner and twelve open bills for each."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine

from storage import events
from storage.kinds import BindingState, OccupancyRole, OutboxState, UnitKind, Urgency
from storage.migrate import upgrade
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, communities, units
from storage.models.messages import outbox
from storage.models.people import bindings, identities, occupancies, residents

ACCOUNT = "bench"
UNITS = 10_000
MONTHS = 12
UNITS_OF_BUILDING = 500
_THEN = datetime(2025, 1, 1, tzinfo=UTC)


def openid(number: int) -> str:
    """Return the openid of the owner of a unit, as long as real ones are."""
    return f"oBench{number:022d}"


@dataclass(frozen=True)
class Owed:
    """What the database says that a person owes."""

    label: str
    bills: tuple[tuple[str, str, int], ...]
    """(period, fee item, fen), the oldest first."""

    @property
    def total_fen(self) -> int:
        """The sum."""
        return sum(fen for _, _, fen in self.bills)


def seed(path: Path, *, messages: int = 0) -> None:
    """Make a migrated database with the estate in it, and so many messages waiting to be sent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(path.name + "*"):
        old.unlink()
    upgrade(f"sqlite+aiosqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as tx:
        _fill(tx)
        if messages:
            tx.execute(outbox.insert(), list(_messages(messages)))
    engine.dispose()


def copy(path: Path, to: Path) -> Path:
    """Give a fresh copy of a seeded database."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for old in to.parent.glob(to.name + "*"):
        old.unlink()
    shutil.copyfile(path, to)
    return to


def owed(path: Path) -> dict[str, Owed]:
    """Read from a database what each person owes, past all code of ours."""
    found: dict[str, tuple[str, list[tuple[str, str, int]]]] = {}
    link = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for person, label, period, name, fen in link.execute(
        "SELECT i.openid, u.label, b.period, f.name, b.amount_fen - b.paid_fen FROM identities i"
        " JOIN bindings d ON d.identity_id = i.id JOIN units u ON u.id = d.unit_id"
        " JOIN bills b ON b.unit_id = u.id JOIN fee_items f ON f.id = b.fee_item_id"
        " WHERE b.paid_fen < b.amount_fen ORDER BY b.period, b.id"
    ):
        found.setdefault(person, (label, []))[1].append((period, name, fen))
    link.close()
    return {person: Owed(label, tuple(lines)) for person, (label, lines) in found.items()}


def _fill(tx: Connection) -> None:
    tables: tuple[tuple[Table, Iterator[dict[str, Any]]], ...] = (
        (communities, iter([{"id": 1, "name": "云栖花园", "phone": "0571-88001234"}])),
        (fee_items, iter([{"id": 1, "community_id": 1, "code": "property_fee", "name": "物业费"}])),
        (buildings, ({"id": n, "community_id": 1, "label": f"{n}栋"} for n in range(1, 21))),
        (units, map(_unit, range(1, UNITS + 1))),
        (residents, map(_resident, range(1, UNITS + 1))),
        (occupancies, map(_occupancy, range(1, UNITS + 1))),
        (identities, map(_identity, range(1, UNITS + 1))),
        (bindings, map(_binding, range(1, UNITS + 1))),
        (bills, (_bill(n, m) for n in range(1, UNITS + 1) for m in range(1, MONTHS + 1))),
    )
    for table, rows in tables:
        tx.execute(table.insert(), list(rows))


def _unit(number: int) -> dict[str, Any]:
    building, place = divmod(number - 1, UNITS_OF_BUILDING)
    entrance, room = place // 100 + 1, place % 100
    room_no = (room // 4 + 1) * 100 + room % 4 + 1
    return {
        "id": number,
        "community_id": 1,
        "building_id": building + 1,
        "kind": UnitKind.HOME,
        "code": f"{building + 1}-{entrance}-{room_no}",
        "label": f"{building + 1}栋{entrance}单元{room_no}",
    }


def _resident(number: int) -> dict[str, Any]:
    return {"id": number, "community_id": 1, "name": f"住户{number}", "phone": f"138{number:08d}"}


def _occupancy(number: int) -> dict[str, Any]:
    return {
        "resident_id": number,
        "unit_id": number,
        "role": OccupancyRole.OWNER,
        "from_on": date(2020, 1, 1),
    }


def _identity(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "account": ACCOUNT,
        "openid": openid(number),
        "first_seen_at": _THEN,
        "window_until": datetime.now(UTC) + timedelta(days=2),
        "window_left": 5,
    }


def _binding(number: int) -> dict[str, Any]:
    return {
        "identity_id": number,
        "unit_id": number,
        "resident_id": number,
        "role": OccupancyRole.OWNER,
        "state": BindingState.ACTIVE,
        "bound_at": _THEN,
    }


def _bill(number: int, month: int) -> dict[str, Any]:
    return {
        "bill_no": f"B2025-{month:02d}-{number:06d}",
        "community_id": 1,
        "unit_id": number,
        "fee_item_id": 1,
        "liable_id": number,
        "period": f"2025-{month:02d}",
        "amount_fen": 10_000 + number * 13 + month,
        "due_on": date(2025, month, 25),
        "issued_at": _THEN,
    }


def _messages(count: int) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    for number in range(1, count + 1):
        notice = events.NoticeSent("G1", "云栖花园", "notice", f"第{number}户：明天清洗水箱。")
        yield {
            "message_key": f"notice:G1:{number}",
            "event": type(notice).__name__,
            "facts": events.dump(notice),
            "account": ACCOUNT,
            "recipient": openid(number),
            "identity_id": number,
            "community_id": 1,
            "urgency": Urgency.NOTICE,
            "state": OutboxState.WAITING,
            "created_at": now,
            "not_before": _THEN,
        }
