"""What a platform reports of people: a message failed after all, which ways to them are open."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, bindparam, case, select, update

from storage.kinds import OutboxState
from storage.many import Keyed
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, IncomingKind, IncomingMessage, Route, Verdict

DELIVERED: Final = "success"
MOST_CREDITS: Final = 99
ALL_MUTED: Final = "reminders notices"
"""What is kept of a person who has turned us off at the platform, until she turns us on again."""


def take_report(tx: Connection, message: IncomingMessage, identity_id: int) -> None:
    """Write down a platform's report; other messages change nothing here."""
    if message.kind is IncomingKind.CREDIT:
        _change_credits(tx, identity_id, message.report)
    elif message.kind is IncomingKind.DELIVERY:
        _note_delivery(tx, message.report)


def _change_credits(tx: Connection, identity_id: int, report: Mapping[str, str]) -> None:
    """Count one more notice for each kind accepted, and none for each refused."""
    left = _credits(tx, identity_id)
    for kind, word in report.items():
        left[kind] = min(left.get(kind, 0) + 1, MOST_CREDITS) if word == "accept" else 0
    _keep(tx, identity_id, left)


Tried = tuple[int | None, str, Attempt]
"""The person (None for a group), what the message was to the channel, and how the try went."""

_TIMES = bindparam("times", type_=Integer)
_FEWER = case((identities.c.window_left > _TIMES, identities.c.window_left - _TIMES), else_=0)
_SPEND = Keyed(
    lambda among: (
        update(identities)
        .where(among(identities.c.id), identities.c.window_left > 0)
        .values(window_left=_FEWER)
    )
)
_SHUT = Keyed(lambda among: update(identities).where(among(identities.c.id)).values(window_left=0))
_GONE = Keyed(
    lambda among: update(identities).where(among(identities.c.id)).values(is_following=False)
)
_MUTE = Keyed(
    lambda among: update(identities).where(among(identities.c.id)).values(muted=ALL_MUTED)
)
_WAIT = Keyed(lambda among: update(identities).where(among(identities.c.id)).values(has_held=1))
_LOCK = Keyed(
    lambda among: (
        select(identities.c.id)
        .where(among(identities.c.id))
        .order_by(identities.c.id)
        .with_for_update()
    )
)


def lock_people(tx: Connection, people: Collection[int | None]) -> None:
    """Lock some people's rows in the order of their keys; None stands for a group."""
    known = [one for one in people if one is not None]
    if known and tx.dialect.name != "sqlite":
        _LOCK.run(tx, known).all()


def note_attempts(tx: Connection, tried: Sequence[Tried]) -> None:
    """Keep our picture of people's open ways in step with what the platform answered."""
    known = [(who, kind, attempt) for who, kind, attempt in tried if who is not None]
    custom = [(who, it.verdict) for who, _, it in known if it.route is Route.CUSTOM]
    as_often: dict[int, set[int]] = defaultdict(set)
    for who, times in Counter(who for who, verdict in custom if verdict is Verdict.SENT).items():
        as_often[times].add(who)
    for times, people in as_often.items():
        _change(tx, _SPEND, people, times=times)
    _change(tx, _SHUT, {who for who, verdict in custom if verdict is Verdict.NOT_NOW})
    _change(tx, _GONE, {who for who, _, it in known if it.verdict is Verdict.GONE})
    _change(tx, _MUTE, {who for who, _, it in known if it.verdict is Verdict.MUTED})
    for who, kind, attempt in known:
        if attempt.route is Route.SUBSCRIBE:
            _spend_credit(tx, who, kind, attempt)


def note_held(tx: Connection, people: Collection[int | None]) -> None:
    """Remember that something waits for the next word of these people."""
    _change(tx, _WAIT, [one for one in people if one is not None])


def _change(tx: Connection, change: Keyed, people: Collection[int], **more: Any) -> None:  # noqa: ANN401
    if people:
        change.run(tx, people, **more)


def _spend_credit(tx: Connection, identity_id: int, kind: str, attempt: Attempt) -> None:
    """Count a subscription notice as used, or all as gone where the platform knows of none."""
    if attempt.verdict not in (Verdict.SENT, Verdict.UNKNOWN, Verdict.NOT_NOW):
        return
    left = _credits(tx, identity_id)
    rest = 0 if attempt.verdict is Verdict.NOT_NOW else left.get(kind, 0) - 1
    _keep(tx, identity_id, {**left, kind: max(rest, 0)})


def _credits(tx: Connection, identity_id: int) -> dict[str, int]:
    kept = tx.execute(
        select(identities.c.credits).where(identities.c.id == identity_id).with_for_update()
    ).scalar_one()
    found: dict[str, int] = json.loads(kept)
    return found


def _keep(tx: Connection, identity_id: int, left: Mapping[str, int]) -> None:
    tx.execute(
        update(identities)
        .where(identities.c.id == identity_id)
        .values(credits=json.dumps({kind: count for kind, count in left.items() if count}))
    )


def _note_delivery(tx: Connection, report: Mapping[str, str]) -> None:
    """Take back "sent" where the platform says later that it did not arrive."""
    message_id, state = report.get("message_id", ""), report.get("state", "")
    if not message_id or state == DELIVERED:
        return
    ours = select(delivery_attempts.c.outbox_id).where(
        delivery_attempts.c.platform_message_id == message_id
    )
    tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(ours), outbox.c.state == OutboxState.SENT)
        .values(state=OutboxState.DEAD, sent_at=None, why=state[:200])
    )


def move_held(
    tx: Connection, from_ids: Sequence[int], to: tuple[str, str, int], *, now: datetime
) -> int:
    """Send tasks of staff that wait in a chat whose window is shut by another way; how many.

    `to` is (account, recipient, identity).
    """
    account, recipient, identity_id = to
    moved: int = tx.execute(
        update(outbox)
        .where(
            outbox.c.identity_id.in_(from_ids),
            outbox.c.state == OutboxState.HELD,
            outbox.c.event == "StaffTask",
        )
        .values(
            account=account,
            recipient=recipient,
            identity_id=identity_id,
            state=OutboxState.WAITING,
            not_before=now,
        )
    ).rowcount
    return moved
