"""Which messages are due to be sent, in their order, each with its person."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from storage.kinds import OutboxState
from storage.models.messages import outbox
from storage.models.people import identities
from storage.prepared import Prepared


class DueMessage(NamedTuple):
    """A message of the outbox as it stands, and what is known of its person (None: a group)."""

    id: int
    epoch: int
    event: str
    facts: str
    account: str
    recipient: str
    identity_id: int | None
    community_id: int | None
    urgency: str
    state: str
    tries: int
    created_at: datetime
    sent_at: datetime | None
    is_following: bool | None
    muted: str | None
    window_left: int | None
    credits: str | None
    is_plain: bool | None
    language: str | None
    is_open: bool | None
    """Whether her window is open now."""
    was_open: bool | None
    """Whether it was open when the message was claimed last, or was opened since."""


def _is_alive(state: ColumnElement[str]) -> ColumnElement[bool]:
    """Say it in the very words of the index, without which the whole outbox would be read."""
    return state.in_([literal_column("'waiting'"), literal_column("'claimed'")])


def _is_held_up() -> ColumnElement[bool]:
    """Say whether an earlier message to the same person, as urgent, has to go first."""
    earlier = outbox.alias("earlier")
    is_on_its_way = and_(
        earlier.c.state == OutboxState.CLAIMED, earlier.c.claimed_until >= bindparam("leased_at")
    )
    is_tried_again = and_(earlier.c.state == OutboxState.WAITING, earlier.c.route != "")
    return exists().where(
        earlier.c.identity_id == outbox.c.identity_id,
        _is_alive(earlier.c.state),
        earlier.c.id < outbox.c.id,
        earlier.c.priority == outbox.c.priority,
        or_(is_on_its_way, is_tried_again),
    )


_OF_OUTBOX = (
    *("id", "epoch", "event", "facts", "account", "recipient", "identity_id", "community_id"),
    *("urgency", "state", "tries", "created_at", "sent_at"),
)
_OF_PERSON = ("is_following", "muted", "window_left", "credits", "is_plain", "language")
_IS_OPEN = identities.c.window_until > bindparam("now")
_WAS_OPEN = identities.c.window_until > func.coalesce(outbox.c.sent_at, outbox.c.created_at)
_COLUMNS = (
    *(outbox.c[name] for name in _OF_OUTBOX),
    *(identities.c[name] for name in _OF_PERSON),
    _IS_OPEN.label("is_open"),
    _WAS_OPEN.label("was_open"),
)
_IS_DUE = and_(
    _is_alive(outbox.c.state),
    outbox.c.not_before <= bindparam("now"),
    or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < bindparam("leased_at")),
    ~_is_held_up(),
)
DUE = (
    select(*_COLUMNS)
    .select_from(outbox.outerjoin(identities, identities.c.id == outbox.c.identity_id))
    .where(_IS_DUE)
    .order_by(outbox.c.priority, outbox.c.not_before, outbox.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True, of=outbox)
)
_DUE = Prepared(lambda _: DUE)
_FIRST_DUE = Prepared(lambda _: select(outbox.c.id).where(_IS_DUE).limit(1))


def is_any_due(tx: Connection, *, now: datetime, leased_at: datetime) -> bool:
    """Tell whether `due_messages` would find anything."""
    return bool(_FIRST_DUE.rows(tx, now=now, leased_at=leased_at))


def due_messages(
    tx: Connection, *, now: datetime, leased_at: datetime, most: int
) -> list[DueMessage]:
    """Return up to `most` messages that are due at `now`, the most urgent first.

    What another worker holds at `leased_at`, the database's own time, is not due. A person's
    messages keep their order: one that is on its way, or tried again later, holds up her next of
    the same urgency. On PostgreSQL they stay locked until the transaction ends.
    """
    rows = _DUE.rows(tx, now=now, leased_at=leased_at, most=most)
    return [DueMessage(*row) for row in rows]
