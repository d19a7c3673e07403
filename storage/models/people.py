"""Residents (住户), who lives where (occupancies), chat identities, bindings (绑定) and staff."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)

from storage.kinds import BindingState, OccupancyRole, StaffRole
from storage.models.base import (
    Key,
    choice,
    instant,
    key,
    metadata,
    one_of,
    partial_index,
    ref,
    text,
)

residents = Table(
    "residents",
    metadata,
    key(),
    ref("community_id", "communities"),
    text("name", 40),
    text("phone", 20),
    UniqueConstraint("community_id", "name", "phone"),
)

occupancies = Table(
    "occupancies",
    metadata,
    key(),
    ref("resident_id", "residents"),
    ref("unit_id", "units"),
    choice("role", OccupancyRole),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=True),
    UniqueConstraint("resident_id", "unit_id", "role", "from_on"),
    one_of("role", OccupancyRole),
    Index("ix_occupancies_unit_id", "unit_id"),
)
"""`until_on` is the first day that she no longer lives there."""

identities = Table(
    "identities",
    metadata,
    key(),
    text("account", 40),
    text("openid", 64),
    Column("is_following", Boolean, nullable=False, server_default=sql("true")),
    instant("first_seen_at"),
    instant("window_until", nullable=True),
    Column("window_left", Integer, nullable=False, server_default="0"),
    Column("has_held", Integer, nullable=False, server_default="0"),
    Column("credits", Text, nullable=False, server_default="{}"),
    text("muted", 120),
    Column("is_plain", Boolean, nullable=False, server_default=sql("false")),
    text("language", 2),
    Column("chosen_unit_id", Key, nullable=True),
    Column("staff_id", Key, nullable=True),
    UniqueConstraint("account", "openid"),
    Index("ix_identities_staff_id", "staff_id"),
)
"""A person as one chat account knows her, with what we may still send her.

`window_until`/`window_left`: the customer-service window and what is left in it. `credits`: JSON,
accepted subscription notices by kind.
`has_held`: messages wait for her next word. `muted`: categories turned off, separated by spaces.
`is_plain`: she asked to be answered in few and simple words. `language`: "en" since she asked for
something in English and until she writes Chinese; what is told unasked follows it.
"""

bindings = Table(
    "bindings",
    metadata,
    key(),
    ref("identity_id", "identities"),
    ref("unit_id", "units"),
    ref("resident_id", "residents", nullable=True),
    choice("role", OccupancyRole),
    choice("state", BindingState),
    text("said_name", 40),
    text("said_phone", 20),
    instant("bound_at"),
    instant("ended_at", nullable=True),
    Column("decided_by", Key, nullable=True),
    one_of("role", OccupancyRole),
    one_of("state", BindingState),
    partial_index(
        "uq_bindings_live",
        "identity_id",
        "unit_id",
        unique=True,
        where="state IN ('active', 'applied')",
    ),
    Index("ix_bindings_unit_id", "unit_id", "state"),
)

binding_tries = Table(
    "binding_tries",
    metadata,
    key(),
    text("subject", 80),
    instant("tried_at"),
    Index("ix_binding_tries_subject", "subject", "tried_at"),
)
"""`subject` is "person:<identity>", "flat:<key>" or, where there is none, "unit:<what was said>";
five tries in fifteen minutes each."""

staff = Table(
    "staff",
    metadata,
    key(),
    text("name", 40),
    text("phone", 20),
    choice("role", StaffRole),
    Column("is_active", Boolean, nullable=False, server_default=sql("true")),
    one_of("role", StaffRole),
    UniqueConstraint("phone"),
)

staff_communities = Table(
    "staff_communities",
    metadata,
    ref("staff_id", "staff", primary_key=True),
    ref("community_id", "communities", primary_key=True),
)
