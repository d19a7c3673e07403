"""Which unit is charged by which tariff, and what is taken off it."""

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

from storage.kinds import DiscountReason, Payer
from storage.models.base import Key, choice, instant, key, metadata, one_of, ref, text

unit_tariffs = Table(
    "unit_tariffs",
    metadata,
    key(),
    ref("unit_id", "units"),
    ref("fee_item_id", "fee_items"),
    text("scheme", 40),
    Column("is_charged", Integer, nullable=False, server_default="1"),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("heads", Integer, nullable=True),
    choice("payer", Payer, server_default="owner"),
    Column("anchored_on", Date, nullable=True),
    text("plate", 20),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=True),
    one_of("payer", Payer),
    CheckConstraint("count BETWEEN 1 AND 100000", name="count"),
    UniqueConstraint("unit_id", "fee_item_id", "from_on"),
    Index("ix_unit_tariffs_fee_item_id", "fee_item_id"),
)
"""What of a unit differs from its kind: another scheme of prices, none (`is_charged` 0), a count.

A unit without a row is charged by the scheme "" of its kind. `until_on` is the first day after.
`anchored_on` begins its periods (交房日); `heads` live there; `plate` is a parking space's car.
"""

vacancies = Table(
    "vacancies",
    metadata,
    key(),
    ref("unit_id", "units"),
    Column("percent_e2", Integer, nullable=False),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=True),
    text("reason", 80),
    CheckConstraint("percent_e2 BETWEEN 0 AND 10000", name="percent"),
    UniqueConstraint("unit_id", "from_on"),
)
"""Days on which a unit stands empty; `percent_e2` is taken off: 3000 is 30 %."""

discounts = Table(
    "discounts",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("unit_id", "units", nullable=True),
    ref("fee_item_id", "fee_items", nullable=True),
    choice("reason", DiscountReason),
    text("name", 40),
    Column("percent_e2", Integer, nullable=True),
    Column("amount_fen", BigInteger, nullable=True),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=True),
    Column("uses_left", Integer, nullable=True),
    one_of("reason", DiscountReason),
    CheckConstraint("(percent_e2 IS NULL) <> (amount_fen IS NULL)", name="one_way"),
    CheckConstraint("percent_e2 BETWEEN 0 AND 10000", name="percent"),
    CheckConstraint("amount_fen >= 0", name="amount"),
    Index("ix_discounts_community_id", "community_id", "unit_id"),
)
"""A percentage or an amount off; of one unit or all, of one fee item or all."""

period_closes = Table(
    "period_closes",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("period", 7),
    instant("closed_at"),
    Column("closed_by", Key, nullable=True),
    instant("reopened_at", nullable=True),
    text("reason", 120),
    Index("ix_period_closes_community_id", "community_id", "period"),
)
"""A closed month takes no new bill and no change; what corrects it goes into an open one."""
