"""What we have decided to say, written in the transaction that made it true."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, case, func, select, update

from storage import events
from storage.frozen import dataclass
from storage.kinds import OutboxState, Urgency
from storage.many import Keyed, Rows
from storage.models.base import UtcDateTime
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, Manner, Reach, Verdict
from storage.prepared import Prepared, filled
from storage.queries.due_messages import DueMessage, due_messages, is_any_due
from storage.queries.quiet import festive_end, quiet_end
from storage.reports import lock_people, note_attempts, note_held
from storage.rules.broadcasts import comes_at_night
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
    event: events.Event
    addressee: Addressee
    urgency: Urgency
    tries: int
    created_at: datetime
    is_following: bool
    muted: tuple[str, ...]
    reach: Reach
    quiet_until: datetime | None = None
    """The end of the community's quiet hours, or of a festival; None where one may speak now."""
    risky_since: datetime | None = None
    """Since when an earlier try may have sent it (a crash, a lost answer); None where none did."""
    manner: Manner = Manner.USUAL
    """How she wishes to be spoken to."""
    was_reachable: bool = False
    """Whether a try that a crash cut off may have gone by the window, which knows no id of ours."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is decided to be said, once per key."""

    event: events.Event
    to: Addressee
    key: str
    urgency: Urgency
    now: datetime
    not_before: datetime | None = None
    community_id: int | None = None
    broadcast_id: int | None = None


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
    message = NewMessage(event, to, key, urgency, now, not_before, community_id, broadcast_id)
    return insert_once(tx, outbox, row_of(message)) is not None


def enqueue_many(tx: Connection, messages: Sequence[NewMessage]) -> None:
    """Decide to say many things at once, each once per key."""
    _ENQUEUE.run_many(tx, [row_of(message) for message in messages])


def row_of(message: NewMessage) -> dict[str, Any]:
    """Return what the outbox keeps of a message that waits."""
    return {
        "message_key": message.key,
        "event": type(message.event).__name__,
        "facts": events.dump(message.event),
        "account": message.to.account,
        "recipient": message.to.recipient,
        "identity_id": message.to.identity_id,
        "community_id": message.community_id,
        "broadcast_id": message.broadcast_id,
        "urgency": message.urgency,
        "priority": PRIORITY[message.urgency],
        "state": OutboxState.WAITING,
        "created_at": message.now,
        "not_before": message.not_before or message.now,
    }


OF_MESSAGE: Final = (
    *("message_key", "event", "facts", "account", "recipient", "identity_id", "community_id"),
    *("broadcast_id", "urgency", "priority", "state", "created_at", "not_before"),
)
_ENQUEUE = Prepared(lambda insert: filled(insert, outbox, *OF_MESSAGE).on_conflict_do_nothing())


def is_known(tx: Connection, key: str) -> bool:
    """Tell whether a message of that key was decided, so that its figures need not be made."""
    return tx.execute(select(outbox.c.id).where(outbox.c.message_key == key)).first() is not None


def suppress(tx: Connection, key: str, *, why: str) -> None:
    """Decide not to say what waits under a key; it stays to be seen, with the reason."""
    tx.execute(
        update(outbox)
        .where(outbox.c.message_key == key, outbox.c.state == OutboxState.WAITING)
        .values(state=OutboxState.SUPPRESSED, why=why)
    )


def has_due(tx: Connection, *, now: datetime) -> bool:
    """Tell whether `claim` would find anything: asked first, so that idle hours write nothing."""
    return is_any_due(tx, now=now, leased_at=database_now(tx))


