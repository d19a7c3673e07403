"""What staff see at their desk: the figures of a day, and what waits for a decision."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from storage.errors import UnknownRefund
from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole, RefundStep
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.payments import payments, refunds
from storage.models.people import bindings, identities
from storage.periods import shanghai_instant
from storage.queries.differences import count_differences
from storage.queries.payment_pages import payments_mark
from storage.queries.tickets import live_mark
from storage.rules.counter import GIVES
from storage.rules.refunds import VOID


def communities_served(tx: Connection, community_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return (key, name) of communities, the first entered first."""
    rows = tx.execute(
        select(communities.c.id, communities.c.name)
        .where(communities.c.id.in_(community_ids))
        .order_by(communities.c.id)
    )
    return [(row.id, row.name) for row in rows]


@dataclass(frozen=True, slots=True)
class Total:
    """How many, and how many fen together."""

    count: int
    fen: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A Shanghai day's money of some communities, and what is open at this moment."""

    received: dict[str, Total]
    """By gateway."""
    refunded: Total
    refunds_waiting: Total
    """Requests that nobody has decided on."""
    overdue: Total
    """Households past due, and what they owe."""
    open_bills: Total
    differences: int
    """What a platform or our own books deny, and nobody has closed."""


def day_figures(tx: Connection, *, community_ids: Sequence[int], today: date) -> DayFigures:
    """Count a day's money in and out, and what is open."""
    begins, ends = shanghai_instant(today), shanghai_instant(today + timedelta(days=1))
    undone = select(refunds.c.payment_id).where(refunds.c.cause == VOID)
    received = tx.execute(
        select(payments.c.gateway, func.count(), func.sum(payments.c.amount_fen))
        .where(
            payments.c.id.not_in(undone),
            payments.c.community_id.in_(community_ids),
            payments.c.paid_at >= begins,
            payments.c.paid_at < ends,
        )
        .group_by(payments.c.gateway)
        .order_by(payments.c.gateway)
    ).all()
    mine = refunds.c.community_id.in_(community_ids)
    back = refunds.c.amount_fen
    owed = bills.c.amount_fen - bills.c.paid_fen
    is_open = (
        bills.c.community_id.in_(community_ids),
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
    )
    return DayFigures(
        received={row[0]: Total(int(row[1]), int(row[2])) for row in received},
        refunded=_total(
            tx,
            select(func.count(), func.sum(back)).where(
                mine,
                refunds.c.cause != VOID,
                refunds.c.state == RefundStep.SUCCESS,
                refunds.c.settled_at >= begins,
                refunds.c.settled_at < ends,
            ),
        ),
        refunds_waiting=_total(
            tx,
            select(func.count(), func.sum(back)).where(
                mine, refunds.c.state == RefundStep.REQUESTED
            ),
        ),
        overdue=_total(
            tx,
            select(func.count(bills.c.unit_id.distinct()), func.sum(owed)).where(
                *is_open, bills.c.due_on < today
            ),
        ),
        open_bills=_total(tx, select(func.count(), func.sum(owed)).where(*is_open)),
        differences=count_differences(tx, community_ids),
    )


def today_mark(tx: Connection, today: date, *, community_ids: Sequence[int]) -> str:
    """Return a text that changes with the day, a payment, a refund asked for, or a ticket."""
    money = payments_mark(tx, community_ids=community_ids)
    return f"{today}-{money}-{live_mark(tx, community_ids=community_ids)}"


def _total(tx: Connection, question: Select[int, Any]) -> Total:
    count, fen = tx.execute(question).one()
    return Total(int(count), int(fen or 0))


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund that waits for a manager's word."""

    refund_no: str
    unit_label: str
    amount_fen: int
    reason: str
    requested_at: datetime
    identity_id: int | None
    """Whose chat identity asked."""
    by_staff_id: int | None
    """The member of staff behind that identity, if it is one."""
    gateway: str = ""
    """By which way it goes back."""


def _refunds(community_ids: Sequence[int]) -> Select[Any]:
    return (
        select(refunds, units.c.label, identities.c.staff_id)
        .select_from(
            refunds.join(units, units.c.id == refunds.c.unit_id).outerjoin(
                identities, identities.c.id == refunds.c.identity_id
            )
        )
        .where(refunds.c.community_id.in_(community_ids))
        .order_by(refunds.c.id)
    )


def _refund(row: Row[Any]) -> RefundAsked:
    return RefundAsked(
        row.refund_no,
        row.label,
        row.amount_fen,
        row.reason,
        row.requested_at,
        row.identity_id,
        row.staff_id,
        row.gateway,
    )


def refunds_waiting(
    tx: Connection, *, community_ids: Sequence[int], limit: int
) -> list[RefundAsked]:
    """Return the refunds that nobody has decided on, the oldest first."""
    waiting = _refunds(community_ids).where(refunds.c.state == RefundStep.REQUESTED)
    return [_refund(row) for row in tx.execute(waiting.limit(limit))]


def payouts_waiting(
    tx: Connection, *, community_ids: Sequence[int], limit: int
) -> list[RefundAsked]:
    """Return the refunds that were agreed to and wait for a person to hand them over."""
    waiting = _refunds(community_ids).where(
        refunds.c.state == RefundStep.APPROVED, refunds.c.gateway.in_(GIVES)
    )
    return [_refund(row) for row in tx.execute(waiting.limit(limit))]


def refund_of(tx: Connection, refund_no: str, *, community_ids: Sequence[int]) -> RefundAsked:
    """Return a refund of these communities, whatever its state. Raises UnknownRefund."""
    found = tx.execute(
        _refunds(community_ids).where(refunds.c.refund_no == refund_no)
    ).one_or_none()
    if found is None:
        raise UnknownRefund
    return _refund(found)


@dataclass(frozen=True, slots=True)
class Application:
    """Somebody who wants to be let into a flat, with what she said of herself."""

    binding_id: int
    unit_label: str
    name: str
    phone: str
    role: OccupancyRole
    applied_at: datetime


def applications_waiting(
    tx: Connection, *, community_ids: Sequence[int], limit: int, binding_id: int | None = None
) -> list[Application]:
    """Return the applications for a binding that nobody has decided on (or the one of a key)."""
    waiting = (
        select(bindings, units.c.label)
        .join(units, units.c.id == bindings.c.unit_id)
        .where(units.c.community_id.in_(community_ids), bindings.c.state == BindingState.APPLIED)
        .order_by(bindings.c.id)
        .limit(limit)
    )
    if binding_id is not None:
        waiting = waiting.where(bindings.c.id == binding_id)
    return [
        Application(
            row.id,
            row.label,
            row.said_name,
            row.said_phone,
            OccupancyRole(row.role),
            row.bound_at,
        )
        for row in tx.execute(waiting)
    ]
