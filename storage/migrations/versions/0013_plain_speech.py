"""Who asked for it is answered in few and simple words (老年模式)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    is_plain: sa.Column[bool] = sa.Column(
        "is_plain", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )
    op.add_column("identities", is_plain)


def downgrade() -> None:
    """Take it back; everybody is answered as usual."""
    op.drop_column("identities", "is_plain")
