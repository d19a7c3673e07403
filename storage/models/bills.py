"""Fee items (收费项目), tariffs (收费标准), bills (账单) and their lines."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass, UnitKind
from storage.models.base import (
    Key,
    choice,
    fen,
    instant,
    key,
    metadata,
    one_of,
    partial_index,
    ref,
    text,
    whole_fen,
)

MONTHLY: Final = 0
OPENING: Final = 1
HISTORY: Final = 2
"""What `bills.is_imported` says: issued here, a debt brought along, or paid before we came.

A paid bill of the past has no allocations and no ledger entry: its money is in the old books.
"""

fee_items = Table(
    "fee_items",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("code", 30),
    text("name", 40),
    choice("fee_class", FeeClass, server_default="own"),
    UniqueConstraint("community_id", "name"),
)
"""`code` is one of the recogniser's fee items (property_fee, water, ...) or "" for others."""

tariffs = Table(
    "tariffs",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("fee_item_id", "fee_items"),
    choice("unit_kind", UnitKind),
    text("scheme", 40),
    text("name", 60),
    choice("basis", Basis),
    Column("price_e4", BigInteger, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("ends_on", Date, nullable=True),
    Column("due_day", Integer, nullable=False, server_default="25"),
    choice("cycle", CycleLength, server_default="monthly"),
    choice("timing", CycleTiming, server_default="in_advance"),
    Column("terms", Text, nullable=False, server_default="{}"),
    one_of("unit_kind", UnitKind),
    one_of("basis", Basis),
    CheckConstraint("price_e4 >= 0 AND price_e4 <= 1000000000000", name="price"),
    CheckConstraint("due_day BETWEEN 1 AND 31", name="due_day"),
    one_of("cycle", CycleLength),
    one_of("timing", CycleTiming),
    UniqueConstraint("fee_item_id", "unit_kind", "scheme", "effective_on"),
)
"""`price_e4` is the price in ten-thousandths of a yuan, a month: 2.80 yuan is 28000.

`scheme` "" is for all units of the kind that have no other. `terms` is JSON: what else the rule
of the basis needs (steps, bounds, rounding, formula).
"""

bills = Table(
    "bills",
    metadata,
    key(),
    text("bill_no", 24),
    ref("community_id", "communities"),
    ref("unit_id", "units"),
    ref("fee_item_id", "fee_items"),
    ref("liable_id", "residents", nullable=True),
    Column("period", String(7), nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    fen("amount_fen"),
    fen("paid_fen", server_default="0"),
    fen("waived_fen", server_default="0"),
    fen("written_off_fen", server_default="0"),
    Column("due_on", Date, nullable=False),
    instant("issued_at"),
    instant("voided_at", nullable=True),
    text("void_reason", 120),
    Column("tariff_id", Key, nullable=True),
    Column("explanation", Text, nullable=False, server_default="{}"),
    Column("is_imported", Integer, nullable=False, server_default="0"),
    Column("begins_on", Date, nullable=True),
    Column("last_on", Date, nullable=True),
    Column("corrects_id", Key, nullable=True),
    Column("part", Integer, nullable=False, server_default="0"),
    UniqueConstraint("unit_id", "fee_item_id", "period", "part", "revision"),
    UniqueConstraint("bill_no"),
    CheckConstraint(
        "amount_fen >= 0 AND amount_fen + waived_fen + written_off_fen BETWEEN 1 AND 99999999999",
        name="amount",
    ),
    CheckConstraint("waived_fen >= 0", name="waived"),
    CheckConstraint("written_off_fen >= 0", name="written_off"),
    CheckConstraint("paid_fen >= 0 AND paid_fen <= amount_fen", name="paid"),
    CheckConstraint("voided_at IS NULL OR paid_fen = 0", name="void_unpaid"),
    *whole_fen("amount_fen", "paid_fen", "waived_fen", "written_off_fen"),
    partial_index(
        "ix_bills_open",
        "unit_id",
        "period",
        where="voided_at IS NULL AND paid_fen < amount_fen",
    ),
    partial_index(
        "ix_bills_due",
        "due_on",
        where="voided_at IS NULL AND paid_fen < amount_fen",
    ),
    Index("ix_bills_unit_id", "unit_id", "period"),
    Index("ix_bills_issued_at", "issued_at", "community_id"),
    partial_index(
        "ix_bills_voided_at",
        "community_id",
        "voided_at",
        where="voided_at IS NOT NULL",
    ),
)
"""`liable_id` is the party who owes it (责任人), frozen at issue: debt follows the person.

Where the days of a period are several parties', each has a bill of her own: `part` tells them
apart, 0 is the first. A new `revision` answers a bill of the same part.

`amount_fen` is what it asks for now: it was issued over that and what was waived (减免) and written
off (核销) of it. A bill's state follows from its row: voided, settled (paid = amount: by money, or
because nothing is asked any more), part paid, or open.
"""

bill_lines = Table(
    "bill_lines",
    metadata,
    key(),
    ref("bill_id", "bills"),
    text("label", 60),
    text("quantity", 30),
    text("unit_price", 30),
    text("kind", 12, server_default="piece"),
    fen("amount_fen"),
    *whole_fen("amount_fen"),
    Index("ix_bill_lines_bill_id", "bill_id"),
)
