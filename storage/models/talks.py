"""Talks of residents with a person (转人工): while one is live the bot is silent to her."""

from sqlalchemy import Column, Index, Table

from storage.models.base import Key, choice, instant, key, metadata, one_of, partial_index, ref
from storage.ticket_kinds import TalkReason

talks = Table(
    "talks",
    metadata,
    key(),
    ref("identity_id", "identities"),
    ref("community_id", "communities"),
    ref("unit_id", "units", nullable=True),
    choice("reason", TalkReason),
    Column("staff_id", Key, nullable=True),
    instant("begun_at"),
    instant("last_at"),
    instant("ended_at", nullable=True),
    one_of("reason", TalkReason),
    partial_index("uq_talks_live", "identity_id", unique=True, where="ended_at IS NULL"),
    Index("ix_talks_community_id", "community_id", "ended_at"),
)
"""`staff_id` is who answered first: the resident's words go to her alone from then on."""
