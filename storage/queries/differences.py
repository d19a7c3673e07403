"""Differences (差异) that nobody has closed yet: whose they are, what was said, what we hold."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from storage.frozen import dataclass
from storage.lazy import regex
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.offline import cashier_days
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, refunds
from storage.models.people import staff
from storage.models.reconciliation import difference_notes
from storage.rules.agreeing import BY_ITSELF

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
    gateway: str = ""
    day_on: date | None = None
    """The day of the platform's statement; None for what no statement showed."""
    closed_at: datetime | None = None

    @property
    def has_sums(self) -> bool:
        """Tell whether two sums were compared; else ours is only that of the order meant."""
        return bool(self.told_fen or self.gateway)


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
    known = _known().where(_IS_OPEN) if community_ids is None else _waiting(community_ids)
    row = tx.execute(known.where(discrepancies.c.id == number)).one_or_none()
    return None if row is None else _difference(row)


def differences_on(tx: Connection, day: date, *, community_ids: Sequence[int]) -> list[Difference]:
    """Return what a day's statements showed, open and closed, as far as these offices may see."""
    rows = tx.execute(
        _known()
        .where(discrepancies.c.day_on == day, _seen_by(community_ids))
        .order_by(discrepancies.c.id)
    )
    return [_difference(row) for row in rows]


@dataclass(frozen=True, slots=True)
class DifferenceNote:
    """One line of a difference's history."""

    noted_at: datetime
    act: str
    """found | again | asked | healed | booked | closed."""
    note: str
    staff_name: str
    """"" for what happened by itself."""


def history_of(
    tx: Connection, number: int, *, community_ids: Sequence[int]
) -> tuple[Difference, tuple[DifferenceNote, ...]] | None:
    """Return a difference of these offices, open or closed, and all that was done with it."""
    row = tx.execute(
        _known().where(discrepancies.c.id == number, _seen_by(community_ids))
    ).one_or_none()
    if row is None:
        return None
    notes = tx.execute(
        select(
            difference_notes.c.noted_at,
            difference_notes.c.act,
            difference_notes.c.note,
            func.coalesce(staff.c.name, ""),
        )
        .select_from(difference_notes.outerjoin(staff, staff.c.id == difference_notes.c.staff_id))
        .where(difference_notes.c.difference_id == number)
        .order_by(difference_notes.c.id)
    )
    return _difference(row), tuple(DifferenceNote(*one) for one in notes)


def healed_on(tx: Connection, day: date) -> int:
    """Count what a day's statements showed and was settled without a person."""
    by_itself = (
        select(difference_notes.c.id)
        .where(
            difference_notes.c.difference_id == discrepancies.c.id,
            difference_notes.c.act.in_(BY_ITSELF),
        )
        .exists()
    )
    found: int = tx.execute(
        select(func.count())
        .select_from(discrepancies)
        .where(discrepancies.c.day_on == day, discrepancies.c.closed_at.is_not(None), by_itself)
    ).scalar_one()
    return found


_IS_OPEN: Final = discrepancies.c.closed_at.is_(None)
_COMMUNITY: Final = func.coalesce(
    payment_orders.c.community_id,
    refunds.c.community_id,
    bills.c.community_id,
    cashier_days.c.community_id,
)


def _known() -> Select[Any]:
    unit_id = func.coalesce(payment_orders.c.unit_id, refunds.c.unit_id, bills.c.unit_id)
    reference = discrepancies.c.reference
    return select(
        discrepancies,
        _COMMUNITY.label("community_id"),
        func.coalesce(payment_orders.c.amount_fen, refunds.c.amount_fen).label("order_fen"),
        units.c.label,
    ).select_from(
        discrepancies.outerjoin(payment_orders, payment_orders.c.order_no == reference)
        .outerjoin(refunds, refunds.c.refund_no == reference)
        .outerjoin(bills, bills.c.bill_no == reference)
        .outerjoin(cashier_days, cashier_days.c.sheet_no == reference)
        .outerjoin(units, units.c.id == unit_id)
    )


def _waiting(community_ids: Sequence[int]) -> Select[Any]:
    return _known().where(_IS_OPEN, _seen_by(community_ids))


def _seen_by(community_ids: Sequence[int]) -> ColumnElement[bool]:
    return or_(_COMMUNITY.is_(None), _COMMUNITY.in_(community_ids))


def _first(*found: int | None) -> int:
    return next((one for one in found if one is not None), 0)


def _difference(row: Row[Any]) -> Difference:
    told = None if row.kind == BOOKS or row.gateway else _WHOLE.search(row.detail)
    return Difference(
        row.id,
        row.kind,
        row.reference,
        row.community_id,
        row.label or "",
        int(told.group()) if told else row.theirs_fen or 0,
        _first(row.ours_fen, row.order_fen),
        row.opened_at,
        row.gateway,
        row.day_on,
        row.closed_at,
    )
