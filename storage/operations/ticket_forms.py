"""A ticket's form on a page: it acts on the ticket that was shown, or on none."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.tickets import tickets
from storage.operations.tickets import (
    answer_ticket,
    assign_ticket,
    close_ticket,
    note_on_ticket,
)
from storage.queries.residents import Staff
from storage.queries.tickets import TicketView, last_step


class TicketPress(StrEnum):
    """The buttons of a ticket."""

    TAKE = "take"
    NOTE = "note"
    ANSWER = "answer"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class TicketForm:
    """What was pressed, what was written, and how far the ticket's story was on the page."""

    ticket_no: str
    press: TicketPress
    words: str
    seen_step: int


def act_on_ticket(
    tx: Connection, form: TicketForm, *, by: Staff, now: datetime
) -> TicketView | None:
    """Do what a form says; None where the ticket has moved on since the page was shown.

    So the same form sent twice acts once. Raises as the act itself.
    """
    asked = select(tickets.c.id).where(
        tickets.c.ticket_no == form.ticket_no, tickets.c.community_id.in_(by.community_ids)
    )
    ticket_id = tx.execute(asked.with_for_update()).scalar_one_or_none()
    if ticket_id is not None and last_step(tx, ticket_id) != form.seen_step:
        return None
    match form.press:
        case TicketPress.TAKE:
            return assign_ticket(tx, form.ticket_no, to_staff_id=by.staff_id, by=by, now=now)
        case TicketPress.NOTE:
            return note_on_ticket(tx, form.ticket_no, form.words, by=by, now=now)
        case TicketPress.ANSWER:
            return answer_ticket(tx, form.ticket_no, form.words, by=by, now=now)
        case TicketPress.CLOSE:
            return close_ticket(tx, form.ticket_no, form.words, by=by, now=now)
