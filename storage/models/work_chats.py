"""Where staff are at work: chat accounts open at any hour, and the groups that can be told."""

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from storage.models.base import instant, key, metadata, ref, text

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
    text("owner", 64),
)
"""Group → the account that tells it. Both tables say what the configuration says.

`owner` is the member who presses send in a group of residents (客户群), "" for staff's groups.
"""

group_tasks = Table(
    "group_tasks",
    metadata,
    key(),
    ref("attempt_id", "delivery_attempts"),
    Column("reminders", Integer, nullable=False, server_default="0"),
    instant("reminded_at", nullable=True),
    instant("ended_at", nullable=True),
    UniqueConstraint("attempt_id"),
)
"""How each task of a residents' group went since its owner was asked: the attempt by GROUP_TASK."""
