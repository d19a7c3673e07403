"""What waits for the outside: orders to ask about, refunds to send or to follow."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, or_, select

from storage.frozen import dataclass
from storage.kinds import OrderState, RefundStep
from storage.models.base import UtcDateTime
from storage.models.payments import payment_orders, payments, refunds


@dataclass(frozen=True, slots=True)
class OrderWork:
    """An open order whose platform has not told us of it."""

    order_no: str
    gateway: str
    created_at: datetime
    expires_at: datetime

    @property
    def number(self) -> str:
        """What its platform knows it by."""
        return self.order_no


_ORDER: Final = (
    payment_orders.c.order_no,
    payment_orders.c.gateway,
    payment_orders.c.created_at,
    payment_orders.c.expires_at,
)


def orders_to_query(tx: Connection, *, now: datetime, limit: int) -> list[OrderWork]:
    """Return open orders that are due for a question, the most patient first."""
    rows = tx.execute(
        select(*_ORDER)
        .where(payment_orders.c.state == OrderState.OPEN, payment_orders.c.next_query_at <= now)
        .order_by(payment_orders.c.next_query_at, payment_orders.c.id)
        .limit(limit)
    )
    return [OrderWork(*row) for row in rows]


def open_orders(
    tx: Connection, *, identity_id: int, unit_id: int, since: datetime, limit: int
) -> list[OrderWork]:
    """Return the newest open orders that a person began anywhere, or anybody for a unit."""
    rows = tx.execute(
        select(*_ORDER)
        .where(
            or_(payment_orders.c.identity_id == identity_id, payment_orders.c.unit_id == unit_id),
            payment_orders.c.state == OrderState.OPEN,
            payment_orders.c.created_at >= since,
        )
        .order_by(payment_orders.c.id.desc())
        .limit(limit)
    )
    return [OrderWork(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class RefundWork:
    """A refund that waits for its platform."""

    refund_no: str
    order_no: str
    gateway: str
    amount_fen: int
    total_fen: int
    reason: str
    asked_at: datetime
    """When it was agreed to."""
    transaction_id: str
    state: RefundStep

    @property
    def number(self) -> str:
        """What its platform knows it by."""
        return self.refund_no


def refunds_to_submit(tx: Connection, *, now: datetime, limit: int) -> list[RefundWork]:
    """Return refunds that were agreed to and have not been accepted by their platform yet."""
    return _refunds(tx, (RefundStep.APPROVED, RefundStep.UNFUNDED, RefundStep.UNKNOWN), now, limit)


def refunds_to_query(tx: Connection, *, now: datetime, limit: int) -> list[RefundWork]:
    """Return refunds that are under way at their platform and due for a question."""
    return _refunds(tx, (RefundStep.SUBMITTED, RefundStep.ABNORMAL), now, limit)


def _refunds(
    tx: Connection, states: tuple[RefundStep, ...], now: datetime, limit: int
) -> list[RefundWork]:
    rows = tx.execute(
        select(
            refunds.c.refund_no,
            refunds.c.order_no,
            refunds.c.gateway,
            (refunds.c.amount_fen - refunds.c.kept_fen).label("sent_fen"),
            payments.c.amount_fen.label("total_fen"),
            refunds.c.reason,
            func.coalesce(refunds.c.decided_at, refunds.c.requested_at, type_=UtcDateTime()),
            payments.c.transaction_id,
            refunds.c.state,
        )
        .select_from(refunds.join(payments, payments.c.id == refunds.c.payment_id))
        .where(refunds.c.state.in_(states), refunds.c.next_step_at <= now)
        .order_by(refunds.c.next_step_at, refunds.c.id)
        .limit(limit)
    )
    return [RefundWork(*row[:8], RefundStep(row.state)) for row in rows]
