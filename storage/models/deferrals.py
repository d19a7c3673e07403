"""What of a bill belongs to other months than that of its issue (合同负债、合同资产)."""

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
"""A month's part of a bill that was issued in another: income once its month has come.

`recognised_at` is set then; of a month that is over, at issue.

Those of a bill that was voided stay as they were; its entries are all reversed.
"""
