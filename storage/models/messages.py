"""Inbox (收件箱), outbox (发件箱), delivery attempts and conversations (会话)."""

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy import text as sql

from storage.kinds import OutboxState, Urgency
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

inbox = Table(
    "inbox",
    metadata,
    key(),
    text("account", 40),
    text("message_key", 160),
    text("openid", 64),
    text("kind", 12),
    Column("said", Text, nullable=False, server_default=""),
    instant("heard_at"),
    instant("taken_at", server_default=sql("CURRENT_TIMESTAMP")),
    Column("is_answered", Integer, nullable=False, server_default="0"),
    UniqueConstraint("account", "message_key"),
    partial_index(
        "ix_inbox_unanswered",
        "taken_at",
        where="is_answered = 0",
    ),
)
"""`heard_at` follows our clock, `taken_at` the database's own: it tells what a crash left over."""

outbox = Table(
    "outbox",
    metadata,
    key(),
    text("message_key", 160),
    text("event", 40),
    Column("facts", Text, nullable=False),
    text("account", 40),
    text("recipient", 64),
    Column("identity_id", Key, nullable=True),
    Column("community_id", Key, nullable=True),
    Column("broadcast_id", Key, nullable=True),
    choice("urgency", Urgency),
    Column("priority", Integer, nullable=False, server_default="5"),
    choice("state", OutboxState),
    instant("created_at"),
    instant("not_before"),
    instant("claimed_until", nullable=True),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    instant("sent_at", nullable=True),
    text("route", 12),
    text("why", 200),
    UniqueConstraint("message_key"),
    one_of("state", OutboxState),
    one_of("urgency", Urgency),
    partial_index(
        "ix_outbox_due",
        "priority",
        "not_before",
        where="state IN ('waiting', 'claimed')",
    ),
    Index("ix_outbox_identity_id", "identity_id", "state"),
    Index("ix_outbox_broadcast_id", "broadcast_id", "state"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    key(),
    ref("outbox_id", "outbox"),
    instant("tried_at"),
    text("route", 12),
    text("verdict", 16),
    text("detail", 200),
    text("platform_message_id", 64),
    Index("ix_delivery_attempts_outbox_id", "outbox_id"),
    Index("ix_delivery_attempts_platform_message_id", "platform_message_id"),
)

conversations = Table(
    "conversations",
    metadata,
    ref("identity_id", "identities", primary_key=True),
    Column("memory", Text, nullable=False, server_default="{}"),
    instant("updated_at"),
    Column("rating_id", Key, nullable=True),
    instant("rating_until", nullable=True),
    Column("talk_id", Key, nullable=True),
    instant("talk_until", nullable=True),
)
"""What the talk is about, as JSON; forgotten after half an hour of silence.

`rating_id` is what a bare number of hers rates until `rating_until`.
Until `talk_until` a person talks with her, and the bot is silent.
"""
