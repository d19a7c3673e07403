"""Where staff are at work: chat accounts open at any hour, and the groups that can be told."""

from sqlalchemy import Column, String, Table

from storage.models.base import metadata, text

work_accounts = Table(
    "work_accounts",
    metadata,
    Column("account", String(40), primary_key=True),
)
"""Accounts of a work chat (企业微信): no window shuts there, so staff hear of their tasks there."""

work_groups = Table(
    "work_groups",
    metadata,
    Column("name", String(64), primary_key=True),
    text("account", 40),
)
"""Group of staff → the account that tells it. Both tables say what the configuration says."""
