"""Who lives in a unit (住户), who owes for it, and what was paid last: the office's view."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, or_, select

from storage.frozen import dataclass
from storage.kinds import OccupancyRole
from storage.models.bills import bills
from storage.models.payments import payments
from storage.models.people import occupancies, residents
from storage.queries.payments import SettledPayment, payments_by_id


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody in a unit, and since when."""

    unit_id: int
    resident_id: int
    name: str
    phone: str
    role: OccupancyRole
    from_on: date
    until_on: date | None
    """The first day that she is no longer there, None for no end that is known."""


def occupants_on(tx: Connection, unit_ids: Sequence[int], day: date) -> dict[int, list[Occupant]]:
    """Return unit → who lives there on a Shanghai day or will, who came first first."""
    rows = tx.execute(
        select(occupancies, residents.c.name, residents.c.phone)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(
            occupancies.c.unit_id.in_(unit_ids),
            or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > day),
        )
        .order_by(occupancies.c.unit_id, occupancies.c.from_on, occupancies.c.id)
    )
    found: dict[int, list[Occupant]] = {unit_id: [] for unit_id in unit_ids}
    for row in rows:
        found[row.unit_id].append(
            Occupant(
                row.unit_id,
                row.resident_id,
                row.name,
                row.phone,
                OccupancyRole(row.role),
                row.from_on,
                row.until_on,
            )
        )
    return found


def last_payer(tx: Connection, unit_id: int) -> int | None:
    """Return the resident in whose name the newest bill of a unit is, None where in nobody's."""
    found: int | None = tx.execute(
        select(bills.c.liable_id)
        .where(bills.c.unit_id == unit_id, bills.c.voided_at.is_(None))
        .order_by(bills.c.period.desc(), bills.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found


def last_payments(tx: Connection, unit_id: int, *, limit: int) -> list[SettledPayment]:
    """Return the newest payments for a unit, whoever made them."""
    newest = (
        select(payments.c.id)
        .where(payments.c.unit_id == unit_id)
        .order_by(payments.c.paid_at.desc(), payments.c.id.desc())
        .limit(limit)
    )
    return payments_by_id(tx, list(tx.execute(newest).scalars()))
