"""Where a payment went is whole fen too: SQLite refuses text and fractions there."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEFORE = ("amount_fen", "reserved_fen")
NEW = ("allocated_fen", "surplus_fen", "returned_fen")


def upgrade() -> None:
    """Take the step."""
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table("payments", copy_from=_payments(*BEFORE)) as batch_op:
        for name in NEW:
            batch_op.create_check_constraint(_name(name), f"typeof({name}) = 'integer'")


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table("payments", copy_from=_payments(*BEFORE, *NEW)) as batch_op:
        for name in NEW:
            batch_op.drop_constraint(_name(name), type_="check")


def _name(column: str) -> str:
    return op.f(f"ck_payments_{column}_whole")


def _payments(*whole: str) -> sa.Table:
    """Return the table as it is on SQLite, where a CHECK is added by making the table anew."""
    return sa.Table(
        "payments",
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("order_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("gateway", sa.String(length=20), server_default="", nullable=False),
        sa.Column("transaction_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("allocated_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("surplus_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("returned_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reserved_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid_at", base.UtcDateTime(), nullable=False),
        sa.Column("settled_at", base.UtcDateTime(), nullable=False),
        *(sa.CheckConstraint(f"typeof({one}) = 'integer'", name=_name(one)) for one in whole),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "reserved_fen >= 0 AND reserved_fen <= amount_fen", name=op.f("ck_payments_reserved")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_payments_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["payment_orders.id"], name=op.f("fk_payments_order_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_payments_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "gateway", "transaction_id", name=op.f("uq_payments_gateway_transaction_id")
        ),
        sa.UniqueConstraint("order_id", name=op.f("uq_payments_order_id")),
        sa.Index("ix_payments_unit_id", "unit_id", "paid_at"),
    )
