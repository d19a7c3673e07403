"""Payees (收款主体): whose merchant number, bank account and invoices a fee is collected under."""

from sqlalchemy import Boolean, Column, Date, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql

from storage.models.base import key, metadata, ref, text

payees = Table(
    "payees",
    metadata,
    key(),
    text("name", 80),
    text("tax_no", 20),
    text("address", 120),
    text("phone", 40),
    text("bank_name", 80),
    text("bank_account", 40),
    text("gateways", 200),
    Column("is_default", Boolean, nullable=False, server_default=sql("false")),
    UniqueConstraint("name"),
)
"""`gateways` are names of the configuration that collect for it, separated by spaces, "" for all.

The default one collects what no choice gives to another.
"""

payee_choices = Table(
    "payee_choices",
    metadata,
    key(),
    ref("community_id", "communities"),
    ref("fee_item_id", "fee_items", nullable=True),
    ref("payee_id", "payees"),
    Column("effective_on", Date, nullable=False),
    Column("fee_item_key", Integer, nullable=False, server_default="0"),
    UniqueConstraint("community_id", "fee_item_key", "effective_on"),
)
"""Who collects a community's fees from a day on; of one fee item where it is named.

`fee_item_key` is the fee item's key, 0 for all of them: what is unique may not be null.
"""
