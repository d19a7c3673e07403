"""Choices of a community (策略), dated: what was true on a day stays readable."""

from sqlalchemy import BigInteger, Column, Date, Integer, String, Table, UniqueConstraint

from storage.models.base import key, metadata, ref, text

policies = Table(
    "policies",
    metadata,
    key(),
    ref("community_id", "communities"),
    Column("effective_on", Date, nullable=False),
    Column("refund_window_days", Integer, nullable=False, server_default="30"),
    Column("refund_automatic_fen", BigInteger, nullable=False, server_default="0"),
    Column("refund_any_cause", Integer, nullable=False, server_default="0"),
    text("reminder_days", 60, server_default="-3,0,3,10,20"),
    Column("weekly_cap", Integer, nullable=False, server_default="2"),
    Column("quiet_from", String(5), nullable=False, server_default="21:00"),
    Column("quiet_until", String(5), nullable=False, server_default="08:30"),
    Column("broadcast_approval_over", Integer, nullable=False, server_default="200"),
    Column("issue_day", Integer, nullable=False, server_default="1"),
    Column("bind_needs_code", Integer, nullable=False, server_default="1"),
    text("collection_closed", 120),
    text("sharing_basis", 200),
    text("closed_gateways", 300),
    Column("takes_parts", Integer, nullable=False, server_default="0"),
    Column("rounding_limit_fen", BigInteger, nullable=False, server_default="0"),
    Column("waiver_second_over_fen", BigInteger, nullable=False, server_default="100000"),
    Column("duty_from", String(5), nullable=False, server_default="08:30"),
    Column("duty_until", String(5), nullable=False, server_default="17:30"),
    text("duty_days", 20, server_default="1,2,3,4,5,6,7"),
    text("ticket_hours", 120),
    Column("rating_days", Integer, nullable=False, server_default="30"),
    UniqueConstraint("community_id", "effective_on"),
)
"""`refund_any_cause`: what is within the sum and the window goes back whatever the cause.

`reminder_days` are days from the due day; `collection_closed` is the reason, "" when open.
`closed_gateways` is JSON {gateway: why it takes no money now}; `takes_parts`: a part of a bill may
be paid. `rounding_limit_fen`: the most that a cashier may drop (抹零); a waiver over
`waiver_second_over_fen` needs two approvers.
From `duty_from` to `duty_until` on `duty_days` (1 is Monday) somebody is at the office.
`ticket_hours` is "repair=9; question=4": so many duty hours a ticket of a kind may take.
Nobody is asked for a rating twice in `rating_days`; 0 asks nobody.
`sharing_basis` is what allows the community to share costs (公摊), "" where nothing does.
"""
