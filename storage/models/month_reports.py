"""Month's-end reports (月报): the frozen figures of a community, and whether all may see them."""

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint

from storage.models.base import Key, instant, key, metadata, ref

month_reports = Table(
    "month_reports",
    metadata,
    key(),
    ref("community_id", "communities"),
    Column("period", String(7), nullable=False),
    Column("facts", Text, nullable=False),
    instant("made_at"),
    instant("published_at", nullable=True),
    Column("published_by", Key, nullable=True),
    Column("shows_buildings", Integer, nullable=False, server_default="0"),
    UniqueConstraint("community_id", "period"),
)
"""`facts` is JSON and names no household. Nobody but staff sees a report before `published_at`.

With `shows_buildings` the public page has the rates of buildings too, of enough households each.
"""
