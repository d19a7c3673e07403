"""The morning's result (对账结果) goes to those who look after the money, once per state of it."""

from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection

from storage.kinds import StaffRole, Urgency
from storage.outbox import Addressee, enqueue, is_known
from storage.periods import shanghai_day, shanghai_instant
from storage.queries.estate import all_communities
from storage.queries.reconciliation import has_trades, statements_on
from storage.queries.reconciliation_results import result_on
from storage.queries.residents import staff_identities

ROLES: Final = (StaffRole.CASHIER, StaffRole.MANAGER)
OVER_AT: Final = time(12)
"""From noon on the result is told with what has come."""


def tell_result(tx: Connection, *, now: datetime) -> int:
    """Tell the result of yesterday once all its statements were compared, or at noon.

    A platform that owes no statement of trades keeps nobody waiting: some say only at noon that
    there were none. What comes later is told again. Returns how many people hear of it now.
    """
    day = shanghai_day(now) - timedelta(days=1)
    statements = statements_on(tx, day, day)
    owed = [one for one in statements if one.agreed_at is None and has_trades(tx, one.gateway, day)]
    is_over = now >= shanghai_instant(shanghai_day(now), OVER_AT)
    has_any = any(one.agreed_at is not None for one in statements)
    if not statements or ((owed or not has_any) and not is_over):
        return 0
    came = sum(one.agreed_at is not None and one.line_count > 0 for one in statements)
    hearers = {
        identity_id: (staff_id, account, openid)
        for community in all_communities(tx)
        for staff_id, identity_id, account, openid in staff_identities(
            tx, community.community_id, ROLES
        )
    }
    told = 0
    for identity_id, (staff_id, account, openid) in sorted(hearers.items()):
        key = f"reconciled:{day}:{came}:{len(owed)}:{identity_id}"
        if is_known(tx, key):
            continue
        told += enqueue(
            tx,
            result_on(tx, day, staff_id=staff_id),
            Addressee(account, openid, identity_id),
            key=key,
            urgency=Urgency.RECEIPT,
            now=now,
        )
    return told
