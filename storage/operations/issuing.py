"""Issuing bills (出账): what a month's run is due to bill, each bill once."""

from collections import Counter
from collections.abc import Collection
from dataclasses import field
from datetime import datetime

from sqlalchemy import Connection, select, update

from storage.frozen import dataclass
from storage.models.estate import communities
from storage.models.tariffs import discounts
from storage.operations.bill_rows import write_bills
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.dues import DueBills, Missing, bills_due
from storage.queries.pricing import DueBill, SkipReason


@dataclass(frozen=True, slots=True)
class IssueReport:
    """What issuing did: bills made now, bills that were there before, and units left out."""

    issued: int
    repeated: int
    missing: tuple[Missing, ...] = ()
    totals: dict[int, int] = field(default_factory=dict)
    """Unit → fen issued now."""

    @property
    def skipped(self) -> tuple[tuple[int, SkipReason], ...]:
        """The units left out, and why."""
        return tuple((one.unit_id, one.reason) for one in self.missing)


def issue_bills(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    now: datetime,
    unit_ids: Collection[int] | None = None,
) -> IssueReport:
    """Make the bills that the run of a month is due to make, each once.

    Run again, in parts (`unit_ids`), or by two processes at once, it makes the same set. A bill
    that was voided is not made again. Tells nobody: see `announce`.
    """
    lock_billing(tx, community_id)
    due = bills_due(
        tx,
        community_id=community_id,
        period=period,
        today=shanghai_day(now),
        unit_ids=unit_ids,
    )
    return issue_due(tx, due, community_id=community_id, now=now)


def issue_due(tx: Connection, due: DueBills, *, community_id: int, now: datetime) -> IssueReport:
    """Make the bills that were found due under the lock of `lock_billing`, held since then."""
    write_bills(tx, due.new, community_id=community_id, now=now)
    use_discounts(tx, due.new)
    totals: dict[int, int] = {}
    for bill in due.new:
        totals[bill.unit_id] = totals.get(bill.unit_id, 0) + bill.priced.amount_fen
    return IssueReport(len(due.new), due.repeated, due.missing, totals)


def lock_billing(tx: Connection, community_id: int) -> None:
    """Wait until nobody else issues, voids or closes in a community, and keep others waiting."""
    tx.execute(
        select(communities.c.id)
        .where(communities.c.id == community_id)
        .with_for_update(key_share=True)
    )


def use_discounts(tx: Connection, new: Collection[DueBill]) -> None:
    """Count the uses of what may be used only so often."""
    used = Counter(discount_id for bill in new for discount_id in bill.discount_ids)
    for discount_id, count in sorted(used.items()):
        tx.execute(
            update(discounts)
            .where(discounts.c.id == discount_id, discounts.c.uses_left.is_not(None))
            .values(uses_left=discounts.c.uses_left - count)
        )
