"""Payment orders (支付单), payments, allocations (核销), refunds (退款) and receipts (收据)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.kinds import OrderState, RefundStep
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

payment_orders = Table(
    "payment_orders",
    metadata,
    key(),
    text("order_no", 32),
    ref("community_id", "communities"),
    ref("unit_id", "units"),
    ref("resident_id", "residents", nullable=True),
    ref("identity_id", "identities", nullable=True),
    Column("payee_id", Key, nullable=True),
    text("gateway", 20),
    text("kind", 10),
    text("choice_key", 64),
    choice("state", OrderState),
    fen("amount_fen"),
    text("currency", 3, server_default="CNY"),
    text("merchant_id", 32),
    text("app_id", 40),
    text("payer_id", 64),
    instant("created_at"),
    instant("expires_at"),
    instant("prepaid_at", nullable=True),
    text("prepay_id", 64),
    text("pay_url", 512),
    text("code_url", 512),
    Column("pay_form", Text, nullable=False, server_default=""),
    Column("pay_address", Text, nullable=False, server_default=""),
    instant("settled_at", nullable=True),
    instant("next_query_at", nullable=True),
    Column("query_count", Integer, nullable=False, server_default="0"),
    UniqueConstraint("order_no"),
    one_of("state", OrderState),
    CheckConstraint("amount_fen > 0", name="amount"),
    *whole_fen("amount_fen"),
    partial_index(
        "uq_payment_orders_live",
        "choice_key",
        "gateway",
        "kind",
        "payer_id",
        unique=True,
        where="state = 'open'",
    ),
    partial_index(
        "ix_payment_orders_query",
        "next_query_at",
        where="state = 'open'",
    ),
    Index("ix_payment_orders_unit_id", "unit_id"),
)
"""One attempt to collect. `choice_key` is the hash of what was ticked and for how many fen.

`pay_address` is where the payer goes: signed addresses outgrew `pay_url`, which older rows have.
"""

payment_order_bills = Table(
    "payment_order_bills",
    metadata,
    ref("order_id", "payment_orders", primary_key=True),
    ref("bill_id", "bills", primary_key=True),
    fen("amount_fen"),
    *whole_fen("amount_fen"),
    Index("ix_payment_order_bills_bill_id", "bill_id"),
)
"""What the payer ticked, and the fen that she chose to pay of each."""

payment_events = Table(
    "payment_events",
    metadata,
    key(),
    text("event_key", 120),
    text("gateway", 20),
    text("reference", 64),
    text("outcome", 30),
    Column("facts", Text, nullable=False, server_default="{}"),
    instant("heard_at"),
    UniqueConstraint("event_key"),
    Index("ix_payment_events_reference", "reference"),
)
"""Everything that platforms told us, once each, whatever became of it."""

payments = Table(
    "payments",
    metadata,
    key(),
    ref("order_id", "payment_orders"),
    ref("community_id", "communities"),
    ref("unit_id", "units"),
    text("gateway", 20),
    text("transaction_id", 64),
    fen("amount_fen"),
    fen("allocated_fen", server_default="0"),
    fen("surplus_fen", server_default="0"),
    fen("returned_fen", server_default="0"),
    fen("reserved_fen", server_default="0"),
    instant("paid_at"),
    instant("settled_at"),
    UniqueConstraint("order_id"),
    UniqueConstraint("gateway", "transaction_id"),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("reserved_fen >= 0 AND reserved_fen <= amount_fen", name="reserved"),
    *whole_fen("amount_fen", "reserved_fen", "allocated_fen", "surplus_fen", "returned_fen"),
    Index("ix_payments_unit_id", "unit_id", "paid_at"),
)
"""Money that arrived. `reserved_fen`: the sum of all its refunds that have not failed.

`allocated_fen` went to bills, `surplus_fen` to the prepayment, `returned_fen` is due back because
the bills were paid already; together they are `amount_fen`, and stay what they were at arrival.
"""

allocations = Table(
    "allocations",
    metadata,
    key(),
    ref("payment_id", "payments"),
    ref("bill_id", "bills"),
    ref("refund_id", "refunds", nullable=True),
    Column("move_id", Key, nullable=True),
    fen("amount_fen"),
    instant("booked_at"),
    *whole_fen("amount_fen"),
    Index("ix_allocations_bill_id", "bill_id"),
    Index("ix_allocations_payment_id", "payment_id"),
    Index("ix_allocations_booked_at", "booked_at", "bill_id"),
)
"""Payment → bill, positive; a refund takes back with a negative row that names it.

