"""Until when a message has to wait because people sleep or keep a festival (免打扰)."""

from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from storage.periods import SHANGHAI, shanghai_day, shanghai_instant
from storage.queries.policies import Policy, policy_on
from storage.workdays import is_festive


def quiet_end(tx: Connection, community_id: int | None, *, now: datetime) -> datetime | None:
    """Return the end of a community's quiet hours, or None where one may speak now."""
    policy = Policy() if community_id is None else policy_on(tx, community_id, shanghai_day(now))
    return end_of_quiet(now, policy.quiet_from, policy.quiet_until)


def festive_end(tx: Connection, community_id: int | None, *, now: datetime) -> datetime | None:
    """Return when people may be reminded of money again; None where it is no festive day."""
    day = shanghai_day(now)
    if not is_festive(day):
        return None
    while is_festive(day):
        day += timedelta(days=1)
    policy = Policy() if community_id is None else policy_on(tx, community_id, day)
    return shanghai_instant(day, policy.quiet_until)


def end_of_quiet(now: datetime, quiet_from: time, quiet_until: time) -> datetime | None:
    """Return when speaking is allowed again; None where it is allowed at `now`.

    The hours are Shanghai's and span midnight: 21:00 to 08:30.
    """
    at = now.astimezone(SHANGHAI).time()
    day = shanghai_day(now)
    if at >= quiet_from:
        return shanghai_instant(day + timedelta(days=1), quiet_until)
    if at < quiet_until:
        return shanghai_instant(day, quiet_until)
    return None
