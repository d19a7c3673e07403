"""Open bills of a unit are found by the index of open bills.

Of two indexes that promise the same, SQLite takes the one that was made last: a household's open
bills were sought among all that it ever had.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("voided_at IS NULL AND paid_fen < amount_fen")


def upgrade() -> None:
    """Take the step."""
    _make_last("ix_bills_open", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)


def downgrade() -> None:
    """Take the step back."""
    _make_last("ix_bills_unit_id")


def _make_last(name: str, **where: sa.TextClause) -> None:
    """Make an index anew; PostgreSQL chooses by what it has counted and needs none of it."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index(name, "bills")
    op.create_index(name, "bills", ["unit_id", "period"], **where)  # type: ignore[arg-type]
