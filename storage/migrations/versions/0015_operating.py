"""Troubles of the running itself are written down, so that the duty group hears of each once."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = "ended_at IS NULL"


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "alarms",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("detail", sa.String(length=120), server_default="", nullable=False),
        sa.Column("begun_at", base.UtcDateTime(), nullable=False),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('late_job', 'channel', 'difference', 'queue')", name=op.f("ck_alarms_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index(
        "uq_alarms_open",
        "alarms",
        ["kind", "reference"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("alarms")
