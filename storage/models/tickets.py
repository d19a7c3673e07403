"""Tickets (工单), every step of them, and the holds that rest on a dispute."""

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint

from storage.models.base import (
    Key,
    choice,
    instant,
    key,
    metadata,
    one_of,
    partial_index,
    ref,
    text,
)
from storage.ticket_kinds import Priority, TicketAct, TicketKind, TicketState

tickets = Table(
    "tickets",
    metadata,
    key(),
    text("ticket_no", 20),
    text("request_key", 200),
    ref("community_id", "communities"),
    ref("unit_id", "units", nullable=True),
    ref("identity_id", "identities"),
    choice("kind", TicketKind),
    choice("state", TicketState),
    choice("priority", Priority),
    text("said", 500),
    ref("assignee_id", "staff", nullable=True),
    instant("opened_at"),
    instant("due_at"),
    instant("urged_at", nullable=True),
    instant("closed_at", nullable=True),
    text("outcome", 300),
    Column("warnings", Integer, nullable=False, server_default="0"),
    one_of("kind", TicketKind),
    one_of("state", TicketState),
    one_of("priority", Priority),
    UniqueConstraint("ticket_no"),
    UniqueConstraint("request_key"),
    partial_index("ix_tickets_open", "community_id", "due_at", where="closed_at IS NULL"),
    partial_index(
        "uq_tickets_claim", "unit_id", where="kind = 'payment' AND closed_at IS NULL", unique=True
    ),
    Index("ix_tickets_identity_id", "identity_id", "opened_at"),
)
"""`said` is what the resident wrote, `outcome` what she was told at the end.

`request_key` names the message that opened it: one message opens one ticket. Of a flat one
payment's ticket is open at a time.
`warnings`: 1 once staff heard that it is due soon, 2 once that it is overdue; both hear once each.
"""

ticket_steps = Table(
    "ticket_steps",
    metadata,
    key(),
    ref("ticket_id", "tickets"),
    choice("act", TicketAct),
    text("words", 500),
    text("media_id", 200),
    Column("staff_id", Key, nullable=True),
    Column("identity_id", Key, nullable=True),
    instant("done_at"),
    one_of("act", TicketAct),
    Index("ix_ticket_steps_ticket_id", "ticket_id"),
)
"""The history, kept for good. Without staff and identity the clock acted."""

ticket_holds = Table(
    "ticket_holds",
    metadata,
    ref("ticket_id", "tickets", primary_key=True),
    ref("hold_id", "holds", primary_key=True),
    Index("ix_ticket_holds_hold_id", "hold_id"),
)
"""Which holds end when a dispute's ticket is closed; each names its bill."""
