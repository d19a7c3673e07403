"""A period whose days are several parties' has a bill for each of them: bills know their part."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WHOLE = ("unit_id", "fee_item_id", "period", "revision")
IN_PARTS = ("unit_id", "fee_item_id", "period", "part", "revision")
IS_OPEN = sa.text("voided_at IS NULL AND paid_fen < amount_fen")
FAR = 1_000
"""A part that is taken back becomes a revision so far away that none is in its place."""


def upgrade() -> None:
    """Take the step; what was in parts before it was taken back is so again.

    Else one of the parts would pass for all of them, and the days of the others be billed anew.
    """
    if _is_sqlite():
        _anew(_part())
    else:
        op.add_column("bills", _part())
        _unique_by(IN_PARTS, before=WHOLE)
    op.execute(
        sa.text(
            f"UPDATE bills SET part = revision / {FAR}, revision = revision % {FAR}"  # noqa: S608
            f" WHERE revision >= {FAR}"
        )
    )


def downgrade() -> None:
    """Take it back; parts are told apart by their revision."""
    op.execute(sa.text(f"UPDATE bills SET revision = revision + {FAR} * part WHERE part > 0"))  # noqa: S608
    if _is_sqlite():
        _anew()
        return
    _unique_by(WHOLE, before=IN_PARTS)
    op.drop_column("bills", "part")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _part() -> sa.Column[int]:
    return sa.Column("part", sa.Integer(), server_default="0", nullable=False)


def _name(columns: tuple[str, ...]) -> str:
    return str(op.f(f"uq_bills_{'_'.join(columns)}"))


def _unique_by(columns: tuple[str, ...], *, before: tuple[str, ...]) -> None:
    op.drop_constraint(_name(before), "bills", type_="unique")
    op.create_unique_constraint(_name(columns), "bills", list(columns))


def _anew(*more: sa.Column[int]) -> None:
    """Write the table anew, as SQLite needs it; the index of open bills is made last."""
    names = [one.name for one in _columns()]
    unique = IN_PARTS if more else WHOLE
    op.create_table("bills_anew", *_columns(), *more, *_checks(), _key(unique))
    listed = ", ".join(str(one) for one in names)
    op.execute(sa.text(f"INSERT INTO bills_anew ({listed}) SELECT {listed} FROM bills"))  # noqa: S608
    op.drop_table("bills")
    op.rename_table("bills_anew", "bills")
    op.create_index("ix_bills_due", "bills", ["due_on"], sqlite_where=IS_OPEN)
    op.create_index("ix_bills_unit_id", "bills", ["unit_id", "period"])
    op.create_index("ix_bills_open", "bills", ["unit_id", "period"], sqlite_where=IS_OPEN)


def _key(columns: tuple[str, ...]) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=_name(columns))


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("bill_no", sa.String(length=24), server_default="", nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=False),
        sa.Column("fee_item_id", base.Key, nullable=False),
        sa.Column("liable_id", base.Key, nullable=True),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(), nullable=False),
        sa.Column("voided_at", base.UtcDateTime(), nullable=True),
        sa.Column("void_reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("tariff_id", base.Key, nullable=True),
        sa.Column("explanation", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_imported", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("corrects_id", base.Key, nullable=True),
    ]


def _checks() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "typeof(amount_fen) = 'integer'", name=op.f("ck_bills_amount_fen_whole")
        ),
        sa.CheckConstraint("typeof(paid_fen) = 'integer'", name=op.f("ck_bills_paid_fen_whole")),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 99999999999", name=op.f("ck_bills_amount")
        ),
        sa.CheckConstraint("paid_fen >= 0 AND paid_fen <= amount_fen", name=op.f("ck_bills_paid")),
        sa.CheckConstraint("voided_at IS NULL OR paid_fen = 0", name=op.f("ck_bills_void_unpaid")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_bills_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["fee_item_id"], ["fee_items.id"], name=op.f("fk_bills_fee_item_id")
        ),
        sa.ForeignKeyConstraint(["liable_id"], ["residents.id"], name=op.f("fk_bills_liable_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bills_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bills")),
        sa.UniqueConstraint("bill_no", name=op.f("uq_bills_bill_no")),
    ]
