"""Long work of the console gets its table: asked for, under way, done or broken off."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "works",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("staff_id", base.Key, nullable=False),
        sa.Column("title", sa.String(length=120), server_default="", nullable=False),
        sa.Column("asked", sa.Text(), server_default="{}", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.String(length=20), server_default="", nullable=False),
        sa.Column("size", sa.Integer(), server_default="0", nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report", sa.Text(), server_default="{}", nullable=False),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        sa.Column("lease_until", base.UtcDateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('import')", name=op.f("ck_works_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'broken')", name=op.f("ck_works_state")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_works_community_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_works_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
    )
    op.create_index("ix_works_state", "works", ["state"])
    op.create_index("ix_works_community_id", "works", ["community_id"])


def downgrade() -> None:
    """Take it back; sheets that were sent and not taken in have to be sent again."""
    op.drop_table("works")
