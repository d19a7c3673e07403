"""When the clock has something to do next: the earliest instant that the books name."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from storage.kinds import BroadcastState, OrderState, OutboxState, RefundStep
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.models.payments import payment_orders, refunds

UNDER_WAY: Final = (
    RefundStep.APPROVED,
    RefundStep.UNFUNDED,
    RefundStep.UNKNOWN,
    RefundStep.SUBMITTED,
    RefundStep.ABNORMAL,
)
"""A refund that waits for a person's decision is nothing for the clock."""


def next_event_at(tx: Connection) -> datetime | None:
    """Return the earliest instant at which a message, order, refund or broadcast is due."""
    questions = (
        select(func.min(outbox.c.not_before)).where(outbox.c.state == OutboxState.WAITING),
        select(func.min(payment_orders.c.next_query_at)).where(
            payment_orders.c.state == OrderState.OPEN
        ),
        select(func.min(refunds.c.next_step_at)).where(refunds.c.state.in_(UNDER_WAY)),
        select(func.min(broadcasts.c.send_at)).where(
            broadcasts.c.state == BroadcastState.SCHEDULED, broadcasts.c.paused_at.is_(None)
        ),
    )
    found = [tx.execute(question).scalar_one() for question in questions]
    return min((one for one in found if one is not None), default=None)