def claim(tx: Connection, *, now: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages for a minute, receipts first, with what is needed to send.

    What is due follows `now`; how long a claim holds follows the database's own time. A person's
    messages keep their order: one that is on its way, or tried again later, holds up her next of
    the same urgency. A message of an event that this program does not know is dead.
    """
    leased_at = database_now(tx)
    due = due_messages(tx, now=now, leased_at=leased_at, most=limit)
    if not due:
        return []
    until = leased_at + timedelta(seconds=CLAIM_SECONDS)
    _CLAIM.run(tx, [one.id for one in due], until=until, now=now)
    asleep = {one.community_id for one in due if one.urgency != Urgency.RECEIPT}
    quiet = {community_id: quiet_end(tx, community_id, now=now) for community_id in asleep}
    rests = {one.community_id for one in due if one.urgency == Urgency.REMINDER}
    feast = {community_id: festive_end(tx, community_id, now=now) for community_id in rests}
    found: list[Claimed] = []
    for one in due:
        try:
            event = events.load(one.event, one.facts)
        except (KeyError, TypeError, ValueError):
            _bury(tx, one.id)
        else:
            is_reminder = one.urgency == Urgency.REMINDER
            festive = feast[one.community_id] if is_reminder else None
            found.append(_claimed(one, event, festive or quiet.get(one.community_id)))
    return found


_CLAIM = Keyed(
    lambda among: (
        update(outbox)
        .where(among(outbox.c.id))
        .values(
            state=OutboxState.CLAIMED,
            claimed_until=bindparam("until"),
            epoch=outbox.c.epoch + 1,
            tries=outbox.c.tries + 1,
            sent_at=case(
                (outbox.c.tries == 0, bindparam("now", type_=UtcDateTime)),
                else_=func.coalesce(outbox.c.sent_at, bindparam("now", type_=UtcDateTime)),
            ),
        )
    )
)
"""`sent_at` of what is not sent (yet) says since when it may have been: a process can die."""


def _bury(tx: Connection, outbox_id: int) -> None:
    """Give up a message that cannot be read; staff see why."""
    tx.execute(
        update(outbox)
        .where(outbox.c.id == outbox_id)
        .values(state=OutboxState.DEAD, claimed_until=None, sent_at=None, why="unreadable")
    )


def forget_claims(tx: Connection) -> int:
    """End the claims of a process that died; only for a database with one owner.

    What they held may have been sent, so it stays claimed until `claim` has looked at it.
    """
    freed: int = tx.execute(
        update(outbox)
        .where(outbox.c.state == OutboxState.CLAIMED)
        .values(claimed_until=database_now(tx) - timedelta(seconds=1))
    ).rowcount
    return freed


def next_due_at(tx: Connection) -> datetime | None:
    """Return when the next waiting message may be sent, or None where none waits."""
    found: datetime | None = tx.execute(
        select(func.min(outbox.c.not_before)).where(outbox.c.state == OutboxState.WAITING)
    ).scalar_one()
    return found


def _claimed(one: DueMessage, event: events.Event, quiet: datetime | None) -> Claimed:
    return Claimed(
        outbox_id=one.id,
        epoch=one.epoch + 1,
        event=event,
        addressee=Addressee(one.account, one.recipient, one.identity_id),
        urgency=Urgency(one.urgency),
        tries=one.tries + 1,
        created_at=one.created_at,
        is_following=one.is_following is not False,
        muted=tuple(one.muted.split()) if one.muted else (),
        reach=Reach((one.window_left or 0) if one.is_open else 0, _credits(one.credits)),
        quiet_until=None if _is_urgent(one.urgency, event) else quiet,
        risky_since=_risky_since(one),
        manner=_manner(one),
        was_reachable=one.state == OutboxState.CLAIMED and bool(one.was_open),
    )


def _manner(one: DueMessage) -> Manner:
    if one.language == "en":
        return Manner.ENGLISH
    return Manner.PLAIN if one.is_plain else Manner.USUAL


def _credits(kept: str | None) -> dict[str, int]:
    found: dict[str, int] = json.loads(kept) if kept and kept != "{}" else {}
    return found


def _is_urgent(urgency: str, event: events.Event) -> bool:
    """Say what is told at night too: receipts, and a notice of 停水停电 and the like."""
    if isinstance(event, events.NoticeSent) and comes_at_night(event.category):
        return True
    return urgency == Urgency.RECEIPT


def _risky_since(one: DueMessage) -> datetime | None:
    """Return since when a message may have been sent; None where it certainly was not."""
    if one.state == OutboxState.CLAIMED:
        return one.sent_at or one.created_at
    return one.sent_at if one.tries else None


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


_FINISH = Keyed(
    lambda among: (
        update(outbox)
        .where(among(outbox.c.id))
        .values(
            state=bindparam("to_state"),
            claimed_until=None,
            sent_at=bindparam("said_at"),
            route=bindparam("by_route"),
            why=bindparam("because"),
            not_before=func.coalesce(
                bindparam("wait_until", type_=UtcDateTime), outbox.c.not_before
            ),
        )
    )
)
_ATTEMPTS = Rows(
    delivery_attempts,
    *("outbox_id", "tried_at", "route", "verdict", "detail", "platform_message_id"),
)
_OURS = Keyed(
    lambda among: (
        select(outbox.c.id, outbox.c.epoch)
        .where(among(outbox.c.id))
        .order_by(outbox.c.id)
        .with_for_update()
    )
)


def finish(tx: Connection, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write down what became of claimed messages; return how many were still ours to finish.

    A claim that ran out and was taken by another is left alone (fenced by its epoch). What no way
    was open for waits for the person's next word, or goes on where she has written meanwhile.
    What ends alike is written in one statement, not one by one.
    """
    ours = _still_ours(tx, outcomes)
    lock_people(tx, {one.claimed.addressee.identity_id for one in outcomes})
    ended = [(one, _end_of(tx, one, now)) for one in outcomes if one.claimed.outbox_id in ours]
    alike: dict[_Ending, list[int]] = defaultdict(list)
    for one, state in ended:
        alike[_ending(one, state, now)].append(one.claimed.outbox_id)
    for ending, ids in alike.items():
        _FINISH.run(tx, ids, **ending._asdict())
    tried = [(one, attempt) for one in outcomes for attempt in one.attempts]
    _ATTEMPTS.insert(tx, [_trying(one.claimed, attempt, now) for one, attempt in tried])
    note_attempts(tx, [(one.claimed.addressee.identity_id, one.kind, it) for one, it in tried])
    held = (one for one, state in ended if state is OutboxState.HELD)
    note_held(tx, {one.claimed.addressee.identity_id for one in held})
    return len(ended)


def _still_ours(tx: Connection, outcomes: Sequence[Outcome]) -> set[int]:
    """Lock the messages in the order of their keys; return those whose claims still hold."""
    epochs = {one.claimed.outbox_id: one.claimed.epoch for one in outcomes}
    rows = _OURS.run(tx, epochs).all()
    return {row.id for row in rows if row.epoch == epochs[row.id]}


def _end_of(tx: Connection, outcome: Outcome, now: datetime) -> OutboxState:
    if outcome.state is OutboxState.HELD and _has_written_since(tx, outcome.claimed, now):
        return OutboxState.WAITING
    return outcome.state


class _Ending(NamedTuple):
    """What is written of a message that has ended, but for its key."""

    to_state: OutboxState
    said_at: datetime | None
    by_route: str
    because: str
    wait_until: datetime | None


def _ending(outcome: Outcome, state: OutboxState, now: datetime) -> _Ending:
    last = outcome.attempts[-1] if outcome.attempts else None
    return _Ending(
        to_state=state,
        said_at=now if state is OutboxState.SENT else _still_risky_since(outcome, state, now),
        by_route=last.route if last else "",
        because=(outcome.why or (last.detail if last else ""))[:200],
        wait_until=outcome.not_before,
    )


def _still_risky_since(outcome: Outcome, state: OutboxState, now: datetime) -> datetime | None:
    """Remember, of what is tried again, since when it may have arrived already."""
    if state is not OutboxState.WAITING:
        return None
    is_unknown = any(one.verdict is Verdict.UNKNOWN for one in outcome.attempts)
    return outcome.claimed.risky_since or (now if is_unknown else None)


def _trying(claimed: Claimed, attempt: Attempt, now: datetime) -> tuple[Any, ...]:
    return (
        claimed.outbox_id,
        now,
        str(attempt.route),
        str(attempt.verdict),
        attempt.detail[:200],
        attempt.platform_message_id,
    )


def _has_written_since(tx: Connection, claimed: Claimed, now: datetime) -> bool:
    """Tell whether a window that was shut when the message was claimed is open by now."""
    if claimed.reach.custom_left > 0 or claimed.addressee.identity_id is None:
        return False
    left: int | None = tx.execute(
        select(identities.c.window_left).where(
            identities.c.id == claimed.addressee.identity_id, identities.c.window_until > now
        )
    ).scalar_one_or_none()
    return bool(left)
