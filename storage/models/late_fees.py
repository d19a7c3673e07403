"""Late fees (违约金): terms by day, holds that freeze them or reminders, and waivers (减免)."""

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

from storage.kinds import HoldKind, LateFeeMode, LateFeeStart
from storage.models.base import (
    Key,
    choice,
    fen,
    instant,
    key,
    metadata,
    one_of,
    ref,
    text,
    whole_fen,
)

late_fee_policies = Table(
    "late_fee_policies",
    metadata,
    key(),
    ref("community_id", "communities"),
    Column("effective_on", Date, nullable=False),
    choice("mode", LateFeeMode),
    Column("rate_ppm", Integer, nullable=False, server_default="0"),
    Column("grace_days", Integer, nullable=False, server_default="0"),
    Column("cap_percent_e2", Integer, nullable=True),
    choice("start", LateFeeStart),
    text("clause", 200),
    one_of("mode", LateFeeMode),
    one_of("start", LateFeeStart),
    CheckConstraint("rate_ppm BETWEEN 0 AND 1000000", name="rate"),
    CheckConstraint("grace_days BETWEEN 0 AND 366", name="grace"),
    CheckConstraint("mode <> 'charged' OR clause <> ''", name="clause"),
    UniqueConstraint("community_id", "effective_on"),
)
"""Millionths of the principal a day: 万分之五 is 500. Charging needs its clause of the contract."""

holds = Table(
    "holds",
    metadata,
    key(),
    ref("unit_id", "units"),
    ref("bill_id", "bills", nullable=True),
    choice("kind", HoldKind),
    Column("amount_fen", BigInteger, nullable=True),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=True),
    text("reason", 120),
    Column("identity_id", Key, nullable=True),
    Column("staff_id", Key, nullable=True),
    instant("made_at"),
    instant("ended_at", nullable=True),
    one_of("kind", HoldKind),
    CheckConstraint("amount_fen > 0", name="amount"),
    Index("ix_holds_unit_id", "unit_id", "from_on"),
)
"""Nobody is reminded of a held debt; of a disputed one the late fee is frozen too.

Without a bill it holds all of the unit. `until_on` is the first day it holds no more, None while
open; `amount_fen` is the part that is disputed, or promised, None for all.
"""

waivers = Table(
    "waivers",
    metadata,
    key(),
    ref("bill_id", "bills"),
    fen("amount_fen"),
    text("reason", 120),
    Column("asked_by", Key, nullable=False),
    Column("approved_by", Key, nullable=False),
    instant("made_at"),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("asked_by <> approved_by", name="four_eyes"),
    *whole_fen("amount_fen"),
    Index("ix_waivers_bill_id", "bill_id"),
)
"""Late fee of a bill that is asked for no more (减免): `bill_id` is the bill that was late.

What was charged of it and not paid is taken back by a new bill; it never counts as received.
"""
