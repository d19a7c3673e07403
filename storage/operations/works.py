"""Long work (后台任务) is asked for, begun by one, told how far it is, and ended or broken off."""

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, or_, select, update

from storage import audit
from storage.audit import Actor
from storage.frozen import dataclass
from storage.models.works import works
from storage.sql import database_now
from storage.work_kinds import WorkKind, WorkState

LEASE: Final = timedelta(minutes=5)
"""So long nobody else takes work up whose doer is silent."""
MOST_TRIES: Final = 3
KEPT_FOR: Final = timedelta(days=30)
"""So long what was sent and what became of it can be looked at."""


@dataclass(frozen=True, slots=True)
class NewWork:
    """What somebody asks for; `asked` are plain JSON values for whoever does it."""

    kind: WorkKind
    community_id: int
    title: str
    asked: Mapping[str, Any]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TakenWork:
    """Work that is ours to do; whoever takes it over since has a higher epoch."""

    work_id: int
    kind: WorkKind
    community_id: int
    staff_id: int
    title: str
    asked: Mapping[str, Any]
    content: bytes = field(repr=False)
    epoch: int = 0


def ask_work(tx: Connection, new: NewWork, *, staff_id: int, now: datetime) -> int:
    """Put work down to be done soon; return its number. What is a month old is forgotten."""
    tx.execute(
        update(works)
        .where(works.c.asked_at < now - KEPT_FOR, works.c.report != "{}")
        .values(content=None, report="{}")
    )
    work_id: int = tx.execute(
        works.insert()
        .values(
            kind=new.kind,
            community_id=new.community_id,
            staff_id=staff_id,
            title=new.title[:120],
            asked=json.dumps(dict(new.asked)),
            content=new.content,
            state=WorkState.WAITING,
            asked_at=now,
        )
        .returning(works.c.id)
    ).scalar_one()
    audit.note(tx, Actor(staff_id), "ask", "work", str(work_id), at=now, detail=new.kind)
    return work_id


def ask_again(
    tx: Connection, work_id: int, asked: Mapping[str, Any], *, staff_id: int, now: datetime
) -> bool:
    """Have work that is done done once more, in another way, with what it still has.

    False where it is not done, or asked for so already: of two presses one counts.
    """
    changed: int = tx.execute(
        update(works)
        .where(
            works.c.id == work_id,
            works.c.state == WorkState.DONE,
            works.c.content.is_not(None),
        )
        .values(
            asked=json.dumps(dict(asked)),
            state=WorkState.WAITING,
            step="",
            epoch=0,
            staff_id=staff_id,
            ended_at=None,
            lease_until=None,
        )
    ).rowcount
    if changed:
        audit.note(tx, Actor(staff_id), "ask_again", "work", str(work_id), at=now)
    return bool(changed)


def take_work(tx: Connection) -> TakenWork | None:
    """Take the work that waits longest, or that its doer left; None where there is none.

    What was begun three times and never ended is broken off instead.
    """
    now = database_now(tx)
    is_left = (works.c.state == WorkState.RUNNING) & (works.c.lease_until < now)
    tx.execute(
        update(works)
        .where(is_left, works.c.epoch >= MOST_TRIES)
        .values(state=WorkState.BROKEN, ended_at=now)
    )
    wanted = (
        select(works)
        .where(or_(works.c.state == WorkState.WAITING, is_left))
        .order_by(works.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = tx.execute(wanted).one_or_none()
    if row is None:
        return None
    tx.execute(
        update(works)
        .where(works.c.id == row.id)
        .values(state=WorkState.RUNNING, epoch=row.epoch + 1, lease_until=now + LEASE)
    )
    return TakenWork(
        row.id,
        WorkKind(row.kind),
        row.community_id,
        row.staff_id,
        row.title,
        json.loads(row.asked),
        row.content or b"",
        row.epoch + 1,
    )


def note_step(tx: Connection, one: TakenWork, step: str, size: int) -> bool:
    """Write down how far work is; False where somebody else does it by now."""
    values = {"step": step, "size": size, "lease_until": database_now(tx) + LEASE}
    return bool(tx.execute(_mine(one).values(**values)).rowcount)


def end_work(
    tx: Connection, one: TakenWork, report: Mapping[str, Any], *, now: datetime, is_final: bool
) -> bool:
    """Write down what became of work; where that is final, what it was done with is thrown away.

    False, and nothing changed, where somebody else does it by now.
    """
    values: dict[str, Any] = {"content": None} if is_final else {}
    values |= {"report": json.dumps(dict(report), ensure_ascii=False), "ended_at": now}
    return bool(tx.execute(_mine(one).values(state=WorkState.DONE, **values)).rowcount)


def break_off(tx: Connection, one: TakenWork, *, now: datetime) -> bool:
    """Give work up that cannot be done."""
    return bool(tx.execute(_mine(one).values(state=WorkState.BROKEN, ended_at=now)).rowcount)


def forget_work_leases(tx: Connection) -> int:
    """Free the work that a dead process left; only for a database with one owner."""
    freed: int = tx.execute(
        update(works)
        .where(works.c.state == WorkState.RUNNING)
        .values(lease_until=database_now(tx) - timedelta(seconds=1))
    ).rowcount
    return freed


def _mine(one: TakenWork) -> Any:  # noqa: ANN401 - an UPDATE
    return update(works).where(
        works.c.id == one.work_id,
        works.c.epoch == one.epoch,
        works.c.state == WorkState.RUNNING,
    )
