"""Broadcasts (群发) and whom they reach."""

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from storage.kinds import BroadcastState
from storage.models.base import Key, choice, instant, key, metadata, one_of, ref, text

broadcasts = Table(
    "broadcasts",
    metadata,
    key(),
    text("broadcast_no", 24),
    ref("community_id", "communities"),
    ref("created_by", "staff"),
    ref("approved_by", "staff", nullable=True),
    text("category", 20),
    Column("text", Text, nullable=False),
    Column("audience", Text, nullable=False),
    text("audience_label", 80),
    choice("state", BroadcastState),
    instant("created_at"),
    instant("send_at", nullable=True),
    instant("started_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("queued_up_to", Key, nullable=False, server_default="0"),
    Column("recipient_count", Integer, nullable=False, server_default="0"),
    instant("paused_at", nullable=True),
    UniqueConstraint("broadcast_no"),
    one_of("state", BroadcastState),
    Index("ix_broadcasts_state", "state", "send_at"),
)

broadcast_skips = Table(
    "broadcast_skips",
    metadata,
    key(),
    ref("broadcast_id", "broadcasts"),
    ref("unit_id", "units"),
    text("why", 20),
    Index("ix_broadcast_skips_broadcast_id", "broadcast_id"),
)
"""Households that the audience names and no message can go to: not_bound, muted, not_following."""
