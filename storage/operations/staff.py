"""Who works in the office, for which communities, and by which chat identity we know her."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import CLOCK, Actor
from storage.errors import BindingMismatch
from storage.kinds import StaffRole
from storage.models.people import identities, staff, staff_communities
from storage.operations.console_sessions import end_sessions, forget_password
from storage.queries.work_chats import is_work_account
from storage.reports import move_held
from storage.sql import insert, insert_once


def add_staff(
    tx: Connection,
    *,
    name: str,
    phone: str,
    role: StaffRole,
    community_ids: Sequence[int],
    now: datetime,
) -> int:
    """Take somebody on, or change her role and communities; return her key."""
    values = {"name": name, "phone": phone, "role": role}
    staff_id = insert_once(tx, staff, values)
    if staff_id is None:
        staff_id = int(tx.execute(select(staff.c.id).where(staff.c.phone == phone)).scalar_one())
        tx.execute(update(staff).where(staff.c.id == staff_id).values(**values, is_active=True))
    tx.execute(staff_communities.delete().where(staff_communities.c.staff_id == staff_id))
    for community_id in community_ids:
        tx.execute(
            insert(tx, staff_communities)
            .values(staff_id=staff_id, community_id=community_id)
            .on_conflict_do_nothing()
        )
    audit.note(tx, CLOCK, "add", "staff", str(staff_id), at=now, detail=role)
    return staff_id


def dismiss(tx: Connection, phone: str, *, now: datetime) -> str | None:
    """Let somebody go: from now on she is a resident like any other; her acts stay on record.

    Her sessions in the console end, and her password and her links open nothing any more.

    Returns her name, None where nobody of that phone works here.
    """
    row = tx.execute(
        update(staff)
        .where(staff.c.phone == phone, staff.c.is_active)
        .values(is_active=False)
        .returning(staff.c.id, staff.c.name)
    ).one_or_none()
    if row is None:
        return None
    tx.execute(update(identities).where(identities.c.staff_id == row.id).values(staff_id=None))
    end_sessions(tx, row.id, now=now)
    forget_password(tx, row.id)
    audit.note(tx, CLOCK, "dismiss", "staff", str(row.id), at=now)
    return str(row.name)


def bind_staff(
    tx: Connection, *, identity_id: int, phone: str, is_proved: bool, now: datetime
) -> str:
    """Know a chat identity as a member of staff; return her name. Raises BindingMismatch.

    In a work chat she hears at once of the tasks that wait for her word elsewhere.
    """
    row = tx.execute(
        select(staff.c.id, staff.c.name).where(staff.c.phone == phone, staff.c.is_active)
    ).one_or_none()
    if row is None or not is_proved:
        raise BindingMismatch
    tx.execute(update(identities).where(identities.c.id == identity_id).values(staff_id=row.id))
    _fetch_held(tx, row.id, identity_id, now)
    audit.note(tx, Actor(row.id, identity_id), "bind", "staff", str(row.id), at=now)
    return str(row.name)


def _fetch_held(tx: Connection, staff_id: int, identity_id: int, now: datetime) -> None:
    hers = tx.execute(select(identities).where(identities.c.staff_id == staff_id)).all()
    here = next(one for one in hers if one.id == identity_id)
    elsewhere = [one.id for one in hers if one.id != identity_id]
    if elsewhere and is_work_account(tx, here.account):
        move_held(tx, elsewhere, (here.account, here.openid, here.id), now=now)
