"""Writing down which accounts are a work chat's, and which groups of staff can be told."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from storage.models.work_chats import work_accounts, work_groups
from storage.sql import insert


def know_work_chats(tx: Connection, accounts: Collection[str], groups: Mapping[str, str]) -> bool:
    """Know these accounts and groups (group → account), and no others; False: nothing changed.

    A start of the bot calls it with its configuration. Where a group or an account is gone,
    staff are told by the ways that are left.
    """
    known = set(tx.execute(select(work_accounts.c.account)).scalars())
    told = {row.name: row.account for row in tx.execute(select(work_groups))}
    if known == set(accounts) and told == dict(groups):
        return False
    tx.execute(work_accounts.delete())
    tx.execute(work_groups.delete())
    for account in accounts:
        tx.execute(insert(tx, work_accounts).values(account=account).on_conflict_do_nothing())
    for name, account in groups.items():
        tx.execute(
            insert(tx, work_groups).values(name=name, account=account).on_conflict_do_nothing()
        )
    return True
