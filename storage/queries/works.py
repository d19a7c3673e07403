"""Long work (后台任务): what was asked for, how far it is, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from storage.frozen import dataclass
from storage.models.people import staff
from storage.models.works import works
from storage.sql import database_now
from storage.work_kinds import WorkKind, WorkState


@dataclass(frozen=True, slots=True)
class WorkView:
    """One piece of work as its page shows it; `has_content` while it may be done again."""

    work_id: int
    kind: WorkKind
    community_id: int
    staff_name: str
    title: str
    asked: Mapping[str, Any]
    state: WorkState
    step: str
    size: int
    report: Mapping[str, Any]
    asked_at: datetime
    ended_at: datetime | None
    has_content: bool

    @property
    def is_under_way(self) -> bool:
        """Whether there is something to wait for."""
        return self.state in (WorkState.WAITING, WorkState.RUNNING)

    @property
    def mark(self) -> str:
        """A short text that changes with every step."""
        return f"{self.state}:{self.step}:{self.size}:{self.asked.get('mode', '')}"


_VIEW = select(
    *(one for one in works.c if one.name not in ("content", "lease_until")),
    works.c.content.is_not(None).label("has_content"),
    staff.c.name.label("staff_name"),
).join(staff, staff.c.id == works.c.staff_id)


def work_waits(tx: Connection) -> bool:
    """Tell whether there is work that somebody may begin: it waits, or its doer fell silent."""
    is_left = (works.c.state == WorkState.RUNNING) & (works.c.lease_until < database_now(tx))
    asked = select(works.c.id).where(or_(works.c.state == WorkState.WAITING, is_left)).limit(1)
    return tx.execute(asked).first() is not None


def works_of(
    tx: Connection, community_id: int, kind: WorkKind, *, before_id: int = 0, limit: int
) -> list[WorkView]:
    """Return what was asked for a community, the newest first; `before_id` goes on from there."""
    wanted = _VIEW.where(works.c.community_id == community_id, works.c.kind == kind)
    if before_id:
        wanted = wanted.where(works.c.id < before_id)
    return [_view(row) for row in tx.execute(wanted.order_by(works.c.id.desc()).limit(limit))]


def work_of(tx: Connection, work_id: int, *, community_ids: Sequence[int]) -> WorkView | None:
    """Return one piece of work of some communities, or None."""
    wanted = _VIEW.where(works.c.id == work_id, works.c.community_id.in_(community_ids))
    row = tx.execute(wanted).one_or_none()
    return None if row is None else _view(row)


def _view(row: Any) -> WorkView:  # noqa: ANN401 - a row of the view
    return WorkView(
        row.id,
        WorkKind(row.kind),
        row.community_id,
        row.staff_name,
        row.title,
        json.loads(row.asked),
        WorkState(row.state),
        row.step,
        row.size,
        json.loads(row.report),
        row.asked_at,
        row.ended_at,
        bool(row.has_content),
    )
