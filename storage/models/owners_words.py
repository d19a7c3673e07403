"""A community's own words: its texts, and its questions with answers (FAQ, 常见问题)."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, Table, UniqueConstraint

from storage.kinds import OwnText
from storage.models.base import Key, choice, instant, key, metadata, one_of, ref, text

own_texts = Table(
    "own_texts",
    metadata,
    key(),
    ref("community_id", "communities"),
    choice("kind", OwnText),
    text("words", 300),
    Column("staff_id", Key, nullable=True),
    instant("written_at"),
    one_of("kind", OwnText),
    UniqueConstraint("community_id", "kind"),
)

faqs = Table(
    "faqs",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("answer", 600),
    Column("from_on", Date, nullable=False),
    Column("last_on", Date, nullable=True),
    Column("is_enabled", Integer, nullable=False, server_default="1"),
    Column("staff_id", Key, nullable=True),
    instant("written_at"),
    CheckConstraint("last_on IS NULL OR last_on >= from_on", name="days"),
    Index("ix_faqs_community_id", "community_id"),
)
"""Said from `from_on` to `last_on`, both included; `staff_id` wrote it last."""

faq_phrasings = Table(
    "faq_phrasings",
    metadata,
    key(),
    ref("faq_id", "faqs"),
    text("said", 60),
    text("normal", 60),
    UniqueConstraint("faq_id", "normal"),
)
"""One way to ask it; `normal` is how the recogniser reads it."""
