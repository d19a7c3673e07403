"""Who hears of a payment or a refund: who made it, or else all who have bound the unit."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import BindingState, StaffRole, Urgency
from storage.many import Keyed
from storage.models.people import bindings, identities
from storage.outbox import Addressee, enqueue
from storage.queries.residents import IS_LIVE, listeners_of_units, staff_identities


@dataclass(frozen=True, slots=True)
class Hearer:
    """Where to say it, and with which binding's eyes (0: a stranger who paid)."""

    addressee: Addressee
    binding_id: int


class Cause(NamedTuple):
    """What money moved by: whose link it was (None: nobody's), and of which unit."""

    identity_id: int | None
    unit_id: int


def hearers(tx: Connection, *, identity_id: int | None, unit_id: int) -> list[Hearer]:
    """Return who is told about money of a unit."""
    cause = Cause(identity_id, unit_id)
    return hearers_of_many(tx, [cause])[cause]


def hearers_of_many(tx: Connection, causes: Collection[Cause]) -> dict[Cause, list[Hearer]]:
    """Return, for each cause, who is told about its money."""
    known = [one.identity_id for one in causes if one.identity_id is not None]
    people = {row.id: row for row in _PEOPLE.run(tx, known)} if known else {}
    bound = _bindings(tx, known) if known else {}
    of_nobody = [one.unit_id for one in causes if one.identity_id is None]
    everybody = listeners_of_units(tx, of_nobody) if of_nobody else {}
    found: dict[Cause, list[Hearer]] = {}
    for cause in causes:
        if cause.identity_id is None:
            found[cause] = [
                Hearer(Addressee(one.account, one.openid, one.identity_id), one.binding_id)
                for one in everybody[cause.unit_id]
            ]
        else:
            person = people[cause.identity_id]
            addressee = Addressee(person.account, person.openid, person.id)
            found[cause] = [Hearer(addressee, bound.get((cause.identity_id, cause.unit_id), 0))]
    return found


def _bindings(tx: Connection, identity_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """Return (identity, unit) → the binding that is active."""
    return {(row.identity_id, row.unit_id): row.id for row in _BOUND.run(tx, identity_ids)}


_PEOPLE = Keyed(
    lambda among: select(identities.c.id, identities.c.account, identities.c.openid).where(
        among(identities.c.id)
    )
)
_BOUND = Keyed(
    lambda among: select(bindings.c.identity_id, bindings.c.unit_id, bindings.c.id).where(
        among(bindings.c.identity_id), bindings.c.state == BindingState.ACTIVE, IS_LIVE
    )
)


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


OFFICE: Final = (StaffRole.STEWARD, StaffRole.MANAGER)


def tell_office(
    tx: Connection,
    task: StaffTask,
    *,
    community_id: int,
    key: str,
    now: datetime,
    roles: tuple[StaffRole, ...] = OFFICE,
) -> int:
    """Put a task before the first of the roles that somebody has: stewards, or else managers.

    Returns how many hear of it.
    """
    for role in roles:
        told = tell_staff(tx, task, community_id=community_id, roles=(role,), key=key, now=now)
        if told:
            return told
    return 0


def tell_colleague(
    tx: Connection, task: StaffTask, *, staff_id: int, community_id: int, key: str, now: datetime
) -> int:
    """Put a task before one who serves a community; return in how many chats she hears of it.

    The key is the same as `tell_staff`'s: whoever was told as one of many is not told again.
    """
    found = staff_identities(tx, community_id, tuple(StaffRole))
    hers = [one for one in found if one[0] == staff_id]
    for _, identity_id, account, openid in hers:
        enqueue(
            tx,
            task,
            Addressee(account, openid, identity_id),
            key=f"{key}:{identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=community_id,
        )
    return len(hers)
