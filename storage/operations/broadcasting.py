"""Queueing a broadcast (群发) part by part, and reporting it when all of it has ended."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    String,
    cast,
    func,
    literal,
    select,
    update,
)

from storage import outbox
from storage.events import BroadcastReported, NoticeSent
from storage.kinds import BroadcastState, OutboxState, Urgency
from storage.models.messages import outbox as outbox_rows
from storage.models.notices import broadcast_skips, broadcasts
from storage.models.people import identities
from storage.outbox import Addressee, NewMessage
from storage.periods import shanghai_day
from storage.queries.audiences import HEARS, Audience, hearing, left_out
from storage.queries.group_tasks import open_task_of
from storage.queries.notices import with_community
from storage.queries.work_chats import HEARS_HERE, account_of_group, is_of_residents
from storage.rules.personal import variables_in
from storage.sql import insert

PART: Final = 5000
"""How many people are queued in one transaction: others who write wait for no more than these."""


def begin(tx: Connection, broadcast_id: int, *, now: datetime) -> bool:
    """Begin a broadcast whose time has come, and write down which households it leaves out.

    Returns False where it has begun, or was cancelled or paused, meanwhile.
    """
    row = _lock(tx, broadcast_id)
    if row.state != BroadcastState.SCHEDULED or row.send_at > now or row.paused_at:
        return False
    tx.execute(
        update(broadcasts)
        .where(broadcasts.c.id == broadcast_id)
        .values(state=BroadcastState.SENDING, started_at=now)
    )
    audience = Audience.load(row.audience)
    if not audience.group:
        skipped = left_out(tx, audience, category=row.category, now=now).subquery()
        tx.execute(
            broadcast_skips.insert().from_select(
                ["broadcast_id", "unit_id", "why"], select(literal(broadcast_id), skipped)
            )
        )
    return True


def queue_part(tx: Connection, broadcast_id: int, *, now: datetime, limit: int = PART) -> int:
    """Queue the next part of a broadcast and move its cursor; return how many people that were.

    Returns 0 where everybody is queued, and where it was cancelled or paused meanwhile.
    """
    row = _lock(tx, broadcast_id)
    if row.state != BroadcastState.SENDING or row.paused_at:
        return 0
    audience = Audience.load(row.audience)
    if audience.group:
        return _queue_group(tx, row, audience.group, now)
    named = hearing(tx, audience, row.category, shanghai_day(now)).subquery()
    chosen = (
        select(named.c.id, named.c.account, named.c.openid)
        .where(named.c.why == HEARS, named.c.id > row.queued_up_to)
        .distinct()
        .order_by(named.c.id)
        .limit(limit)
    )
    part = chosen.subquery()
    count, last = tx.execute(select(func.count(), func.max(part.c.id)).select_from(part)).one()
    if count:
        _enqueue_to_all(tx, _message(row, Addressee("", ""), Urgency.NOTICE, now), chosen)
        _move_cursor(tx, broadcast_id, last)
    return int(count)


def _enqueue_to_all(
    tx: Connection, message: NewMessage, people: Select[tuple[int, str, str]]
) -> None:
    """Decide to say one thing to many people (identity, account, openid), each once, in one go.

    `message` gives all but the person: its key is followed by the identity's.
    """
    row = outbox.row_of(message)
    to, columns = people.subquery(), [*outbox.OF_MESSAGE]
    each = {
        "message_key": literal(message.key) + cast(to.c.id, String),
        "account": to.c.account,
        "recipient": to.c.openid,
        "identity_id": cast(to.c.id, BigInteger),
    }
    chosen = select(
        *(each.get(name, literal(row[name], outbox_rows.c[name].type)) for name in columns)
    ).where(to.c.id.is_not(None))
    statement = insert(tx, outbox_rows).from_select(columns, chosen.order_by(to.c.id))
    tx.execute(statement.on_conflict_do_nothing())


def _queue_group(tx: Connection, row: Row[Any], group: str, now: datetime) -> int:
    """Tell a group: staff at night too, who have the duty; residents by the group's owner.

    What asks an owner is no receipt: it waits for the morning, and is never said twice.
    """
    if row.queued_up_to:
        return 0
    to = Addressee(account_of_group(tx, group), group)
    is_residents = is_of_residents(tx, group)
    urgency = Urgency.NOTICE if is_residents else Urgency.RECEIPT
    outbox.enqueue_many(tx, [_message(row, to, urgency, now)])
    _move_cursor(tx, row.id, 1)
    return 1


def _message(row: Row[Any], to: Addressee, urgency: Urgency, now: datetime) -> NewMessage:
    is_owing = Audience.load(row.audience).condition.only_arrears
    reads = "each" if is_owing or variables_in(row.text) else ""
    return NewMessage(
        NoticeSent(row.broadcast_no, row.community_name, row.category, row.text, reads),
        to,
        f"broadcast:{row.id}:{to.recipient}",
        urgency,
        now,
        community_id=row.community_id,
        broadcast_id=row.id,
    )


def _move_cursor(tx: Connection, broadcast_id: int, queued_up_to: int) -> None:
    tx.execute(
        update(broadcasts).where(broadcasts.c.id == broadcast_id).values(queued_up_to=queued_up_to)
    )


def finish(tx: Connection, broadcast_id: int, *, now: datetime) -> bool:
    """End a broadcast that is queued whole and of which nothing waits, and tell who wrote it."""
    row = _lock(tx, broadcast_id)
    by_state = tx.execute(
        select(outbox_rows.c.state, func.count())
        .where(outbox_rows.c.broadcast_id == broadcast_id)
        .group_by(outbox_rows.c.state)
    ).all()
    counts = Counter({str(one.state): int(one[1]) for one in by_state})
    waits = counts[OutboxState.WAITING] + counts[OutboxState.CLAIMED]
    if Audience.load(row.audience).group and open_task_of(tx, broadcast_id) is not None:
        return False  # nobody has read it until the group's owner presses send
    if row.state != BroadcastState.SENDING or row.paused_at or waits:
        return False
    tx.execute(
        update(broadcasts)
        .where(broadcasts.c.id == broadcast_id)
        .values(state=BroadcastState.DONE, ended_at=now)
    )
    skipped = tx.execute(
        select(func.count())
        .select_from(broadcast_skips)
        .where(broadcast_skips.c.broadcast_id == broadcast_id)
    ).scalar_one()
    report = BroadcastReported(
        broadcast_no=row.broadcast_no,
        reached=counts[OutboxState.SENT],
        waiting=counts[OutboxState.HELD],
        failed=counts[OutboxState.DEAD] + counts[OutboxState.UNKNOWN],
        skipped=skipped + counts[OutboxState.SUPPRESSED],
    )
    _report(tx, row, report, now)
    return True


def _report(tx: Connection, row: Row[Any], report: BroadcastReported, now: datetime) -> None:
    writer = tx.execute(
        select(identities)
        .where(identities.c.staff_id == row.created_by, HEARS_HERE)
        .order_by(identities.c.id)
    )
    for person in writer.all():
        outbox.enqueue(
            tx,
            report,
            Addressee(person.account, person.openid, person.id),
            key=f"broadcast-report:{row.id}:{now:%Y%m%d%H%M%S}:{person.id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )


def _lock(tx: Connection, broadcast_id: int) -> Row[Any]:
    return tx.execute(
        with_community().where(broadcasts.c.id == broadcast_id).with_for_update(of=broadcasts)
    ).one()
