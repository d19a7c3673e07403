"""Fees that a month's run left out (未出账) and that somebody has to mend."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from storage.periods import BillingPeriod
from storage.queries.billing_runs import BillingRun, LeftOut, runs_done
from storage.queries.pricing import SkipReason

AS_MEANT: Final = (SkipReason.AMOUNT_ZERO, SkipReason.NOT_OVER)
"""Nothing is owed, or not yet: nobody has to mend anything."""


def to_mend(run: BillingRun) -> list[LeftOut]:
    """Return what a run left out that somebody has to mend."""
    return [one for one in run.left_out if one.reason not in AS_MEANT]


def unbilled(
    tx: Connection, *, community_ids: Sequence[int], period: BillingPeriod
) -> list[LeftOut] | None:
    """Return what the run of a month still leaves out, community by community.

    None where none of these communities has had its run of that month.
    """
    runs = [
        run
        for community_id in community_ids
        for run in runs_done(tx, community_id, since=period)
        if run.period == period
    ]
    return [one for run in runs for one in to_mend(run)] if runs else None
