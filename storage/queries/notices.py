"""Broadcasts (群发): where each stands, and what became of it person by person."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from storage.errors import UnknownBroadcast
from storage.frozen import dataclass
from storage.kinds import BindingState, BroadcastState, OutboxState
from storage.models.estate import communities, units
from storage.models.messages import outbox
from storage.models.notices import broadcast_skips, broadcasts
from storage.models.people import bindings
from storage.queries.audiences import Audience
from storage.queries.group_tasks import GroupTask, open_task_of


@dataclass(frozen=True, slots=True)
class BroadcastView:
    """A broadcast as staff see it."""

    broadcast_id: int
    broadcast_no: str
    community_id: int
    community_name: str
    created_by: int
    category: str
    text: str
    audience: str
    """The audience as JSON."""
    audience_label: str
    state: BroadcastState
    send_at: datetime | None
    recipient_count: int
    is_paused: bool
    started_at: datetime | None
    ended_at: datetime | None


def view_of(row: Row[Any]) -> BroadcastView:
    """Make a view of a row of broadcasts joined with its community's name."""
    return BroadcastView(
        row.id,
        row.broadcast_no,
        row.community_id,
        row.community_name,
        row.created_by,
        row.category,
        row.text,
        row.audience,
        row.audience_label,
        BroadcastState(row.state),
        row.send_at,
        row.recipient_count,
        row.paused_at is not None,
        row.started_at,
        row.ended_at,
    )


def with_community() -> Select[Any]:
    """Select broadcasts with their community's name."""
    return select(broadcasts, communities.c.name.label("community_name")).join(communities)


