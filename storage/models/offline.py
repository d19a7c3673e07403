"""Money taken at the counter (线下收款): vouchers, and each cashier's close of day (日结)."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Table, UniqueConstraint

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
from storage.paying_kinds import CashMethod

cashier_days = Table(
    "cashier_days",
    metadata,
    key(),
    text("sheet_no", 24),
    ref("community_id", "communities"),
    ref("staff_id", "staff"),
    Column("day_on", Date, nullable=False),
    instant("closed_at"),
    fen("cash_due_fen"),
    fen("handed_in_fen"),
    fen("other_fen"),
    text("first_receipt_no", 24),
    text("last_receipt_no", 24),
    text("deposit_slip_no", 40),
    text("note", 120),
    Column("received_by", Key, nullable=True),
    instant("received_at", nullable=True),
    UniqueConstraint("sheet_no"),
    UniqueConstraint("community_id", "staff_id", "day_on"),
    CheckConstraint("received_by IS NULL OR received_by <> staff_id", name="four_eyes"),
    *whole_fen("cash_due_fen", "handed_in_fen", "other_fen"),
)
"""A hand-in sheet (交款单): cash that is due and cash that came, POS and cheques beside it.

What they differ by is theirs less ours. `received_by` is who took the money over.
"""

vouchers = Table(
    "vouchers",
    metadata,
    key(),
    text("voucher_no", 24),
    ref("community_id", "communities"),
    ref("staff_id", "staff"),
    ref("payment_id", "payments", nullable=True),
    ref("refund_id", "refunds", nullable=True),
    choice("method", CashMethod),
    fen("amount_fen"),
    Column("day_on", Date, nullable=False),
    instant("made_at"),
    text("reference", 64),
    text("request_key", 80),
    text("note", 120),
    ref("cashier_day_id", "cashier_days", nullable=True),
    instant("voided_at", nullable=True),
    Column("voided_by", Key, nullable=True),
    text("void_reason", 120),
    UniqueConstraint("voucher_no"),
    UniqueConstraint("request_key"),
    UniqueConstraint("payment_id"),
    one_of("method", CashMethod),
    CheckConstraint("amount_fen <> 0", name="amount"),
    *whole_fen("amount_fen"),
    Index("ix_vouchers_staff_id", "staff_id", "day_on"),
    partial_index("ix_vouchers_open", "staff_id", where="cashier_day_id IS NULL"),
)
"""One act at the counter: money in is positive, money handed back negative.

`day_on` is the Shanghai day that the money really came (补录 may be later); `reference` is the
number of a POS slip or a cheque. A void is a reversal by the same cashier before her close.
"""
