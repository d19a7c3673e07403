"""Entries (凭证) and postings (分录行): debit positive, credit negative, append-only."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Table, UniqueConstraint

from storage.kinds import Account
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

entries = Table(
    "entries",
    metadata,
    key(),
    text("entry_key", 120),
    text("memo", 80),
    ref("community_id", "communities"),
    Column("effective_on", Date, nullable=False),
    instant("posted_at"),
    Column("reverses_id", Key, nullable=True),
    UniqueConstraint("entry_key"),
    UniqueConstraint("reverses_id"),
    Index("ix_entries_effective_on", "community_id", "effective_on"),
)

postings = Table(
    "postings",
    metadata,
    key(),
    ref("entry_id", "entries"),
    choice("account", Account),
    ref("unit_id", "units", nullable=True),
    fen("amount_fen"),
    one_of("account", Account),
    CheckConstraint("amount_fen <> 0", name="amount"),
    *whole_fen("amount_fen"),
    Index("ix_postings_entry_id", "entry_id"),
    Index("ix_postings_account", "account", "unit_id"),
)

unit_balances = Table(
    "unit_balances",
    metadata,
    ref("unit_id", "units", primary_key=True),
    choice("account", Account, primary_key=True),
    fen("balance_fen", server_default="0"),
    CheckConstraint("account <> 'prepayment' OR balance_fen <= 0", name="prepayment_not_overdrawn"),
    CheckConstraint("account <> 'receivable' OR balance_fen >= 0", name="receivable_not_negative"),
    *whole_fen("balance_fen"),
)
"""A summary per unit and account, written only by the ledger in the same transaction."""
