"""Tickets (工单) due soon or overdue are put before who has them and managers, once each."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from storage.events import StaffTask
from storage.kinds import StaffRole
from storage.models.tickets import tickets
from storage.operations.hearers import tell_colleague, tell_staff
from storage.queries.tickets import TicketView, ticket_by_key
from storage.rules.tickets import WARNED_BEFORE, warned_at

SOON, OVER = 1, 2


def warn_of_deadlines(tx: Connection, *, now: datetime) -> dict[str, int]:
    """Warn of what is due soon and of what is overdue; returns how many of each."""
    rows = tx.execute(_near(now).order_by(tickets.c.id).with_for_update()).all()
    report = {"near": 0, "over": 0}
    for row in rows:
        step = _step(row, now)
        if step <= row.warnings:
            continue
        topic = "over" if step == OVER else "near"
        tx.execute(update(tickets).where(tickets.c.id == row.id).values(warnings=step))
        _warn(tx, ticket_by_key(tx, row.id), topic, now)
        report[topic] += 1
    return report


def is_any_near(tx: Connection, *, now: datetime) -> bool:
    """Tell whether there may be anything to warn of: idle minutes write nothing."""
    return tx.execute(_near(now).limit(1)).first() is not None


def _near(now: datetime) -> Select[Any]:
    return select(tickets).where(
        tickets.c.closed_at.is_(None),
        tickets.c.warnings < OVER,
        tickets.c.due_at <= now + WARNED_BEFORE,
    )


def _step(row: Row[Any], now: datetime) -> int:
    if row.due_at <= now:
        return OVER
    return SOON if warned_at(row.opened_at, row.due_at) <= now else 0


def _warn(tx: Connection, view: TicketView, topic: str, now: datetime) -> None:
    note = f"{view.kind} {view.said}"[:200]
    task = StaffTask(f"ticket_{topic}", view.ticket_no, view.unit_label, 0, note)
    key = f"ticket:{view.ticket_no}:{topic}:{view.due_at:%Y%m%d%H%M}"
    if view.assignee_id is not None:
        tell_colleague(
            tx,
            task,
            staff_id=view.assignee_id,
            community_id=view.community_id,
            key=key,
            now=now,
        )
    roles = (StaffRole.MANAGER,)
    tell_staff(tx, task, community_id=view.community_id, roles=roles, key=key, now=now)
