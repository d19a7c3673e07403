"""A community has words of its own (FAQ, texts); duty hours stand once, as a choice."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from storage.models import base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS: Final = ("greeting", "off_duty", "phones")
USUAL: Final = {"duty_from": "08:30", "duty_until": "17:30", "duty_days": "1,2,3,4,5,6,7"}
SINCE: Final = date(2020, 1, 1)
DAYS: Final = {"": "1,2,3,4,5,6,7", "每天": "1,2,3,4,5,6,7", "工作日": "1,2,3,4,5"}
WEEK: Final = "一二三四五六日"
CLOCK: Final = r"([0-9]{1,2})(?:[:：]([0-5][0-9])|点(半)?)"
HOURS: Final = re.compile(rf"(.*?)[ ,，:：]*{CLOCK} ?(?:到|至|-|–|—|~) ?{CLOCK}")
SPAN: Final = re.compile(
    r"(?:周|星期)([一二三四五六日])(?:到|至|-|–)(?:周|星期)?([一二三四五六日])"
)


def upgrade() -> None:
    """Take the step: what residents read of duty hours becomes the choice where it can be read."""
    bind = op.get_bind()
    written = sa.text("SELECT id, duty_hours FROM communities WHERE duty_hours <> '' ORDER BY id")
    for community_id, hours in bind.execute(written).all():
        _keep(bind, community_id, hours)
    op.drop_column("communities", "duty_hours")
    _own_texts()
    _faqs()


def downgrade() -> None:
    """Take it back; the own words are gone, the chosen hours stay."""
    for table in ("faq_phrasings", "faqs", "own_texts"):
        op.drop_table(table)
    op.add_column("communities", _text("duty_hours", 60))


def _keep(bind: sa.Connection, community_id: int, hours: str) -> None:
    """Choose the hours that were only said, unless others were chosen; note what was said."""
    audit = sa.table(
        "audit_records",
        sa.column("done_at", base.UtcDateTime()),
        *(sa.column(name) for name in ("act", "noun", "reference", "detail")),
    )
    bind.execute(
        sa.insert(audit).values(
            done_at=datetime.now(UTC),
            act="migrate",
            noun="office",
            reference=str(community_id),
            detail=f"duty_hours={hours}",
        )
    )
    read = _read(hours)
    if read is None:
        return
    policies = sa.table(
        "policies",
        sa.column("community_id"),
        sa.column("effective_on", sa.Date()),
        *(sa.column(name) for name in USUAL),
    )
    mine = policies.c.community_id == community_id
    if bind.execute(sa.select(policies.c.community_id).where(mine).limit(1)).first() is None:
        row = {"community_id": community_id, "effective_on": SINCE, **read}
        bind.execute(sa.insert(policies).values(row))
        return
    usual = sa.and_(*(policies.c[name] == value for name, value in USUAL.items()))
    chosen = sa.select(policies.c.community_id).where(mine, sa.not_(usual)).limit(1)
    if bind.execute(chosen).first() is None:
        bind.execute(sa.update(policies).where(mine).values(**read))


def _read(hours: str) -> dict[str, str] | None:
    """Read "每天8:30到17:30"; None for what is not so plain."""
    said = HOURS.fullmatch(" ".join(hours.split()))
    if said is None:
        return None
    span = SPAN.fullmatch(said[1].strip())
    days = DAYS.get(said[1].strip())
    if span is not None:
        first, last = (WEEK.index(one) + 1 for one in span.groups())
        days = ",".join(str(one) for one in range(first, last + 1))
    begins, ends = (
        f"{int(said[at]):02d}:{30 if said[at + 2] else int(said[at + 1] or 0):02d}" for at in (2, 5)
    )
    if not days or not begins < ends <= "23:59":
        return None
    return {"duty_from": begins, "duty_until": ends, "duty_days": days}


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)


def _writer() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("staff_id", base.Key, nullable=True),
        sa.Column("written_at", base.UtcDateTime(), nullable=False),
    )


def _own_texts() -> None:
    listed = ", ".join(f"'{one}'" for one in KINDS)
    op.create_table(
        "own_texts",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        _text("words", 300),
        *_writer(),
        sa.CheckConstraint(f"kind IN ({listed})", name=op.f("ck_own_texts_kind")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_own_texts_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_texts")),
        sa.UniqueConstraint("community_id", "kind", name=op.f("uq_own_texts_community_id_kind")),
    )


def _faqs() -> None:
    op.create_table(
        "faqs",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("community_id", base.Key, nullable=False),
        _text("answer", 600),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("is_enabled", sa.Integer(), server_default="1", nullable=False),
        *_writer(),
        sa.CheckConstraint("last_on IS NULL OR last_on >= from_on", name=op.f("ck_faqs_days")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_faqs_community_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faqs")),
    )
    op.create_index("ix_faqs_community_id", "faqs", ["community_id"])
    op.create_table(
        "faq_phrasings",
        sa.Column("id", base.Key, autoincrement=True, nullable=False),
        sa.Column("faq_id", base.Key, nullable=False),
        _text("said", 60),
        _text("normal", 60),
        sa.ForeignKeyConstraint(["faq_id"], ["faqs.id"], name=op.f("fk_faq_phrasings_faq_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faq_phrasings")),
        sa.UniqueConstraint("faq_id", "normal", name=op.f("uq_faq_phrasings_faq_id_normal")),
    )
