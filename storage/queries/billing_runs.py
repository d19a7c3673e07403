"""What the monthly runs of a community left out (漏出账), as they reported it."""

import json
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select, union

from storage.frozen import dataclass
from storage.kinds import JobState, OccupancyRole
from storage.models.estate import units
from storage.models.operating import job_runs
from storage.models.people import occupancies
from storage.models.tariffs import unit_tariffs
from storage.periods import BillingPeriod
from storage.queries.dues import Missing, bills_due

JOB: Final = "issue_bills"


def job_of(community_id: int) -> str:
    """Name the job under which a community's runs are kept."""
    return f"{JOB}/{community_id}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A unit's fee that a run could not bill; `reason` is a SkipReason, `detail` its facts."""

    unit_id: int
    unit_label: str
    item_name: str
    period: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class BillingRun:
    """The run of a month that is done: what it counted, and what it left out."""

    period: BillingPeriod
    counts: dict[str, int]
    left_out: tuple[LeftOut, ...]

    @property
    def unit_ids(self) -> frozenset[int]:
        """The units that something is missing of."""
        return frozenset(one.unit_id for one in self.left_out)


def left_out(missing: tuple[Missing, ...]) -> list[list[Any]]:
    """Return what was left out as a report keeps it."""
    return [
        [one.unit_id, one.unit_label, one.item_name, one.period, str(one.reason), one.detail]
        for one in missing
    ]


def runs_done(tx: Connection, community_id: int, *, since: BillingPeriod) -> list[BillingRun]:
    """Return the runs of a community that are done, from a month on, the oldest first."""
    rows = tx.execute(
        select(job_runs.c.period, job_runs.c.report)
        .where(
            job_runs.c.job == job_of(community_id),
            job_runs.c.state == JobState.DONE,
            job_runs.c.period >= str(since),
        )
        .order_by(job_runs.c.period)
    )
    found = []
    for row in rows:
        report = json.loads(row.report)
        missing = tuple(LeftOut(*one) for one in report.pop("missing", ()))
        found.append(BillingRun(BillingPeriod.parse(row.period), report, missing))
    return found


def assigned_late(
    tx: Connection, community_id: int, period: BillingPeriod, *, since: BillingPeriod, today: date
) -> frozenset[int]:
    """Return the units of which a month's run would bill more now than it could when it was done.

    Of those only for which something was said to begin or end from the month `since` to the
    run's own, or which somebody left, or that were let: it may have been said after the run.
    `today` is a Shanghai day.
    """
    first, last = since.first_on, period.last_on
    charged, lived = unit_tariffs.c, occupancies.c
    is_said = or_(charged.from_on.between(first, last), charged.until_on.between(first, last))
    is_let = and_(lived.role == OccupancyRole.TENANT, lived.from_on.between(first, last))
    is_left = and_(lived.role != OccupancyRole.FAMILY, lived.until_on.between(first, last))
    here = units.c.community_id == community_id
    rows = tx.execute(
        union(
            select(charged.unit_id).join(units, units.c.id == charged.unit_id).where(here, is_said),
            select(lived.unit_id)
            .join(units, units.c.id == lived.unit_id)
            .where(here, or_(is_let, is_left)),
        )
    )
    asked = rows.scalars().all()
    if not asked:
        return frozenset()
    due = bills_due(tx, community_id=community_id, period=period, today=today, unit_ids=asked)
    left = frozenset(one.unit_id for one in due.missing)
    return left | {one.unit_id for one in due.new}
