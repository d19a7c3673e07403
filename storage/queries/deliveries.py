"""What became of the messages to those who have bound a unit (送达): when, which way, why."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.kinds import BindingState, OutboxState
from storage.models.messages import outbox
from storage.models.people import bindings


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one person: what it is about, and where it stands; never its words."""

    event: str
    state: OutboxState
    route: str
    why: str
    """A word of ours ("weekly_cap"), or the platform's own where it refused."""
    at: datetime
    """When it arrived, or when we decided to say it."""
    not_before: datetime


def hearers_of(tx: Connection, unit_id: int) -> list[int]:
    """Return the chat identities that have bound a unit now."""
    return list(
        tx.execute(
            select(bindings.c.identity_id).where(
                bindings.c.unit_id == unit_id, bindings.c.state == BindingState.ACTIVE
            )
        ).scalars()
    )


def told_lately(
    tx: Connection, identity_ids: Sequence[int], *, community_id: int, limit: int
) -> list[Told]:
    """Return the newest messages of a community to these people, the newest first."""
    rows = tx.execute(
        select(outbox)
        .where(outbox.c.identity_id.in_(identity_ids), outbox.c.community_id == community_id)
        .order_by(outbox.c.created_at.desc(), outbox.c.id.desc())
        .limit(limit)
    )
    return [
        Told(
            row.event,
            OutboxState(row.state),
            row.route,
            row.why,
            row.sent_at or row.created_at,
            row.not_before,
        )
        for row in rows
    ]
