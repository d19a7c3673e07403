"""Every table of the first version."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "audit_records",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("done_at", base.UtcDateTime(), nullable=False),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("act", sa.String(length=40), server_default="", nullable=False),
        sa.Column("noun", sa.String(length=30), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=60), server_default="", nullable=False),
        sa.Column("detail", sa.String(length=300), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_records")),
    )
    with op.batch_alter_table("audit_records", schema=None) as batch_op:
        batch_op.create_index("ix_audit_records_noun", ["noun", "reference"], unique=False)

    op.create_table(
        "binding_tries",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=80), server_default="", nullable=False),
        sa.Column("tried_at", base.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding_tries")),
    )
    with op.batch_alter_table("binding_tries", schema=None) as batch_op:
        batch_op.create_index("ix_binding_tries_subject", ["subject", "tried_at"], unique=False)

    op.create_table(
        "communities",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=60), server_default="", nullable=False),
        sa.Column("company_name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("address", sa.String(length=120), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=30), server_default="", nullable=False),
        sa.Column("duty_hours", sa.String(length=60), server_default="", nullable=False),
        sa.Column("filing_no", sa.String(length=60), server_default="", nullable=False),
        sa.Column("opened_at", base.UtcDateTime(), nullable=True),
        sa.Column("widened_at", base.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communities")),
        sa.UniqueConstraint("name", name=op.f("uq_communities_name")),
    )
    op.create_table(
        "discrepancies",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("discrepancy_key", sa.String(length=120), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=30), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("detail", sa.String(length=300), server_default="", nullable=False),
        sa.Column("opened_at", base.UtcDateTime(), nullable=False),
        sa.Column("closed_at", base.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancies")),
        sa.UniqueConstraint("discrepancy_key", name=op.f("uq_discrepancies_discrepancy_key")),
    )
    with op.batch_alter_table("discrepancies", schema=None) as batch_op:
        batch_op.create_index(
            "ix_discrepancies_open",
            ["kind"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "identities",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("openid", sa.String(length=64), server_default="", nullable=False),
        sa.Column("is_following", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("first_seen_at", base.UtcDateTime(), nullable=False),
        sa.Column("window_until", base.UtcDateTime(), nullable=True),
        sa.Column("window_left", sa.Integer(), server_default="0", nullable=False),
        sa.Column("has_held", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credits", sa.Text(), server_default="{}", nullable=False),
        sa.Column("muted", sa.String(length=120), server_default="", nullable=False),
        sa.Column("chosen_unit_id", base.Key, nullable=True),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("account", "openid", name=op.f("uq_identities_account_openid")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_staff_id", ["staff_id"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("message_key", sa.String(length=160), server_default="", nullable=False),
        sa.Column("openid", sa.String(length=64), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=12), server_default="", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("heard_at", base.UtcDateTime(), nullable=False),
        sa.Column(
            "taken_at",
            base.UtcDateTime(),
            server_default=sa.text("(CURRENT_TIMESTAMP)"),
            nullable=False,
        ),
        sa.Column("is_answered", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("account", "message_key", name=op.f("uq_inbox_account_message_key")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbox_unanswered",
            ["taken_at"],
            unique=False,
            sqlite_where=sa.text("is_answered = 0"),
            postgresql_where=sa.text("is_answered = 0"),
        )

    op.create_table(
        "job_runs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("job", sa.String(length=40), server_default="", nullable=False),
        sa.Column("period", sa.String(length=30), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", base.UtcDateTime(), nullable=False),
        sa.Column("lease_until", base.UtcDateTime(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("finished_at", base.UtcDateTime(), nullable=True),
        sa.Column("report", sa.Text(), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'failed')", name=op.f("ck_job_runs_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
        sa.UniqueConstraint("job", "period", name=op.f("uq_job_runs_job_period")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("message_key", sa.String(length=160), server_default="", nullable=False),
        sa.Column("event", sa.String(length=40), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("account", sa.String(length=40), server_default="", nullable=False),
        sa.Column("recipient", sa.String(length=64), server_default="", nullable=False),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("community_id", base.Key, nullable=True),
        sa.Column("broadcast_id", base.Key, nullable=True),
        sa.Column("urgency", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="5", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", base.UtcDateTime(), nullable=False),
        sa.Column("not_before", base.UtcDateTime(), nullable=False),
        sa.Column("claimed_until", base.UtcDateTime(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", base.UtcDateTime(), nullable=True),
        sa.Column("route", sa.String(length=12), server_default="", nullable=False),
        sa.Column("why", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'sent', 'held', 'suppressed', 'dead', 'unknown')",
            name=op.f("ck_outbox_state"),
        ),
        sa.CheckConstraint(
            "urgency IN ('receipt', 'notice', 'reminder')", name=op.f("ck_outbox_urgency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_key", name=op.f("uq_outbox_message_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_broadcast_id", ["broadcast_id", "state"], unique=False)
        batch_op.create_index(
            "ix_outbox_due",
            ["priority", "not_before"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'claimed')"),
            postgresql_where=sa.text("state IN ('waiting', 'claimed')"),
        )
        batch_op.create_index("ix_outbox_identity_id", ["identity_id", "state"], unique=False)

    op.create_table(
        "payment_events",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("event_key", sa.String(length=120), server_default="", nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("outcome", sa.String(length=30), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("heard_at", base.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
        sa.UniqueConstraint("event_key", name=op.f("uq_payment_events_event_key")),
    )
    with op.batch_alter_table("payment_events", schema=None) as batch_op:
        batch_op.create_index("ix_payment_events_reference", ["reference"], unique=False)

    op.create_table(
        "serials",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("last_used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_serials")),
    )
    op.create_table(
        "staff",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=40), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=20), server_default="", nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.CheckConstraint("role IN ('manager', 'cashier', 'steward')", name=op.f("ck_staff_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("phone", name=op.f("uq_staff_phone")),
    )
    op.create_table(
        "broadcasts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("broadcast_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("created_by", base.Key, nullable=False),
        sa.Column("approved_by", base.Key, nullable=True),
        sa.Column("category", sa.String(length=20), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("audience_label", sa.String(length=80), server_default="", nullable=False),
        sa.Column("state", sa.String(length=17), nullable=False),
        sa.Column("created_at", base.UtcDateTime(), nullable=False),
        sa.Column("send_at", base.UtcDateTime(), nullable=True),
        sa.Column("started_at", base.UtcDateTime(), nullable=True),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.Column("queued_up_to", base.Key, server_default="0", nullable=False),
        sa.Column("recipient_count", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_approval', 'scheduled', 'sending', 'done', 'cancelled')",
            name=op.f("ck_broadcasts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["staff.id"], name=op.f("fk_broadcasts_approved_by")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_broadcasts_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_broadcasts_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
        sa.UniqueConstraint("broadcast_no", name=op.f("uq_broadcasts_broadcast_no")),
    )
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.create_index("ix_broadcasts_state", ["state", "send_at"], unique=False)

    op.create_table(
        "buildings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("label", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_buildings_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buildings")),
        sa.UniqueConstraint("community_id", "label", name=op.f("uq_buildings_community_id_label")),
    )
    op.create_table(
        "conversations",
        sa.Column("identity_id", base.Key, nullable=False),
        sa.Column("memory", sa.Text(), server_default="{}", nullable=False),
        sa.Column("updated_at", base.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_conversations_identity_id")
        ),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("outbox_id", base.Key, nullable=False),
        sa.Column("tried_at", base.UtcDateTime(), nullable=False),
        sa.Column("route", sa.String(length=12), server_default="", nullable=False),
        sa.Column("verdict", sa.String(length=16), server_default="", nullable=False),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.Column("platform_message_id", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["outbox.id"], name=op.f("fk_delivery_attempts_outbox_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    with op.batch_alter_table("delivery_attempts", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_attempts_outbox_id", ["outbox_id"], unique=False)
        batch_op.create_index(
            "ix_delivery_attempts_platform_message_id", ["platform_message_id"], unique=False
        )

    op.create_table(
        "entries",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("entry_key", sa.String(length=120), server_default="", nullable=False),
        sa.Column("memo", sa.String(length=80), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("posted_at", base.UtcDateTime(), nullable=False),
        sa.Column("reverses_id", base.Key, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_entries_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("entry_key", name=op.f("uq_entries_entry_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_entries_reverses_id")),
    )
    op.create_table(
        "fee_items",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("code", sa.String(length=30), server_default="", nullable=False),
        sa.Column("name", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_fee_items_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_items")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_fee_items_community_id_name")),
    )
    op.create_table(
        "policies",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("refund_window_days", sa.Integer(), server_default="30", nullable=False),
        sa.Column("refund_automatic_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "reminder_days", sa.String(length=60), server_default="-3,0,3,10,20", nullable=False
        ),
        sa.Column("weekly_cap", sa.Integer(), server_default="2", nullable=False),
        sa.Column("quiet_from", sa.String(length=5), server_default="21:00", nullable=False),
        sa.Column("quiet_until", sa.String(length=5), server_default="08:30", nullable=False),
        sa.Column("broadcast_approval_over", sa.Integer(), server_default="200", nullable=False),
        sa.Column("issue_day", sa.Integer(), server_default="1", nullable=False),
        sa.Column("bind_needs_code", sa.Integer(), server_default="1", nullable=False),
        sa.Column("collection_closed", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_policies_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint(
            "community_id", "effective_on", name=op.f("uq_policies_community_id_effective_on")
        ),
    )
    op.create_table(
        "residents",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("name", sa.String(length=40), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_residents_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residents")),
        sa.UniqueConstraint(
            "community_id", "name", "phone", name=op.f("uq_residents_community_id_name_phone")
        ),
    )
    op.create_table(
        "staff_communities",
        sa.Column("staff_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_staff_communities_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_communities_staff_id")
        ),
        sa.PrimaryKeyConstraint("staff_id", "community_id", name=op.f("pk_staff_communities")),
    )
    op.create_table(
        "entrances",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("building_id", base.Key, nullable=False),
        sa.Column("label", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_entrances_building_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrances")),
        sa.UniqueConstraint("building_id", "label", name=op.f("uq_entrances_building_id_label")),
    )
    op.create_table(
        "tariffs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("unit_kind", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("price_e4", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("due_day", sa.Integer(), server_default="25", nullable=False),
        sa.CheckConstraint("basis IN ('by_area', 'fixed')", name=op.f("ck_tariffs_basis")),
        sa.CheckConstraint(
            "unit_kind IN ('home', 'shop', 'parking')", name=op.f("ck_tariffs_unit_kind")
        ),
        sa.CheckConstraint("due_day BETWEEN 1 AND 31", name=op.f("ck_tariffs_due_day")),
        sa.CheckConstraint(
            "price_e4 >= 0 AND price_e4 <= 1000000000000", name=op.f("ck_tariffs_price")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_tariffs_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_tariffs_fee_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariffs")),
        sa.UniqueConstraint(
            "fee_item_id",
            "unit_kind",
            "effective_on",
            name=op.f("uq_tariffs_fee_item_id_unit_kind_effective_on"),
        ),
    )
    op.create_table(
        "units",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("building_id", base.Key, nullable=True),
        sa.Column("entrance_id", base.Key, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("floor_area_m2", base.Area(), nullable=True),
        sa.Column("link_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_pilot", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paper_code", sa.String(length=64), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('home', 'shop', 'parking')", name=op.f("ck_units_kind")),
        sa.CheckConstraint(
            "floor_area_m2 IS NULL OR floor_area_m2 > 0", name=op.f("ck_units_area_positive")
        ),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_units_building_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_units_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["entrance_id"], ["entrances.id"], name=op.f("fk_units_entrance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("community_id", "code", name=op.f("uq_units_community_id_code")),
    )
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.create_index("ix_units_building_id", ["building_id"], unique=False)

    op.create_table(
        "bills",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("bill_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("liable_id", base.Key, nullable=True),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(), nullable=False),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        sa.Column("void_reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("tariff_id", base.Key, nullable=True),
        sa.Column("explanation", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_imported", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_bills_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(paid_fen) = 'integer'", name=op.f("ck_bills_paid_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 99999999999", name=op.f("ck_bills_amount")
        ),
        sa.CheckConstraint("paid_fen >= 0 AND paid_fen <= amount_fen", name=op.f("ck_bills_paid")),
        sa.CheckConstraint("voided_at IS NULL OR paid_fen = 0", name=op.f("ck_bills_void_unpaid")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_bills_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_bills_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["liable_id"], ["residents.id"], name=op.f("fk_bills_liable_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bills_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bills")),
        sa.UniqueConstraint("bill_no", name=op.f("uq_bills_bill_no")),
        sa.UniqueConstraint(
            "unit_id",
            "fee_item_id",
            "period",
            "revision",
            name=op.f("uq_bills_unit_id_fee_item_id_period_revision"),
        ),
    )
    with op.batch_alter_table("bills", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bills_due",
            ["due_on"],
            unique=False,
            sqlite_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
            postgresql_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
        )
        batch_op.create_index(
            "ix_bills_open",
            ["unit_id", "period"],
            unique=False,
            sqlite_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
            postgresql_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
        )
        batch_op.create_index("ix_bills_unit_id", ["unit_id", "period"], unique=False)

    op.create_table(
        "bindings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("identity_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("resident_id", base.Key, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("said_name", sa.String(length=40), server_default="", nullable=False),
        sa.Column("said_phone", sa.String(length=20), server_default="", nullable=False),
        sa.Column("bound_at", base.UtcDateTime(), nullable=False),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.Column("decided_by", base.Key, nullable=True),
        sa.CheckConstraint("role IN ('owner', 'tenant', 'family')", name=op.f("ck_bindings_role")),
        sa.CheckConstraint(
            "state IN ('active', 'applied', 'declined', 'removed')", name=op.f("ck_bindings_state")
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_bindings_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_bindings_resident_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bindings_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bindings")),
    )
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.create_index("ix_bindings_unit_id", ["unit_id", "state"], unique=False)
        batch_op.create_index(
            "uq_bindings_live",
            ["identity_id", "unit_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('active', 'applied')"),
            postgresql_where=sa.text("state IN ('active', 'applied')"),
        )

    op.create_table(
        "broadcast_skips",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("broadcast_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("why", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_broadcast_skips_broadcast_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_broadcast_skips_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_skips")),
    )
    with op.batch_alter_table("broadcast_skips", schema=None) as batch_op:
        batch_op.create_index("ix_broadcast_skips_broadcast_id", ["broadcast_id"], unique=False)

    op.create_table(
        "occupancies",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("resident_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role IN ('owner', 'tenant', 'family')", name=op.f("ck_occupancies_role")
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_occupancies_resident_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_occupancies_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occupancies")),
        sa.UniqueConstraint(
            "resident_id",
            "unit_id",
            "role",
            "from_on",
            name=op.f("uq_occupancies_resident_id_unit_id_role_from_on"),
        ),
    )
    with op.batch_alter_table("occupancies", schema=None) as batch_op:
        batch_op.create_index("ix_occupancies_unit_id", ["unit_id"], unique=False)

    op.create_table(
        "payment_orders",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("order_no", sa.String(length=32), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("resident_id", base.Key, nullable=True),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=10), server_default="", nullable=False),
        sa.Column("choice_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="CNY", nullable=False),
        sa.Column("merchant_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("app_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("payer_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("created_at", base.UtcDateTime(), nullable=False),
        sa.Column("expires_at", base.UtcDateTime(), nullable=False),
        sa.Column("prepaid_at", base.UtcDateTime(), nullable=True),
        sa.Column("prepay_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("pay_url", sa.String(length=512), server_default="", nullable=False),
        sa.Column("code_url", sa.String(length=512), server_default="", nullable=False),
        sa.Column("settled_at", base.UtcDateTime(), nullable=True),
        sa.Column("next_query_at", base.UtcDateTime(), nullable=True),
        sa.Column("query_count", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'closed', 'failed')", name=op.f("ck_payment_orders_state")
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_payment_orders_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_orders_amount")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_payment_orders_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_payment_orders_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_payment_orders_resident_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_payment_orders_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_orders")),
        sa.UniqueConstraint("order_no", name=op.f("uq_payment_orders_order_no")),
    )
    with op.batch_alter_table("payment_orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_orders_query",
            ["next_query_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index("ix_payment_orders_unit_id", ["unit_id"], unique=False)
        batch_op.create_index(
            "uq_payment_orders_live",
            ["choice_key", "gateway", "kind", "payer_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "postings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("entry_id", base.Key, nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "account IN ('receivable', 'income', 'clearing', 'prepayment', 'refund_due', 'opening')",
            name=op.f("ck_postings_account"),
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_postings_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_postings_amount")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_postings_entry_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_postings_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
    )
    with op.batch_alter_table("postings", schema=None) as batch_op:
        batch_op.create_index("ix_postings_account", ["account", "unit_id"], unique=False)
        batch_op.create_index("ix_postings_entry_id", ["entry_id"], unique=False)

    op.create_table(
        "unit_balances",
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "account <> 'prepayment' OR balance_fen <= 0",
            name=op.f("ck_unit_balances_prepayment_not_overdrawn"),
        ),
        sa.CheckConstraint(
            "account <> 'receivable' OR balance_fen >= 0",
            name=op.f("ck_unit_balances_receivable_not_negative"),
        ),
        sa.CheckConstraint(
            "typeof(balance_fen) = 'integer'", name=op.f("ck_unit_balances_balance_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_unit_balances_unit_id")),
        sa.PrimaryKeyConstraint("unit_id", "account", name=op.f("pk_unit_balances")),
    )
    op.create_table(
        "bill_lines",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("quantity", sa.String(length=30), server_default="", nullable=False),
        sa.Column("unit_price", sa.String(length=30), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_bill_lines_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_bill_lines_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_lines")),
    )
    with op.batch_alter_table("bill_lines", schema=None) as batch_op:
        batch_op.create_index("ix_bill_lines_bill_id", ["bill_id"], unique=False)

    op.create_table(
        "payment_order_bills",
        sa.Column("order_id", base.Key, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_payment_order_bills_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["bill_id"], ["bills.id"], name=op.f("fk_payment_order_bills_bill_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["payment_orders.id"], name=op.f("fk_payment_order_bills_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "bill_id", name=op.f("pk_payment_order_bills")),
    )
    op.create_table(
        "payments",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("order_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("transaction_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("allocated_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("surplus_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("returned_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reserved_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid_at", base.UtcDateTime(), nullable=False),
        sa.Column("settled_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_payments_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint(
            "typeof(reserved_fen) = 'integer'", name=op.f("ck_payments_reserved_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "reserved_fen >= 0 AND reserved_fen <= amount_fen", name=op.f("ck_payments_reserved")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_payments_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["payment_orders.id"], name=op.f("fk_payments_order_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_payments_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "gateway", "transaction_id", name=op.f("uq_payments_gateway_transaction_id")
        ),
        sa.UniqueConstraint("order_id", name=op.f("uq_payments_order_id")),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("ix_payments_unit_id", ["unit_id", "paid_at"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("receipt_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("payment_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(), nullable=False),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_receipts_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_receipts_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_receipts_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_receipts_payment_id")),
        sa.UniqueConstraint("receipt_no", name=op.f("uq_receipts_receipt_no")),
    )
    op.create_table(
        "refunds",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("refund_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("payment_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("order_no", sa.String(length=32), server_default="", nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=30), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=80), server_default="", nullable=False),
        sa.Column("request_key", sa.String(length=80), server_default="", nullable=False),
        sa.Column("requested_at", base.UtcDateTime(), nullable=False),
        sa.Column("requested_by", base.Key, nullable=True),
        sa.Column("decided_by", base.Key, nullable=True),
        sa.Column("decided_at", base.UtcDateTime(), nullable=True),
        sa.Column("decline_reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("submitted_at", base.UtcDateTime(), nullable=True),
        sa.Column("next_step_at", base.UtcDateTime(), nullable=True),
        sa.Column("step_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("platform_refund_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("settled_at", base.UtcDateTime(), nullable=True),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.Column("predecessor_id", base.Key, nullable=True),
        sa.CheckConstraint(
            "state IN ('requested', 'declined', 'approved', 'submitted', 'unfunded', 'unknown', 'abnormal', 'closed', 'failed', 'success')",
            name=op.f("ck_refunds_state"),
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_refunds_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_refunds_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_refunds_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_refunds_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("refund_no", name=op.f("uq_refunds_refund_no")),
        sa.UniqueConstraint("request_key", name=op.f("uq_refunds_request_key")),
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index("ix_refunds_identity_id", ["identity_id"], unique=False)
        batch_op.create_index("ix_refunds_payment_id", ["payment_id"], unique=False)
        batch_op.create_index("ix_refunds_state", ["state", "next_step_at"], unique=False)

    op.create_table(
        "allocations",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("payment_id", base.Key, nullable=False),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("refund_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", base.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_allocations_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_allocations_bill_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_allocations_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("fk_allocations_refund_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
    )
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.create_index("ix_allocations_bill_id", ["bill_id"], unique=False)
        batch_op.create_index("ix_allocations_payment_id", ["payment_id"], unique=False)

    op.create_table(
        "refund_parts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("refund_id", base.Key, nullable=False),
        sa.Column("bill_id", base.Key, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_refund_parts_amount_fen_whole")
        ).ddl_if("sqlite"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_refund_parts_bill_id")),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("fk_refund_parts_refund_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_parts")),
    )
    with op.batch_alter_table("refund_parts", schema=None) as batch_op:
        batch_op.create_index("ix_refund_parts_refund_id", ["refund_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("refund_parts", schema=None) as batch_op:
        batch_op.drop_index("ix_refund_parts_refund_id")

    op.drop_table("refund_parts")
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.drop_index("ix_allocations_payment_id")
        batch_op.drop_index("ix_allocations_bill_id")

    op.drop_table("allocations")
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index("ix_refunds_state")
        batch_op.drop_index("ix_refunds_payment_id")
        batch_op.drop_index("ix_refunds_identity_id")

    op.drop_table("refunds")
    op.drop_table("receipts")
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index("ix_payments_unit_id")

    op.drop_table("payments")
    op.drop_table("payment_order_bills")
    with op.batch_alter_table("bill_lines", schema=None) as batch_op:
        batch_op.drop_index("ix_bill_lines_bill_id")

    op.drop_table("bill_lines")
    op.drop_table("unit_balances")
    with op.batch_alter_table("postings", schema=None) as batch_op:
        batch_op.drop_index("ix_postings_entry_id")
        batch_op.drop_index("ix_postings_account")

    op.drop_table("postings")
    with op.batch_alter_table("payment_orders", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_payment_orders_live",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_payment_orders_unit_id")
        batch_op.drop_index(
            "ix_payment_orders_query",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.drop_table("payment_orders")
    with op.batch_alter_table("occupancies", schema=None) as batch_op:
        batch_op.drop_index("ix_occupancies_unit_id")

    op.drop_table("occupancies")
    with op.batch_alter_table("broadcast_skips", schema=None) as batch_op:
        batch_op.drop_index("ix_broadcast_skips_broadcast_id")

    op.drop_table("broadcast_skips")
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_bindings_live",
            sqlite_where=sa.text("state IN ('active', 'applied')"),
            postgresql_where=sa.text("state IN ('active', 'applied')"),
        )
        batch_op.drop_index("ix_bindings_unit_id")

    op.drop_table("bindings")
    with op.batch_alter_table("bills", schema=None) as batch_op:
        batch_op.drop_index("ix_bills_unit_id")
        batch_op.drop_index(
            "ix_bills_open",
            sqlite_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
            postgresql_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
        )
        batch_op.drop_index(
            "ix_bills_due",
            sqlite_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
            postgresql_where=sa.text("voided_at IS NULL AND paid_fen < amount_fen"),
        )

    op.drop_table("bills")
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index("ix_units_building_id")

    op.drop_table("units")
    op.drop_table("tariffs")
    op.drop_table("entrances")
    op.drop_table("staff_communities")
    op.drop_table("residents")
    op.drop_table("policies")
    op.drop_table("fee_items")
    op.drop_table("entries")
    with op.batch_alter_table("delivery_attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_delivery_attempts_platform_message_id")
        batch_op.drop_index("ix_delivery_attempts_outbox_id")

    op.drop_table("delivery_attempts")
    op.drop_table("conversations")
    op.drop_table("buildings")
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.drop_index("ix_broadcasts_state")

    op.drop_table("broadcasts")
    op.drop_table("staff")
    op.drop_table("serials")
    with op.batch_alter_table("payment_events", schema=None) as batch_op:
        batch_op.drop_index("ix_payment_events_reference")

    op.drop_table("payment_events")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_identity_id")
        batch_op.drop_index(
            "ix_outbox_due",
            sqlite_where=sa.text("state IN ('waiting', 'claimed')"),
            postgresql_where=sa.text("state IN ('waiting', 'claimed')"),
        )
        batch_op.drop_index("ix_outbox_broadcast_id")

    op.drop_table("outbox")
    op.drop_table("job_runs")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbox_unanswered",
            sqlite_where=sa.text("is_answered = 0"),
            postgresql_where=sa.text("is_answered = 0"),
        )

    op.drop_table("inbox")
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.drop_index("ix_identities_staff_id")

    op.drop_table("identities")
    with op.batch_alter_table("discrepancies", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_discrepancies_open",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.drop_table("discrepancies")
    op.drop_table("communities")
    with op.batch_alter_table("binding_tries", schema=None) as batch_op:
        batch_op.drop_index("ix_binding_tries_subject")

    op.drop_table("binding_tries")
    with op.batch_alter_table("audit_records", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_records_noun")

    op.drop_table("audit_records")
