"""Tickets may be about money that a resident says she paid, one open of a flat; talks are rated."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OLD_KINDS = ("dispute", "complaint", "suggestion", "repair", "question")
KINDS = (*OLD_KINDS, "payment")
OLD_TOPICS = (*OLD_KINDS, "payment", "refund")
TOPICS = (*OLD_TOPICS, "person")
STATES = ("open", "assigned", "answered", "closed", "reopened")
CLAIMS = "uq_tickets_claim"
IS_CLAIM = sa.text("kind = 'payment' AND closed_at IS NULL")
IS_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Take the step."""
    _change("tickets", "kind", _tickets(OLD_KINDS), KINDS)
    _change("ratings", "topic", _ratings(OLD_TOPICS), TOPICS)
    op.create_index(
        CLAIMS,
        "tickets",
        ["unit_id"],
        unique=True,
        sqlite_where=IS_CLAIM,
        postgresql_where=IS_CLAIM,
    )


def downgrade() -> None:
    """Take it back: what was a payment's is a question, what rated a talk rates a question."""
    op.drop_index(CLAIMS, "tickets")
    op.execute("UPDATE tickets SET kind = 'question' WHERE kind = 'payment'")
    op.execute("UPDATE ratings SET topic = 'question' WHERE topic = 'person'")
    _change("ratings", "topic", _ratings(TOPICS), OLD_TOPICS)
    _change("tickets", "kind", _tickets(KINDS), OLD_KINDS)


def _change(table: str, name: str, before: sa.Table, words: tuple[str, ...]) -> None:
    """Let a column have other words; SQLite makes the table anew for that."""
    check = op.f(f"ck_{table}_{name}")
    copy = before if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table(table, copy_from=copy) as batch_op:
        batch_op.drop_constraint(check, type_="check")
        batch_op.create_check_constraint(check, _one_of(name, words))


def _one_of(name: str, words: tuple[str, ...]) -> str:
    return f"{name} IN ({', '.join(repr(word) for word in words)})"


def _check(table: str, name: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(_one_of(name, words), name=op.f(f"ck_{table}_{name}"))


def _key(name: str, target: str, table: str, *, nullable: bool = False) -> sa.Column[int]:
    points = sa.ForeignKey(f"{target}.id", name=op.f(f"fk_{table}_{name}"))
    return sa.Column(name, base.Key, points, nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=16), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, base.UtcDateTime(), nullable=nullable)


def _tickets(kinds: tuple[str, ...]) -> sa.Table:
    """Return the table as it is on SQLite."""
    name = "tickets"
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        _text("ticket_no", 20),
        _text("request_key", 200),
        _key("community_id", "communities", name),
        _key("unit_id", "units", name, nullable=True),
        _key("identity_id", "identities", name),
        _word("kind"),
        _word("state"),
        _word("priority"),
        _text("said", 500),
        _key("assignee_id", "staff", name, nullable=True),
        _instant("opened_at"),
        _instant("due_at"),
        _instant("urged_at", nullable=True),
        _instant("closed_at", nullable=True),
        _text("outcome", 300),
        sa.Column("warnings", sa.Integer(), server_default="0", nullable=False),
        _check(name, "kind", kinds),
        _check(name, "state", STATES),
        _check(name, "priority", ("urgent", "normal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("ticket_no", name=op.f("uq_tickets_ticket_no")),
        sa.UniqueConstraint("request_key", name=op.f("uq_tickets_request_key")),
        sa.Index("ix_tickets_open", "community_id", "due_at", sqlite_where=IS_OPEN),
        sa.Index("ix_tickets_identity_id", "identity_id", "opened_at"),
    )


def _ratings(topics: tuple[str, ...]) -> sa.Table:
    """Return the table as it is on SQLite."""
    name = "ratings"
    unique = op.f("uq_ratings_topic_reference_identity_id")
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        _key("identity_id", "identities", name),
        _key("community_id", "communities", name),
        _key("unit_id", "units", name, nullable=True),
        _word("topic"),
        _text("reference", 40),
        _instant("asked_at"),
        sa.Column("stars", sa.Integer(), nullable=True),
        _text("words", 200),
        _instant("rated_at", nullable=True),
        _check(name, "topic", topics),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_ratings_stars")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint("topic", "reference", "identity_id", name=unique),
        sa.Index("ix_ratings_community_id", "community_id", "rated_at"),
        sa.Index("ix_ratings_identity_id", "identity_id", "asked_at"),
    )
