"""What may be refunded, and who agrees (退款政策); principal that is waived (减免)."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from storage.models.base import (
    Key,
    choice,
    fen,
    instant,
    key,
    metadata,
    one_of,
    ref,
    text,
    whole_fen,
)
from storage.paying_kinds import FeeBearer, WaiverKind, WaiverState

refund_terms = Table(
    "refund_terms",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("fee_item_id", "fee_items"),
    Column("effective_on", Date, nullable=False),
    Column("is_refundable", Boolean, nullable=False, server_default=sql("true")),
    Column("window_days", Integer, nullable=False),
    fen("automatic_fen", server_default="0"),
    choice("fee_bearer", FeeBearer, server_default="company"),
    Column("fee_ppm", Integer, nullable=False, server_default="0"),
    text("clause", 200),
    UniqueConstraint("fee_item_id", "effective_on"),
    one_of("fee_bearer", FeeBearer),
    CheckConstraint("fee_ppm BETWEEN 0 AND 100000", name="fee"),
    *whole_fen("automatic_fen"),
)
"""Terms of one fee item from a day on; without them the community's policy counts.

`fee_ppm` is the platform's fee in millionths; the payer bears it where `fee_bearer` says so.
"""

bill_waivers = Table(
    "bill_waivers",
    metadata,
    key(),
    text("waiver_no", 24),
    ref("bill_id", "bills"),
    ref("community_id", "communities"),
    choice("kind", WaiverKind),
    choice("state", WaiverState),
    fen("amount_fen"),
    text("reason", 120),
    text("attachment_name", 80),
    Column("attachment", LargeBinary, nullable=True),
    ref("asked_by", "staff"),
    instant("asked_at"),
    Column("approvals_needed", Integer, nullable=False, server_default="1"),
    Column("first_approver", Key, nullable=True),
    Column("second_approver", Key, nullable=True),
    instant("decided_at", nullable=True),
    text("decline_reason", 120),
    UniqueConstraint("waiver_no"),
    one_of("kind", WaiverKind),
    one_of("state", WaiverState),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("first_approver IS NULL OR first_approver <> asked_by", name="four_eyes"),
    CheckConstraint(
        "second_approver IS NULL OR second_approver NOT IN (asked_by, first_approver)",
        name="six_eyes",
    ),
    *whole_fen("amount_fen"),
    Index("ix_bill_waivers_bill_id", "bill_id"),
)
"""Principal that is asked for no more (减免, 抹零): less is owed, nothing counts as received."""
