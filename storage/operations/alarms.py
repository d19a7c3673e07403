"""Troubles of the running itself reach the duty group (值班群), once each, and when they end."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from storage.events import StaffTask
from storage.kinds import Urgency
from storage.models.operating import alarms
from storage.operations import job_runs
from storage.outbox import Addressee, enqueue
from storage.queries.troubles import troubles
from storage.queries.work_chats import account_of_group
from storage.sql import insert_once

LOOK_SECONDS: Final = 300
"""Of all processes one looks, and so often, by the database's own time."""
TURN: Final = ("raise_alarms", "latest")


def may_look(tx: Connection) -> bool:
    """Tell whether it is anybody's turn to look: asked first, so that most ticks write nothing."""
    return job_runs.is_free(tx, *TURN)


def look_and_tell(tx: Connection, *, group: str, now: datetime) -> dict[str, int]:
    """Take the turn to look, then do as `tell_of_troubles`; nothing where another was faster."""
    if job_runs.begin(tx, *TURN, seconds=LOOK_SECONDS) is None:
        return {}
    return tell_of_troubles(tx, group=group, now=now)


def tell_of_troubles(tx: Connection, *, group: str, now: datetime) -> dict[str, int]:
    """Write down what is wrong now and what no longer is; tell the group of either, once.

    Without a group ("") it is only written down. Returns how many began and how many ended.
    """
    found = {(one.kind.value, one.reference[:64]): one for one in troubles(tx, now=now)}
    known = {
        (row.kind, row.reference): row
        for row in tx.execute(select(alarms).where(alarms.c.ended_at.is_(None)))
    }
    begun = ended = 0
    for key, one in found.items():
        if key in known:
            continue
        values = {
            "kind": one.kind,
            "reference": key[1],
            "detail": one.detail[:120],
            "begun_at": now,
        }
        number = insert_once(tx, alarms, values)
        if number is not None:
            begun += 1
            _tell(tx, group, number, f"alarm_{one.kind}", f"{key[1]} {one.detail}", now)
    for key, row in known.items():
        if key not in found:
            ended += 1
            tx.execute(update(alarms).where(alarms.c.id == row.id).values(ended_at=now))
            _tell(tx, group, row.id, "alarm_over", f"{row.kind} {row.reference}", now)
    return {"begun": begun, "ended": ended}


def _tell(tx: Connection, group: str, number: int, topic: str, note: str, now: datetime) -> None:
    if group:
        enqueue(
            tx,
            StaffTask(topic, str(number), "", 0, note),
            Addressee(account_of_group(tx, group), group),
            key=f"{topic}:{number}",
            urgency=Urgency.RECEIPT,
            now=now,
        )
