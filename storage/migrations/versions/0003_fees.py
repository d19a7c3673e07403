"""Tariffs of every kind, meters, shared costs, late fees, prepayments and dunning get their tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OLD_BASES = ("by_area", "fixed")
BASES = (
    *OLD_BASES,
    *("by_meter", "tiered", "parking", "shared", "one_off", "deposit", "formula"),
)
OLD_ACCOUNTS = ("receivable", "income", "clearing", "prepayment", "refund_due", "opening")
ACCOUNTS = (
    *OLD_ACCOUNTS,
    *("deferred", "deposit", "agency", "waiver", "bad_debt", "gateway_fee", "cash", "bank"),
    "suspense",
)
CYCLES = ("monthly", "quarterly", "yearly")
TIMINGS = ("in_advance", "in_arrears")
NEW_TABLES = (
    "dunning_steps",
    "late_fee_policies",
    "period_closes",
    "public_accounts",
    "shared_costs",
    "discounts",
    "deferrals",
    "dunning_acts",
    "meters",
    "sharing_factors",
    "unit_tariffs",
    "vacancies",
    "deposits",
    "holds",
    "prepayment_moves",
    "prepay_orders",
    "readings",
    "waivers",
    "promises",
)


def upgrade() -> None:
    """Take the step."""
    _new_tables()
    _new_columns()
    _prepayments_so_far()
    _change_check("postings", "account", OLD_ACCOUNTS, ACCOUNTS)
    _widen_tariffs()


def downgrade() -> None:
    """Take it back; what only the new columns and tables know is gone."""
    _narrow_tariffs()
    _change_check("postings", "account", ACCOUNTS, OLD_ACCOUNTS)
    with op.batch_alter_table("bills") as batch_op:
        for name in ("corrects_id", "last_on", "begins_on"):
            batch_op.drop_column(name)
    with op.batch_alter_table("bill_lines") as batch_op:
        batch_op.drop_column("kind")
    with op.batch_alter_table("fee_items") as batch_op:
        batch_op.drop_column("fee_class")
    with op.batch_alter_table("policies") as batch_op:
        batch_op.drop_column("sharing_basis")
        batch_op.drop_column("refund_any_cause")
    with op.batch_alter_table("allocations") as batch_op:
        batch_op.drop_column("move_id")
    for name in reversed(NEW_TABLES):
        op.drop_table(name)


def _new_tables() -> None:
    op.create_table(
        "dunning_steps",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("days_from_due", sa.Integer(), nullable=False),
        sa.Column("route", sa.String(length=12), server_default="chat", nullable=False),
        sa.Column("tone", sa.String(length=16), nullable=False),
        sa.Column("minimum_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "route IN ('chat', 'task', 'letter')", name=op.f("ck_dunning_steps_route")
        ),
        sa.CheckConstraint("tone IN ('kind', 'plain', 'firm')", name=op.f("ck_dunning_steps_tone")),
        sa.CheckConstraint(
            "days_from_due BETWEEN -60 AND 1095", name=op.f("ck_dunning_steps_days")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_dunning_steps_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_steps")),
        sa.UniqueConstraint(
            "community_id",
            "effective_on",
            "days_from_due",
            name=op.f("uq_dunning_steps_community_id_effective_on_days_from_due"),
        ),
    )
    op.create_table(
        "late_fee_policies",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("rate_ppm", sa.Integer(), server_default="0", nullable=False),
        sa.Column("grace_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cap_percent_e2", sa.Integer(), nullable=True),
        sa.Column("start", sa.String(length=16), nullable=False),
        sa.Column("clause", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "mode <> 'charged' OR clause <> ''", name=op.f("ck_late_fee_policies_clause")
        ),
        sa.CheckConstraint(
            "mode IN ('off', 'calculated', 'charged')", name=op.f("ck_late_fee_policies_mode")
        ),
        sa.CheckConstraint(
            "start IN ('after_grace', 'after_due')", name=op.f("ck_late_fee_policies_start")
        ),
        sa.CheckConstraint("grace_days BETWEEN 0 AND 366", name=op.f("ck_late_fee_policies_grace")),
        sa.CheckConstraint(
            "rate_ppm BETWEEN 0 AND 1000000", name=op.f("ck_late_fee_policies_rate")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_late_fee_policies_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_fee_policies")),
        sa.UniqueConstraint(
            "community_id",
            "effective_on",
            name=op.f("uq_late_fee_policies_community_id_effective_on"),
        ),
    )
    op.create_table(
        "period_closes",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("period", sa.String(length=7), server_default="", nullable=False),
        sa.Column("closed_at", base.UtcDateTime(), nullable=False),
        sa.Column("closed_by", base.Key, nullable=True),
        sa.Column("reopened_at", base.UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_period_closes_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period_closes")),
    )
    op.create_index(
        "ix_period_closes_community_id", "period_closes", ["community_id", "period"], unique=False
    )

    op.create_table(
        "public_accounts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("period", sa.String(length=7), server_default="", nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=120), server_default="", nullable=False),
        sa.Column("published_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "side IN ('income', 'expenditure')", name=op.f("ck_public_accounts_side")
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_public_accounts_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_public_accounts_amount")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_public_accounts_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_accounts")),
        sa.UniqueConstraint(
            "community_id",
            "period",
            "side",
            "label",
            name=op.f("uq_public_accounts_community_id_period_side_label"),
        ),
    )
    op.create_table(
        "shared_costs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("period", sa.String(length=7), server_default="", nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("scope_id", base.Key, server_default="0", nullable=False),
        sa.Column("scope_label", sa.String(length=40), server_default="", nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("legal_basis", sa.String(length=200), server_default="", nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("proof", sa.Text(), server_default="{}", nullable=False),
        sa.Column("drafted_at", base.UtcDateTime(), nullable=False),
        sa.Column("published_at", base.UtcDateTime(), nullable=True),
        sa.Column("issued_at", base.UtcDateTime(), nullable=True),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.CheckConstraint(
            "method IN ('by_area', 'by_household', 'by_share')", name=op.f("ck_shared_costs_method")
        ),
        sa.CheckConstraint(
            "scope IN ('community', 'building', 'entrance')", name=op.f("ck_shared_costs_scope")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'issued', 'cancelled')",
            name=op.f("ck_shared_costs_state"),
        ),
        sa.CheckConstraint(
            "typeof(total_fen) = 'integer'", name=op.f("ck_shared_costs_total_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("total_fen >= 0", name=op.f("ck_shared_costs_total")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_shared_costs_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_shared_costs_fee_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_costs")),
    )
    op.create_index(
        "ix_shared_costs_community_id", "shared_costs", ["community_id", "period"], unique=False
    )
    op.create_index(
        "uq_shared_costs_live",
        "shared_costs",
        ["fee_item_id", "period", "scope", "scope_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'cancelled'"),
        sqlite_where=sa.text("state <> 'cancelled'"),
    )

    op.create_table(
        "discounts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        sa.Column("fee_item_id", base.Key, nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=40), server_default="", nullable=False),
        sa.Column("percent_e2", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('person_group', 'year_ahead', 'vacant', 'coupon')",
            name=op.f("ck_discounts_reason"),
        ),
        sa.CheckConstraint(
            "(percent_e2 IS NULL) <> (amount_fen IS NULL)", name=op.f("ck_discounts_one_way")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_discounts_amount")),
        sa.CheckConstraint("percent_e2 BETWEEN 0 AND 10000", name=op.f("ck_discounts_percent")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_discounts_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_discounts_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_discounts_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discounts")),
    )
    op.create_index(
        "ix_discounts_community_id", "discounts", ["community_id", "unit_id"], unique=False
    )

    _deferrals()
    op.create_table(
        "dunning_acts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("act", sa.String(length=20), server_default="", nullable=False),
        sa.Column("days_from_due", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("done_at", base.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_dunning_acts_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_acts")),
    )
    op.create_index("ix_dunning_acts_unit_id", "dunning_acts", ["unit_id", "done_at"], unique=False)

    op.create_table(
        "meters",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("meter_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("digits", sa.Integer(), nullable=True),
        sa.Column("multiplier_e4", sa.BigInteger(), server_default="10000", nullable=False),
        sa.Column("loss_rate_e4", sa.Integer(), server_default="0", nullable=False),
        sa.Column("installed_on", sa.Date(), nullable=False),
        sa.Column("removed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("loss_rate_e4 BETWEEN 0 AND 10000", name=op.f("ck_meters_loss")),
        sa.CheckConstraint("multiplier_e4 > 0", name=op.f("ck_meters_multiplier")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_meters_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_meters_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_meters_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
        sa.UniqueConstraint(
            "community_id",
            "fee_item_id",
            "meter_no",
            name=op.f("uq_meters_community_id_fee_item_id_meter_no"),
        ),
    )
    op.create_index("ix_meters_unit_id", "meters", ["unit_id", "fee_item_id"], unique=False)

    op.create_table(
        "sharing_factors",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.CheckConstraint("percent BETWEEN 0 AND 1000", name=op.f("ck_sharing_factors_percent")),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_sharing_factors_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_sharing_factors_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_factors")),
        sa.UniqueConstraint(
            "fee_item_id", "unit_id", name=op.f("uq_sharing_factors_fee_item_id_unit_id")
        ),
    )
    op.create_table(
        "unit_tariffs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("scheme", sa.String(length=40), server_default="", nullable=False),
        sa.Column("is_charged", sa.Integer(), server_default="1", nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("heads", sa.Integer(), nullable=True),
        sa.Column("payer", sa.String(length=16), server_default="owner", nullable=False),
        sa.Column("anchored_on", sa.Date(), nullable=True),
        sa.Column("plate", sa.String(length=20), server_default="", nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "payer IN ('owner', 'tenant', 'developer', 'company')",
            name=op.f("ck_unit_tariffs_payer"),
        ),
        sa.CheckConstraint("count BETWEEN 1 AND 100000", name=op.f("ck_unit_tariffs_count")),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_unit_tariffs_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_unit_tariffs_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_tariffs")),
        sa.UniqueConstraint(
            "unit_id",
            "fee_item_id",
            "from_on",
            name=op.f("uq_unit_tariffs_unit_id_fee_item_id_from_on"),
        ),
    )
    op.create_index("ix_unit_tariffs_fee_item_id", "unit_tariffs", ["fee_item_id"], unique=False)

    op.create_table(
        "vacancies",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("percent_e2", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=80), server_default="", nullable=False),
        sa.CheckConstraint("percent_e2 BETWEEN 0 AND 10000", name=op.f("ck_vacancies_percent")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_vacancies_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vacancies")),
        sa.UniqueConstraint("unit_id", "from_on", name=op.f("uq_vacancies_unit_id_from_on")),
    )
    op.create_table(
        "deposits",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("resident_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("deducted_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("returned_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("purpose", sa.String(length=60), server_default="", nullable=False),
        sa.Column("evidence", sa.String(length=200), server_default="", nullable=False),
        sa.Column("inspected_by", base.Key, nullable=True),
        sa.Column("taken_at", base.UtcDateTime(), nullable=False),
        sa.Column("inspected_at", base.UtcDateTime(), nullable=True),
        sa.Column("returned_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_deposits_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(deducted_fen) = 'integer'", name=op.f("ck_deposits_deducted_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(returned_fen) = 'integer'", name=op.f("ck_deposits_returned_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposits_amount")),
        sa.CheckConstraint(
            "deducted_fen >= 0 AND returned_fen >= 0 AND deducted_fen + returned_fen <= amount_fen",
            name=op.f("ck_deposits_whole"),
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_deposits_bill_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_deposits_resident_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_deposits_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
    )
    op.create_index("ix_deposits_unit_id", "deposits", ["unit_id"], unique=False)
    op.create_index("uq_deposits_bill_id", "deposits", ["bill_id"], unique=True)

    op.create_table(
        "holds",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("bill_id", base.Key, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("made_at", base.UtcDateTime(), nullable=False),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('dispute', 'promise', 'instalment', 'hardship', 'office')",
            name=op.f("ck_holds_kind"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_holds_amount")),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_holds_bill_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_holds_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_unit_id", "holds", ["unit_id", "from_on"], unique=False)

    op.create_table(
        "prepayment_moves",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("move_key", sa.String(length=120), server_default="", nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=True),
        sa.Column("bill_id", base.Key, nullable=True),
        sa.Column("payment_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("memo", sa.String(length=80), server_default="", nullable=False),
        sa.Column("moved_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_prepayment_moves_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_prepayment_moves_amount")),
        sa.ForeignKeyConstraint(
            ["bill_id"], ["bills.id"], name=op.f("fk_prepayment_moves_bill_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_prepayment_moves_fee_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_prepayment_moves_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name=op.f("fk_prepayment_moves_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepayment_moves")),
    )
    op.create_index(
        "ix_prepayment_moves_unit_id", "prepayment_moves", ["unit_id", "fee_item_id"], unique=False
    )
    op.create_index("uq_prepayment_moves_move_key", "prepayment_moves", ["move_key"], unique=True)
    op.create_index(
        "ix_prepayment_moves_payment_id", "prepayment_moves", ["payment_id"], unique=False
    )

    op.create_table(
        "prepay_orders",
        sa.Column("order_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=True),
        sa.Column("months", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gift_id", base.Key, nullable=True),
        sa.CheckConstraint("months BETWEEN 0 AND 36", name=op.f("ck_prepay_orders_months")),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_prepay_orders_fee_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["gift_id"], ["discounts.id"], name=op.f("fk_prepay_orders_gift_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["payment_orders.id"], name=op.f("fk_prepay_orders_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_prepay_orders")),
    )

    op.create_table(
        "readings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("meter_id", base.Key, nullable=False),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("value_e3", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("turns", sa.Integer(), server_default="0", nullable=False),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("photo", sa.String(length=120), server_default="", nullable=False),
        sa.Column("note", sa.String(length=120), server_default="", nullable=False),
        sa.Column("noted_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('read', 'estimated', 'corrected')", name=op.f("ck_readings_kind")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'accepted', 'replaced')", name=op.f("ck_readings_state")
        ),
        sa.CheckConstraint(
            "value_e3 >= 0 AND value_e3 < 1000000000000", name=op.f("ck_readings_value")
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("fk_readings_meter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
    )
    op.create_index("ix_readings_meter_id", "readings", ["meter_id", "read_on"], unique=False)
    op.create_index(
        "uq_readings_counts",
        "readings",
        ["meter_id", "read_on"],
        unique=True,
        postgresql_where=sa.text("state = 'accepted'"),
        sqlite_where=sa.text("state = 'accepted'"),
    )

    op.create_table(
        "waivers",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("asked_by", base.Key, nullable=False),
        sa.Column("approved_by", base.Key, nullable=False),
        sa.Column("made_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_waivers_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_waivers_amount")),
        sa.CheckConstraint("asked_by <> approved_by", name=op.f("ck_waivers_four_eyes")),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_waivers_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waivers")),
    )
    op.create_index("ix_waivers_bill_id", "waivers", ["bill_id"], unique=False)

    op.create_table(
        "promises",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("hold_id", base.Key, nullable=False),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_at", base.UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="open", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'kept', 'broken', 'withdrawn')", name=op.f("ck_promises_state")
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_promises_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_promises_amount")),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_promises_hold_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_promises_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index("ix_promises_unit_id", "promises", ["unit_id", "state"], unique=False)


def _deferrals() -> None:
    op.create_table(
        "deferrals",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("period", sa.String(length=7), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("recognised_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deferrals_amount")),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_deferrals_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_deferrals_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferrals")),
        sa.UniqueConstraint("bill_id", "period", name=op.f("uq_deferrals_bill_id_period")),
    )
    waiting = sa.text("recognised_at IS NULL")
    op.create_index(
        "ix_deferrals_waiting",
        "deferrals",
        ["period", "bill_id"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def _new_columns() -> None:
    op.add_column("bills", sa.Column("begins_on", sa.Date(), nullable=True))
    op.add_column("bills", sa.Column("last_on", sa.Date(), nullable=True))
    op.add_column("bills", sa.Column("corrects_id", base.Key, nullable=True))
    kind = sa.Column("kind", sa.String(length=12), server_default="piece", nullable=False)
    op.add_column("bill_lines", kind)
    fee_class = sa.Column("fee_class", sa.String(length=16), server_default="own", nullable=False)
    op.add_column("fee_items", fee_class)
    any_cause = sa.Column("refund_any_cause", sa.Integer(), server_default="0", nullable=False)
    op.add_column("policies", any_cause)
    basis = sa.Column("sharing_basis", sa.String(length=200), server_default="", nullable=False)
    op.add_column("policies", basis)
    op.add_column("allocations", sa.Column("move_id", base.Key, nullable=True))


def _prepayments_so_far() -> None:
    """Write a move for each surplus that was put aside, and for each refund that took of one."""
    op.execute(
        "INSERT INTO prepayment_moves (move_key, unit_id, payment_id, amount_fen, memo, moved_at)"
        " SELECT 'payment:' || payment_orders.order_no, payments.unit_id, payments.id,"
        " payments.surplus_fen, '多缴', payments.settled_at"
        " FROM payments JOIN payment_orders ON payment_orders.id = payments.order_id"
        " WHERE payments.surplus_fen > 0"
    )
    op.execute(
        "INSERT INTO prepayment_moves (move_key, unit_id, payment_id, amount_fen, memo, moved_at)"
        " SELECT 'refund:' || refunds.refund_no, refunds.unit_id, refunds.payment_id,"
        " -refund_parts.amount_fen, '退款', refunds.requested_at"
        " FROM refunds JOIN refund_parts ON refund_parts.refund_id = refunds.id"
        " JOIN payments ON payments.id = refunds.payment_id"
        " WHERE refund_parts.bill_id IS NULL AND payments.returned_fen = 0"
        " AND refunds.state NOT IN ('declined', 'closed', 'failed')"
    )


def _one_of(name: str, words: tuple[str, ...]) -> str:
    return f"{name} IN ({', '.join(repr(word) for word in words)})"


def _change_check(table: str, name: str, old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Let a column of postings have other words; SQLite makes the table anew for that."""
    check = op.f(f"ck_{table}_{name}")
    copy = _postings(old) if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table(table, copy_from=copy) as batch_op:
        batch_op.drop_constraint(check, type_="check")
        batch_op.create_check_constraint(check, _one_of(name, new))


