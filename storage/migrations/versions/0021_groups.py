"""Residents' own groups are told by their owner: who she is, and how each task of hers went."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("work_groups") as batch:
        batch.add_column(sa.Column("owner", sa.String(64), server_default="", nullable=False))
    op.create_table(
        "group_tasks",
        sa.Column("id", base.Key, nullable=False),
        sa.Column("attempt_id", base.Key, nullable=False),
        sa.Column("reminders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reminded_at", base.UtcDateTime(), nullable=True),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["delivery_attempts.id"], name=op.f("fk_group_tasks_attempt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_tasks")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_group_tasks_attempt_id")),
    )


def downgrade() -> None:
    """Take it back; how tasks of groups went is forgotten."""
    op.drop_table("group_tasks")
    with op.batch_alter_table("work_groups") as batch:
        batch.drop_column("owner")
