"""What a resident may do with her own ticket (工单): add a picture, urge, withdraw, reopen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.events import StaffTask
from storage.kinds import HoldKind
from storage.models.late_fees import holds
from storage.models.tickets import ticket_holds, ticket_steps, tickets
from storage.operations.holds import NewHold, place_hold
from storage.operations.tickets import (
    due_again,
    end_holds,
    hold_ids_of,
    note_step,
    tell_those_at_it,
)
from storage.queries.tickets import TicketView, ticket_by_key
from storage.rules.tickets import LIVE, REOPENED_WITHIN, URGED_EVERY
from storage.ticket_errors import ReopenTooLate, TicketStateWrong, UnknownTicket, UrgedLately
from storage.ticket_kinds import TicketAct, TicketKind, TicketState


def add_picture(
    tx: Connection, ticket_no: str, media_id: str, *, identity_id: int, now: datetime
) -> TicketView:
    """Keep a picture with an open ticket. Raises UnknownTicket, TicketStateWrong."""
    ticket = _lock_live(tx, ticket_no, identity_id)
    _step(tx, ticket, TicketAct.PICTURED, now, media_id=media_id)
    return ticket_by_key(tx, ticket.id)


def urge_ticket(tx: Connection, ticket_no: str, *, identity_id: int, now: datetime) -> TicketView:
    """Tell those at it that she waits (催办), at most so often.

    Raises UnknownTicket, TicketStateWrong, UrgedLately.
    """
    ticket = _lock_live(tx, ticket_no, identity_id)
    if ticket.urged_at is not None and now < ticket.urged_at + URGED_EVERY:
        raise UrgedLately(ticket_no, ticket.urged_at + URGED_EVERY)
    tx.execute(update(tickets).where(tickets.c.id == ticket.id).values(urged_at=now))
    step_id = _step(tx, ticket, TicketAct.URGED, now)
    return _told(tx, ticket, "ticket_urged", step_id, now)


def withdraw_ticket(
    tx: Connection, ticket_no: str, *, identity_id: int, now: datetime
) -> TicketView:
    """Close what its own author needs no more; a dispute's bills are asked for again.

    Raises UnknownTicket, TicketStateWrong.
    """
    ticket = _lock_live(tx, ticket_no, identity_id)
    tx.execute(
        update(tickets)
        .where(tickets.c.id == ticket.id)
        .values(state=TicketState.CLOSED, closed_at=now)
    )
    step_id = _step(tx, ticket, TicketAct.WITHDRAWN, now)
    end_holds(tx, ticket.id, Actor(identity_id=identity_id), now)
    return _told(tx, ticket, "ticket_withdrawn", step_id, now)


def reopen_ticket(
    tx: Connection, ticket_no: str, words: str, *, identity_id: int, now: datetime
) -> TicketView:
    """Take a closed ticket up again, with a new due time.

    A dispute is taken up again once, and its bills rest again. Raises UnknownTicket,
    TicketStateWrong for an open one, ReopenTooLate.
    """
    ticket = _lock(tx, ticket_no, identity_id)
    if ticket.state != TicketState.CLOSED or _is_claimed_anew(tx, ticket):
        raise TicketStateWrong(ticket_no)
    is_spent = ticket.kind == TicketKind.DISPUTE and _was_reopened(tx, ticket.id)
    if is_spent or now > ticket.closed_at + REOPENED_WITHIN:
        raise ReopenTooLate(ticket_no)
    tx.execute(
        update(tickets)
        .where(tickets.c.id == ticket.id)
        .values(
            state=TicketState.REOPENED,
            closed_at=None,
            outcome="",
            due_at=due_again(tx, ticket, now),
            warnings=0,
        )
    )
    step_id = _step(tx, ticket, TicketAct.REOPENED, now, words=words)
    _hold_again(tx, ticket, now)
    return _told(tx, ticket, "ticket_reopened", step_id, now, words)


def _was_reopened(tx: Connection, ticket_id: int) -> bool:
    asked = select(ticket_steps.c.id).where(
        ticket_steps.c.ticket_id == ticket_id, ticket_steps.c.act == TicketAct.REOPENED
    )
    return tx.execute(asked).first() is not None


def _is_claimed_anew(tx: Connection, ticket: Row[Any]) -> bool:
    """Tell whether another ticket looks for money of the same flat by now."""
    asked = select(tickets.c.id).where(
        tickets.c.kind == TicketKind.PAYMENT,
        tickets.c.unit_id == ticket.unit_id,
        tickets.c.closed_at.is_(None),
    )
    return ticket.kind == TicketKind.PAYMENT and tx.execute(asked).first() is not None


def _hold_again(tx: Connection, ticket: Row[Any], now: datetime) -> None:
    """Let the bills of a dispute rest again; money that was not found is asked for meanwhile."""
    if ticket.kind != TicketKind.DISPUTE:
        return
    asked = select(holds).where(holds.c.id.in_(hold_ids_of(tx, ticket.id))).order_by(holds.c.id)
    actor = Actor(identity_id=ticket.identity_id)
    for hold in tx.execute(asked).all():
        new = NewHold(
            hold.unit_id,
            HoldKind.DISPUTE,
            hold.reason,
            bill_id=hold.bill_id,
            amount_fen=hold.amount_fen,
        )
        made = place_hold(tx, new, actor=actor, now=now)
        tx.execute(ticket_holds.insert().values(ticket_id=ticket.id, hold_id=made))


def _lock(tx: Connection, ticket_no: str, identity_id: int) -> Row[Any]:
    ticket = tx.execute(
        select(tickets)
        .where(tickets.c.ticket_no == ticket_no, tickets.c.identity_id == identity_id)
        .with_for_update()
    ).one_or_none()
    if ticket is None:
        raise UnknownTicket
    return ticket


def _lock_live(tx: Connection, ticket_no: str, identity_id: int) -> Row[Any]:
    ticket = _lock(tx, ticket_no, identity_id)
    if ticket.state not in LIVE:
        raise TicketStateWrong(ticket_no)
    return ticket


def _step(
    tx: Connection,
    ticket: Row[Any],
    act: TicketAct,
    now: datetime,
    *,
    words: str = "",
    media_id: str = "",
) -> int:
    actor = Actor(identity_id=ticket.identity_id)
    audit.note(tx, actor, act, "ticket", ticket.ticket_no, at=now)
    return note_step(tx, ticket.id, act, actor, now, words=words, media_id=media_id)


def _told(
    tx: Connection, ticket: Row[Any], topic: str, step_id: int, now: datetime, words: str = ""
) -> TicketView:
    view = ticket_by_key(tx, ticket.id)
    said = f"{view.kind} {words or view.said}"[:200]
    task = StaffTask(topic, view.ticket_no, view.unit_label, 0, said)
    tell_those_at_it(tx, view, task, key=f"ticket:{view.ticket_no}:{step_id}", now=now)
    return view
