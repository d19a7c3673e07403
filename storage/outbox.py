"""What we have decided to say, written in the transaction that made it true."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    Update,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from storage import events
from storage.kinds import OutboxState, Urgency
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, Reach, Route, Verdict
from storage.reports import spend_credit
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
    kind: str = ""
    """What the message was to the channel: subscription notices are counted by it."""


_FINISH = (
    update(outbox)
    .where(outbox.c.id == bindparam("row_id"))
    .values(
        state=bindparam("to_state"),
        claimed_until=None,
        sent_at=bindparam("said_at"),
        route=bindparam("by_route"),
        why=bindparam("because"),
        not_before=bindparam("wait_until"),
    )
)
_ATTEMPT = delivery_attempts.insert()
_PERSON = update(identities).where(identities.c.id == bindparam("row_id"))
_SPEND = _PERSON.where(identities.c.window_left > 0).values(
    window_left=identities.c.window_left - 1
)
_SHUT = _PERSON.values(window_left=0)
_GONE = _PERSON.values(is_following=False)
_WAIT = _PERSON.values(has_held=1)


def finish(tx: Connection, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write down what became of claimed messages; return how many were still ours to finish.

    A claim that ran out and was taken by another is left alone (fenced by its epoch). What no way
    was open for waits for the person's next word, or goes on where she has written meanwhile.
    """
    due_at = _still_ours(tx, outcomes)
    ended = [
        (outcome, _end_of(tx, outcome, now))
        for outcome in sorted(outcomes, key=lambda one: one.claimed.outbox_id)
        if outcome.claimed.outbox_id in due_at
    ]
    _each(tx, _FINISH, [_ending(one, state, due_at, now) for one, state in ended])
    tried = [(one.claimed, attempt) for one in outcomes for attempt in one.attempts]
    _each(tx, _ATTEMPT, [_trying(claimed, attempt, now) for claimed, attempt in tried])
    _spend(tx, tried)
    for one in outcomes:
        for attempt in one.attempts:
            if one.claimed.addressee.identity_id is not None:
                spend_credit(tx, one.claimed.addressee.identity_id, one.kind, attempt)
    _people(tx, _WAIT, [one.claimed for one, state in ended if state is OutboxState.HELD])
    return len(ended)


def _still_ours(tx: Connection, outcomes: Sequence[Outcome]) -> dict[int, datetime]:
    """Lock the messages whose claims still hold; return when each was to be sent."""
    epochs = {one.claimed.outbox_id: one.claimed.epoch for one in outcomes}
    rows = tx.execute(
        select(outbox.c.id, outbox.c.epoch, outbox.c.not_before)
        .where(outbox.c.id.in_(sorted(epochs)))
        .order_by(outbox.c.id)
        .with_for_update()
    )
    return {row.id: row.not_before for row in rows if row.epoch == epochs[row.id]}


def _end_of(tx: Connection, outcome: Outcome, now: datetime) -> OutboxState:
    if outcome.state is OutboxState.HELD and _has_written_since(tx, outcome.claimed, now):
        return OutboxState.WAITING
    return outcome.state


def _ending(
    outcome: Outcome, state: OutboxState, due_at: Mapping[int, datetime], now: datetime
) -> dict[str, Any]:
    last = outcome.attempts[-1] if outcome.attempts else None
    return {
        "row_id": outcome.claimed.outbox_id,
        "to_state": state,
        "said_at": now if state is OutboxState.SENT else None,
        "by_route": last.route if last else "",
        "because": (outcome.why or (last.detail if last else ""))[:200],
        "wait_until": outcome.not_before or due_at[outcome.claimed.outbox_id],
    }


def _trying(claimed: Claimed, attempt: Attempt, now: datetime) -> dict[str, Any]:
    return {
        "outbox_id": claimed.outbox_id,
        "tried_at": now,
        "route": attempt.route,
        "verdict": attempt.verdict,
        "detail": attempt.detail[:200],
        "platform_message_id": attempt.platform_message_id,
    }


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


def _spend(tx: Connection, tried: Sequence[tuple[Claimed, Attempt]]) -> None:
    """Keep our picture of people's open ways in step with what the platform answered."""
    custom = [(claimed, one.verdict) for claimed, one in tried if one.route is Route.CUSTOM]
    _people(tx, _SPEND, [claimed for claimed, verdict in custom if verdict is Verdict.SENT])
    _people(tx, _SHUT, [claimed for claimed, verdict in custom if verdict is Verdict.NOT_NOW])
    _people(tx, _GONE, [claimed for claimed, one in tried if one.verdict is Verdict.GONE])


def _people(tx: Connection, change: Update, messages: Sequence[Claimed]) -> None:
    """Change what is known of the people behind some messages, in the order of their keys."""
    keys = sorted(one.addressee.identity_id or 0 for one in messages)
    _each(tx, change, [{"row_id": key} for key in keys if key])


def _each(tx: Connection, change: Update | Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make one change for each row of values, all in one go."""
    if rows:
        tx.execute(change, rows)
