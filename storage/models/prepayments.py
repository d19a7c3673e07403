"""Prepayments (预存) by what they are for, and deposits (押金)."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table

from storage.models.base import Key, fen, instant, key, metadata, ref, text, whole_fen

prepayment_moves = Table(
    "prepayment_moves",
    metadata,
    key(),
    text("move_key", 120),
    ref("unit_id", "units"),
    ref("fee_item_id", "fee_items", nullable=True),
    ref("bill_id", "bills", nullable=True),
    ref("payment_id", "payments", nullable=True),
    fen("amount_fen"),
    text("memo", 80),
    instant("moved_at"),
    CheckConstraint("amount_fen <> 0", name="amount"),
    *whole_fen("amount_fen"),
    Index("uq_prepayment_moves_move_key", "move_key", unique=True),
    Index("ix_prepayment_moves_unit_id", "unit_id", "fee_item_id"),
    Index("ix_prepayment_moves_payment_id", "payment_id"),
)
"""Money put aside (above 0) and used (below 0); without a fee item it may pay any.

All moves of a unit sum to what the ledger's account of prepayments says, with the other sign; all
moves of a payment to what is left of it. One with a bill stands behind an allocation.
"""

prepay_orders = Table(
    "prepay_orders",
    metadata,
    ref("order_id", "payment_orders", primary_key=True),
    ref("fee_item_id", "fee_items", nullable=True),
    Column("months", Integer, nullable=False, server_default="0"),
    ref("gift_id", "discounts", nullable=True),
    CheckConstraint("months BETWEEN 0 AND 36", name="months"),
)
"""What an order without bills puts aside: for one fee item or any, for so many months or any.

`gift_id` is the discount of a later month that came with it (交一年送一个月).
"""

deposits = Table(
    "deposits",
    metadata,
    key(),
    ref("unit_id", "units"),
    ref("bill_id", "bills"),
    ref("resident_id", "residents", nullable=True),
    fen("amount_fen"),
    fen("deducted_fen", server_default="0"),
    fen("returned_fen", server_default="0"),
    text("purpose", 60),
    text("evidence", 200),
    Column("inspected_by", Key, nullable=True),
    instant("taken_at"),
    instant("inspected_at", nullable=True),
    instant("returned_at", nullable=True),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint(
        "deducted_fen >= 0 AND returned_fen >= 0 AND deducted_fen + returned_fen <= amount_fen",
        name="whole",
    ),
    *whole_fen("amount_fen", "deducted_fen", "returned_fen"),
    Index("uq_deposits_bill_id", "bill_id", unique=True),
    Index("ix_deposits_unit_id", "unit_id"),
)
"""A deposit that was paid: inspected, deducted from with evidence, and given back."""
