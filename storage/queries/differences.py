"""Differences (差异) that nobody has closed yet: whose they are, what was said, what we hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, or_, select

from storage.frozen import dataclass
from storage.lazy import regex
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, refunds

BOOKS: Final = "books"
"""The kind of what our own books deny of themselves; every other kind is a platform's word."""

_WHOLE: Final = regex(r"(?<![0-9A-Za-z])[0-9]{1,18}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Difference:
    """One open contradiction."""

    number: int
    """What staff name when they close it."""
    kind: str
    reference: str
    """The order, refund or bill that it is about, or another row's name."""
    community_id: int | None
    """None where no row of ours says whose it is: then it is everybody's."""
    unit_label: str
    told_fen: int
    """What the platform reported, 0 where it is not about a sum."""
    ours_fen: int
    """What our order or refund says, 0 where there is none."""
    opened_at: datetime


def open_differences(
    tx: Connection, *, community_ids: Sequence[int], limit: int
) -> list[Difference]:
    """Return what waits for these communities' office, the oldest first."""
    rows = tx.execute(_waiting(community_ids).order_by(discrepancies.c.id).limit(limit))
    return [_difference(row) for row in rows]


def count_differences(tx: Connection, community_ids: Sequence[int]) -> int:
    """Count what waits for these communities' office."""
    waiting = _waiting(community_ids).subquery()
    found: int = tx.execute(select(func.count()).select_from(waiting)).scalar_one()
    return found


def difference_of(
    tx: Connection, number: int, *, community_ids: Sequence[int] | None = None
) -> Difference | None:
    """Return an open difference of these communities (or of any), or None."""
    known = _known() if community_ids is None else _waiting(community_ids)
    row = tx.execute(known.where(discrepancies.c.id == number)).one_or_none()
    return None if row is None else _difference(row)


_COMMUNITY: Final = func.coalesce(
    payment_orders.c.community_id, refunds.c.community_id, bills.c.community_id
)


def _known() -> Select[Any]:
    unit_id = func.coalesce(payment_orders.c.unit_id, refunds.c.unit_id, bills.c.unit_id)
    reference = discrepancies.c.reference
    return (
        select(
            discrepancies,
            _COMMUNITY.label("community_id"),
            func.coalesce(payment_orders.c.amount_fen, refunds.c.amount_fen).label("order_fen"),
            units.c.label,
        )
        .select_from(
            discrepancies.outerjoin(payment_orders, payment_orders.c.order_no == reference)
            .outerjoin(refunds, refunds.c.refund_no == reference)
            .outerjoin(bills, bills.c.bill_no == reference)
            .outerjoin(units, units.c.id == unit_id)
        )
        .where(discrepancies.c.closed_at.is_(None))
    )


def _waiting(community_ids: Sequence[int]) -> Select[Any]:
    return _known().where(or_(_COMMUNITY.is_(None), _COMMUNITY.in_(community_ids)))


def _first(*found: int | None) -> int:
    return next((one for one in found if one is not None), 0)


def _difference(row: Row[Any]) -> Difference:
    told = None if row.kind == BOOKS else _WHOLE.search(row.detail)
    return Difference(
        row.id,
        row.kind,
        row.reference,
        row.community_id,
        row.label or "",
        int(told.group()) if told else 0,
        _first(row.ours_fen, row.order_fen),
        row.opened_at,
    )
