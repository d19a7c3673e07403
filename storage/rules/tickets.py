"""How long tickets (工单) may take, which step may follow which, how often one may be urged."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from storage.rules.duty import Duty
from storage.ticket_kinds import Priority, TicketKind, TicketState

USUAL_HOURS: Final[Mapping[TicketKind, int]] = {
    TicketKind.DISPUTE: 27,
    TicketKind.COMPLAINT: 18,
    TicketKind.SUGGESTION: 45,
    TicketKind.REPAIR: 9,
    TicketKind.QUESTION: 9,
    TicketKind.PAYMENT: 9,
}
"""Kind → duty hours, where a community has chosen nothing; nine are a day of the office."""
MOST_HOURS: Final = 999
URGENT_LASTS: Final = timedelta(minutes=30)
WARNED_BEFORE: Final = timedelta(hours=2)
"""So long before it is due staff hear of it, or half of its time where that is shorter."""
URGED_EVERY: Final = timedelta(hours=4)
REOPENED_WITHIN: Final = timedelta(days=7)
LIVE: Final = (
    TicketState.OPEN,
    TicketState.ASSIGNED,
    TicketState.ANSWERED,
    TicketState.REOPENED,
)


def ticket_hours(text: str) -> dict[TicketKind, int]:
    """Read "repair=9; question=4". Raises ValueError for what is not in that shape."""
    found = {}
    for one in filter(None, map(str.strip, text.replace("；", ";").split(";"))):
        kind, _, hours = (part.strip() for part in one.partition("="))
        if not (hours.isascii() and hours.isdigit() and 1 <= int(hours) <= MOST_HOURS):
            raise ValueError(one)
        found[TicketKind(kind)] = int(hours)
    return found


def are_ticket_hours(text: str) -> bool:
    """Tell whether a text can be read as hours by kind and be kept."""
    try:
        return len(text) <= 120 and ticket_hours(text) is not None
    except ValueError:
        return False


def due_at(
    kind: TicketKind, priority: Priority, opened_at: datetime, *, duty: Duty, chosen: str
) -> datetime:
    """Return when a ticket must be done: urgent ones at any hour, others in hours of duty."""
    if priority is Priority.URGENT:
        return opened_at + URGENT_LASTS
    return duty.after(opened_at, ticket_hours(chosen).get(kind, USUAL_HOURS[kind]))


def warned_at(opened_at: datetime, due: datetime) -> datetime:
    """Return from when on a ticket is said to be due soon."""
    return due - min(WARNED_BEFORE, (due - opened_at) / 2)
