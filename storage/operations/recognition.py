"""Income whose month has come (收入结转): out of what was set apart, each part once."""

from datetime import datetime

from sqlalchemy import Connection

from storage.operations.deferrals import recognise
from storage.operations.issuing import lock_billing


def recognise_income(tx: Connection, *, community_id: int, now: datetime, limit: int) -> int:
    """Make income of what was set apart for months that have come; return how many parts.

    Each part once, the oldest month first, at most `limit` at a time. It is the month's own
    income; where that month is closed, today's.
    """
    lock_billing(tx, community_id)
    return recognise(tx, community_id=community_id, now=now, limit=limit)
