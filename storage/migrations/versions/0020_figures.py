"""Moves of debts and entries are found by their time, and a month's report is kept as it was at its end."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

IS_VOID = sa.text("voided_at IS NOT NULL")


def upgrade() -> None:
    """Take the step."""
    op.create_index("ix_allocations_booked_at", "allocations", ["booked_at", "bill_id"])
    op.create_index("ix_entries_effective_on", "entries", ["community_id", "effective_on"])
    op.create_index("ix_bills_issued_at", "bills", ["issued_at", "community_id"])
    op.create_index(
        "ix_bills_voided_at",
        "bills",
        ["community_id", "voided_at"],
        sqlite_where=IS_VOID,
        postgresql_where=IS_VOID,
    )
    op.create_table(
        "month_reports",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("made_at", base.UtcDateTime(), nullable=False),
        sa.Column("published_at", base.UtcDateTime(), nullable=True),
        sa.Column("published_by", base.Key, nullable=True),
        sa.Column("shows_buildings", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_month_reports_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_reports")),
        sa.UniqueConstraint(
            "community_id", "period", name=op.f("uq_month_reports_community_id_period")
        ),
    )


def downgrade() -> None:
    """Take the step back; the reports can be made again from the books."""
    op.drop_table("month_reports")
    op.drop_index("ix_bills_voided_at", "bills")
    op.drop_index("ix_bills_issued_at", "bills")
    op.drop_index("ix_entries_effective_on", "entries")
    op.drop_index("ix_allocations_booked_at", "allocations")
