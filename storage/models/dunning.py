"""Dunning (催缴): each community's steps, promises to pay, and every act that was done."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from storage.kinds import Tone
from storage.models.base import (
    Key,
    choice,
    fen,
    instant,
    key,
    metadata,
    one_of,
    ref,
    text,
    whole_fen,
)

dunning_steps = Table(
    "dunning_steps",
    metadata,
    key(),
    ref("community_id", "communities"),
    Column("effective_on", Date, nullable=False),
    Column("days_from_due", Integer, nullable=False),
    text("route", 12, server_default="chat"),
    choice("tone", Tone),
    Column("minimum_fen", BigInteger, nullable=False, server_default="0"),
    one_of("tone", Tone),
    CheckConstraint("days_from_due BETWEEN -60 AND 1095", name="days"),
    CheckConstraint("route IN ('chat', 'task', 'letter')", name="route"),
    UniqueConstraint("community_id", "effective_on", "days_from_due"),
)
"""The plan in force is that of the latest `effective_on`; without rows the policy's days count.

By chat, as a task for a steward, or as a letter that waits for a person's approval.
"""

promises = Table(
    "promises",
    metadata,
    key(),
    ref("unit_id", "units"),
    ref("hold_id", "holds"),
    Column("identity_id", Key, nullable=True),
    Column("due_on", Date, nullable=False),
    fen("amount_fen"),
    instant("made_at"),
    text("state", 12, server_default="open"),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("state IN ('open', 'kept', 'broken', 'withdrawn')", name="state"),
    *whole_fen("amount_fen"),
    Index("ix_promises_unit_id", "unit_id", "state"),
)
"""What somebody said that she would pay by a day; several of one hold are instalments."""

dunning_acts = Table(
    "dunning_acts",
    metadata,
    key(),
    ref("unit_id", "units"),
    text("act", 20),
    Column("days_from_due", Integer, nullable=True),
    fen("amount_fen", server_default="0"),
    text("detail", 200),
    Column("staff_id", Key, nullable=True),
    instant("done_at"),
    Index("ix_dunning_acts_unit_id", "unit_id", "done_at"),
)
"""Reminders, letters, promises, holds: what was done about a unit's debt, kept for good."""
