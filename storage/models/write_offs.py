"""Debts that nobody pays any more (坏账核销): who asked, who agreed, what came of it."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from storage.models.base import choice, fen, instant, key, metadata, one_of, ref, text, whole_fen
from storage.paying_kinds import WriteOffState

write_offs = Table(
    "write_offs",
    metadata,
    key(),
    text("write_off_no", 24),
    ref("bill_id", "bills"),
    ref("community_id", "communities"),
    choice("state", WriteOffState),
    fen("amount_fen"),
    text("reason", 120),
    text("evidence", 200),
    ref("asked_by", "staff"),
    instant("asked_at"),
    ref("decided_by", "staff", nullable=True),
    instant("decided_at", nullable=True),
    text("decline_reason", 120),
    instant("reversed_at", nullable=True),
    text("reversal_reason", 120),
    UniqueConstraint("write_off_no"),
    one_of("state", WriteOffState),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="four_eyes"),
    *whole_fen("amount_fen"),
    Index("ix_write_offs_bill_id", "bill_id"),
)
"""A write-off of a bill; one that was approved stands until it is reversed, once."""
