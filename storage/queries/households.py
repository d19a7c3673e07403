"""Who shares a flat in chat, which offices there are, and what a flat is charged by."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole, OutboxState
from storage.models.bills import fee_items, tariffs
from storage.models.estate import communities, units
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.models.people import bindings, residents, staff
from storage.queries.policies import policy_on
from storage.queries.residents import Contact, contact


@dataclass(frozen=True, slots=True)
class Sharer:
    """Another person who has bound the same flat."""

    binding_id: int
    name: str
    role: OccupancyRole


def sharers(tx: Connection, *, unit_id: int, identity_id: int) -> list[Sharer]:
    """Return who else has bound a flat, the first bound first."""
    rows = tx.execute(
        select(bindings.c.id, bindings.c.said_name, bindings.c.role, residents.c.name)
        .select_from(bindings.outerjoin(residents, residents.c.id == bindings.c.resident_id))
        .where(
            bindings.c.unit_id == unit_id,
            bindings.c.state == BindingState.ACTIVE,
            bindings.c.identity_id != identity_id,
        )
        .order_by(bindings.c.id)
    ).all()
    return [Sharer(row.id, row.name or row.said_name, OccupancyRole(row.role)) for row in rows]


@dataclass(frozen=True, slots=True)
class UnitFound:
    """A unit that a text names, and its community."""

    unit_id: int
    community_id: int
    community_name: str
    code: str
    label: str
    paper_code: str


def units_named(tx: Connection, text: str, *, said: str) -> list[UnitFound]:
    """Return the units with this code or label, in the communities that `said` names if any."""
    rows = tx.execute(
        select(units, communities.c.name.label("community_name"))
        .join(communities, communities.c.id == units.c.community_id)
        .where(or_(units.c.code == text, units.c.label == text))
        .order_by(units.c.id)
    ).all()
    named = [row for row in rows if row.community_name in said]
    return [_found(row) for row in named or rows]


def _found(row: Row[Any]) -> UnitFound:
    return UnitFound(
        row.id, row.community_id, row.community_name, row.code, row.label, row.paper_code
    )


def binding_needs_code(tx: Connection, text: str, *, said: str) -> bool:
    """Tell whether to ask for the code on the paper bill, alike for flats that do not exist."""
    found = {one.community_id for one in units_named(tx, text, said=said)}
    asked = found or set(tx.execute(select(communities.c.id)).scalars())
    return any(policy_on(tx, one).bind_needs_code for one in sorted(asked))


@dataclass(frozen=True, slots=True)
class Office:
    """A community's office and its key."""

    community_id: int
    contact: Contact


def offices(tx: Connection, *, limit: int, on: date = date.max) -> list[Office]:
    """Return the offices of all communities as of a Shanghai day."""
    ids = tx.execute(select(communities.c.id).order_by(communities.c.id).limit(limit)).scalars()
    return [Office(one, contact(tx, one, on=on)) for one in ids.all()]


def names_among(tx: Connection, words: Collection[str]) -> frozenset[str]:
    """Return those of some words that are names of residents or staff, whole or without surname."""
    found: set[str] = set()
    for table in (residents, staff):
        for name in (table.c.name, func.substr(table.c.name, 2)):
            asked = select(name).where(name.in_(words), func.length(name) > 1).distinct()
            found.update(tx.execute(asked).scalars())
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Price:
    """What a fee item costs a kind of unit; the price in ten-thousandths of a yuan a month."""

    item_name: str
    item_code: str
    basis: str
    price_e4: int
    due_day: int
    effective_on: date


def prices_of_unit(tx: Connection, unit_id: int, *, on: date) -> list[Price]:
    """Return the tariffs in force for a unit on a Shanghai day, one of each fee item."""
    rows = tx.execute(
        select(fee_items.c.name, fee_items.c.code, tariffs)
        .select_from(tariffs.join(fee_items))
        .join(
            units,
            (units.c.community_id == tariffs.c.community_id)
            & (units.c.kind == tariffs.c.unit_kind),
        )
        .where(
            units.c.id == unit_id,
            tariffs.c.effective_on <= on,
            or_(tariffs.c.ends_on.is_(None), tariffs.c.ends_on > on),
        )
        .order_by(tariffs.c.effective_on, tariffs.c.id)
    ).all()
    newest = {row.fee_item_id: row for row in rows}
    return [
        Price(row.name, row.code, row.basis, row.price_e4, row.due_day, row.effective_on)
        for row in newest.values()
    ]


@dataclass(frozen=True, slots=True)
class NoticeHeard:
    """A notice that was meant for a person."""

    community_name: str
    decided_at: datetime
    text: str


def notices_for(tx: Connection, identity_id: int, *, limit: int) -> list[NoticeHeard]:
    """Return the newest notices meant for a person; one that was taken back is not among them."""
    rows = tx.execute(
        select(communities.c.name, outbox.c.created_at, broadcasts.c.text)
        .select_from(
            outbox.join(broadcasts, broadcasts.c.id == outbox.c.broadcast_id).join(
                communities, communities.c.id == broadcasts.c.community_id
            )
        )
        .where(outbox.c.identity_id == identity_id, outbox.c.state != OutboxState.SUPPRESSED)
        .order_by(outbox.c.created_at.desc(), outbox.c.id.desc())
        .limit(limit)
    ).all()
    return [NoticeHeard(row[0], row[1], row[2]) for row in rows]
