"""Whether the books can be read, and how much waits in them."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from storage.kinds import OrderState, OutboxState
from storage.models.messages import outbox
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments


@dataclass(frozen=True, slots=True)
class Pulse:
    """Counts for whoever watches over the bot."""

    messages: dict[str, int]
    """Outbox rows by state."""
    open_orders: int
    payments: int
    open_discrepancies: int


def is_readable(tx: Connection) -> bool:
    """Read one row of the books. Raises where they cannot be read."""
    tx.execute(select(payments.c.id).limit(1)).all()
    return True


def pulse(tx: Connection) -> Pulse:
    """Count what waits and what was done."""
    rows = tx.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
    counts = {str(state): 0 for state in OutboxState} | {row[0]: row[1] for row in rows}
    is_open = payment_orders.c.state == OrderState.OPEN
    unsettled = discrepancies.c.closed_at.is_(None)
    return Pulse(
        counts,
        tx.execute(select(func.count()).where(is_open)).scalar_one(),
        tx.execute(select(func.count(payments.c.id))).scalar_one(),
        tx.execute(select(func.count()).where(unsettled)).scalar_one(),
    )
