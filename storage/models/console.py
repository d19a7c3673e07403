"""The staff console (后台): links that sign in once, sessions, passwords, and tries to get in."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from storage.models.base import Key, instant, key, metadata, ref, text

console_passes = Table(
    "console_passes",
    metadata,
    key(),
    text("pass_key", 64),
    ref("staff_id", "staff"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    UniqueConstraint("pass_key"),
    Index("ix_console_passes_expires_at", "expires_at"),
)
"""A link sent in chat. `pass_key` is the hash of its secret, which is kept nowhere."""

console_sessions = Table(
    "console_sessions",
    metadata,
    key(),
    text("session_key", 64),
    ref("staff_id", "staff"),
    instant("begun_at"),
    instant("seen_at"),
    instant("ends_at"),
    instant("ended_at", nullable=True),
    UniqueConstraint("session_key"),
    Index("ix_console_sessions_staff_id", "staff_id"),
    Index("ix_console_sessions_ends_at", "ends_at"),
)
"""A browser that is signed in. `session_key` is the hash of what its cookie holds.

It is over at `ended_at`, at `ends_at`, or half an hour after `seen_at`, whichever is first.
"""

staff_passwords = Table(
    "staff_passwords",
    metadata,
    Column("staff_id", Key, primary_key=True, autoincrement=False),
    text("phc", 200),
    instant("set_at"),
)
"""`phc` is an argon2id hash with its salt and its costs, as the PHC writes them."""

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    key(),
    text("subject", 80),
    instant("tried_at"),
    Index("ix_sign_in_tries_subject", "subject", "tried_at"),
)
"""`subject` is "name:" or "address:" and a hash: neither a phone nor an address is kept."""
