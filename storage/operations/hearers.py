"""Who hears of a payment or a refund: who made it, or else all who have bound the unit."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import BindingState, StaffRole, Urgency
from storage.models.people import bindings, identities
from storage.outbox import Addressee, enqueue
from storage.queries.residents import listeners, staff_identities


@dataclass(frozen=True, slots=True)
class Hearer:
    """Where to say it, and with which binding's eyes (0: a stranger who paid)."""

    addressee: Addressee
    binding_id: int


def hearers(tx: Connection, *, identity_id: int | None, unit_id: int) -> list[Hearer]:
    """Return who is told about money of a unit."""
    if identity_id is None:
        return [
            Hearer(Addressee(one.account, one.openid, one.identity_id), one.binding_id)
            for one in listeners(tx, unit_id)
        ]
    person = tx.execute(select(identities).where(identities.c.id == identity_id)).one()
    binding_id = tx.execute(
        select(bindings.c.id).where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id == unit_id,
            bindings.c.state == BindingState.ACTIVE,
        )
    ).scalar_one_or_none()
    return [Hearer(Addressee(person.account, person.openid, person.id), binding_id or 0)]


def tell_staff(
    tx: Connection,
    task: StaffTask,
    *,
    community_id: int,
    roles: tuple[StaffRole, ...],
    key: str,
    now: datetime,
    not_before: datetime | None = None,
) -> int:
    """Put a task before a community's staff with one of the roles; return how many hear of it."""
    found = staff_identities(tx, community_id, roles)
    for _, identity_id, account, openid in found:
        enqueue(
            tx,
            task,
            Addressee(account, openid, identity_id),
            key=f"{key}:{identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            not_before=not_before,
            community_id=community_id,
        )
    return len(found)
