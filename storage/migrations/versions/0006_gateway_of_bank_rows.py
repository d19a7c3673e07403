"""Each bank row says by which gateway's name its account collects, so that its refund finds it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FILL = """
UPDATE bank_rows SET gateway = COALESCE(
    (
        SELECT MAX(payment_orders.gateway) FROM payment_orders
        WHERE payment_orders.merchant_id = bank_rows.account_no
        AND payment_orders.order_no LIKE 'W%'
    ),
    'bank_transfer'
)
"""
"""What payers were asked through is the account's own; orders of claimed rows all said one name."""


def upgrade() -> None:
    """Take the step."""
    op.add_column(
        "bank_rows", sa.Column("gateway", sa.String(length=20), server_default="", nullable=False)
    )
    op.execute(FILL)


def downgrade() -> None:
    """Take it back."""
    op.drop_column("bank_rows", "gateway")
