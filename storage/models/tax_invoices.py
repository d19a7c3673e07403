"""Tax invoices (发票): what residents apply for, and what the bureau's numbers became."""

from sqlalchemy import CheckConstraint, Column, Date, Index, LargeBinary, Table, UniqueConstraint

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
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState

tax_invoices = Table(
    "tax_invoices",
    metadata,
    key(),
    text("application_no", 24),
    ref("payment_id", "payments"),
    ref("receipt_id", "receipts"),
    ref("community_id", "communities"),
    ref("payee_id", "payees", nullable=True),
    ref("identity_id", "identities", nullable=True),
    choice("kind", TaxInvoiceKind),
    choice("state", TaxInvoiceState),
    text("title", 100),
    text("tax_no", 20),
    text("address", 120),
    text("phone", 40),
    text("bank_name", 80),
    text("bank_account", 40),
    text("email", 80),
    fen("amount_fen"),
    instant("applied_at"),
    text("batch_no", 24),
    text("invoice_code", 20),
    text("invoice_no", 24),
    Column("issued_on", Date, nullable=True),
    instant("issued_at", nullable=True),
    Column("decided_by", Key, nullable=True),
    text("reason", 120),
    text("file_name", 80),
    Column("file", LargeBinary, nullable=True),
    Column("reddens_id", Key, nullable=True),
    UniqueConstraint("application_no"),
    one_of("kind", TaxInvoiceKind),
    one_of("state", TaxInvoiceState),
    CheckConstraint("amount_fen <> 0", name="amount"),
    *whole_fen("amount_fen"),
    partial_index(
        "uq_tax_invoices_live",
        "receipt_id",
        unique=True,
        where="state IN ('applied', 'exported', 'issued') AND reddens_id IS NULL",
    ),
    Index("ix_tax_invoices_state", "state"),
)
"""`reddens_id` is the invoice that a red letter (红字) takes back: its amount is negative."""

tax_invoice_lines = Table(
    "tax_invoice_lines",
    metadata,
    key(),
    ref("invoice_id", "tax_invoices"),
    text("name", 60),
    text("tax_code", 19),
    fen("rate_e4"),
    fen("amount_fen"),
    fen("tax_fen"),
    *whole_fen("amount_fen", "tax_fen"),
    Index("ix_tax_invoice_lines_invoice_id", "invoice_id"),
)
"""`amount_fen` with tax; `tax_fen` is the tax in it."""

tax_codes = Table(
    "tax_codes",
    metadata,
    key(),
    ref("fee_item_id", "fee_items"),
    text("tax_code", 19),
    fen("rate_e4"),
    Column("effective_on", Date, nullable=False),
    UniqueConstraint("fee_item_id", "effective_on"),
)
"""税收分类编码 and rate of a fee item; 600 is 6 %. Without one nothing of it is invoiced here."""
