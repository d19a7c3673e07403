"""People are told things unasked in the language that they write."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    language: sa.Column[str] = sa.Column(
        "language", sa.String(2), server_default="", nullable=False
    )
    op.add_column("identities", language)


def downgrade() -> None:
    """Take it back."""
    op.drop_column("identities", "language")
