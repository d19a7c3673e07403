"""Communities (小区), buildings (楼栋), entrances (单元) and units (房屋)."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint

from storage.kinds import UnitKind
from storage.models.base import Area, choice, instant, key, metadata, one_of, ref, text

communities = Table(
    "communities",
    metadata,
    key(),
    text("name", 60),
    text("company_name", 80),
    text("address", 120),
    text("phone", 30),
    text("filing_no", 60),
    instant("opened_at", nullable=True),
    instant("widened_at", nullable=True),
    UniqueConstraint("name"),
)
"""`opened_at` is when a manager signed the opening sheet; until then nothing unasked is sent.

From then until `widened_at` only the pilot households are spoken to unasked.
"""

buildings = Table(
    "buildings",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("label", 20),
    UniqueConstraint("community_id", "label"),
)

entrances = Table(
    "entrances",
    metadata,
    key(),
    ref("building_id", "buildings"),
    text("label", 20),
    UniqueConstraint("building_id", "label"),
)

units = Table(
    "units",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("building_id", "buildings", nullable=True),
    ref("entrance_id", "entrances", nullable=True),
    choice("kind", UnitKind),
    text("code", 40),
    text("label", 60),
    Column("floor_area_m2", Area, nullable=True),
    Column("link_epoch", Integer, nullable=False, server_default="0"),
    Column("is_pilot", Integer, nullable=False, server_default="0"),
    text("paper_code", 64),
    UniqueConstraint("community_id", "code"),
    one_of("kind", UnitKind),
    CheckConstraint("floor_area_m2 IS NULL OR floor_area_m2 > 0", name="area_positive"),
    Index("ix_units_building_id", "building_id"),
)
"""`code` is the normal form "3-2-1201", `label` what residents say: "3栋2单元1201".

`link_epoch` is part of every pay link: raising it ends all links of the unit. `paper_code` is the
hash of the code on the paper bill. `is_pilot` marks the ten households that hear first.
"""
