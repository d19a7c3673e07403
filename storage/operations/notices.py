"""Broadcasts (群发): draft, confirm, approve, cancel, send again; queueing that may be broken off.

A broadcast reaches each person once, whatever crashes: every message has the key of its broadcast
and its person, and people are queued in the order of their keys, a part a transaction, with how
far we came on the broadcast's own row.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import audit, outbox
from storage.audit import Actor
from storage.errors import (
    AudienceEmpty,
    BroadcastStateWrong,
    CommunitySilent,
    NotAllowed,
    PersonalInGroup,
    PrivacyLint,
    SelfApproval,
    TextTooLong,
    UnknownAudience,
    UnknownBroadcast,
    UnknownVariable,
)
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import BroadcastCategory, BroadcastState, OutboxState, StaffRole, Urgency
from storage.models.estate import communities
from storage.models.messages import outbox as outbox_rows
from storage.models.notices import broadcasts
from storage.outbox import Addressee
from storage.periods import shanghai_day
from storage.queries.audiences import Audience, preview
from storage.queries.notices import BroadcastView, view_of, with_community
from storage.queries.policies import policy_on
from storage.queries.residents import Staff, staff_identities
from storage.queries.work_chats import is_of_residents
from storage.rules.personal import VARIABLES, variables_in, with_plain_braces
from storage.rules.privacy import private_part
from storage.sql import database_now, next_number

MAX_CHARS: Final = 500
SENDERS: Final = (StaffRole.STEWARD, StaffRole.MANAGER)
"""Who may write to many, and agree to what another has written."""
PAUSED: Final = "paused"
"""Why a message waits for its broadcast to go on."""
SAME_AGAIN: Final = timedelta(hours=1)
"""Within it the same words to the same people are one broadcast, whoever confirms them."""
BEFORE_SENDING: Final = (
    BroadcastState.DRAFT,
    BroadcastState.AWAITING_APPROVAL,
    BroadcastState.SCHEDULED,
)


@dataclass(frozen=True, slots=True)
class Writing:
    """What is to be told, to whom, and how the audience is called."""

    audience: Audience
    audience_label: str
    category: str
    """A BroadcastCategory."""
    text: str


def draft(tx: Connection, writing: Writing, *, by: Staff, now: datetime) -> BroadcastView:
    """Write a broadcast down; nothing is sent before it is confirmed.

    Raises NotAllowed (also for a legal notice of who is no manager), UnknownAudience (not her
    community), CommunitySilent, TextTooLong (also for no text at all), PrivacyLint,
    UnknownVariable, PersonalInGroup.
    """
    check_sender(by, writing.category)
    if not 1 <= len(writing.text.strip()) <= MAX_CHARS:
        raise TextTooLong(MAX_CHARS)
    _check_words(writing)
    if writing.audience.community_id not in by.community_ids:
        raise UnknownAudience(writing.audience_label)
    _check_voice(tx, writing.audience)
    broadcast_id: int = tx.execute(
        broadcasts.insert()
        .values(
            broadcast_no=f"N{next_number(tx, 'broadcast'):04d}",
            community_id=writing.audience.community_id,
            created_by=by.staff_id,
            category=writing.category,
            text=with_plain_braces(writing.text.strip()),
            audience=writing.audience.dump(),
            audience_label=writing.audience_label[:80],
            state=BroadcastState.DRAFT,
            created_at=now,
        )
        .returning(broadcasts.c.id)
    ).scalar_one()
    return view_of(_by_id(tx, broadcast_id))


def _check_words(writing: Writing) -> None:
    """Let no text for many tell of one household, but for what each reads of her own."""
    private = private_part(writing.text)
    if private is not None:
        raise PrivacyLint(private)
    for one in variables_in(with_plain_braces(writing.text)):
        if one not in VARIABLES:
            raise UnknownVariable(one)
        if writing.audience.group:
            raise PersonalInGroup(one)


def check_sender(by: Staff, category: str = "") -> None:
    """Let stewards and managers write, a legal notice only managers. Raises NotAllowed."""
    if by.role not in SENDERS:
        raise NotAllowed
    if category == BroadcastCategory.LEGAL and by.role is not StaffRole.MANAGER:
        raise NotAllowed


def _check_voice(tx: Connection, audience: Audience) -> None:
    """Let no community speak to residents before its opening sheet is signed."""
    row = tx.execute(
        select(communities.c.name, communities.c.opened_at).where(
            communities.c.id == audience.community_id
        )
    ).one()
    if row.opened_at is None and (not audience.group or is_of_residents(tx, audience.group)):
        raise CommunitySilent(row.name)


def set_category(tx: Connection, broadcast_no: str, category: str, *, by: Staff) -> BroadcastView:
    """Say what a draft is about. Raises NotAllowed, UnknownBroadcast, BroadcastStateWrong."""
    check_sender(by, category)
    row = lock_broadcast(tx, broadcast_no, by)
    expect(row, BroadcastState.DRAFT)
    tx.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(category=category))
    return view_of(_by_id(tx, row.id))


def confirm(
    tx: Connection, broadcast_no: str, *, by: Staff, now: datetime, send_at: datetime | None = None
) -> BroadcastView:
    """Let a draft go, at once or at an instant; over the community's number a second person agrees.

    Raises NotAllowed, UnknownBroadcast (also another's draft), AudienceEmpty, CommunitySilent,
    and BroadcastStateWrong where it was confirmed before, or the same was within the hour.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    if row.created_by != by.staff_id:
        raise UnknownBroadcast
    expect(row, BroadcastState.DRAFT)
    audience = Audience.load(row.audience)
    _check_voice(tx, audience)
    _check_twin(tx, row, now)
    counts = preview(tx, audience, category=row.category, now=now)
    if not counts.recipients:
        raise AudienceEmpty
    limit = policy_on(tx, row.community_id, shanghai_day(now)).broadcast_approval_over
    waits = counts.recipients > limit
    state = BroadcastState.AWAITING_APPROVAL if waits else BroadcastState.SCHEDULED
    _move(tx, row, state, send_at=send_at or now, recipient_count=counts.recipients)
    audit.note(tx, Actor(by.staff_id), "confirm", "broadcast", broadcast_no, at=now)
    if waits:
        _ask_for_approval(tx, row, now)
    return view_of(_by_id(tx, row.id))


def _check_twin(tx: Connection, row: Row[Any], now: datetime) -> None:
    """Refuse to tell the same people the same twice within the hour."""
    twin = tx.execute(
        select(broadcasts.c.broadcast_no, broadcasts.c.state)
        .where(
            broadcasts.c.community_id == row.community_id,
            broadcasts.c.id != row.id,
            broadcasts.c.audience == row.audience,
            broadcasts.c.text == row.text,
            broadcasts.c.created_at > now - SAME_AGAIN,
            broadcasts.c.state.not_in([BroadcastState.DRAFT, BroadcastState.CANCELLED]),
        )
        .limit(1)
    ).one_or_none()
    if twin is not None:
        raise BroadcastStateWrong(twin.broadcast_no, twin.state)


def _ask_for_approval(tx: Connection, row: Row[Any], now: datetime) -> None:
    task = StaffTask(
        "broadcast_approval",
        row.broadcast_no,
        f"{row.community_name} {row.audience_label}",
        0,
        row.text[:120],
    )
    for staff_id, identity_id, account, openid in staff_identities(tx, row.community_id, SENDERS):
        if staff_id == row.created_by:
            continue
        outbox.enqueue(
            tx,
            task,
            Addressee(account, openid, identity_id),
            key=f"approve:{row.broadcast_no}:{identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )


def approve(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> BroadcastView:
    """Agree to another's broadcast; it goes at its time, or at once where that is past.

    Raises NotAllowed, UnknownBroadcast, BroadcastStateWrong, SelfApproval.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    expect(row, BroadcastState.AWAITING_APPROVAL)
    if row.created_by == by.staff_id:
        raise SelfApproval
    _move(tx, row, BroadcastState.SCHEDULED, approved_by=by.staff_id)
    audit.note(tx, Actor(by.staff_id), "approve", "broadcast", broadcast_no, at=now)
    return view_of(_by_id(tx, row.id))


def schedule(
    tx: Connection, broadcast_no: str, *, send_at: datetime, by: Staff, now: datetime
) -> BroadcastView:
    """Put a broadcast that has not begun off to an instant.

    Raises NotAllowed, UnknownBroadcast, BroadcastStateWrong.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    expect(row, BroadcastState.AWAITING_APPROVAL, BroadcastState.SCHEDULED)
    _move(tx, row, BroadcastState(row.state), send_at=send_at)
    audit.note(tx, Actor(by.staff_id), "schedule", "broadcast", broadcast_no, at=now)
    return view_of(_by_id(tx, row.id))


def cancel(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> int:
    """Stop a broadcast; return how many messages were taken back.

    What is in flight at this moment still arrives. Raises NotAllowed, UnknownBroadcast, and
    BroadcastStateWrong where it is over.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    if row.state not in (*BEFORE_SENDING, BroadcastState.SENDING):
        raise BroadcastStateWrong(row.broadcast_no, row.state)
    _move(tx, row, BroadcastState.CANCELLED, ended_at=now)
    audit.note(tx, Actor(by.staff_id), "cancel", "broadcast", broadcast_no, at=now)
    return withdraw(tx, row.id)


def withdraw(tx: Connection, broadcast_id: int) -> int:
    """Take back what waits of a cancelled or paused broadcast; return how many messages.

    A message that was in flight and came back to wait is taken back by the next call. Of one that
    goes on meanwhile nothing is taken.
    """
    row = _by_id(tx, broadcast_id)
    is_over = row.state == BroadcastState.CANCELLED
    if not is_over and row.paused_at is None:
        return 0
    state, why = outbox_rows.c.state, outbox_rows.c.why
    lost_claim = and_(state == OutboxState.CLAIMED, outbox_rows.c.claimed_until < database_now(tx))
    kept_back = and_(state == OutboxState.SUPPRESSED, why == PAUSED)
    taken: int = tx.execute(
        update(outbox_rows)
        .where(
            outbox_rows.c.broadcast_id == broadcast_id,
            or_(
                state.in_([OutboxState.WAITING, OutboxState.HELD]),
                *([lost_claim, kept_back] if is_over else []),
            ),
        )
        .values(
            state=OutboxState.SUPPRESSED,
            why="cancelled" if is_over else PAUSED,
            claimed_until=None,
        )
    ).rowcount
    return taken


def resend_failed(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> int:
    """Try again whom a broadcast certainly did not reach; return how many.

    Where it may have arrived (unknown) it is not sent again. Raises NotAllowed,
    UnknownBroadcast, BroadcastStateWrong.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    expect(row, BroadcastState.SENDING, BroadcastState.DONE)
    again: int = tx.execute(
        update(outbox_rows)
        .where(
            outbox_rows.c.broadcast_id == row.id,
            outbox_rows.c.state == OutboxState.DEAD,
        )
        .values(state=OutboxState.WAITING, tries=0, not_before=now, claimed_until=None)
    ).rowcount
    if again:
        _move(tx, row, BroadcastState.SENDING, ended_at=None)
        detail = f"{again}"
        audit.note(
            tx, Actor(by.staff_id), "resend", "broadcast", broadcast_no, at=now, detail=detail
        )
    return again


def lock_broadcast(tx: Connection, broadcast_no: str, by: Staff) -> Row[Any]:
    """Lock a broadcast, its community first, so that two who confirm the same go one by one.

    Raises UnknownBroadcast, also for one of a community that is not hers.
    """
    found = tx.execute(
        select(broadcasts.c.id, broadcasts.c.community_id).where(
            broadcasts.c.broadcast_no == broadcast_no,
            broadcasts.c.community_id.in_(by.community_ids),
        )
    ).one_or_none()
    if found is None:
        raise UnknownBroadcast
    tx.execute(
        select(communities.c.id).where(communities.c.id == found.community_id).with_for_update()
    )
    return _by_id(tx, found.id)


def _by_id(tx: Connection, broadcast_id: int) -> Row[Any]:
    return tx.execute(
        with_community().where(broadcasts.c.id == broadcast_id).with_for_update(of=broadcasts)
    ).one()


def expect(row: Row[Any], *states: BroadcastState) -> None:
    """Refuse a step of a broadcast that stands elsewhere, or is paused."""
    if row.state not in states or row.paused_at is not None:
        raise BroadcastStateWrong(row.broadcast_no, row.state)


def _move(tx: Connection, row: Row[Any], state: BroadcastState, **more: Any) -> None:  # noqa: ANN401
    tx.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(state=state, **more))
