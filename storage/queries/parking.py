"""Which cars may pass the barrier (道闸), and up to which day what renews has been paid."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.tariffs import unit_tariffs
from storage.queries.estate import in_order


@dataclass(frozen=True, slots=True)
class Plate:
    """A car of a space. `last_on` is the last day it may pass, None for one without an end."""

    unit_label: str
    item_name: str
    plate: str
    may_pass: bool
    """False where nothing of what renews has ever been paid."""
    last_on: date | None


def plates_of(tx: Connection, community_id: int, today: date) -> list[Plate]:
    """Return the plates that are noted on a Shanghai day, in the order of their spaces.

    Monthly parking (续费) runs to the last day that is paid whole. A space that is owned has no
    end, whatever is owed for it: a debt is never collected at the barrier.
    """
    is_paid = and_(
        bills.c.unit_id == unit_tariffs.c.unit_id,
        bills.c.fee_item_id == unit_tariffs.c.fee_item_id,
        bills.c.voided_at.is_(None),
        bills.c.paid_fen == bills.c.amount_fen,
    )
    rows = tx.execute(
        select(
            units.c.code,
            units.c.label,
            fee_items.c.name,
            fee_items.c.fee_class,
            unit_tariffs.c.plate,
            unit_tariffs.c.until_on,
            func.max(bills.c.last_on).label("paid_on"),
        )
        .select_from(
            unit_tariffs.join(units, units.c.id == unit_tariffs.c.unit_id)
            .join(fee_items, fee_items.c.id == unit_tariffs.c.fee_item_id)
            .outerjoin(bills, is_paid)
        )
        .where(
            units.c.community_id == community_id,
            unit_tariffs.c.plate != "",
            unit_tariffs.c.from_on <= today,
            or_(unit_tariffs.c.until_on.is_(None), unit_tariffs.c.until_on > today),
        )
        .group_by(unit_tariffs.c.id, units.c.id, fee_items.c.id)
    ).all()
    in_rooms = sorted(rows, key=lambda one: (in_order(one.code), one.name, one.plate))
    return [_plate(row) for row in in_rooms]


def _plate(row: Any) -> Plate:  # noqa: ANN401 - a row
    ends_on = None if row.until_on is None else row.until_on - timedelta(days=1)
    renews = row.fee_class == FeeClass.RENEWAL
    days = [day for day in (ends_on, row.paid_on if renews else None) if day is not None]
    may_pass = not renews or row.paid_on is not None
    last_on = min(days, default=None) if may_pass else None
    return Plate(row.label, row.name, row.plate, may_pass, last_on)
