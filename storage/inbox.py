"""Accept each platform message once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from storage.frozen import dataclass
from storage.kinds import OutboxState
from storage.models.messages import inbox, outbox
from storage.models.people import identities
from storage.ports.chat import IncomingKind, IncomingMessage
from storage.prepared import Insert, Prepared
from storage.queries.residents import Person, person_of
from storage.reports import take_report
from storage.sql import database_now

WINDOWS: Final = {
    IncomingKind.TEXT: (timedelta(hours=48), 5),
    IncomingKind.VOICE: (timedelta(hours=48), 5),
    IncomingKind.IMAGE: (timedelta(hours=48), 5),
    IncomingKind.LOCATION: (timedelta(hours=48), 5),
    IncomingKind.CLICK: (timedelta(minutes=1), 3),
    IncomingKind.FOLLOW: (timedelta(minutes=1), 3),
    IncomingKind.SCAN: (timedelta(minutes=1), 3),
}
"""How long, and for how many messages, an act of hers lets us answer unasked."""

_TAKEN: Final = ("account", "message_key", "openid", "kind", "said", "heard_at")
_TAKE_IN = Prepared(
    lambda insert: (
        insert(inbox)
        .values({"is_answered": 0, **{name: bindparam(name) for name in _TAKEN}})
        .on_conflict_do_nothing()
        .returning(inbox.c.id)
    )
)


def _write_meet(insert: Insert) -> ReturningInsert[Any]:
    names = ("account", "openid", "window_until", "window_left", "is_following")
    statement = insert(identities).values(
        {"first_seen_at": bindparam("now"), **{name: bindparam(name) for name in names}}
    )
    old, new = identities.c, statement.excluded
    is_open = old.window_until > bindparam("now")

    def larger(name: str) -> ColumnElement[Any]:
        return case((and_(is_open, old[name] > new[name]), old[name]), else_=new[name])

    is_hers = bindparam("is_hers", type_=Integer) == 1
    return statement.on_conflict_do_update(
        index_elements=["account", "openid"],
        set_={
            "is_following": case((is_hers, new.is_following), else_=old.is_following),
            "window_until": larger("window_until"),
            "window_left": larger("window_left"),
        },
    ).returning(identities.c.id, identities.c.has_held)


_MEET = Prepared(_write_meet)

_MARK = Prepared(
    lambda _: update(inbox).where(inbox.c.id == bindparam("row_id")).values(is_answered=1)
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was new: its row, and who spoke."""

    inbox_id: int
    person: Person
    foreseen: Any = None


Foresight = Callable[[Connection, Person], Any]
"""What an answer will read, read already while its message is taken in: one way less."""


def accept(
    tx: Connection, message: IncomingMessage, *, now: datetime, foresee: Foresight | None = None
) -> Accepted | None:
    """Take a message in and say who spoke; None where it was taken in before."""
    taken = _TAKE_IN.rows(
        tx,
        account=message.account,
        message_key=message.message_key[:160],
        openid=message.sender,
        kind=str(message.kind),
        said=message.text[:2000],
        heard_at=now,
    )
    if not taken:
        return None
    person = person_of(tx, _meet(tx, message, now), now=now)
    return Accepted(taken[0][0], person, None if foresee is None else foresee(tx, person))


def _meet(tx: Connection, message: IncomingMessage, now: datetime) -> int:
    """Write down that this person did something; return her identity's key.

    An open window keeps the later end and the larger count; a shut one starts anew. A
    platform's report on a message of ours is no act of hers.
    """
    length, count = WINDOWS.get(message.kind, (timedelta(), 0))
    ((identity_id, has_held),) = _MEET.rows(
        tx,
        account=message.account,
        openid=message.sender,
        now=now,
        window_until=now + length,
        window_left=count,
        is_following=message.kind is not IncomingKind.UNFOLLOW,
        is_hers=int(message.kind is not IncomingKind.DELIVERY),
    )
    if has_held and length:
        release_held(tx, identity_id, now=now)
    take_report(tx, message, int(identity_id))
    return int(identity_id)


def release_held(tx: Connection, identity_id: int, *, now: datetime) -> int:
    """Let messages go that waited for this person's next word; return how many."""
    tx.execute(update(identities).where(identities.c.id == identity_id).values(has_held=0))
    released: int = tx.execute(
        update(outbox)
        .where(outbox.c.identity_id == identity_id, outbox.c.state == OutboxState.HELD)
        .values(state=OutboxState.WAITING, not_before=now)
    ).rowcount
    return released


def mark_answered(tx: Connection, inbox_ids: list[int]) -> None:
    """Write down that these messages have their answers."""
    _MARK.run_many(tx, [{"row_id": one} for one in inbox_ids])


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A message that was taken in and has no answer."""

    inbox_id: int
    account: str
    openid: str
    kind: IncomingKind
    said: str
    message_key: str
    heard_at: datetime


def unanswered(tx: Connection, *, patience: timedelta, limit: int) -> list[Forgotten]:
    """Return messages that have no answer after so long on the database's clock, oldest first."""
    before = database_now(tx) - patience
    rows = tx.execute(
        select(inbox)
        .where(inbox.c.is_answered == 0, inbox.c.taken_at < before)
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [
        Forgotten(
            row.id,
            row.account,
            row.openid,
            IncomingKind(row.kind),
            row.said,
            row.message_key,
            row.heard_at,
        )
        for row in rows
    ]
