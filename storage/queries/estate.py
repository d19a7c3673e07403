"""Which communities are there, and which units stand in them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, or_, select

from storage.frozen import dataclass
from storage.kinds import OccupancyRole
from storage.models.bills import fee_items
from storage.models.estate import buildings, communities, units
from storage.models.people import occupancies
from storage.periods import BillingPeriod


@dataclass(frozen=True, slots=True)
class Community:
    """A community, and when its opening sheet was signed (None: it is silent)."""

    community_id: int
    name: str
    opened_at: datetime | None


def all_communities(tx: Connection) -> list[Community]:
    """Return every community, the first entered first."""
    rows = tx.execute(
        select(communities.c.id, communities.c.name, communities.c.opened_at).order_by(
            communities.c.id
        )
    )
    return [Community(row.id, row.name, row.opened_at) for row in rows]


def community_named(tx: Connection, name: str) -> Community | None:
    """Return the community of a name, or None."""
    return next((one for one in all_communities(tx) if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is billed; `building_label` is empty for what stands in none."""

    unit_id: int
    code: str
    label: str
    kind: str
    building_label: str
    floor_area_m2: Decimal | None


def units_of(tx: Connection, community_id: int) -> list[Unit]:
    """Return all units of a community, in the order of their entry."""
    rows = tx.execute(
        select(
            units.c.id,
            units.c.code,
            units.c.label,
            units.c.kind,
            buildings.c.label.label("building_label"),
            units.c.floor_area_m2,
        )
        .select_from(units.outerjoin(buildings, buildings.c.id == units.c.building_id))
        .where(units.c.community_id == community_id)
        .order_by(units.c.id)
    )
    return [
        Unit(row.id, row.code, row.label, row.kind, row.building_label or "", row.floor_area_m2)
        for row in rows
    ]


def find_unit(tx: Connection, community_id: int, code: str) -> Unit | None:
    """Return the unit of a normal form ("3-2-1201"), or None."""
    return next((one for one in units_of(tx, community_id) if one.code == code), None)


def liable_parties(
    tx: Connection, community_id: int, period: BillingPeriod, role: str = OccupancyRole.OWNER
) -> dict[int, int]:
    """Return unit → the resident who is owner (or tenant) on the period's first day.

    Of several the one who came first; a unit that nobody owns is not in it.
    """
    rows = tx.execute(
        select(occupancies.c.unit_id, occupancies.c.resident_id)
        .select_from(occupancies.join(units, units.c.id == occupancies.c.unit_id))
        .where(
            units.c.community_id == community_id,
            occupancies.c.role == role,
            occupancies.c.from_on <= period.first_on,
            or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > period.first_on),
        )
        .order_by(occupancies.c.unit_id, occupancies.c.from_on, occupancies.c.resident_id)
    )
    found: dict[int, int] = {}
    for row in rows:
        found.setdefault(row.unit_id, row.resident_id)
    return found


def count_units(tx: Connection, community_id: int) -> int:
    """Return how many units a community has."""
    found: int = tx.execute(
        select(func.count()).select_from(units).where(units.c.community_id == community_id)
    ).scalar_one()
    return found


def fee_item_named(tx: Connection, community_id: int, name: str) -> int | None:
    """Return the key of a community's fee item by its name, or None."""
    found: int | None = tx.execute(
        select(fee_items.c.id).where(
            fee_items.c.community_id == community_id, fee_items.c.name == name.strip()
        )
    ).scalar_one_or_none()
    return found


def in_order(code: str) -> list[tuple[int, str]]:
    """Return what codes are sorted by so that rooms follow as they are counted: 101 before 1001."""
    parts = code.split("-")
    return [(int(one) if one.isascii() and one.isdigit() else 0, one) for one in parts]
