"""Whether somebody who has left a unit is clear (结清): what is owed, what is to be billed."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from storage.frozen import dataclass
from storage.kinds import OccupancyRole, Payer
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import occupancies, residents
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.dues import Missing, bills_due
from storage.queries.liable import liable_on, stays_in
from storage.queries.pricing import DueBill, SkipReason

_NOT_TO_BILL = (SkipReason.AMOUNT_ZERO, SkipReason.PARTY_CHANGED)


@dataclass(frozen=True, slots=True)
class ToBill:
    """What is still to be billed of the days before a hand-over, and what cannot be billed yet."""

    new: tuple[DueBill, ...]
    missing: tuple[Missing, ...]


def to_bill(
    tx: Connection, community_id: int, unit_ids: Sequence[int], *, handed_on: date, today: date
) -> ToBill:
    """Return what is not billed of the month in which units are handed over.

    With it what is billed only once that month is over: days of it are the former party's.
    """
    period = BillingPeriod.of(handed_on)
    here, after = (
        bills_due(tx, community_id=community_id, period=one, today=today, unit_ids=unit_ids)
        for one in (period, period.plus(1))
    )
    new = [one for one in (*here.new, *after.new) if one.due.days.begins_on < handed_on]
    missing = [one for one in here.missing if one.reason not in _NOT_TO_BILL]
    missing += [one for one in after.missing if one.reason == SkipReason.NOT_OVER]
    return ToBill(tuple(new), tuple(missing))


@dataclass(frozen=True, slots=True)
class Clearance:
    """How somebody stands who has left a unit (结清证明); her name is for the letter only."""

    community_name: str
    company_name: str
    office_phone: str
    unit_label: str
    name: str
    role: OccupancyRole
    from_on: date
    until_on: date
    open_fen: int
    """What she owes here now: 0 where she is clear."""
    unbilled: tuple[str, ...]
    """Fees of her days that are not billed yet."""

    @property
    def is_clear(self) -> bool:
        """Whether nothing is owed and nothing is still to come."""
        return not self.open_fen and not self.unbilled


def clearance_of(
    tx: Connection, unit_id: int, resident_id: int, *, now: datetime
) -> Clearance | None:
    """Return how a former party of a unit stands now; None where she never left it."""
    row = tx.execute(
        select(
            communities.c.id.label("community_id"),
            communities.c.name.label("community_name"),
            communities.c.company_name,
            communities.c.phone.label("office_phone"),
            units.c.label,
            residents.c.name,
            occupancies.c.role,
            occupancies.c.from_on,
            occupancies.c.until_on,
        )
        .select_from(
            occupancies.join(residents, residents.c.id == occupancies.c.resident_id)
            .join(units, units.c.id == occupancies.c.unit_id)
            .join(communities, communities.c.id == units.c.community_id)
        )
        .where(
            occupancies.c.unit_id == unit_id,
            occupancies.c.resident_id == resident_id,
            occupancies.c.until_on.is_not(None),
            occupancies.c.until_on <= shanghai_day(now),
        )
        .order_by(occupancies.c.until_on.desc(), occupancies.c.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Clearance(
        row.community_name,
        row.company_name,
        row.office_phone,
        row.label,
        row.name,
        OccupancyRole(row.role),
        row.from_on,
        row.until_on,
        open_of(tx, [unit_id], [resident_id]),
        unbilled_of(
            tx, row.community_id, [unit_id], [resident_id], handed_on=row.until_on, now=now
        ),
    )


def open_of(tx: Connection, unit_ids: Collection[int], resident_ids: Collection[int]) -> int:
    """Return the fen that keep some residents of some units from being clear.

    What was written off (核销) was not forgiven: nobody is told that she owes nothing of it.
    """
    left = func.sum(bills.c.amount_fen + bills.c.written_off_fen - bills.c.paid_fen)
    found = tx.execute(
        select(func.coalesce(left, 0)).where(
            and_(bills.c.unit_id.in_(unit_ids), bills.c.liable_id.in_(resident_ids)),
            bills.c.voided_at.is_(None),
        )
    ).scalar_one()
    return int(found)


def unbilled_of(
    tx: Connection,
    community_id: int,
    unit_ids: Sequence[int],
    resident_ids: Collection[int],
    *,
    handed_on: date,
    now: datetime,
) -> tuple[str, ...]:
    """Return the fees that these residents will owe and that are not billed yet, by name.

    A fee that cannot be billed for want of something may be theirs, and counts.
    """
    left = to_bill(tx, community_id, unit_ids, handed_on=handed_on, today=shanghai_day(now))
    names = [one.scheme.item_name for one in left.new if one.liable_id in resident_ids]
    stays = stays_in(tx, unit_ids)
    last_on = handed_on - timedelta(days=1)
    for one in left.missing:
        there = stays.get(one.unit_id, ())
        payers = {liable_on(there, payer, last_on) for payer in (Payer.OWNER, Payer.TENANT)}
        if payers & set(resident_ids):
            names.append(one.item_name)
    return tuple(dict.fromkeys(names))
