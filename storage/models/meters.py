"""Meters (表) and their readings (抄表)."""

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

from storage.kinds import ReadingKind, ReadingState
from storage.models.base import Key, choice, instant, key, metadata, one_of, ref, text

meters = Table(
    "meters",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("unit_id", "units", nullable=True),
    ref("fee_item_id", "fee_items"),
    text("meter_no", 40),
    Column("digits", Integer, nullable=True),
    Column("multiplier_e4", BigInteger, nullable=False, server_default="10000"),
    Column("loss_rate_e4", Integer, nullable=False, server_default="0"),
    Column("installed_on", Date, nullable=False),
    Column("removed_on", Date, nullable=True),
    CheckConstraint("multiplier_e4 > 0", name="multiplier"),
    CheckConstraint("loss_rate_e4 BETWEEN 0 AND 10000", name="loss"),
    UniqueConstraint("community_id", "fee_item_id", "meter_no"),
    Index("ix_meters_unit_id", "unit_id", "fee_item_id"),
)
"""A unit's meters follow one another: a new one is installed on the day the old one goes.

Without a unit it is a public meter. `multiplier_e4`: 10000 is 1 (倍率). `loss_rate_e4`: 500 is 5 %.
"""

readings = Table(
    "readings",
    metadata,
    key(),
    ref("meter_id", "meters"),
    Column("read_on", Date, nullable=False),
    Column("value_e3", BigInteger, nullable=False),
    choice("kind", ReadingKind),
    choice("state", ReadingState),
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("identity_id", Key, nullable=True),
    Column("staff_id", Key, nullable=True),
    text("photo", 120),
    text("note", 120),
    instant("noted_at"),
    one_of("kind", ReadingKind),
    one_of("state", ReadingState),
    CheckConstraint("value_e3 >= 0 AND value_e3 < 1000000000000", name="value"),
    Index(
        "uq_readings_counts",
        "meter_id",
        "read_on",
        unique=True,
        info={"where": "state = 'accepted'"},
    ),
    Index("ix_readings_meter_id", "meter_id", "read_on"),
)
"""`value_e3` is in thousandths. One reading of a meter counts on a day; `photo` is its media id."""
