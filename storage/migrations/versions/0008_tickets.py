"""Tickets (工单), ratings and talks with a person get their tables; communities choose duty hours and how long tickets take."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = ("dispute", "complaint", "suggestion", "repair", "question")
STATES = ("open", "assigned", "answered", "closed", "reopened")
PRIORITIES = ("urgent", "normal")
ACTS = (
    *("opened", "pictured", "assigned", "noted", "answered"),
    *("urged", "closed", "withdrawn", "reopened"),
)
TOPICS = (*KINDS, "payment", "refund")
REASONS = ("wish", "missed", "anger")
CHOICES = (
    ("duty_from", 5, "08:30"),
    ("duty_until", 5, "17:30"),
    ("duty_days", 20, "1,2,3,4,5,6,7"),
    ("ticket_hours", 120, ""),
)


def upgrade() -> None:
    """Take the step."""
    for name, length, default in CHOICES:
        op.add_column("policies", _text(name, length, default))
    op.add_column(
        "policies", sa.Column("rating_days", sa.Integer(), server_default="30", nullable=False)
    )
    for name in ("rating", "talk"):
        op.add_column("conversations", sa.Column(f"{name}_id", base.Key, nullable=True))
        until: sa.Column[Any] = sa.Column(f"{name}_until", base.UtcDateTime(), nullable=True)
        op.add_column("conversations", until)
    _tickets()
    _ticket_steps()
    _ticket_holds()
    _ratings()
    _talks()


def downgrade() -> None:
    """Take it back; the tickets are gone, the holds stay."""
    for table in ("talks", "ratings", "ticket_holds", "ticket_steps", "tickets"):
        op.drop_table(table)
    for name, _, _ in reversed(CHOICES):
        op.drop_column("policies", name)
    op.drop_column("policies", "rating_days")
    for name in ("rating_id", "rating_until", "talk_id", "talk_until"):
        op.drop_column("conversations", name)


def _text(name: str, length: int, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default=default, nullable=False)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=16), nullable=False)


def _one_of(table: str, name: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{one}'" for one in words)
    return sa.CheckConstraint(f"{name} IN ({listed})", name=op.f(f"ck_{table}_{name}"))


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        _text("ticket_no", 20),
        _text("request_key", 200),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        sa.Column("identity_id", base.Key, nullable=False),
        _word("kind"),
        _word("state"),
        _word("priority"),
        _text("said", 500),
        sa.Column("assignee_id", base.Key, nullable=True),
        sa.Column("opened_at", base.UtcDateTime(), nullable=False),
        sa.Column("due_at", base.UtcDateTime(), nullable=False),
        sa.Column("urged_at", base.UtcDateTime(), nullable=True),
        sa.Column("closed_at", base.UtcDateTime(), nullable=True),
        _text("outcome", 300),
        sa.Column("warnings", sa.Integer(), server_default="0", nullable=False),
        _one_of("tickets", "kind", KINDS),
        _one_of("tickets", "state", STATES),
        _one_of("tickets", "priority", PRIORITIES),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_tickets_community_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_tickets_unit_id")),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_tickets_identity_id")
        ),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_tickets_assignee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("ticket_no", name=op.f("uq_tickets_ticket_no")),
        sa.UniqueConstraint("request_key", name=op.f("uq_tickets_request_key")),
    )
    op.create_index(
        "ix_tickets_open",
        "tickets",
        ["community_id", "due_at"],
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_tickets_identity_id", "tickets", ["identity_id", "opened_at"])


def _ticket_steps() -> None:
    op.create_table(
        "ticket_steps",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("ticket_id", base.Key, nullable=False),
        _word("act"),
        _text("words", 500),
        _text("media_id", 200),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("identity_id", base.Key, nullable=True),
        sa.Column("done_at", base.UtcDateTime(), nullable=False),
        _one_of("ticket_steps", "act", ACTS),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_steps_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_steps")),
    )
    op.create_index("ix_ticket_steps_ticket_id", "ticket_steps", ["ticket_id"])


def _ticket_holds() -> None:
    op.create_table(
        "ticket_holds",
        sa.Column("ticket_id", base.Key, nullable=False),
        sa.Column("hold_id", base.Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_holds_ticket_id")
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_ticket_holds_hold_id")),
        sa.PrimaryKeyConstraint("ticket_id", "hold_id", name=op.f("pk_ticket_holds")),
    )
    op.create_index("ix_ticket_holds_hold_id", "ticket_holds", ["hold_id"])


def _ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("identity_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        _word("topic"),
        _text("reference", 40),
        sa.Column("asked_at", base.UtcDateTime(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=True),
        _text("words", 200),
        sa.Column("rated_at", base.UtcDateTime(), nullable=True),
        _one_of("ratings", "topic", TOPICS),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_ratings_stars")),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_ratings_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_ratings_community_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ratings_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint(
            "topic", "reference", "identity_id", name=op.f("uq_ratings_topic_reference_identity_id")
        ),
    )
    op.create_index("ix_ratings_community_id", "ratings", ["community_id", "rated_at"])
    op.create_index("ix_ratings_identity_id", "ratings", ["identity_id", "asked_at"])


def _talks() -> None:
    op.create_table(
        "talks",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("identity_id", base.Key, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("unit_id", base.Key, nullable=True),
        _word("reason"),
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("begun_at", base.UtcDateTime(), nullable=False),
        sa.Column("last_at", base.UtcDateTime(), nullable=False),
        sa.Column("ended_at", base.UtcDateTime(), nullable=True),
        _one_of("talks", "reason", REASONS),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_talks_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_talks_community_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_talks_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talks")),
    )
    op.create_index(
        "uq_talks_live",
        "talks",
        ["identity_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_talks_community_id", "talks", ["community_id", "ended_at"])
