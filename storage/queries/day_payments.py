"""The payments behind a day's figure (今天收款): the same rows that the figure counts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.estate import units
from storage.models.payments import payments, refunds
from storage.periods import shanghai_instant
from storage.rules.refunds import VOID


@dataclass(frozen=True, slots=True)
class DayPayment:
    """One payment of a day."""

    payment_id: int
    unit_id: int
    unit_label: str
    gateway: str
    amount_fen: int
    paid_at: datetime


def payments_on(
    tx: Connection, day: date, *, community_ids: Sequence[int], before_id: int, limit: int
) -> list[DayPayment]:
    """Return payments of a Shanghai day, the newest first; voided ones are none.

    `before_id` is the last one of the page before, 0 for the first page.
    """
    undone = select(refunds.c.payment_id).where(refunds.c.cause == VOID)
    asked = (
        select(payments, units.c.label)
        .join(units, units.c.id == payments.c.unit_id)
        .where(
            payments.c.id.not_in(undone),
            payments.c.community_id.in_(community_ids),
            payments.c.paid_at >= shanghai_instant(day),
            payments.c.paid_at < shanghai_instant(day + timedelta(days=1)),
        )
        .order_by(payments.c.id.desc())
        .limit(limit)
    )
    if before_id:
        asked = asked.where(payments.c.id < before_id)
    return [
        DayPayment(row.id, row.unit_id, row.label, row.gateway, row.amount_fen, row.paid_at)
        for row in tx.execute(asked)
    ]
