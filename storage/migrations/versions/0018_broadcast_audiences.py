"""A broadcast (群发) can be paused and go on; a step down stops those that are paused."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("broadcasts", sa.Column("paused_at", base.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Take it back: what nobody let go on stays unsent."""
    op.execute("UPDATE broadcasts SET state = 'cancelled' WHERE paused_at IS NOT NULL")
    op.drop_column("broadcasts", "paused_at")
