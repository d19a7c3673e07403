"""Job runs (one row per job and period), audit records, discrepancies (差异) and alarms (报警)."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text, UniqueConstraint

from storage.kinds import AlarmKind, JobState
from storage.models.base import (
    Key,
    choice,
    instant,
    key,
    metadata,
    one_of,
    partial_index,
    text,
)

job_runs = Table(
    "job_runs",
    metadata,
    key(),
    text("job", 40),
    text("period", 30),
    choice("state", JobState),
    instant("started_at"),
    instant("lease_until"),
    Column("epoch", Integer, nullable=False, server_default="1"),
    instant("finished_at", nullable=True),
    Column("report", Text, nullable=False, server_default="{}"),
    UniqueConstraint("job", "period"),
    one_of("state", JobState),
)

audit_records = Table(
    "audit_records",
    metadata,
    key(),
    instant("done_at"),
    Column("staff_id", Key, nullable=True),
    Column("identity_id", Key, nullable=True),
    text("act", 40),
    text("noun", 30),
    text("reference", 60),
    text("detail", 300),
    Index("ix_audit_records_noun", "noun", "reference"),
)

discrepancies = Table(
    "discrepancies",
    metadata,
    key(),
    text("discrepancy_key", 120),
    text("kind", 30),
    text("reference", 64),
    text("detail", 300),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    text("gateway", 20),
    Column("day_on", Date, nullable=True),
    Column("ours_fen", BigInteger, nullable=True),
    Column("theirs_fen", BigInteger, nullable=True),
    UniqueConstraint("discrepancy_key"),
    partial_index(
        "ix_discrepancies_open",
        "kind",
        where="closed_at IS NULL",
    ),
)

alarms = Table(
    "alarms",
    metadata,
    key(),
    choice("kind", AlarmKind),
    text("reference", 64),
    text("detail", 120),
    instant("begun_at"),
    instant("ended_at", nullable=True),
    one_of("kind", AlarmKind),
    partial_index(
        "uq_alarms_open",
        "kind",
        "reference",
        unique=True,
        where="ended_at IS NULL",
    ),
)
"""Troubles of the running itself (报警): one row from the first sight of each to its end."""
