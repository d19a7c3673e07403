"""Platforms' statements (渠道对账单), their lines, and how each day agreed (对账)."""

from sqlalchemy import Column, Date, Index, Integer, Table, Text, UniqueConstraint

from storage.models.base import (
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
from storage.paying_kinds import StatementState

gateway_statements = Table(
    "gateway_statements",
    metadata,
    key(),
    text("gateway", 20),
    text("merchant_id", 32),
    Column("day_on", Date, nullable=False),
    choice("state", StatementState),
    text("sha256", 64),
    text("file_name", 120),
    Column("line_count", Integer, nullable=False, server_default="0"),
    fen("paid_fen", server_default="0"),
    fen("refunded_fen", server_default="0"),
    fen("fee_fen", server_default="0"),
    fen("settled_fen", server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    instant("asked_at"),
    instant("fetched_at", nullable=True),
    instant("agreed_at", nullable=True),
    Column("report", Text, nullable=False, server_default="{}"),
    UniqueConstraint("gateway", "merchant_id", "day_on"),
    one_of("state", StatementState),
    *whole_fen("paid_fen", "refunded_fen", "fee_fen", "settled_fen"),
)
"""`day_on` is the platform's own day. `settled_fen` came to the bank for it; `report` is JSON."""

statement_lines = Table(
    "statement_lines",
    metadata,
    key(),
    ref("statement_id", "gateway_statements"),
    text("kind", 10),
    text("gateway", 20),
    text("order_no", 64),
    text("refund_no", 64),
    text("transaction_id", 64),
    text("platform_refund_id", 64),
    fen("amount_fen"),
    fen("fee_fen", server_default="0"),
    text("state", 12),
    instant("traded_at"),
    *whole_fen("amount_fen", "fee_fen"),
    Index("ix_statement_lines_statement_id", "statement_id"),
    Index("ix_statement_lines_order_no", "gateway", "order_no"),
    Index("ix_statement_lines_refund_no", "gateway", "refund_no"),
)

difference_notes = Table(
    "difference_notes",
    metadata,
    key(),
    ref("difference_id", "discrepancies"),
    instant("noted_at"),
    ref("staff_id", "staff", nullable=True),
    text("act", 20),
    text("note", 200),
    Index("ix_difference_notes_difference_id", "difference_id"),
)
"""The history of a difference: found, seen again, healed by a question, explained, closed."""
