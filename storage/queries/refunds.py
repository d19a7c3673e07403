"""Where each refund of a person stands, and since when."""

from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from storage.frozen import dataclass
from storage.models.estate import units
from storage.models.payments import refunds
from storage.queries.bills import payment_history
from storage.rules.refunds import VOID


@dataclass(frozen=True, slots=True)
class RefundProgress:
    """A refund, its step and when each step was made."""

    refund_no: str
    order_no: str
    unit_label: str
    amount_fen: int
    gateway: str
    state: str
    requested_at: datetime
    decided_at: datetime | None
    submitted_at: datetime | None
    settled_at: datetime | None
    decline_reason: str

    @property
    def asked_at(self) -> datetime:
        """When it was agreed to: what its platform knows it by, beside its number."""
        return self.decided_at or self.requested_at


def refunds_of(
    tx: Connection, *, identity_id: int, binding_id: int, unit_id: int, limit: int
) -> list[RefundProgress]:
    """Return the newest refunds of a unit that a person asked for or that concern her bills."""
    seen = [one.payment_id for one in payment_history(tx, binding_id, limit=50)]
    rows = tx.execute(
        select(refunds, units.c.label)
        .join(units, units.c.id == refunds.c.unit_id)
        .where(
            refunds.c.unit_id == unit_id,
            refunds.c.cause != VOID,
            or_(
                refunds.c.identity_id == identity_id,
                and_(refunds.c.identity_id.is_(None), refunds.c.payment_id.in_(seen)),
            ),
        )
        .order_by(refunds.c.id.desc())
        .limit(limit)
    ).all()
    return [
        RefundProgress(
            row.refund_no,
            row.order_no,
            row.label,
            row.amount_fen,
            row.gateway,
            str(row.state),
            row.requested_at,
            row.decided_at,
            row.submitted_at,
            row.settled_at,
            row.decline_reason,
        )
        for row in rows
    ]
