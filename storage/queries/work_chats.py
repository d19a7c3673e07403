"""Where staff hear of their tasks: in the work chat once they are bound there, else anywhere."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, and_, exists, or_, select

from storage.models.estate import communities
from storage.models.people import identities, staff, staff_communities
from storage.models.work_chats import work_accounts, work_groups

ROBOTS: Final = "wecom"
"""The account of the group robots."""

_OTHER = identities.alias("hers_at_work")
_AT_WORK = select(work_accounts.c.account)

HEARS_HERE = or_(
    and_(identities.c.account.in_(_AT_WORK), identities.c.is_following),
    and_(
        identities.c.account.not_in(_AT_WORK),
        ~exists(
            select(_OTHER.c.id).where(
                _OTHER.c.staff_id == identities.c.staff_id,
                _OTHER.c.is_following,
                _OTHER.c.account.in_(_AT_WORK),
            )
        ),
    ),
)
"""Said of a colleague's identity: tasks go here, once, and not by a chat whose window shuts."""


def is_work_account(tx: Connection, account: str) -> bool:
    """Tell whether an account is a work chat's."""
    asked = select(work_accounts.c.account).where(work_accounts.c.account == account)
    return tx.execute(asked).first() is not None


def group_accounts(tx: Connection) -> dict[str, str]:
    """Return group of staff → the account that tells it, by name."""
    rows = tx.execute(select(work_groups.c.name, work_groups.c.account).order_by("name"))
    return {row.name: row.account for row in rows}


def account_of_group(tx: Connection, group: str) -> str:
    """Return the account that tells a group; the robots' own where nobody knows the group."""
    return group_accounts(tx).get(group, ROBOTS)


def is_of_residents(tx: Connection, group: str) -> bool:
    """Tell whether a group is one of residents (客户群), which its owner tells."""
    asked = select(work_groups.c.name).where(work_groups.c.name == group, work_groups.c.owner != "")
    return tx.execute(asked).first() is not None


def members_of_chat(tx: Connection, account: str, community: str) -> list[str]:
    """Return who belongs in a chat of an account: its community's staff, or ("") all who work.

    In the order in which they first spoke there: the first owns the chat.
    """
    asked = (
        select(identities.c.openid)
        .join(staff, staff.c.id == identities.c.staff_id)
        .where(identities.c.account == account, identities.c.is_following, staff.c.is_active)
        .order_by(identities.c.id)
    )
    if community:
        serving = (
            select(staff_communities.c.staff_id)
            .join(communities, communities.c.id == staff_communities.c.community_id)
            .where(communities.c.name == community)
        )
        asked = asked.where(staff.c.id.in_(serving))
    return list(tx.execute(asked).scalars())


def staff_not_at(tx: Connection, accounts: Collection[str]) -> list[str]:
    """Return the names of those who work here and are bound in none of these accounts."""
    bound = select(identities.c.staff_id).where(
        identities.c.staff_id.is_not(None),
        identities.c.is_following,
        identities.c.account.in_(accounts),
    )
    rows = tx.execute(
        select(staff.c.name).where(staff.c.is_active, staff.c.id.not_in(bound)).order_by(staff.c.id)
    )
    return list(rows.scalars())
