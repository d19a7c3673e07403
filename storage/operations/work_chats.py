"""Writing down which accounts are a work chat's, and which groups of staff can be told."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from sqlalchemy import Connection, select

from storage.models.work_chats import work_accounts, work_groups
from storage.sql import insert


def know_work_chats(
    tx: Connection,
    accounts: Collection[str],
    groups: Mapping[str, str],
    owners: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Know these accounts and groups (group → account), and no others; False: nothing changed.

    `owners` names who presses send in each group of residents.

    A start of the bot calls it with its configuration. Where a group or an account is gone,
    staff are told by the ways that are left.
    """
    known = set(tx.execute(select(work_accounts.c.account)).scalars())
    told = {row.name: (row.account, row.owner) for row in tx.execute(select(work_groups))}
    wanted = {name: (account, owners.get(name, "")) for name, account in groups.items()}
    if known == set(accounts) and told == wanted:
        return False
    tx.execute(work_accounts.delete())
    tx.execute(work_groups.delete())
    for account in accounts:
        tx.execute(insert(tx, work_accounts).values(account=account).on_conflict_do_nothing())
    for name, (account, owner) in wanted.items():
        row = {"name": name, "account": account, "owner": owner}
        tx.execute(insert(tx, work_groups).values(row).on_conflict_do_nothing())
    return True
