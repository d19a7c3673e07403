"""What we have decided to say, written in the transaction that made it true."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, update

from storage import events
from storage.kinds import OutboxState, Urgency
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, Reach, Verdict
from storage.sql import database_now, insert_once

CLAIM_SECONDS: Final = 60
PRIORITY: Final = {Urgency.RECEIPT: 1, Urgency.NOTICE: 5, Urgency.REMINDER: 7}


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a message goes: a chat account and a person (or group) in it."""

    account: str
    recipient: str
    identity_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message that this process may deliver until its claim runs out."""

    outbox_id: int
    epoch: int
    message_key: str
    event: events.Event
    addressee: Addressee
    urgency: Urgency
    tries: int
    created_at: datetime
    is_following: bool
    muted: tuple[str, ...]
    reach: Reach


def enqueue(
    tx: Connection,
    event: events.Event,
    to: Addressee,
    *,
    key: str,
    urgency: Urgency,
    now: datetime,
    not_before: datetime | None = None,
    community_id: int | None = None,
    broadcast_id: int | None = None,
) -> bool:
    """Decide to say something, once per key. Returns False where it was decided before."""
    values = {
        "message_key": key,
        "event": type(event).__name__,
        "facts": events.dump(event),
        "account": to.account,
        "recipient": to.recipient,
        "identity_id": to.identity_id,
        "community_id": community_id,
        "broadcast_id": broadcast_id,
        "urgency": urgency,
        "priority": PRIORITY[urgency],
        "state": OutboxState.WAITING,
        "created_at": now,
        "not_before": not_before or now,
    }
    return insert_once(tx, outbox, values) is not None


def suppress(tx: Connection, key: str, *, why: str) -> None:
    """Decide not to say what waits under a key; it stays to be seen, with the reason."""
    tx.execute(
        update(outbox)
        .where(outbox.c.message_key == key, outbox.c.state == OutboxState.WAITING)
        .values(state=OutboxState.SUPPRESSED, why=why)
    )


def claim(tx: Connection, *, now: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages for a minute, receipts first, with what is needed to send.

    What is due follows `now`; how long a claim holds follows the database's own time. A person's
    messages keep their order: one that is on its way, or tried again later, holds up her next of
    the same urgency. A message of an event that this program does not know is dead.
    """
    leased_at = database_now(tx)
    due = (
        select(outbox.c.id)
        .where(
            outbox.c.state.in_([OutboxState.WAITING, OutboxState.CLAIMED]),
            outbox.c.not_before <= now,
            or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < leased_at),
            ~_is_held_up(leased_at),
        )
        .order_by(outbox.c.priority, outbox.c.not_before, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(select(due.c.id)))
        .values(
            state=OutboxState.CLAIMED,
            claimed_until=leased_at + timedelta(seconds=CLAIM_SECONDS),
            epoch=outbox.c.epoch + 1,
            tries=outbox.c.tries + 1,
        )
        .returning(outbox)
    ).all()
    people = {
        row.id: row
        for row in tx.execute(
            select(identities).where(
                identities.c.id.in_({row.identity_id for row in claimed if row.identity_id})
            )
        )
    }
    taken = sorted(claimed, key=lambda row: (row.priority, row.not_before, row.id))
    found: list[Claimed] = []
    for row in taken:
        try:
            event = events.load(row.event, row.facts)
        except (KeyError, TypeError, ValueError):
            _bury(tx, row.id)
        else:
            found.append(_claimed(row, event, people.get(row.identity_id), now))
    return found


def _is_held_up(leased_at: datetime) -> ColumnElement[bool]:
    """Say whether an earlier message to the same person, as urgent, has to go first."""
    earlier = outbox.alias("earlier")
    is_on_its_way = and_(
        earlier.c.state == OutboxState.CLAIMED, earlier.c.claimed_until >= leased_at
    )
    is_tried_again = and_(earlier.c.state == OutboxState.WAITING, earlier.c.route != "")
    return exists().where(
        earlier.c.identity_id == outbox.c.identity_id,
        earlier.c.state.in_([OutboxState.WAITING, OutboxState.CLAIMED]),
        earlier.c.id < outbox.c.id,
        earlier.c.priority == outbox.c.priority,
        or_(is_on_its_way, is_tried_again),
    )


def _bury(tx: Connection, outbox_id: int) -> None:
    """Give up a message that cannot be read; staff see why."""
    tx.execute(
        update(outbox)
        .where(outbox.c.id == outbox_id)
        .values(state=OutboxState.DEAD, claimed_until=None, why="unreadable")
    )


