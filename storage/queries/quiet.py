"""Until when a message has to wait because people sleep (免打扰)."""

from datetime import datetime, time, timedelta

from sqlalchemy import Connection, bindparam, select

from storage.events import NoticeSent
from storage.models.messages import outbox
from storage.periods import SHANGHAI, shanghai_day, shanghai_instant
from storage.prepared import Prepared
from storage.queries.policies import Policy, policy_on

_ROW = Prepared(
    lambda _: select(outbox.c.community_id, outbox.c.event, outbox.c.facts).where(
        outbox.c.id == bindparam("outbox_id")
    )
)


def quiet_until(tx: Connection, outbox_id: int, *, now: datetime) -> datetime | None:
    """Return the end of the community's quiet hours, or None where one may speak now.

    An urgent notice (停水停电 and the like) does not wait.
    """
    ((community_id, event, facts),) = _ROW.rows(tx, outbox_id=outbox_id)
    if event == NoticeSent.__name__ and '"category":"urgent"' in facts:
        return None
    policy = Policy() if community_id is None else policy_on(tx, community_id, shanghai_day(now))
    return end_of_quiet(now, policy.quiet_from, policy.quiet_until)


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
