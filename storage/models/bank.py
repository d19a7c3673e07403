"""Rows of bank statements (银行流水), each once, and what became of them (挂账, 认领)."""

from sqlalchemy import BigInteger, Column, Date, Index, Table, Text, UniqueConstraint

from storage.models.base import (
    Key,
    choice,
    fen,
    instant,
    key,
    metadata,
    one_of,
    partial_index,
    ref,
    text,
    whole_fen,
)
from storage.paying_kinds import BankRowState

bank_rows = Table(
    "bank_rows",
    metadata,
    key(),
    text("row_key", 120),
    ref("payee_id", "payees", nullable=True),
    text("account_no", 40),
    text("gateway", 20),
    instant("booked_at"),
    Column("day_on", Date, nullable=False),
    fen("amount_fen"),
    Column("balance_fen", BigInteger, nullable=True),
    text("payer_name", 80),
    text("payer_account", 40),
    text("memo", 200),
    text("serial", 64),
    text("source", 80),
    choice("state", BankRowState),
    ref("payment_id", "payments", nullable=True),
    ref("community_id", "communities", nullable=True),
    Column("suggestion", Text, nullable=False, server_default=""),
    Column("decided_by", Key, nullable=True),
    instant("decided_at", nullable=True),
    text("note", 120),
    instant("heard_at"),
    UniqueConstraint("row_key"),
    one_of("state", BankRowState),
    *whole_fen("amount_fen"),
    Index("ix_bank_rows_day_on", "account_no", "day_on"),
    partial_index(
        "ix_bank_rows_open",
        "state",
        where="state IN ('suspense', 'suggested')",
    ),
)
"""`gateway` is the name by which the account collects. `amount_fen` is positive for money in.

`suggestion` is JSON: bills or order, score, reasons.
"""

bank_feeds = Table(
    "bank_feeds",
    metadata,
    key(),
    text("account_no", 40),
    text("cursor", 120),
    instant("asked_at"),
    UniqueConstraint("account_no"),
)
"""How far each account's rows have been read through the bank's direct interface."""