def forget_claims(tx: Connection) -> int:
    """Free the claims of a process that died; only for a database with one owner."""
    freed: int = tx.execute(
        update(outbox)
        .where(outbox.c.state == OutboxState.CLAIMED)
        .values(state=OutboxState.WAITING, claimed_until=None)
    ).rowcount
    return freed


def next_due_at(tx: Connection) -> datetime | None:
    """Return when the next waiting message may be sent, or None where none waits."""
    found: datetime | None = tx.execute(
        select(func.min(outbox.c.not_before)).where(outbox.c.state == OutboxState.WAITING)
    ).scalar_one()
    return found


def _claimed(row: Row[Any], event: events.Event, person: Row[Any] | None, now: datetime) -> Claimed:
    is_open = person is not None and person.window_until is not None and person.window_until > now
    return Claimed(
        outbox_id=row.id,
        epoch=row.epoch,
        message_key=row.message_key,
        event=event,
        addressee=Addressee(row.account, row.recipient, row.identity_id),
        urgency=Urgency(row.urgency),
        tries=row.tries,
        created_at=row.created_at,
        is_following=person is None or person.is_following,
        muted=tuple(person.muted.split()) if person is not None else (),
        reach=Reach(
            custom_left=person.window_left if person is not None and is_open else 0,
            subscribe_credits=json.loads(person.credits) if person is not None else {},
        ),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one claimed message: every attempt, and the state it ends in."""

    claimed: Claimed
    state: OutboxState
    attempts: tuple[Attempt, ...]
    why: str = ""
    not_before: datetime | None = None


def finish(tx: Connection, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write down what became of claimed messages; return how many were still ours to finish.

    A claim that ran out and was taken by another is left alone (fenced by its epoch). What no way
    was open for waits for the person's next word, or goes on where she has written meanwhile.
    """
    return sum(_finish_one(tx, outcome, now) for outcome in outcomes)


def _finish_one(tx: Connection, outcome: Outcome, now: datetime) -> bool:
    claimed = outcome.claimed
    last = outcome.attempts[-1] if outcome.attempts else None
    has_written = outcome.state is OutboxState.HELD and _has_written_since(tx, claimed, now)
    state = OutboxState.WAITING if has_written else outcome.state
    changed = tx.execute(
        update(outbox)
        .where(outbox.c.id == claimed.outbox_id, outbox.c.epoch == claimed.epoch)
        .values(
            state=state,
            claimed_until=None,
            sent_at=now if outcome.state is OutboxState.SENT else None,
            route=last.route if last else "",
            why=(outcome.why or (last.detail if last else ""))[:200],
            not_before=outcome.not_before or outbox.c.not_before,
        )
    ).rowcount
    if outcome.attempts:
        tx.execute(
            delivery_attempts.insert(),
            [
                {
                    "outbox_id": claimed.outbox_id,
                    "tried_at": now,
                    "route": attempt.route,
                    "verdict": attempt.verdict,
                    "detail": attempt.detail[:200],
                    "platform_message_id": attempt.platform_message_id,
                }
                for attempt in outcome.attempts
            ],
        )
    if claimed.addressee.identity_id is not None:
        _spend(tx, outcome, claimed.addressee.identity_id)
        if state is OutboxState.HELD:
            person = identities.c.id == claimed.addressee.identity_id
            tx.execute(update(identities).where(person).values(has_held=1))
    return changed == 1


def _has_written_since(tx: Connection, claimed: Claimed, now: datetime) -> bool:
    """Tell whether a window that was shut when the message was claimed is open by now."""
    if claimed.reach.custom_left > 0 or claimed.addressee.identity_id is None:
        return False
    left: int | None = tx.execute(
        select(identities.c.window_left)
        .where(identities.c.id == claimed.addressee.identity_id, identities.c.window_until > now)
        .with_for_update()
    ).scalar_one_or_none()
    return bool(left)


def _spend(tx: Connection, outcome: Outcome, identity_id: int) -> None:
    """Keep our picture of a person's open ways in step with what the platform answered."""
    person = update(identities).where(identities.c.id == identity_id)
    for attempt in outcome.attempts:
        if attempt.route == "custom":
            left = identities.c.window_left - 1 if attempt.verdict is Verdict.SENT else 0
            if attempt.verdict in (Verdict.SENT, Verdict.NOT_NOW):
                tx.execute(person.where(identities.c.window_left > 0).values(window_left=left))
        if attempt.verdict is Verdict.GONE:
            tx.execute(person.values(is_following=False))
