"""The words that tickets (工单), talks with a person and ratings may hold in the books."""

from enum import StrEnum


class TicketKind(StrEnum):
    """What a resident asks staff to look at."""

    DISPUTE = "dispute"
    """A bill that seems wrong: its reminders and late fee rest while it is open."""
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    REPAIR = "repair"
    QUESTION = "question"
    """What nobody was there to answer."""
    PAYMENT = "payment"
    """Money that she says she paid and our books do not know: reminders rest a few days."""


class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    ANSWERED = "answered"
    """Somebody is at it and has told the resident so."""
    CLOSED = "closed"
    REOPENED = "reopened"


class TicketAct(StrEnum):
    """A step in a ticket's history."""

    OPENED = "opened"
    PICTURED = "pictured"
    ASSIGNED = "assigned"
    NOTED = "noted"
    """For staff only."""
    ANSWERED = "answered"
    URGED = "urged"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    """Closed by the resident herself."""
    REOPENED = "reopened"


class Priority(StrEnum):
    """How soon somebody has to come."""

    URGENT = "urgent"
    """Danger to people: half an hour, at any time of day."""
    NORMAL = "normal"


class RatingTopic(StrEnum):
    """What a resident is asked to rate."""

    DISPUTE = "dispute"
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    REPAIR = "repair"
    QUESTION = "question"
    PAYMENT = "payment"
    REFUND = "refund"
    PERSON = "person"
    """A talk with somebody of the office."""


class TalkReason(StrEnum):
    """Why a resident was handed over to a person."""

    WISH = "wish"
    MISSED = "missed"
    """The bot did not understand her twice in a row."""
    ANGER = "anger"
