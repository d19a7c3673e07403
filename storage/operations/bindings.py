"""What becomes of a binding (绑定): a steward decides, its person or an owner ends it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import NotAllowed, NotBound
from storage.events import BindingChanged
from storage.kinds import BindingState, OccupancyRole, Urgency
from storage.models.estate import units
from storage.models.people import bindings, identities, occupancies, residents
from storage.outbox import Addressee, enqueue
from storage.periods import shanghai_day
from storage.queries.residents import listeners
from storage.sql import insert_once


def approve_binding(
    tx: Connection, binding_id: int, *, role: OccupancyRole | None, staff_id: int, now: datetime
) -> str:
    """Let an applicant in, as what the register says or as `role`; return the unit's label.

    Where the register does not know her she is written into it, as a tenant if no role is given:
    a tenant never sees what the owners owe. Raises NotBound where nothing waits for a decision.
    """
    row = _lock(tx, binding_id, BindingState.APPLIED)
    chosen = role or OccupancyRole(row.role)
    resident_id = row.resident_id or _register(tx, row, chosen, now)
    values = {
        "state": BindingState.ACTIVE,
        "role": chosen,
        "resident_id": resident_id,
        "decided_by": staff_id,
        "bound_at": now,
    }
    tx.execute(update(bindings).where(bindings.c.id == binding_id).values(values))
    audit.note(tx, Actor(staff_id), "approve", "binding", str(binding_id), at=now, detail=chosen)
    tell_applicant(tx, binding_id, "approved", now=now)
    tell_owners(tx, binding_id, "bound", now=now)
    return str(row.label)


def decline_binding(tx: Connection, binding_id: int, *, staff_id: int, now: datetime) -> str:
    """Turn an applicant away; return the unit's label. Raises NotBound where nothing waits."""
    row = _lock(tx, binding_id, BindingState.APPLIED)
    tx.execute(
        update(bindings)
        .where(bindings.c.id == binding_id)
        .values(state=BindingState.DECLINED, decided_by=staff_id, ended_at=now)
    )
    audit.note(tx, Actor(staff_id), "decline", "binding", str(binding_id), at=now)
    tell_applicant(tx, binding_id, "declined", now=now)
    return str(row.label)


def _register(tx: Connection, row: Row[Any], role: OccupancyRole, now: datetime) -> int:
    """Write an approved applicant into the register of residents."""
    named = {
        "community_id": row.community_id,
        "name": row.said_name,
        "phone": row.said_phone,
    }
    resident_id = insert_once(tx, residents, named)
    if resident_id is None:
        resident_id = tx.execute(select(residents.c.id).filter_by(**named)).scalar_one()
    lives = {
        "resident_id": resident_id,
        "unit_id": row.unit_id,
        "role": role,
        "from_on": shanghai_day(now),
    }
    insert_once(tx, occupancies, lives)
    return resident_id


def unbind(tx: Connection, *, identity_id: int, unit_id: int, now: datetime) -> str:
    """End a person's own binding; return the unit's label. Raises NotBound."""
    binding_id = tx.execute(
        select(bindings.c.id).where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id == unit_id,
            bindings.c.state == BindingState.ACTIVE,
        )
    ).scalar_one_or_none()
    if binding_id is None:
        raise NotBound
    return _end(tx, binding_id, Actor(identity_id=identity_id), now)


def remove_sharer(tx: Connection, *, by_binding_id: int, binding_id: int, now: datetime) -> str:
    """Let an owner end the binding of a tenant or of family; return the unit's label.

    Raises NotAllowed where she is not an owner of that flat, or the other is one too.
    """
    by, other = (_lock(tx, one, BindingState.ACTIVE) for one in (by_binding_id, binding_id))
    is_hers = by.role == OccupancyRole.OWNER and by.unit_id == other.unit_id
    if not is_hers or other.role == OccupancyRole.OWNER:
        raise NotAllowed
    label = _end(tx, binding_id, Actor(identity_id=by.identity_id), now)
    tell_applicant(tx, binding_id, "ended", now=now)
    return label


def _end(tx: Connection, binding_id: int, actor: Actor, now: datetime) -> str:
    """End a binding and all pay links of its unit; the owners hear of it."""
    row = _lock(tx, binding_id, BindingState.ACTIVE)
    tx.execute(
        update(bindings)
        .where(bindings.c.id == binding_id)
        .values(state=BindingState.REMOVED, ended_at=now)
    )
    tx.execute(
        update(units).where(units.c.id == row.unit_id).values(link_epoch=units.c.link_epoch + 1)
    )
    tx.execute(
        update(identities)
        .where(identities.c.id == row.identity_id, identities.c.chosen_unit_id == row.unit_id)
        .values(chosen_unit_id=None)
    )
    audit.note(tx, actor, "remove", "binding", str(binding_id), at=now)
    tell_owners(tx, binding_id, "removed", now=now)
    return str(row.label)


def _lock(tx: Connection, binding_id: int, state: BindingState) -> Row[Any]:
    """Lock a binding that stands at `state`. Raises NotBound where there is none."""
    row = tx.execute(
        select(bindings, units.c.label, units.c.community_id)
        .join(units, units.c.id == bindings.c.unit_id)
        .where(bindings.c.id == binding_id, bindings.c.state == state)
        .with_for_update(of=bindings)
    ).one_or_none()
    if row is None:
        raise NotBound
    return row


def tell_owners(tx: Connection, binding_id: int, change: str, *, now: datetime) -> None:
    """Tell the other owners in chat that somebody bound or was removed."""
    row = _seen(tx, binding_id)
    for listener in listeners(tx, row.unit_id):
        if listener.role is OccupancyRole.OWNER and listener.identity_id != row.identity_id:
            to = Addressee(listener.account, listener.openid, listener.identity_id)
            _tell(tx, row, change, to, now)


def tell_applicant(tx: Connection, binding_id: int, change: str, *, now: datetime) -> None:
    """Tell the person of a binding what became of it."""
    row = _seen(tx, binding_id)
    _tell(tx, row, change, Addressee(row.account, row.openid, row.identity_id), now)


def _seen(tx: Connection, binding_id: int) -> Row[Any]:
    return tx.execute(
        select(
            bindings,
            units.c.label,
            units.c.community_id,
            identities.c.account,
            identities.c.openid,
        )
        .select_from(bindings.join(units, units.c.id == bindings.c.unit_id).join(identities))
        .where(bindings.c.id == binding_id)
    ).one()


def _tell(tx: Connection, row: Row[Any], change: str, to: Addressee, now: datetime) -> None:
    enqueue(
        tx,
        BindingChanged(row.label, row.said_name, row.role, change),
        to,
        key=f"binding:{row.id}:{change}:{to.identity_id}",
        urgency=Urgency.RECEIPT,
        now=now,
        community_id=row.community_id,
    )
