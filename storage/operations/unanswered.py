"""What a platform has not answered for too long is put before a person; nothing ends in silence."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select

from storage.events import StaffTask
from storage.kinds import OrderState, RefundStep, StaffRole
from storage.models.base import UtcDateTime
from storage.models.estate import units
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, refunds
from storage.operations.findings import close_about, keep_finding
from storage.operations.hearers import tell_staff
from storage.periods import shanghai_day
from storage.queries.agreement import Finding
from storage.rules.agreeing import OF_WAITING, DifferenceKind

A_DAY: Final = timedelta(days=1)
UNDER_WAY: Final = timedelta(days=3)
"""Banks take up to three workdays; what a platform has accepted may be that long on its way."""
ROLES: Final = (StaffRole.CASHIER, StaffRole.MANAGER)
NOT_SENT: Final = (RefundStep.APPROVED, RefundStep.UNKNOWN, RefundStep.UNFUNDED)
"""Agreed to, and no platform has taken it yet."""
FINAL: Final = (RefundStep.SUCCESS, RefundStep.CLOSED, RefundStep.FAILED, RefundStep.DECLINED)


def tell_unanswered(tx: Connection, *, now: datetime) -> dict[str, int]:
    """Open a task for each order and refund that has waited too long; close those that ended.

    Told once each; while one is open, each morning's result counts it. Returns told and ended.
    """
    ended = [
        close_about(tx, reference, OF_WAITING, now=now, note="ended")
        for reference in _ended(tx, payment_orders, payment_orders.c.order_no, _IS_OVER)
        + _ended(tx, refunds, refunds.c.refund_no, refunds.c.state.in_(FINAL))
    ]
    told = [_tell(tx, row, now) for row in (*_orders(tx, now), *_refunds(tx, now))]
    return {"told": sum(told), "ended": sum(ended)}


_IS_OVER: Final = payment_orders.c.state != OrderState.OPEN


def _ended(
    tx: Connection,
    table: Table,
    number: ColumnElement[str],
    is_over: ColumnElement[bool],
) -> list[str]:
    rows = tx.execute(
        select(number)
        .select_from(table.join(discrepancies, discrepancies.c.reference == number))
        .where(discrepancies.c.closed_at.is_(None), discrepancies.c.kind.in_(OF_WAITING), is_over)
        .distinct()
    )
    return list(rows.scalars())


def _orders(tx: Connection, now: datetime) -> list[Row[Any]]:
    """Return orders whose platform neither took the money nor closed them a day after their end."""
    order = payment_orders.c
    return list(
        tx.execute(
            select(
                order.order_no.label("number"),
                order.gateway,
                order.amount_fen,
                order.community_id,
                units.c.label,
                order.state,
            )
            .join(units, units.c.id == order.unit_id)
            .where(
                order.state == OrderState.OPEN,
                order.next_query_at.is_not(None),
                order.expires_at < now - A_DAY,
            )
            .order_by(order.id)
        )
    )


def _refunds(tx: Connection, now: datetime) -> list[Row[Any]]:
    """Return refunds that nobody took for a day, or whose platform has been silent for longer."""
    one = refunds.c
    agreed_at = func.coalesce(one.decided_at, one.requested_at, type_=UtcDateTime())
    is_late = or_(
        and_(one.state.in_(NOT_SENT), agreed_at < now - A_DAY),
        and_(one.state == RefundStep.SUBMITTED, one.submitted_at < now - UNDER_WAY),
    )
    return list(
        tx.execute(
            select(
                one.refund_no.label("number"),
                one.gateway,
                one.amount_fen,
                one.community_id,
                units.c.label,
                one.state,
            )
            .join(units, units.c.id == one.unit_id)
            .where(one.next_step_at.is_not(None), is_late)
            .order_by(one.id)
        )
    )


def _tell(tx: Connection, row: Row[Any], now: datetime) -> bool:
    day = shanghai_day(now)
    finding = Finding(DifferenceKind.UNANSWERED, row.gateway, day, row.number, row.amount_fen, None)
    if keep_finding(tx, finding, now=now, detail=row.state) not in ("new", "again"):
        return False
    tell_staff(
        tx,
        StaffTask("unanswered", row.number, row.label, row.amount_fen, row.state),
        community_id=row.community_id,
        roles=ROLES,
        key=f"unanswered:{row.number}:{day}",
        now=now,
    )
    return True
