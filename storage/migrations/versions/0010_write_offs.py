"""Bad debt is written off (坏账核销); a bill keeps what was waived and written off of it.

What a bill still asks for may now be nothing.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OLD_AMOUNT = "amount_fen > 0 AND amount_fen <= 99999999999"
AMOUNT = "amount_fen >= 0 AND amount_fen + waived_fen + written_off_fen BETWEEN 1 AND 99999999999"
NO_MORE = ("waived_fen", "written_off_fen")
STATES = ("asked", "approved", "declined", "reversed")
IS_OPEN = sa.text("voided_at IS NULL AND paid_fen < amount_fen")


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("bills", copy_from=_bills(is_wide=False)) as batch_op:
        batch_op.drop_constraint(op.f("ck_bills_amount"), type_="check")
        for name in NO_MORE:
            batch_op.add_column(_fen(name))
        for one in _checks(is_wide=True):
            batch_op.create_check_constraint(one.name, one.sqltext)
    _open_bills_last()
    op.execute(
        "UPDATE bills SET waived_fen = (SELECT -SUM(bill_lines.amount_fen) FROM bill_lines"
        " WHERE bill_lines.bill_id = bills.id AND bill_lines.kind = 'waiver')"
        " WHERE id IN (SELECT bill_id FROM bill_lines WHERE kind = 'waiver')"
    )
    _write_offs()


def downgrade() -> None:
    """Take it back; the old CHECK refuses books in which a bill asks for nothing any more.

    So are books refused in which a write-off was decided: the ledger's bad debt would be nobody's.
    """
    decided = sa.text("SELECT count(*) FROM write_offs WHERE state IN ('approved', 'reversed')")
    if op.get_bind().execute(decided).scalar_one():
        raise RuntimeError("debts were written off: the step before cannot tell of them")
    op.drop_table("write_offs")
    with op.batch_alter_table("bills", copy_from=_bills(is_wide=True)) as batch_op:
        for one in _checks(is_wide=True):
            batch_op.drop_constraint(one.name, type_="check")
        for name in reversed(NO_MORE):
            batch_op.drop_column(name)
        batch_op.create_check_constraint(op.f("ck_bills_amount"), OLD_AMOUNT)
    _open_bills_last()


def _write_offs() -> None:
    op.create_table(
        "write_offs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        _text("write_off_no", 24),
        sa.Column("bill_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        _text("reason", 120),
        _text("evidence", 200),
        sa.Column("asked_by", base.Key, nullable=False),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.Column("decided_by", base.Key, nullable=True),
        sa.Column("decided_at", base.UtcDateTime(), nullable=True),
        _text("decline_reason", 120),
        sa.Column("reversed_at", base.UtcDateTime(), nullable=True),
        _text("reversal_reason", 120),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_write_offs_amount")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_write_offs_four_eyes")
        ),
        sa.CheckConstraint(
            f"state IN ({', '.join(map(repr, STATES))})", name=op.f("ck_write_offs_state")
        ),
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_write_offs_amount_fen_whole")
        ).ddl_if("sqlite"),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_write_offs_{name}"))
            for name, table in (
                ("asked_by", "staff"),
                ("bill_id", "bills"),
                ("community_id", "communities"),
                ("decided_by", "staff"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_offs")),
        sa.UniqueConstraint("write_off_no", name=op.f("uq_write_offs_write_off_no")),
    )
    op.create_index("ix_write_offs_bill_id", "write_offs", ["bill_id"])


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)


def _fen(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _checks(*, is_wide: bool) -> list[Any]:
    """Return the CHECKs that are other before the step and after it."""
    if not is_wide:
        return [sa.CheckConstraint(OLD_AMOUNT, name=op.f("ck_bills_amount"))]
    found = [
        sa.CheckConstraint(AMOUNT, name=op.f("ck_bills_amount")),
        *(sa.CheckConstraint(f"{one} >= 0", name=op.f(f"ck_bills_{one[:-4]}")) for one in NO_MORE),
    ]
    if op.get_bind().dialect.name == "sqlite":
        found += [_is_whole(one) for one in NO_MORE]
    return found


def _is_whole(name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"typeof({name}) = 'integer'", name=op.f(f"ck_bills_{name}_whole"))


def _open_bills_last() -> None:
    """Make the index of open bills the newest one: SQLite prefers it to the others only then."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index("ix_bills_open", "bills")
    op.create_index("ix_bills_open", "bills", ["unit_id", "period"], sqlite_where=IS_OPEN)


def _bills(*, is_wide: bool) -> sa.Table | None:
    """Return the table as it is on SQLite, where a CHECK is changed by making the table anew."""
    if op.get_bind().dialect.name != "sqlite":
        return None
    return sa.Table(
        "bills",
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        _text("bill_no", 24),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("liable_id", base.Key, nullable=True),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        _fen("paid_fen"),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(), nullable=False),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        _text("void_reason", 120),
        sa.Column("tariff_id", base.Key, nullable=True),
        sa.Column("explanation", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_imported", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("corrects_id", base.Key, nullable=True),
        sa.Column("part", sa.Integer(), server_default="0", nullable=False),
        *((_fen(name) for name in NO_MORE) if is_wide else ()),
        *_checks(is_wide=is_wide),
        *(_is_whole(name) for name in ("amount_fen", "paid_fen")),
        sa.CheckConstraint("paid_fen >= 0 AND paid_fen <= amount_fen", name=op.f("ck_bills_paid")),
        sa.CheckConstraint("voided_at IS NULL OR paid_fen = 0", name=op.f("ck_bills_void_unpaid")),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_bills_{name}"))
            for name, table in (
                ("community_id", "communities"),
                ("fee_item_id", "fee_items"),
                ("liable_id", "residents"),
                ("unit_id", "units"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bills")),
        sa.UniqueConstraint("bill_no", name=op.f("uq_bills_bill_no")),
        sa.UniqueConstraint(
            *("unit_id", "fee_item_id", "period", "part", "revision"),
            name=op.f("uq_bills_unit_id_fee_item_id_period_part_revision"),
        ),
        sa.Index("ix_bills_due", "due_on", sqlite_where=IS_OPEN),
        sa.Index("ix_bills_open", "unit_id", "period", sqlite_where=IS_OPEN),
        sa.Index("ix_bills_unit_id", "unit_id", "period"),
    )
