"""Pausing a broadcast (暂停群发) and letting it go on: nobody hears twice, nobody is forgotten."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, update

from storage import audit
from storage.audit import Actor
from storage.errors import BroadcastStateWrong
from storage.kinds import BroadcastState, OutboxState
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.operations.notices import PAUSED, check_sender, expect, lock_broadcast, withdraw
from storage.queries.residents import Staff

UNDER_WAY: Final = (BroadcastState.SCHEDULED, BroadcastState.SENDING)


def pause(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> int:
    """Stop a broadcast for a while; return how many messages wait for it to go on.

    What is in flight at this moment still arrives. Raises NotAllowed, UnknownBroadcast, and
    BroadcastStateWrong where it is over, not let go yet, or paused already.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    expect(row, *UNDER_WAY)
    tx.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(paused_at=now))
    audit.note(tx, Actor(by.staff_id), "pause", "broadcast", broadcast_no, at=now)
    return withdraw(tx, row.id)


def resume(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> int:
    """Let a paused broadcast go on; return how many messages wait again.

    Raises NotAllowed, UnknownBroadcast, and BroadcastStateWrong where it is not paused.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    if row.paused_at is None or row.state not in UNDER_WAY:
        raise BroadcastStateWrong(row.broadcast_no, row.state)
    tx.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(paused_at=None))
    audit.note(tx, Actor(by.staff_id), "resume", "broadcast", broadcast_no, at=now)
    again: int = tx.execute(
        update(outbox)
        .where(
            outbox.c.broadcast_id == row.id,
            outbox.c.state == OutboxState.SUPPRESSED,
            outbox.c.why == PAUSED,
        )
        .values(state=OutboxState.WAITING, why="")
    ).rowcount
    return again
