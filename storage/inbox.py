"""Accept each platform message once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, bindparam, case, select, update

from storage.kinds import OutboxState
from storage.models.messages import inbox, outbox
from storage.models.people import identities
from storage.ports.chat import IncomingKind, IncomingMessage
from storage.queries.residents import Person, person_of
from storage.sql import database_now, insert, insert_once

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

_MARK = update(inbox).where(inbox.c.id == bindparam("row_id")).values(is_answered=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was new: its row, and who spoke."""

    inbox_id: int
    person: Person


def accept(tx: Connection, message: IncomingMessage, *, now: datetime) -> Accepted | None:
    """Take a message in and say who spoke; None where it was taken in before."""
    inbox_id = insert_once(
        tx,
        inbox,
        {
            "account": message.account,
            "message_key": message.message_key[:160],
            "openid": message.sender,
            "kind": message.kind,
            "said": message.text[:2000],
            "heard_at": now,
            "is_answered": 0,
        },
    )
    if inbox_id is None:
        return None
    return Accepted(inbox_id, person_of(tx, _meet(tx, message, now), now=now))


def _meet(tx: Connection, message: IncomingMessage, now: datetime) -> int:
    """Write down that this person did something; return her identity's key.

    An open window keeps the later end and the larger count; a shut one starts anew. A
    platform's report on a message of ours is no act of hers.
    """
    length, count = WINDOWS.get(message.kind, (timedelta(), 0))
    until = now + length
    is_open = identities.c.window_until > now
    is_following = message.kind is not IncomingKind.UNFOLLOW
    is_hers = message.kind is not IncomingKind.DELIVERY
    old_until, old_left = identities.c.window_until, identities.c.window_left
    row = tx.execute(
        insert(tx, identities)
        .values(
            account=message.account,
            openid=message.sender,
            first_seen_at=now,
            window_until=until,
            window_left=count,
            is_following=is_following,
        )
        .on_conflict_do_update(
            index_elements=["account", "openid"],
            set_={
                "is_following": is_following if is_hers else identities.c.is_following,
                "window_until": case((and_(is_open, old_until > until), old_until), else_=until),
                "window_left": case((and_(is_open, old_left > count), old_left), else_=count),
            },
        )
        .returning(identities.c.id, identities.c.has_held)
    ).one()
    if row.has_held and length:
        release_held(tx, row.id, now=now)
    return int(row.id)


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
    tx.execute(_MARK, [{"row_id": one} for one in inbox_ids])


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
