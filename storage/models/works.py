"""Long work (后台任务), which goes on when its page is closed: asked for, under way, ended."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from storage.models.base import choice, instant, key, metadata, one_of, ref, text
from storage.work_kinds import WorkKind, WorkState

works = Table(
    "works",
    metadata,
    key(),
    choice("kind", WorkKind),
    ref("community_id", "communities"),
    ref("staff_id", "staff"),
    text("title", 120),
    Column("asked", Text, nullable=False, server_default="{}"),
    Column("content", LargeBinary, nullable=True),
    choice("state", WorkState),
    text("step", 20),
    Column("size", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("report", Text, nullable=False, server_default="{}"),
    instant("asked_at"),
    instant("ended_at", nullable=True),
    instant("lease_until", nullable=True),
    one_of("kind", WorkKind),
    one_of("state", WorkState),
    Index("ix_works_state", "state"),
    Index("ix_works_community_id", "community_id"),
)
"""`asked` and `report` are JSON of whoever does the work; `content` is what it is done with, gone
when it is done for good. `epoch` counts how often somebody began; `lease_until` is when another
may. `size` is how much there is to do at `step`.
"""
