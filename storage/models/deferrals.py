"""What of a bill belongs to months that had not come when it was issued (合同负债)."""

from sqlalchemy import CheckConstraint, Table, UniqueConstraint

from storage.models.base import fen, instant, key, metadata, partial_index, ref, text, whole_fen

deferrals = Table(
    "deferrals",
    metadata,
    key(),
    ref("bill_id", "bills"),
    text("period", 7),
    fen("amount_fen"),
    instant("recognised_at", nullable=True),
    UniqueConstraint("bill_id", "period"),
    CheckConstraint("amount_fen > 0", name="amount"),
    *whole_fen("amount_fen"),
    partial_index("ix_deferrals_waiting", "period", "bill_id", where="recognised_at IS NULL"),
)
"""A month's part of a bill: income once its month has come and `recognised_at` is set.

Those of a bill that was voided stay as they were; its entries are all reversed.
"""
