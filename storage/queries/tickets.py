"""Tickets (工单) as staff and residents see them: each only her own, or her communities'."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select

from storage.frozen import dataclass
from storage.models.estate import communities, units
from storage.models.people import staff, staff_communities
from storage.models.tickets import ticket_steps, tickets
from storage.ticket_errors import UnknownTicket
from storage.ticket_kinds import Priority, TicketAct, TicketKind, TicketState


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket with the names that go with it."""

    ticket_id: int
    ticket_no: str
    community_id: int
    community_name: str
    unit_id: int | None
    unit_label: str
    """"" where it is about no flat."""
    identity_id: int
    kind: TicketKind
    state: TicketState
    priority: Priority
    said: str
    assignee_id: int | None
    assignee_name: str
    opened_at: datetime
    due_at: datetime
    urged_at: datetime | None
    closed_at: datetime | None
    outcome: str

    @property
    def is_live(self) -> bool:
        """Tell whether somebody still has to do something."""
        return self.state is not TicketState.CLOSED


@dataclass(frozen=True, slots=True)
class TicketStep:
    """One step of a ticket's history."""

    act: TicketAct
    words: str
    media_id: str
    staff_name: str
    """"" where the resident did it."""
    done_at: datetime


_VIEW: Final = (
    select(
        tickets,
        communities.c.name.label("community_name"),
        units.c.label.label("unit_label"),
        staff.c.name.label("assignee_name"),
    )
    .select_from(
        tickets.join(communities)
        .outerjoin(units, units.c.id == tickets.c.unit_id)
        .outerjoin(staff, staff.c.id == tickets.c.assignee_id)
    )
    .order_by(tickets.c.id)
)


def ticket_of_staff(tx: Connection, ticket_no: str, *, community_ids: Sequence[int]) -> TicketView:
    """Return a ticket of one of the communities. Raises UnknownTicket for any other."""
    asked = _VIEW.where(tickets.c.ticket_no == ticket_no, tickets.c.community_id.in_(community_ids))
    return _one(tx, asked)


def ticket_of_resident(tx: Connection, ticket_no: str, *, identity_id: int) -> TicketView:
    """Return a ticket that this person opened. Raises UnknownTicket for any other."""
    asked = _VIEW.where(tickets.c.ticket_no == ticket_no, tickets.c.identity_id == identity_id)
    return _one(tx, asked)


def ticket_by_key(tx: Connection, ticket_id: int) -> TicketView:
    """Return a ticket whose key is known to be right."""
    return _one(tx, _VIEW.where(tickets.c.id == ticket_id))


def live_tickets(tx: Connection, *, community_ids: Sequence[int], limit: int) -> list[TicketView]:
    """Return what is still to be done in the communities, the soonest due first."""
    asked = (
        _VIEW.where(tickets.c.community_id.in_(community_ids), tickets.c.closed_at.is_(None))
        .order_by(None)
        .order_by(tickets.c.due_at, tickets.c.id)
        .limit(limit)
    )
    return [_view(row) for row in tx.execute(asked)]


def live_tickets_of_unit(
    tx: Connection, unit_id: int, *, community_id: int, limit: int
) -> list[TicketView]:
    """Return what is still to be done about a unit of a community, the soonest due first."""
    asked = (
        _VIEW.where(
            tickets.c.community_id == community_id,
            tickets.c.closed_at.is_(None),
            tickets.c.unit_id == unit_id,
        )
        .order_by(None)
        .order_by(tickets.c.due_at, tickets.c.id)
        .limit(limit)
    )
    return [_view(row) for row in tx.execute(asked)]


def last_step(tx: Connection, ticket_id: int) -> int:
    """Return the key of a ticket's last step: another one says that something happened."""
    asked = select(func.max(ticket_steps.c.id)).where(ticket_steps.c.ticket_id == ticket_id)
    found: int | None = tx.execute(asked).scalar_one()
    return found or 0


def live_mark(tx: Connection, *, community_ids: Sequence[int]) -> str:
    """Return a text that changes when a live ticket of the communities does, or is one more."""
    count, newest = tx.execute(
        select(func.count(tickets.c.id.distinct()), func.max(ticket_steps.c.id))
        .join(ticket_steps, ticket_steps.c.ticket_id == tickets.c.id)
        .where(tickets.c.community_id.in_(community_ids), tickets.c.closed_at.is_(None))
    ).one()
    return f"{count}-{newest or 0}"


def tickets_of_resident(tx: Connection, identity_id: int, *, limit: int) -> list[TicketView]:
    """Return a person's tickets: what is open first, then the newest."""
    asked = (
        _VIEW.where(tickets.c.identity_id == identity_id)
        .order_by(None)
        .order_by(tickets.c.closed_at.is_not(None), tickets.c.id.desc())
        .limit(limit)
    )
    return [_view(row) for row in tx.execute(asked)]


def steps_of(tx: Connection, ticket_id: int) -> list[TicketStep]:
    """Return a ticket's history, the first step first."""
    rows = tx.execute(
        select(ticket_steps, staff.c.name)
        .select_from(ticket_steps.outerjoin(staff, staff.c.id == ticket_steps.c.staff_id))
        .where(ticket_steps.c.ticket_id == ticket_id)
        .order_by(ticket_steps.c.id)
    )
    return [
        TicketStep(TicketAct(row.act), row.words, row.media_id, row.name or "", row.done_at)
        for row in rows
    ]


def colleague_named(tx: Connection, name: str, *, community_id: int) -> int | None:
    """Return who of a community's staff has this name, None where nobody or more than one."""
    found = tx.execute(
        select(staff.c.id)
        .join(staff_communities, staff_communities.c.staff_id == staff.c.id)
        .where(
            staff.c.name == name,
            staff.c.is_active,
            staff_communities.c.community_id == community_id,
        )
    ).scalars()
    ids = list(found)
    return ids[0] if len(ids) == 1 else None


def _one(tx: Connection, asked: Select[Any]) -> TicketView:
    row = tx.execute(asked).one_or_none()
    if row is None:
        raise UnknownTicket
    return _view(row)


def _view(row: Row[Any]) -> TicketView:
    return TicketView(
        ticket_id=row.id,
        ticket_no=row.ticket_no,
        community_id=row.community_id,
        community_name=row.community_name,
        unit_id=row.unit_id,
        unit_label=row.unit_label or "",
        identity_id=row.identity_id,
        kind=TicketKind(row.kind),
        state=TicketState(row.state),
        priority=Priority(row.priority),
        said=row.said,
        assignee_id=row.assignee_id,
        assignee_name=row.assignee_name or "",
        opened_at=row.opened_at,
        due_at=row.due_at,
        urged_at=row.urged_at,
        closed_at=row.closed_at,
        outcome=row.outcome,
    )
