"""A town for broadcasts: buildings with many households, staff, and what each can hear."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, insert, select, update

from storage.kinds import OccupancyRole, OutboxState, StaffRole
from storage.models.estate import buildings, entrances, units
from storage.models.messages import outbox
from storage.models.people import identities
from storage.queries.residents import Staff
from tests import factories
from tests.factories import NOW


@dataclass(frozen=True)
class Town:
    """Building 3: twelve households; building 5: one. In building 3, at the start:

    eight are bound with an open window, one's window is shut, one has muted notices, one follows
    no longer, one is not bound. 3-1-101 owes for two months.
    """

    community_id: int
    fee_item_id: int
    unit_ids: dict[str, int]
    steward: Staff
    manager: Staff
    cashier: Staff


def build(tx: Connection, **choices) -> Town:
    """Build the town; `choices` are its policy's columns."""
    community_id = factories.add_community(tx, **{"refund_automatic_fen": 0} | choices)
    unit_ids = {}
    for number in range(1, 13):
        code = f"3-{1 if number <= 6 else 2}-{100 + number}"
        unit_ids[code] = household(tx, community_id, code, f"o-{number}")
    unit_ids["5-1-101"] = household(tx, community_id, "5-1-101", "o-five")
    person(tx, "o-9", window_left=0)
    person(tx, "o-10", muted="notices")
    person(tx, "o-11", is_following=False)
    fee_item_id = factories.add_fee_item(tx, community_id)
    for period in ("2026-09", "2026-10"):
        factories.add_bill(tx, factories.Owed(unit_ids["3-1-101"], fee_item_id, period))
    return Town(
        community_id,
        fee_item_id,
        unit_ids,
        employ(tx, community_id, "小周", StaffRole.STEWARD, "s-steward"),
        employ(tx, community_id, "陈经理", StaffRole.MANAGER, "s-manager"),
        employ(tx, community_id, "小吴", StaffRole.CASHIER, "s-cashier"),
    )


def household(tx: Connection, community_id: int, code: str, openid: str) -> int:
    """Add a flat in its building and entrance; its owner has bound it (o-12 has not)."""
    unit_id = factories.add_unit(tx, community_id, code)
    building, entrance, room = code.split("-")
    building_id = _once(tx, buildings, community_id=community_id, label=f"{building}栋")
    entrance_id = _once(tx, entrances, building_id=building_id, label=f"{entrance}单元")
    tx.execute(
        update(units)
        .where(units.c.id == unit_id)
        .values(building_id=building_id, entrance_id=entrance_id)
    )
    phone = f"138{building}{entrance}{room}"
    resident_id = factories.add_resident(tx, community_id, f"住户{room}", phone)
    factories.move_in(tx, resident_id, unit_id, from_on=date(2020, 1, 1))
    if openid != "o-12":
        factories.add_binding(tx, openid, unit_id, resident_id, OccupancyRole.OWNER)
    return unit_id


def _once(tx: Connection, table, **values) -> int:
    known = tx.execute(select(table.c.id).filter_by(**values)).scalar_one_or_none()
    if known is not None:
        return int(known)
    return int(tx.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def person(tx: Connection, openid: str, **values) -> None:
    """Change what a chat identity can hear."""
    tx.execute(update(identities).where(identities.c.openid == openid).values(**values))


def employ(tx: Connection, community_id: int, name: str, role: StaffRole, openid: str) -> Staff:
    """Employ somebody and return her office."""
    staff_id = factories.add_staff(tx, community_id, name, role, openid)
    return Staff(staff_id, name, role, (community_id,))


def notices_to(tx: Connection, event: str = "NoticeSent") -> dict[str, OutboxState]:
    """Return where each person's copy of the notices stands."""
    rows = tx.execute(
        select(outbox.c.recipient, outbox.c.state).where(outbox.c.event == event)
    ).all()
    assert len({row.recipient for row in rows}) == len(rows), "somebody is told twice"
    return {row.recipient: OutboxState(row.state) for row in rows}


__all__ = ["NOW", "Town", "build"]
