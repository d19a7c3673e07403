"""Refusals about tickets (工单) and talks with a person."""

from dataclasses import dataclass
from datetime import datetime

from storage.errors import Refusal


@dataclass(eq=False)
class UnknownTicket(Refusal):
    """No such ticket for this person, or in the communities of this member of staff."""


@dataclass(eq=False)
class TicketStateWrong(Refusal):
    """The ticket is no longer, or not yet, where this step starts."""

    ticket_no: str


@dataclass(eq=False)
class UrgedLately(Refusal):
    """She has urged this ticket a short while ago."""

    ticket_no: str
    retry_at: datetime


@dataclass(eq=False)
class ReopenTooLate(Refusal):
    """The ticket was closed too long ago to be taken up again."""

    ticket_no: str


@dataclass(eq=False)
class UnknownTalk(Refusal):
    """No such talk goes on in the communities of this member of staff."""


@dataclass(eq=False)
class UnknownColleague(Refusal):
    """Nobody of this name works for the community."""
