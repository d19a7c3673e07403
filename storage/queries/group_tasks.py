"""Tasks of residents' groups (客户群): what their owners were asked to send, and have or not."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from storage.frozen import dataclass
from storage.kinds import BroadcastState, OutboxState
from storage.models.messages import delivery_attempts, outbox
from storage.models.notices import broadcasts
from storage.models.people import identities, staff
from storage.models.work_chats import group_tasks, work_accounts, work_groups
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


class GroupKind(StrEnum):
    """By which way a group is told."""

    ROBOT = "robot"
    CHAT = "chat"
    """Made by the app, of staff."""
    RESIDENTS = "residents"
    """Its owner presses send."""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How a group is told; of residents' groups also who owns it, and what was asked of her."""

    group: str
    kind: GroupKind
    owner: str = ""
    """Her name; her userid at WeCom where she is not bound there."""
    today: int = 0
    """How many notices its owner was asked to send today."""
    this_month: int = 0


def group_limits(tx: Connection, group: str, *, now: datetime) -> GroupLimits | None:
    """Say how a group is told, and count what it was sent; None for one that nobody tells."""
    return next((one for one in all_group_limits(tx, now=now) if one.group == group), None)


def all_group_limits(tx: Connection, *, now: datetime) -> list[GroupLimits]:
    """Say how each group is told, by name."""
    at_work = set(tx.execute(select(work_accounts.c.account)).scalars())
    found = []
    for name, account, owner in tx.execute(_GROUPS):
        if owner:
            today, this_month = _asked_of_owner(tx, name, now)
            found.append(GroupLimits(name, GroupKind.RESIDENTS, owner, today, this_month))
        else:
            kind = GroupKind.CHAT if account in at_work else GroupKind.ROBOT
            found.append(GroupLimits(name, kind))
    return found


def _asked_of_owner(tx: Connection, group: str, now: datetime) -> tuple[int, int]:
    """Count what a group's owner was asked to send today and in this month, and not taken back."""
    local = now.astimezone(SHANGHAI)
    today = shanghai_instant(local.date(), time())
    month = shanghai_instant(local.date().replace(day=1), time())
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
    return sum(one >= today for one in times), len(times)


_GROUPS: Final = (
    select(
        work_groups.c.name,
        work_groups.c.account,
        case(
            (work_groups.c.owner == "", ""), else_=func.coalesce(staff.c.name, work_groups.c.owner)
        ),
    )
    .select_from(
        work_groups.outerjoin(
            identities,
            and_(
                identities.c.account == work_groups.c.account,
                identities.c.openid == work_groups.c.owner,
            ),
        ).outerjoin(staff, staff.c.id == identities.c.staff_id)
    )
    .order_by(work_groups.c.name)
)
