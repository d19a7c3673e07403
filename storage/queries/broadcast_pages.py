"""Broadcasts (群发) as pages: the list, person by person, who was left out, who paid afterwards."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, and_, distinct, exists, func, select

from storage.frozen import dataclass
from storage.kinds import BindingState, BroadcastState, OutboxState
from storage.models.estate import buildings, units
from storage.models.messages import outbox
from storage.models.notices import broadcast_skips, broadcasts
from storage.models.payments import payments
from storage.models.people import bindings, staff
from storage.queries.notices import BroadcastView, view_of, with_community

PAID_WITHIN: Final = timedelta(days=7)
"""So long after a broadcast began a payment counts as one after it."""


def page_of_broadcasts(
    tx: Connection, *, community_ids: Sequence[int], staff_id: int, before_id: int = 0, limit: int
) -> list[BroadcastView]:
    """Return broadcasts, the newest first, with a key below `before_id` (0: all).

    Drafts are their writer's alone.
    """
    is_hers = (broadcasts.c.state != BroadcastState.DRAFT) | (broadcasts.c.created_by == staff_id)
    chosen = with_community().where(broadcasts.c.community_id.in_(community_ids), is_hers)
    if before_id:
        chosen = chosen.where(broadcasts.c.id < before_id)
    rows = tx.execute(chosen.order_by(broadcasts.c.id.desc()).limit(limit))
    return [view_of(row) for row in rows]


def writer_of(tx: Connection, broadcast: BroadcastView) -> str:
    """Return the name of who wrote a broadcast."""
    name: str = tx.execute(
        select(staff.c.name).where(staff.c.id == broadcast.created_by)
    ).scalar_one()
    return name


def building_labels(tx: Connection, community_id: int) -> list[str]:
    """Return the buildings of a community, the shorter names first: 3栋 before 12栋."""
    rows = tx.execute(
        select(buildings.c.label)
        .where(buildings.c.community_id == community_id)
        .order_by(func.length(buildings.c.label), buildings.c.label)
    )
    return list(rows.scalars())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A household that a broadcast left out."""

    skip_id: int
    unit_label: str
    why: str


def page_of_left_out(
    tx: Connection, broadcast: BroadcastView, *, after_id: int = 0, limit: int
) -> list[LeftOut]:
    """Return the households that a broadcast left out, with a key beyond `after_id`."""
    rows = tx.execute(
        select(broadcast_skips.c.id, units.c.label, broadcast_skips.c.why)
        .join(units, units.c.id == broadcast_skips.c.unit_id)
        .where(
            broadcast_skips.c.broadcast_id == broadcast.broadcast_id,
            broadcast_skips.c.id > after_id,
        )
        .order_by(broadcast_skips.c.id)
        .limit(limit)
    )
    return [LeftOut(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class PaidAfter:
    """Households of those whom a broadcast reached, and what they paid within seven days of it."""

    told: int
    paid: int
    paid_fen: int


def paid_after(tx: Connection, broadcast: BroadcastView) -> PaidAfter:
    """Count who paid after hearing a broadcast; why somebody paid nobody knows."""
    heard = and_(
        outbox.c.broadcast_id == broadcast.broadcast_id,
        outbox.c.state == OutboxState.SENT,
        bindings.c.identity_id == outbox.c.identity_id,
        bindings.c.state == BindingState.ACTIVE,
    )
    told = tx.execute(
        select(func.count(distinct(bindings.c.unit_id)))
        .join(units, units.c.id == bindings.c.unit_id)
        .where(heard, units.c.community_id == broadcast.community_id)
    ).scalar_one()
    started_at = broadcast.started_at
    if started_at is None:
        return PaidAfter(told, 0, 0)
    is_after = exists().where(
        heard,
        bindings.c.unit_id == payments.c.unit_id,
        outbox.c.sent_at <= payments.c.paid_at,
    )
    paid, fen = tx.execute(
        select(
            func.count(distinct(payments.c.unit_id)),
            func.coalesce(func.sum(payments.c.amount_fen), 0),
        ).where(
            payments.c.community_id == broadcast.community_id,
            payments.c.paid_at >= started_at,
            payments.c.paid_at < started_at + PAID_WITHIN,
            is_after,
        )
    ).one()
    return PaidAfter(int(told), int(paid), int(fen))
