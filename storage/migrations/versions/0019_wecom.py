"""The books know the accounts of a work chat, and by which account each group of staff is told."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "work_accounts",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_work_accounts")),
    )
    op.create_table(
        "work_groups",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=40), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_work_groups")),
    )


def downgrade() -> None:
    """Take it back; the next start would write both anew."""
    op.drop_table("work_groups")
    op.drop_table("work_accounts")