OLD_UNIQUE = ("fee_item_id", "unit_kind", "effective_on")
UNIQUE = ("fee_item_id", "unit_kind", "scheme", "effective_on")


def _widen_tariffs() -> None:
    copy = _tariffs(is_wide=False) if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table("tariffs", copy_from=copy) as batch_op:
        for column in _new_tariff_columns():
            batch_op.add_column(column)
        batch_op.drop_constraint(op.f("ck_tariffs_basis"), type_="check")
        batch_op.create_check_constraint(op.f("ck_tariffs_basis"), _one_of("basis", BASES))
        batch_op.create_check_constraint(op.f("ck_tariffs_cycle"), _one_of("cycle", CYCLES))
        batch_op.create_check_constraint(op.f("ck_tariffs_timing"), _one_of("timing", TIMINGS))
        batch_op.drop_constraint(_unique(OLD_UNIQUE), type_="unique")
        batch_op.create_unique_constraint(_unique(UNIQUE), list(UNIQUE))


def _narrow_tariffs() -> None:
    copy = _tariffs(is_wide=True) if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table("tariffs", copy_from=copy) as batch_op:
        batch_op.drop_constraint(_unique(UNIQUE), type_="unique")
        batch_op.create_unique_constraint(_unique(OLD_UNIQUE), list(OLD_UNIQUE))
        for name in ("cycle", "timing", "basis"):
            batch_op.drop_constraint(op.f(f"ck_tariffs_{name}"), type_="check")
        batch_op.create_check_constraint(op.f("ck_tariffs_basis"), _one_of("basis", OLD_BASES))
        for column in reversed(_new_tariff_columns()):
            batch_op.drop_column(column.name)


