"""The staff console gets links that sign in once, sessions, passwords and a count of tries."""

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "console_passes",
        _key(),
        _text("pass_key", 64),
        sa.Column("staff_id", base.Key, nullable=False),
        _instant("expires_at"),
        _instant("used_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_console_passes_staff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_passes")),
        sa.UniqueConstraint("pass_key", name=op.f("uq_console_passes_pass_key")),
    )
    op.create_index("ix_console_passes_expires_at", "console_passes", ["expires_at"])
    op.create_table(
        "console_sessions",
        _key(),
        _text("session_key", 64),
        sa.Column("staff_id", base.Key, nullable=False),
        _instant("begun_at"),
        _instant("seen_at"),
        _instant("ends_at"),
        _instant("ended_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_console_sessions_staff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_sessions")),
        sa.UniqueConstraint("session_key", name=op.f("uq_console_sessions_session_key")),
    )
    op.create_index("ix_console_sessions_staff_id", "console_sessions", ["staff_id"])
    op.create_index("ix_console_sessions_ends_at", "console_sessions", ["ends_at"])
    op.create_table(
        "staff_passwords",
        sa.Column("staff_id", base.Key, autoincrement=False, nullable=False),
        _text("phc", 200),
        _instant("set_at"),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_passwords")),
    )
    op.create_table(
        "sign_in_tries",
        _key(),
        _text("subject", 80),
        _instant("tried_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_tries")),
    )
    op.create_index("ix_sign_in_tries_subject", "sign_in_tries", ["subject", "tried_at"])


def downgrade() -> None:
    """Take it back; everybody signs in anew."""
    for table in ("sign_in_tries", "staff_passwords", "console_sessions", "console_passes"):
        op.drop_table(table)


def _key() -> sa.Column[int]:
    return sa.Column("id", base.Key, autoincrement=True, nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[base.UtcDateTime]:
    return sa.Column(name, base.UtcDateTime(), nullable=nullable)