def find_broadcast(
    tx: Connection, broadcast_no: str, *, community_ids: Sequence[int]
) -> BroadcastView:
    """Return a broadcast of these communities; "" is the newest. Raises UnknownBroadcast."""
    chosen = with_community().where(broadcasts.c.community_id.in_(community_ids))
    if broadcast_no:
        chosen = chosen.where(broadcasts.c.broadcast_no == broadcast_no)
    else:
        chosen = chosen.where(broadcasts.c.state != BroadcastState.DRAFT)
    row = tx.execute(chosen.order_by(broadcasts.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        raise UnknownBroadcast
    return view_of(row)


def awaiting_approval(tx: Connection, *, community_ids: Sequence[int]) -> list[BroadcastView]:
    """Return the broadcasts that a second person has to agree to."""
    rows = tx.execute(
        with_community()
        .where(
            broadcasts.c.community_id.in_(community_ids),
            broadcasts.c.state == BroadcastState.AWAITING_APPROVAL,
        )
        .order_by(broadcasts.c.id)
    )
    return [view_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a broadcast for one person; `unit_labels` are her flats in its community."""

    identity_id: int | None
    recipient: str
    unit_labels: tuple[str, ...]
    state: OutboxState
    route: str
    why: str
    outbox_id: int
    sent_at: datetime | None
    """When it was sent, of what was."""


@dataclass(frozen=True, slots=True)
class BroadcastReport:
    """The figures of a broadcast: people by state, households left out by reason."""

    broadcast: BroadcastView
    by_state: dict[OutboxState, int]
    skipped: dict[str, int]
    task: GroupTask | None = None
    """What the owner of a residents' group has not sent yet: nobody there has read it."""

    def count(self, *states: OutboxState) -> int:
        """Return how many people stand in these states."""
        return sum(self.by_state.get(state, 0) for state in states)


def figures(tx: Connection, broadcast: BroadcastView) -> BroadcastReport:
    """Count what became of a broadcast so far."""
    states = tx.execute(
        select(outbox.c.state, func.count())
        .where(outbox.c.broadcast_id == broadcast.broadcast_id)
        .group_by(outbox.c.state)
    ).all()
    skips = tx.execute(
        select(broadcast_skips.c.why, func.count())
        .where(broadcast_skips.c.broadcast_id == broadcast.broadcast_id)
        .group_by(broadcast_skips.c.why)
    ).all()
    return BroadcastReport(
        broadcast,
        {OutboxState(row[0]): row[1] for row in states},
        {row[0]: row[1] for row in skips},
        open_task_of(tx, broadcast.broadcast_id)
        if Audience.load(broadcast.audience).group
        else None,
    )


def deliveries(
    tx: Connection,
    broadcast: BroadcastView,
    *,
    states: Sequence[OutboxState] = tuple(OutboxState),
    after_id: int = 0,
    limit: int = 1000,
) -> list[Delivery]:
    """Return what became of a broadcast person by person, in the order they were queued.

    `after_id` is the last outbox key of the page before.
    """
    rows = tx.execute(
        select(outbox)
        .where(
            outbox.c.broadcast_id == broadcast.broadcast_id,
            outbox.c.state.in_(states),
            outbox.c.id > after_id,
        )
        .order_by(outbox.c.id)
        .limit(limit)
    ).all()
    homes: dict[int, list[str]] = defaultdict(list)
    for row in tx.execute(
        select(bindings.c.identity_id, units.c.label)
        .join(units, units.c.id == bindings.c.unit_id)
        .where(
            bindings.c.identity_id.in_({row.identity_id for row in rows if row.identity_id}),
            bindings.c.state == BindingState.ACTIVE,
            units.c.community_id == broadcast.community_id,
        )
        .order_by(bindings.c.id)
    ):
        homes[row.identity_id].append(row.label)
    return [
        Delivery(
            row.identity_id,
            row.recipient,
            tuple(homes.get(row.identity_id, ())),
            OutboxState(row.state),
            row.route,
            row.why,
            row.id,
            row.sent_at if row.state == OutboxState.SENT else None,
        )
        for row in rows
    ]


def households_left_out(
    tx: Connection, broadcast: BroadcastView, *, limit: int
) -> list[tuple[str, str]]:
    """Return (unit label, why) of households that a broadcast left out."""
    rows = tx.execute(
        select(units.c.label, broadcast_skips.c.why)
        .join(units, units.c.id == broadcast_skips.c.unit_id)
        .where(broadcast_skips.c.broadcast_id == broadcast.broadcast_id)
        .order_by(broadcast_skips.c.why, broadcast_skips.c.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def due_broadcasts(tx: Connection, *, now: datetime) -> list[int]:
    """Return broadcasts whose time to begin has come, the earliest first."""
    return list(
        tx.execute(
            select(broadcasts.c.id)
            .where(
                broadcasts.c.state == BroadcastState.SCHEDULED,
                broadcasts.c.send_at <= now,
                broadcasts.c.paused_at.is_(None),
            )
            .order_by(broadcasts.c.send_at, broadcasts.c.id)
        ).scalars()
    )


def sending_broadcasts(tx: Connection) -> list[int]:
    """Return broadcasts that are being sent."""
    return list(
        tx.execute(
            select(broadcasts.c.id)
            .where(broadcasts.c.state == BroadcastState.SENDING, broadcasts.c.paused_at.is_(None))
            .order_by(broadcasts.c.id)
        ).scalars()
    )


def stragglers(tx: Connection, *, since: datetime) -> list[int]:
    """Return broadcasts paused, or cancelled since an instant, that have messages waiting."""
    return list(
        tx.execute(
            select(broadcasts.c.id)
            .join(outbox, outbox.c.broadcast_id == broadcasts.c.id)
            .where(
                or_(
                    and_(
                        broadcasts.c.state == BroadcastState.CANCELLED,
                        broadcasts.c.ended_at > since,
                    ),
                    broadcasts.c.paused_at.is_not(None),
                ),
                outbox.c.state.in_([OutboxState.WAITING, OutboxState.HELD]),
            )
            .distinct()
            .order_by(broadcasts.c.id)
        ).scalars()
    )
