"""Fees that a month's run could not bill (未出账): the managers hear of them once a month."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, select

from storage.events import StaffTask
from storage.kinds import StaffRole
from storage.models.estate import communities
from storage.operations.hearers import tell_staff
from storage.periods import BillingPeriod
from storage.queries.billing_runs import runs_done
from storage.queries.quiet import quiet_end
from storage.queries.unbilled import to_mend


def tell_unbilled(
    tx: Connection, *, community_id: int, since: BillingPeriod, now: datetime
) -> list[BillingPeriod]:
    """Tell a community's managers how many fees the runs from a month on left out, and why.

    Each month is told once, in the morning; where nothing was left out, nothing is said. Returns
    the months of which there is something to tell.
    """
    told = []
    for run in runs_done(tx, community_id, since=since):
        reasons = Counter(one.reason for one in to_mend(run))
        if not reasons:
            continue
        told.append(run.period)
        note = " ".join(f"{reason}:{count}" for reason, count in reasons.most_common())
        tell_staff(
            tx,
            StaffTask("unbilled", str(run.period), _name(tx, community_id), 0, note),
            community_id=community_id,
            roles=(StaffRole.MANAGER,),
            key=f"unbilled:{community_id}:{run.period}",
            now=now,
            not_before=quiet_end(tx, community_id, now=now),
        )
    return told


def _name(tx: Connection, community_id: int) -> str:
    named = select(communities.c.name).where(communities.c.id == community_id)
    found: str = tx.execute(named).scalar_one()
    return found
