"""Tasks of residents' groups (客户群): what their owners were asked to send, and have or not."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from storage.frozen import dataclass
from storage.kinds import BroadcastState, OutboxState
from storage.models.messages import delivery_attempts, outbox
from storage.models.notices import broadcasts
from storage.models.work_chats import group_tasks, work_groups
from storage.periods import SHANGHAI, shanghai_instant
from storage.ports.chat import Route, Verdict

PRESS_WITHIN: Final = timedelta(hours=48)
"""So long the owner of a group has time; then the task is taken back."""


@dataclass(frozen=True, slots=True)
class GroupTask:
    """One task that waits for the owner of a group to press send."""

    attempt_id: int
    outbox_id: int
    account: str
    group: str
    message_id: str
    """The platform's number of it."""
    asked_at: datetime
    reminders: int
    reminded_at: datetime | None
    community_id: int | None
    is_cancelled: bool
    """Its broadcast was cancelled meanwhile."""


def _open() -> Select[Any]:
    return (
        select(
            delivery_attempts.c.id,
            delivery_attempts.c.outbox_id,
            delivery_attempts.c.platform_message_id,
            delivery_attempts.c.tried_at,
            outbox.c.account,
            outbox.c.recipient,
            outbox.c.community_id,
            broadcasts.c.state.label("broadcast_state"),
            func.coalesce(group_tasks.c.reminders, 0).label("reminders"),
            group_tasks.c.reminded_at,
        )
        .select_from(
            outbox.join(delivery_attempts, delivery_attempts.c.outbox_id == outbox.c.id)
            .join(broadcasts, broadcasts.c.id == outbox.c.broadcast_id)
            .outerjoin(group_tasks, group_tasks.c.attempt_id == delivery_attempts.c.id)
        )
        .where(_WAS_ASKED, outbox.c.state == OutboxState.SENT, group_tasks.c.ended_at.is_(None))
        .order_by(delivery_attempts.c.id)
    )


_WAS_ASKED: Final[ColumnElement[bool]] = and_(
    delivery_attempts.c.route == Route.GROUP_TASK, delivery_attempts.c.verdict == Verdict.SENT
)


def open_tasks(tx: Connection, *, account: str, names: Collection[str]) -> list[GroupTask]:
    """Return the tasks of an account's groups that nobody has pressed yet, the oldest first."""
    asked = _open().where(outbox.c.account == account, outbox.c.recipient.in_(names))
    return [_task(row) for row in tx.execute(asked)]


def open_task_of(tx: Connection, broadcast_id: int) -> GroupTask | None:
    """Return the task that a broadcast waits for, None where it waits for no owner."""
    row = tx.execute(_open().where(outbox.c.broadcast_id == broadcast_id)).first()
    return None if row is None else _task(row)


def _task(row: Any) -> GroupTask:  # noqa: ANN401 - a row
    return GroupTask(
        row.id,
        row.outbox_id,
        row.account,
        row.recipient,
        row.platform_message_id,
        row.tried_at,
        row.reminders,
        row.reminded_at,
        row.community_id,
        row.broadcast_state == BroadcastState.CANCELLED,
    )


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What a residents' group allows: its owner has to press, and one notice a day is shown."""

    owner: str
    """Her userid at WeCom."""
    today: int
    """How many notices its owner was asked to send today."""
    this_month: int


def group_limits(tx: Connection, group: str, *, now: datetime) -> GroupLimits | None:
    """Count what a residents' group has been sent; None for a group of staff."""
    owner = tx.execute(select(work_groups.c.owner).where(work_groups.c.name == group)).scalar()
    if not owner:
        return None
    local = now.astimezone(SHANGHAI)
    today = shanghai_instant(local.date(), local.time().min)
    month = shanghai_instant(local.date().replace(day=1), local.time().min)
    asked = (
        select(delivery_attempts.c.tried_at)
        .join(outbox, outbox.c.id == delivery_attempts.c.outbox_id)
        .where(
            _WAS_ASKED,
            outbox.c.recipient == group,
            outbox.c.state == OutboxState.SENT,
            delivery_attempts.c.tried_at >= month,
        )
    )
    times = list(tx.execute(asked).scalars())
    return GroupLimits(owner, sum(one >= today for one in times), len(times))
