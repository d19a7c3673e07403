"""Whoever has left a unit: her binding ends with her, and every link of the unit with it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import audit
from storage.audit import Actor
from storage.kinds import BindingState, OccupancyRole
from storage.models.estate import units
from storage.models.people import bindings, identities
from storage.operations.bindings import tell_applicant
from storage.queries.residents import sees_household

HOUSEHOLD = tuple(role for role in OccupancyRole if sees_household(role))
"""Who goes with the owners: their family sees what they owe."""


def bindings_of(
    tx: Connection,
    unit_id: int,
    gone: Collection[int],
    *,
    roles: Collection[OccupancyRole] = (),
    staying: Collection[int] = (),
) -> list[Row[Any]]:
    """Return the live bindings of residents who have left a unit, the first bound first.

    With `roles` also those of everybody in one of these roles, except of `staying` residents: a
    family goes with its owner, whether the register knows it or not.
    """
    goes_along = and_(
        bindings.c.role.in_(roles),
        bindings.c.state == BindingState.ACTIVE,
        or_(bindings.c.resident_id.is_(None), bindings.c.resident_id.not_in(staying)),
    )
    return list(
        tx.execute(
            select(bindings, identities.c.account, identities.c.openid)
            .join(identities, identities.c.id == bindings.c.identity_id)
            .where(
                bindings.c.unit_id == unit_id,
                bindings.c.state.in_([BindingState.ACTIVE, BindingState.APPLIED]),
                or_(bindings.c.resident_id.in_(gone), goes_along),
            )
            .order_by(bindings.c.id)
            .with_for_update(of=bindings)
        )
    )


def end(tx: Connection, found: Sequence[Row[Any]], *, actor: Actor, now: datetime) -> None:
    """End these bindings; tells nobody. Their persons' talk is about another flat from now on."""
    for row in found:
        tx.execute(
            update(bindings)
            .where(bindings.c.id == row.id)
            .values(state=BindingState.REMOVED, ended_at=now)
        )
        tx.execute(
            update(identities)
            .where(identities.c.id == row.identity_id, identities.c.chosen_unit_id == row.unit_id)
            .values(chosen_unit_id=None)
        )
        audit.note(tx, actor, "remove", "binding", str(row.id), at=now, detail="left")


def end_links(tx: Connection, unit_id: int) -> None:
    """Let no pay link of a unit open anything any more."""
    tx.execute(update(units).where(units.c.id == unit_id).values(link_epoch=units.c.link_epoch + 1))


def see_off(
    tx: Connection, unit_id: int, found: Sequence[Row[Any]], *, actor: Actor, now: datetime
) -> None:
    """End bindings and links of a unit, and tell those persons that they are no longer there."""
    end(tx, found, actor=actor, now=now)
    end_links(tx, unit_id)
    for row in found:
        if row.state == BindingState.ACTIVE:
            tell_applicant(tx, row.id, "left", now=now)
