"""Refunds as the office looks through them: each with its steps and whose hands made them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from storage.errors import UnknownRefund
from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.models.estate import communities, units
from storage.models.payments import payments, refunds
from storage.models.people import staff
from storage.queries.audits import AuditLine, audit_of


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as the office sees it; names are "" where no member of staff acted."""

    refund_id: int
    refund_no: str
    payment_id: int
    paid_at: datetime
    paid_fen: int
    community_name: str
    unit_id: int
    unit_label: str
    order_no: str
    gateway: str
    amount_fen: int
    kept_fen: int
    state: RefundStep
    cause: str
    reason: str
    requested_at: datetime
    asked_by: str
    decided_at: datetime | None
    decided_by: str
    decline_reason: str
    submitted_at: datetime | None
    settled_at: datetime | None
    detail: str
    platform_refund_id: str
    voucher_no: str
    paid_out_by: str
    payout_bank: str
    is_residents: bool
    """A resident asked for it."""
    asked_by_id: int | None
    """The key of who of the staff asked."""


_ASKER, _DECIDER, _PAYER = staff.alias("asker"), staff.alias("decider"), staff.alias("payer")
_ROWS: Final = select(
    refunds,
    payments.c.paid_at,
    payments.c.amount_fen.label("paid_fen"),
    units.c.label,
    communities.c.name.label("community_name"),
    _ASKER.c.name.label("asked_by"),
    _DECIDER.c.name.label("decider"),
    _PAYER.c.name.label("payer"),
).select_from(
    refunds.join(payments, payments.c.id == refunds.c.payment_id)
    .join(units, units.c.id == refunds.c.unit_id)
    .join(communities, communities.c.id == refunds.c.community_id)
    .outerjoin(_ASKER, _ASKER.c.id == refunds.c.requested_by)
    .outerjoin(_DECIDER, _DECIDER.c.id == refunds.c.decided_by)
    .outerjoin(_PAYER, _PAYER.c.id == refunds.c.paid_out_by)
)


def page_of_refunds(
    tx: Connection,
    states: Collection[RefundStep],
    *,
    community_ids: Sequence[int],
    before_id: int,
    limit: int,
) -> list[RefundRow]:
    """Return some refunds that stand so, the newest first; `before_id` 0 for the first page."""
    asked = _mine(community_ids).where(refunds.c.state.in_(states))
    if before_id:
        asked = asked.where(refunds.c.id < before_id)
    return [_row(row) for row in tx.execute(asked.order_by(refunds.c.id.desc()).limit(limit))]


def refunds_of_payment(tx: Connection, payment_id: int) -> list[RefundRow]:
    """Return all refunds of a payment, the oldest first. Asks nothing about who may see them."""
    mine = _ROWS.where(refunds.c.payment_id == payment_id).order_by(refunds.c.id)
    return [_row(row) for row in tx.execute(mine)]


def refund_in_full(
    tx: Connection, refund_no: str, *, community_ids: Sequence[int]
) -> tuple[RefundRow, list[AuditLine]]:
    """Return a refund of these communities and its audit trail. Raises UnknownRefund."""
    row = tx.execute(_mine(community_ids).where(refunds.c.refund_no == refund_no)).one_or_none()
    if row is None:
        raise UnknownRefund
    return _row(row), audit_of(tx, [("refund", refund_no)])


def _mine(community_ids: Sequence[int]) -> Select[Any]:
    return _ROWS.where(refunds.c.community_id.in_(community_ids))


def _row(row: Row[Any]) -> RefundRow:
    return RefundRow(
        refund_id=row.id,
        refund_no=row.refund_no,
        payment_id=row.payment_id,
        paid_at=row.paid_at,
        paid_fen=row.paid_fen,
        community_name=row.community_name,
        unit_id=row.unit_id,
        unit_label=row.label,
        order_no=row.order_no,
        gateway=row.gateway,
        amount_fen=row.amount_fen,
        kept_fen=row.kept_fen,
        state=RefundStep(row.state),
        cause=row.cause,
        reason=row.reason,
        requested_at=row.requested_at,
        asked_by=row.asked_by or "",
        decided_at=row.decided_at,
        decided_by=row.decider or "",
        decline_reason=row.decline_reason,
        submitted_at=row.submitted_at,
        settled_at=row.settled_at,
        detail=row.detail,
        platform_refund_id=row.platform_refund_id,
        voucher_no=row.voucher_no,
        paid_out_by=row.payer or "",
        payout_bank=row.payout_bank,
        is_residents=row.identity_id is not None and row.requested_by is None,
        asked_by_id=row.requested_by,
    )
