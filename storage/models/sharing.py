"""Shared costs (公摊) with their proofs, and the owners' public accounts (公共收支)."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, Table, Text, UniqueConstraint

from storage.kinds import PublicSide, SharedCostState, ShareMethod, ShareScope
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

shared_costs = Table(
    "shared_costs",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("fee_item_id", "fee_items"),
    text("period", 7),
    choice("scope", ShareScope),
    Column("scope_id", Key, nullable=False, server_default="0"),
    text("scope_label", 40),
    choice("method", ShareMethod),
    fen("total_fen"),
    text("legal_basis", 200),
    text("note", 200),
    Column("due_on", Date, nullable=False),
    choice("state", SharedCostState),
    Column("proof", Text, nullable=False, server_default="{}"),
    instant("drafted_at"),
    instant("published_at", nullable=True),
    instant("issued_at", nullable=True),
    Column("staff_id", Key, nullable=True),
    one_of("scope", ShareScope),
    one_of("method", ShareMethod),
    one_of("state", SharedCostState),
    CheckConstraint("total_fen >= 0", name="total"),
    *whole_fen("total_fen"),
    Index(
        "uq_shared_costs_live",
        "fee_item_id",
        "period",
        "scope",
        "scope_id",
        unique=True,
        info={"where": "state <> 'cancelled'"},
    ),
    Index("ix_shared_costs_community_id", "community_id", "period"),
)
"""`scope_id` is the building or the entrance, 0 for the community. Published before it is issued.

`proof` is JSON: each unit's weight, exact share and fen, as it was shown to all.
"""

sharing_factors = Table(
    "sharing_factors",
    metadata,
    key(),
    ref("fee_item_id", "fee_items"),
    ref("unit_id", "units"),
    Column("percent", Integer, nullable=False),
    UniqueConstraint("fee_item_id", "unit_id"),
    CheckConstraint("percent BETWEEN 0 AND 1000", name="percent"),
)
"""What a unit bears of its full weight: 0 for a ground floor's lift, 150 for a shop."""

public_accounts = Table(
    "public_accounts",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("period", 7),
    choice("side", PublicSide),
    text("label", 60),
    fen("amount_fen"),
    text("note", 120),
    instant("published_at"),
    one_of("side", PublicSide),
    CheckConstraint("amount_fen >= 0", name="amount"),
    *whole_fen("amount_fen"),
    UniqueConstraint("community_id", "period", "side", "label"),
)
"""What the community earned and spent on common property, as staff published it."""