`move_id` names the move of the prepayment by which money that was put aside came to the bill.
"""

refunds = Table(
    "refunds",
    metadata,
    key(),
    text("refund_no", 40),
    ref("payment_id", "payments"),
    ref("community_id", "communities"),
    ref("unit_id", "units"),
    ref("identity_id", "identities", nullable=True),
    text("order_no", 32),
    text("gateway", 20),
    fen("amount_fen"),
    choice("state", RefundStep),
    text("cause", 30),
    text("reason", 80),
    text("request_key", 80),
    instant("requested_at"),
    Column("requested_by", Key, nullable=True),
    Column("decided_by", Key, nullable=True),
    instant("decided_at", nullable=True),
    text("decline_reason", 120),
    instant("submitted_at", nullable=True),
    instant("next_step_at", nullable=True),
    Column("step_count", Integer, nullable=False, server_default="0"),
    text("platform_refund_id", 64),
    instant("settled_at", nullable=True),
    text("detail", 200),
    Column("predecessor_id", Key, nullable=True),
    fen("kept_fen", server_default="0"),
    text("payout_name", 80),
    text("payout_account", 40),
    text("payout_bank", 80),
    text("voucher_no", 40),
    Column("paid_out_by", Key, nullable=True),
    UniqueConstraint("refund_no"),
    UniqueConstraint("request_key"),
    one_of("state", RefundStep),
    CheckConstraint("amount_fen > 0", name="amount"),
    *whole_fen("amount_fen"),
    Index("ix_refunds_payment_id", "payment_id"),
    Index("ix_refunds_state", "state", "next_step_at"),
    Index("ix_refunds_identity_id", "identity_id"),
)
"""`kept_fen`: the platform's fee that the payer bears, not sent back. The `payout` columns say
where a refund past the platform's window goes by hand; `paid_out_by` is the second person.
`cause`: paid_twice, paid_too_much, wrong_flat or asked; `requested_by`/`decided_by`: staff."""

refund_parts = Table(
    "refund_parts",
    metadata,
    key(),
    ref("refund_id", "refunds"),
    ref("bill_id", "bills", nullable=True),
    fen("amount_fen"),
    *whole_fen("amount_fen"),
    Index("ix_refund_parts_refund_id", "refund_id"),
)
"""Where the fen of a refund come from: a bill's allocation, or (null) money that is not booked
to a bill: prepayment or what was due back."""

browser_passes = Table(
    "browser_passes",
    metadata,
    key(),
    text("pass_key", 64),
    text("pay_token", 96),
    text("gateway", 20),
    text("openid", 64),
    Column("chosen", Text, nullable=False, server_default="{}"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    text("order_no", 32),
    UniqueConstraint("pass_key"),
    Index("ix_browser_passes_expires_at", "expires_at"),
)
"""A choice made inside WeChat, to be paid once in another browser; only a hash of its secret."""

receipts = Table(
    "receipts",
    metadata,
    key(),
    text("receipt_no", 24),
    ref("payment_id", "payments"),
    ref("community_id", "communities"),
    fen("amount_fen"),
    instant("issued_at"),
    instant("voided_at", nullable=True),
    text("void_reason", 120),
    Column("replaces_id", Key, nullable=True),
    instant("invoiced_at", nullable=True),
    UniqueConstraint("receipt_no"),
    *whole_fen("amount_fen"),
    partial_index(
        "uq_receipts_live",
        "payment_id",
        unique=True,
        where="voided_at IS NULL",
    ),
    Index("ix_receipts_payment_id", "payment_id"),
)
"""One that counts per payment; one that was voided names why, its successor names it.

`invoiced_at`: an invoice was issued for it, which a receipt is no second proof beside.
"""

serials = Table(
    "serials",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("last_used", Integer, nullable=False),
)
"""The last number given out of each series ("bill:2026-11", "receipt:2026", ...)."""
