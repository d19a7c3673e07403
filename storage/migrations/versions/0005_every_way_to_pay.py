"""Every way to pay gets its tables: payees, counter, bank, invoices, statements, terms."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NEW_TABLES = (
    "bank_feeds",
    "gateway_statements",
    "payees",
    "cashier_days",
    "difference_notes",
    "statement_lines",
    "payee_choices",
    "refund_terms",
    "tax_codes",
    "bill_waivers",
    "bank_rows",
    "tax_invoices",
    "vouchers",
    "tax_invoice_lines",
    "browser_passes",
)
NEW_COLUMNS = {
    "discrepancies": ("gateway", "day_on", "ours_fen", "theirs_fen"),
    "payment_orders": ("payee_id", "pay_form", "pay_address"),
    "policies": (
        "closed_gateways",
        "takes_parts",
        "rounding_limit_fen",
        "waiver_second_over_fen",
    ),
    "refunds": (
        "kept_fen",
        "payout_name",
        "payout_account",
        "payout_bank",
        "voucher_no",
        "paid_out_by",
    ),
}


def upgrade() -> None:
    """Take the step."""
    op.create_index("ix_payment_order_bills_bill_id", "payment_order_bills", ["bill_id"])
    _new_columns()
    _one_live_receipt()
    _bank_feeds()
    _gateway_statements()
    _payees()
    _cashier_days()
    _difference_notes()
    _statement_lines()
    _payee_choices()
    _refund_terms()
    _tax_codes()
    _bill_waivers()
    _bank_rows()
    _tax_invoices()
    _vouchers()
    _tax_invoice_lines()
    _browser_passes()


def downgrade() -> None:
    """Take it back; what only the new columns and tables know is gone."""
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    for table, columns in NEW_COLUMNS.items():
        for column in reversed(columns):
            op.drop_column(table, column)
    _one_receipt()
    op.drop_index("ix_payment_order_bills_bill_id", "payment_order_bills")


def _new_columns() -> None:
    op.add_column("discrepancies", _text("gateway", 20))
    op.add_column("discrepancies", sa.Column("day_on", sa.Date(), nullable=True))
    op.add_column("discrepancies", sa.Column("ours_fen", sa.BigInteger(), nullable=True))
    op.add_column("discrepancies", sa.Column("theirs_fen", sa.BigInteger(), nullable=True))
    op.add_column("payment_orders", sa.Column("payee_id", base.Key, nullable=True))
    for name in ("pay_form", "pay_address"):
        op.add_column(
            "payment_orders", sa.Column(name, sa.Text(), server_default="", nullable=False)
        )
    op.add_column("policies", _text("closed_gateways", 300))
    op.add_column("policies", _whole("takes_parts", sa.Integer(), "0"))
    op.add_column("policies", _whole("rounding_limit_fen", sa.BigInteger(), "0"))
    op.add_column("policies", _whole("waiver_second_over_fen", sa.BigInteger(), "100000"))
    op.add_column("refunds", _whole("kept_fen", sa.BigInteger(), "0"))
    for name, length in (
        ("payout_name", 80),
        ("payout_account", 40),
        ("payout_bank", 80),
        ("voucher_no", 40),
    ):
        op.add_column("refunds", _text(name, length))
    op.add_column("refunds", sa.Column("paid_out_by", base.Key, nullable=True))


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)


def _whole(name: str, kind: sa.types.TypeEngine[int], default: str) -> sa.Column[int]:
    return sa.Column(name, kind, server_default=default, nullable=False)


UNIQUE_PAYMENT = "uq_receipts_payment_id"
ONE_LIVE = "uq_receipts_live"
OF_PAYMENT = "ix_receipts_payment_id"


def _one_live_receipt() -> None:
    """Let a payment have one receipt that counts besides those that were voided."""
    copy = _receipts(is_wide=False) if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table("receipts", copy_from=copy) as batch_op:
        for column in _receipt_columns():
            batch_op.add_column(column)
        batch_op.drop_constraint(op.f(UNIQUE_PAYMENT), type_="unique")
    op.create_index(OF_PAYMENT, "receipts", ["payment_id"])
    is_live = sa.text("voided_at IS NULL")
    op.create_index(
        ONE_LIVE,
        "receipts",
        ["payment_id"],
        unique=True,
        postgresql_where=is_live,
        sqlite_where=is_live,
    )


def _one_receipt() -> None:
    op.execute("DELETE FROM receipts WHERE voided_at IS NOT NULL")
    op.drop_index(ONE_LIVE, "receipts")
    op.drop_index(OF_PAYMENT, "receipts")
    copy = _receipts(is_wide=True) if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table("receipts", copy_from=copy) as batch_op:
        for column in reversed(_receipt_columns()):
            batch_op.drop_column(column.name)
        batch_op.create_unique_constraint(op.f(UNIQUE_PAYMENT), ["payment_id"])


def _receipt_columns() -> list[sa.Column[Any]]:
    return [
        _text("void_reason", 120),
        sa.Column("replaces_id", base.Key, nullable=True),
        sa.Column("invoiced_at", base.UtcDateTime(), nullable=True),
    ]


def _receipts(*, is_wide: bool) -> sa.Table:
    """Return the table as it is on SQLite."""
    return sa.Table(
        "receipts",
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("receipt_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("payment_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(), nullable=False),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        *(_receipt_columns() if is_wide else ()),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_receipts_amount_fen_whole")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_receipts_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_receipts_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        *(() if is_wide else (sa.UniqueConstraint("payment_id", name=op.f(UNIQUE_PAYMENT)),)),
        sa.UniqueConstraint("receipt_no", name=op.f("uq_receipts_receipt_no")),
    )


def _gateway_statements() -> None:
    op.create_table(
        "gateway_statements",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("merchant_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), server_default="", nullable=False),
        sa.Column("file_name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("line_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.Column("fetched_at", base.UtcDateTime(), nullable=True),
        sa.Column("agreed_at", base.UtcDateTime(), nullable=True),
        sa.Column("report", sa.Text(), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'empty', 'fetched', 'broken', 'agreed')",
            name=op.f("ck_gateway_statements_state"),
        ),
        sa.CheckConstraint(
            "typeof(fee_fen) = 'integer'", name=op.f("ck_gateway_statements_fee_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(paid_fen) = 'integer'", name=op.f("ck_gateway_statements_paid_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(refunded_fen) = 'integer'",
            name=op.f("ck_gateway_statements_refunded_fen_whole"),
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(settled_fen) = 'integer'", name=op.f("ck_gateway_statements_settled_fen_whole")
        ).ddl_if("sqlite"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_statements")),
        sa.UniqueConstraint(
            "gateway",
            "merchant_id",
            "day_on",
            name=op.f("uq_gateway_statements_gateway_merchant_id_day_on"),
        ),
    )


def _payees() -> None:
    op.create_table(
        "payees",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("tax_no", sa.String(length=20), server_default="", nullable=False),
        sa.Column("address", sa.String(length=120), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=40), server_default="", nullable=False),
        sa.Column("bank_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("bank_account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("gateways", sa.String(length=200), server_default="", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payees")),
        sa.UniqueConstraint("name", name=op.f("uq_payees_name")),
    )


def _cashier_days() -> None:
    op.create_table(
        "cashier_days",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("sheet_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("staff_id", base.Key, nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("closed_at", base.UtcDateTime(), nullable=False),
        sa.Column("cash_due_fen", sa.BigInteger(), nullable=False),
        sa.Column("handed_in_fen", sa.BigInteger(), nullable=False),
        sa.Column("other_fen", sa.BigInteger(), nullable=False),
        sa.Column("first_receipt_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("last_receipt_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("deposit_slip_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("note", sa.String(length=120), server_default="", nullable=False),
        sa.Column("received_by", base.Key, nullable=True),
        sa.Column("received_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "typeof(cash_due_fen) = 'integer'", name=op.f("ck_cashier_days_cash_due_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(handed_in_fen) = 'integer'", name=op.f("ck_cashier_days_handed_in_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(other_fen) = 'integer'", name=op.f("ck_cashier_days_other_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "received_by IS NULL OR received_by <> staff_id", name=op.f("ck_cashier_days_four_eyes")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_cashier_days_community_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_cashier_days_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cashier_days")),
        sa.UniqueConstraint(
            "community_id",
            "staff_id",
            "day_on",
            name=op.f("uq_cashier_days_community_id_staff_id_day_on"),
        ),
        sa.UniqueConstraint("sheet_no", name=op.f("uq_cashier_days_sheet_no")),
    )


def _difference_notes() -> None:
    op.create_table(
        "difference_notes",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("difference_id", base.Key, nullable=False),
        sa.Column("noted_at", base.UtcDateTime(), nullable=False),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("act", sa.String(length=20), server_default="", nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["difference_id"], ["discrepancies.id"], name=op.f("fk_difference_notes_difference_id")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_difference_notes_staff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_difference_notes")),
    )
    with op.batch_alter_table("difference_notes", schema=None) as batch_op:
        batch_op.create_index("ix_difference_notes_difference_id", ["difference_id"], unique=False)


def _statement_lines() -> None:
    op.create_table(
        "statement_lines",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("statement_id", base.Key, nullable=False),
        sa.Column("kind", sa.String(length=10), server_default="", nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("order_no", sa.String(length=64), server_default="", nullable=False),
        sa.Column("refund_no", sa.String(length=64), server_default="", nullable=False),
        sa.Column("transaction_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("platform_refund_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("traded_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_statement_lines_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(fee_fen) = 'integer'", name=op.f("ck_statement_lines_fee_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["gateway_statements.id"],
            name=op.f("fk_statement_lines_statement_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_lines")),
    )
    with op.batch_alter_table("statement_lines", schema=None) as batch_op:
        batch_op.create_index("ix_statement_lines_order_no", ["gateway", "order_no"], unique=False)
        batch_op.create_index(
            "ix_statement_lines_refund_no", ["gateway", "refund_no"], unique=False
        )
        batch_op.create_index("ix_statement_lines_statement_id", ["statement_id"], unique=False)


def _payee_choices() -> None:
    op.create_table(
        "payee_choices",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=True),
        sa.Column("payee_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("fee_item_key", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_payee_choices_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_payee_choices_fee_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["payee_id"], ["payees.id"], name=op.f("fk_payee_choices_payee_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_choices")),
        sa.UniqueConstraint(
            "community_id",
            "fee_item_key",
            "effective_on",
            name=op.f("uq_payee_choices_community_id_fee_item_key_effective_on"),
        ),
    )


def _refund_terms() -> None:
    op.create_table(
        "refund_terms",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("is_refundable", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("automatic_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fee_bearer", sa.String(length=16), server_default="company", nullable=False),
        sa.Column("clause", sa.String(length=200), server_default="", nullable=False),
        sa.Column("fee_ppm", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("fee_ppm BETWEEN 0 AND 100000", name=op.f("ck_refund_terms_fee")),
        sa.CheckConstraint(
            "fee_bearer IN ('company', 'payer')", name=op.f("ck_refund_terms_fee_bearer")
        ),
        sa.CheckConstraint(
            "typeof(automatic_fen) = 'integer'", name=op.f("ck_refund_terms_automatic_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_refund_terms_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_refund_terms_fee_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_terms")),
        sa.UniqueConstraint(
            "fee_item_id", "effective_on", name=op.f("uq_refund_terms_fee_item_id_effective_on")
        ),
    )


def _tax_codes() -> None:
    op.create_table(
        "tax_codes",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("tax_code", sa.String(length=19), server_default="", nullable=False),
        sa.Column("rate_e4", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_tax_codes_fee_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_codes")),
        sa.UniqueConstraint(
            "fee_item_id", "effective_on", name=op.f("uq_tax_codes_fee_item_id_effective_on")
        ),
    )


def _bill_waivers() -> None:
    op.create_table(
        "bill_waivers",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("waiver_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("attachment_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("attachment", sa.LargeBinary(), nullable=True),
        sa.Column("asked_by", base.Key, nullable=False),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_approver", base.Key, nullable=True),
        sa.Column("second_approver", base.Key, nullable=True),
        sa.Column("decided_at", base.UtcDateTime(), nullable=True),
        sa.Column("decline_reason", sa.String(length=120), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('rounding', 'hardship', 'quality', 'vacancy', 'court', 'other')",
            name=op.f("ck_bill_waivers_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'declined')", name=op.f("ck_bill_waivers_state")
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_bill_waivers_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_bill_waivers_amount")),
        sa.CheckConstraint(
            "first_approver IS NULL OR first_approver <> asked_by",
            name=op.f("ck_bill_waivers_four_eyes"),
        ),
        sa.CheckConstraint(
            "second_approver IS NULL OR second_approver NOT IN (asked_by, first_approver)",
            name=op.f("ck_bill_waivers_six_eyes"),
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_bill_waivers_asked_by")),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_bill_waivers_bill_id")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_bill_waivers_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_waivers")),
        sa.UniqueConstraint("waiver_no", name=op.f("uq_bill_waivers_waiver_no")),
    )
    with op.batch_alter_table("bill_waivers", schema=None) as batch_op:
        batch_op.create_index("ix_bill_waivers_bill_id", ["bill_id"], unique=False)


def _bank_rows() -> None:
    op.create_table(
        "bank_rows",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("row_key", sa.String(length=120), server_default="", nullable=False),
        sa.Column("payee_id", base.Key, nullable=True),
        sa.Column("account_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("booked_at", base.UtcDateTime(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=True),
        sa.Column("payer_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("payer_account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("memo", sa.String(length=200), server_default="", nullable=False),
        sa.Column("serial", sa.String(length=64), server_default="", nullable=False),
        sa.Column("source", sa.String(length=80), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("payment_id", base.Key, nullable=True),
        sa.Column("community_id", base.Key, nullable=True),
        sa.Column("suggestion", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", base.Key, nullable=True),
        sa.Column("decided_at", base.UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(length=120), server_default="", nullable=False),
        sa.Column("heard_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('matched', 'suggested', 'suspense', 'assigned', 'settlement', 'payout', 'returned', 'other')",
            name=op.f("ck_bank_rows_state"),
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_bank_rows_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_bank_rows_community_id")
        ),
        sa.ForeignKeyConstraint(["payee_id"], ["payees.id"], name=op.f("fk_bank_rows_payee_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_bank_rows_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_rows")),
        sa.UniqueConstraint("row_key", name=op.f("uq_bank_rows_row_key")),
    )
    with op.batch_alter_table("bank_rows", schema=None) as batch_op:
        batch_op.create_index("ix_bank_rows_day_on", ["account_no", "day_on"], unique=False)
        batch_op.create_index(
            "ix_bank_rows_open",
            ["state"],
            unique=False,
            postgresql_where=sa.text("state IN ('suspense', 'suggested')"),
            sqlite_where=sa.text("state IN ('suspense', 'suggested')"),
        )


def _tax_invoices() -> None:
    op.create_table(
        "tax_invoices",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("application_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("payment_id", base.Key, nullable=False),
        sa.Column("receipt_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("payee_id", base.Key, nullable=True),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=100), server_default="", nullable=False),
        sa.Column("tax_no", sa.String(length=20), server_default="", nullable=False),
        sa.Column("address", sa.String(length=120), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=40), server_default="", nullable=False),
        sa.Column("bank_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("bank_account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("email", sa.String(length=80), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", base.UtcDateTime(), nullable=False),
        sa.Column("batch_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("invoice_code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("invoice_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("issued_at", base.UtcDateTime(), nullable=True),
        sa.Column("decided_by", base.Key, nullable=True),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("file_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("reddens_id", base.Key, nullable=True),
        sa.CheckConstraint("kind IN ('ordinary', 'special')", name=op.f("ck_tax_invoices_kind")),
        sa.CheckConstraint(
            "state IN ('applied', 'exported', 'issued', 'declined', 'reddened')",
            name=op.f("ck_tax_invoices_state"),
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_tax_invoices_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_tax_invoices_amount")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_tax_invoices_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_tax_invoices_identity_id")
        ),
        sa.ForeignKeyConstraint(["payee_id"], ["payees.id"], name=op.f("fk_tax_invoices_payee_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_tax_invoices_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_tax_invoices_receipt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_invoices")),
        sa.UniqueConstraint("application_no", name=op.f("uq_tax_invoices_application_no")),
    )
    with op.batch_alter_table("tax_invoices", schema=None) as batch_op:
        batch_op.create_index("ix_tax_invoices_state", ["state"], unique=False)
        batch_op.create_index(
            "uq_tax_invoices_live",
            ["receipt_id"],
            unique=True,
            postgresql_where=sa.text(
                "state IN ('applied', 'exported', 'issued') AND reddens_id IS NULL"
            ),
            sqlite_where=sa.text(
                "state IN ('applied', 'exported', 'issued') AND reddens_id IS NULL"
            ),
        )


def _vouchers() -> None:
    op.create_table(
        "vouchers",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("voucher_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("staff_id", base.Key, nullable=False),
        sa.Column("payment_id", base.Key, nullable=True),
        sa.Column("refund_id", base.Key, nullable=True),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("made_at", base.UtcDateTime(), nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("request_key", sa.String(length=80), server_default="", nullable=False),
        sa.Column("note", sa.String(length=120), server_default="", nullable=False),
        sa.Column("cashier_day_id", base.Key, nullable=True),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        sa.Column("voided_by", base.Key, nullable=True),
        sa.Column("void_reason", sa.String(length=120), server_default="", nullable=False),
        sa.CheckConstraint(
            "method IN ('cash', 'pos', 'cheque', 'static_qr', 'transfer')",
            name=op.f("ck_vouchers_method"),
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_vouchers_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_vouchers_amount")),
        sa.ForeignKeyConstraint(
            ["cashier_day_id"], ["cashier_days.id"], name=op.f("fk_vouchers_cashier_day_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_vouchers_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_vouchers_payment_id")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_vouchers_refund_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_vouchers_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_vouchers_payment_id")),
        sa.UniqueConstraint("request_key", name=op.f("uq_vouchers_request_key")),
        sa.UniqueConstraint("voucher_no", name=op.f("uq_vouchers_voucher_no")),
    )
    with op.batch_alter_table("vouchers", schema=None) as batch_op:
        batch_op.create_index(
            "ix_vouchers_open",
            ["staff_id"],
            unique=False,
            postgresql_where=sa.text("cashier_day_id IS NULL"),
            sqlite_where=sa.text("cashier_day_id IS NULL"),
        )
        batch_op.create_index("ix_vouchers_staff_id", ["staff_id", "day_on"], unique=False)


def _tax_invoice_lines() -> None:
    op.create_table(
        "tax_invoice_lines",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("invoice_id", base.Key, nullable=False),
        sa.Column("name", sa.String(length=60), server_default="", nullable=False),
        sa.Column("tax_code", sa.String(length=19), server_default="", nullable=False),
        sa.Column("rate_e4", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_tax_invoice_lines_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(tax_fen) = 'integer'", name=op.f("ck_tax_invoice_lines_tax_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["tax_invoices.id"], name=op.f("fk_tax_invoice_lines_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_invoice_lines")),
    )
    with op.batch_alter_table("tax_invoice_lines", schema=None) as batch_op:
        batch_op.create_index("ix_tax_invoice_lines_invoice_id", ["invoice_id"], unique=False)


def _browser_passes() -> None:
    op.create_table(
        "browser_passes",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("pass_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("pay_token", sa.String(length=96), server_default="", nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("openid", sa.String(length=64), server_default="", nullable=False),
        sa.Column("chosen", sa.Text(), server_default="{}", nullable=False),
        sa.Column("expires_at", base.UtcDateTime(), nullable=False),
        sa.Column("used_at", base.UtcDateTime(), nullable=True),
        sa.Column("order_no", sa.String(length=32), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_passes")),
        sa.UniqueConstraint("pass_key", name=op.f("uq_browser_passes_pass_key")),
    )
    with op.batch_alter_table("browser_passes", schema=None) as batch_op:
        batch_op.create_index("ix_browser_passes_expires_at", ["expires_at"], unique=False)


def _bank_feeds() -> None:
    op.create_table(
        "bank_feeds",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("account_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("cursor", sa.String(length=120), server_default="", nullable=False),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_feeds")),
        sa.UniqueConstraint("account_no", name=op.f("uq_bank_feeds_account_no")),
    )
