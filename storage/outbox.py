"""What we have decided to say, written in the transaction that made it true."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select, update

from storage import events
from storage.models.messages import OutboxState, Urgency, delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, Reach, Verdict
from storage.sql import insert_once

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


def claim(tx: Connection, *, now: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages for a minute, receipts first, with what is needed to send."""
    due = (
        select(outbox.c.id)
        .where(
            outbox.c.state.in_([OutboxState.WAITING, OutboxState.CLAIMED]),
            outbox.c.not_before <= now,
            or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < now),
        )
        .order_by(outbox.c.priority, outbox.c.not_before, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(due))
        .values(
            state=OutboxState.CLAIMED,
            claimed_until=now + timedelta(seconds=CLAIM_SECONDS),
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
    return [_claimed(row, people.get(row.identity_id), now) for row in taken]


def next_due_at(tx: Connection) -> datetime | None:
    """Return when the next waiting message may be sent, or None where none waits."""
    found: datetime | None = tx.execute(
        select(func.min(outbox.c.not_before)).where(outbox.c.state == OutboxState.WAITING)
    ).scalar_one()
    return found


def _claimed(row: Row[Any], person: Row[Any] | None, now: datetime) -> Claimed:
    is_open = person is not None and person.window_until is not None and person.window_until > now
    return Claimed(
        outbox_id=row.id,
        epoch=row.epoch,
        message_key=row.message_key,
        event=events.load(row.event, row.facts),
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

    A claim that ran out and was taken by another is left alone (fenced by its epoch).
    """
    return sum(_finish_one(tx, outcome, now) for outcome in outcomes)


def _finish_one(tx: Connection, outcome: Outcome, now: datetime) -> bool:
    claimed = outcome.claimed
    last = outcome.attempts[-1] if outcome.attempts else None
    changed = tx.execute(
        update(outbox)
        .where(outbox.c.id == claimed.outbox_id, outbox.c.epoch == claimed.epoch)
        .values(
            state=outcome.state,
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
    return changed == 1


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
    if outcome.state is OutboxState.HELD:
        tx.execute(person.values(has_held=1))