def _unique(columns: tuple[str, ...]) -> str:
    return op.f(f"uq_tariffs_{'_'.join(columns)}")


def _new_tariff_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("scheme", sa.String(length=40), server_default="", nullable=False),
        sa.Column("name", sa.String(length=60), server_default="", nullable=False),
        sa.Column("cycle", sa.String(length=16), server_default="monthly", nullable=False),
        sa.Column("timing", sa.String(length=16), server_default="in_advance", nullable=False),
        sa.Column("terms", sa.Text(), server_default="{}", nullable=False),
    ]


def _tariffs(*, is_wide: bool) -> sa.Table:
    """Return the table as it is on SQLite."""
    wide = [
        *_new_tariff_columns(),
        sa.CheckConstraint(_one_of("cycle", CYCLES), name=op.f("ck_tariffs_cycle")),
        sa.CheckConstraint(_one_of("timing", TIMINGS), name=op.f("ck_tariffs_timing")),
    ]
    unique = UNIQUE if is_wide else OLD_UNIQUE
    return sa.Table(
        "tariffs",
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("unit_kind", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("price_e4", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("due_day", sa.Integer(), server_default="25", nullable=False),
        *(wide if is_wide else ()),
        sa.CheckConstraint(
            _one_of("basis", BASES if is_wide else OLD_BASES), name=op.f("ck_tariffs_basis")
        ),
        sa.CheckConstraint("due_day BETWEEN 1 AND 31", name=op.f("ck_tariffs_due_day")),
        sa.CheckConstraint(
            "price_e4 >= 0 AND price_e4 <= 1000000000000", name=op.f("ck_tariffs_price")
        ),
        sa.CheckConstraint(
            "unit_kind IN ('home', 'shop', 'parking')", name=op.f("ck_tariffs_unit_kind")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_tariffs_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_tariffs_fee_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariffs")),
        sa.UniqueConstraint(*unique, name=_unique(unique)),
    )


def _postings(accounts: tuple[str, ...]) -> sa.Table:
    """Return the table as it is on SQLite."""
    return sa.Table(
        "postings",
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("entry_id", base.Key, nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_one_of("account", accounts), name=op.f("ck_postings_account")),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_postings_amount")),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_postings_amount_fen_whole")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_postings_entry_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_postings_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.Index("ix_postings_entry_id", "entry_id"),
        sa.Index("ix_postings_account", "account", "unit_id"),
    )
