"""Ratings (满意度): who was asked about what, and what she said."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint

from storage.models.base import choice, instant, key, metadata, one_of, ref, text
from storage.ticket_kinds import RatingTopic

ratings = Table(
    "ratings",
    metadata,
    key(),
    ref("identity_id", "identities"),
    ref("community_id", "communities"),
    ref("unit_id", "units", nullable=True),
    choice("topic", RatingTopic),
    text("reference", 40),
    instant("asked_at"),
    Column("stars", Integer, nullable=True),
    text("words", 200),
    instant("rated_at", nullable=True),
    one_of("topic", RatingTopic),
    CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
    UniqueConstraint("topic", "reference", "identity_id"),
    Index("ix_ratings_community_id", "community_id", "rated_at"),
    Index("ix_ratings_identity_id", "identity_id", "asked_at"),
)
"""`reference` is a ticket's, a receipt's, a refund's or a talk's number.

`stars` is None until she answers.
"""
