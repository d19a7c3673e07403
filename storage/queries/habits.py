"""When residents pay and who is often late: counted by the database from the books."""

from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    select,
)

from storage.frozen import dataclass
from storage.kinds import Basis, FeeClass
from storage.models.bills import bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.payments import allocations, payments
from storage.periods import BillingPeriod
from storage.queries.debt_moves import UNLED, Days, Scope, total
from storage.queries.late_fees import LATE_FEE
from storage.rules.habits import LEARNT_MONTHS, OFTEN, LateTrial

SHANGHAI_SECONDS: Final = 8 * 3600
A_DAY: Final = 86_400
EPOCH: Final = date(1970, 1, 1)
LATENESS: Final = (-8, -1, 0, 7, 30)
"""The last day from the due day of each kind of payment; what is later is one more."""
UNUSUAL_TIMES: Final = 3
UNUSUAL_FEN: Final = 5_000
"""A metered bill is unusual from so many times the mean of three months, and so much."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How payments of some days came, in counts."""

    by_hour: dict[int, int]
    by_lateness: tuple[int, ...]
    """From more than a week before the due day to more than 30 days after it."""
    by_gateway: dict[str, int]


@dataclass(frozen=True, slots=True)
class OftenLate:
    """A household that was often late and owes for this month."""

    unit_id: int
    unit_label: str
    times: int
    open_fen: int


@dataclass(frozen=True, slots=True)
class Unusual:
    """A metered bill far above what the household usually uses."""

    unit_id: int
    unit_label: str
    item_name: str
    fen: int
    usual_fen: int


def habits(tx: Connection, scope: Scope, days: Days) -> Habits:
    """Count payments of some days by the hour, by days from due and by gateway."""
    hour = _seconds(allocations.c.booked_at) // 3600 % 24
    late = (
        _day(allocations.c.booked_at) - cast(extract("epoch", bills.c.due_on), BigInteger) // A_DAY
    )
    edges = [(late <= edge, place) for place, edge in enumerate(LATENESS)]
    rows = tx.execute(
        select(
            hour.label("hour"),
            case(*edges, else_=len(LATENESS)).label("lateness"),
            payments.c.gateway,
            func.count(),
        )
        .select_from(_came())
        .where(_within(scope, days), allocations.c.amount_fen > 0)
        .group_by("hour", "lateness", payments.c.gateway)
    )
    by_hour: dict[int, int] = {}
    by_lateness = [0] * (len(LATENESS) + 1)
    by_gateway: dict[str, int] = {}
    for at, place, gateway, count in rows:
        by_hour[int(at)] = by_hour.get(int(at), 0) + count
        by_lateness[place] += count
        by_gateway[gateway] = by_gateway.get(gateway, 0) + count
    return Habits(by_hour, tuple(by_lateness), by_gateway)


def came_by_day(tx: Connection, scope: Scope, days: Days) -> dict[date, int]:
    """Return what came in for bills on each Shanghai day, less what went back, in fen."""
    day = _day(allocations.c.booked_at).label("day")
    rows = tx.execute(
        select(day, total(allocations.c.amount_fen))
        .select_from(_came())
        .where(_within(scope, days))
        .group_by("day")
    )
    return {EPOCH + timedelta(days=int(row[0])): int(row[1]) for row in rows}


def often_late(
    tx: Connection, scope: Scope, month: BillingPeriod, *, limit: int
) -> tuple[OftenLate, ...]:
    """Return households that were late in two of the three months before and owe for this one.

    Those who owe most come first.
    """
    known = _late_by_unit(scope, month)
    owed = (
        select(bills.c.unit_id, total(bills.c.amount_fen - bills.c.paid_fen).label("open_fen"))
        .where(
            scope.holds(),
            bills.c.period == str(month),
            bills.c.voided_at.is_(None),
            bills.c.paid_fen < bills.c.amount_fen,
        )
        .group_by(bills.c.unit_id)
        .subquery("owed")
    )
    rows = tx.execute(
        select(known.c.unit_id, units.c.label, known.c.times, owed.c.open_fen)
        .select_from(
            known.join(owed, owed.c.unit_id == known.c.unit_id).join(
                units, units.c.id == known.c.unit_id
            )
        )
        .where(known.c.times >= OFTEN)
        .order_by(owed.c.open_fen.desc(), known.c.unit_id)
        .limit(limit)
    )
    return tuple(OftenLate(row[0], row[1], row[2], int(row[3])) for row in rows)


def try_late(tx: Connection, scope: Scope, month: BillingPeriod) -> tuple[LateTrial, LateTrial]:
    """Guess who was late in a month that is over from the months before it, and count the hits.

    Beside it the naive guess: whoever was late in the month just before.
    """
    known, before = _late_by_unit(scope, month), _late_by_unit(scope, month, months=1)
    truth = _late_by_unit(scope, month.plus(1), months=1)
    found = []
    for guess, least in ((known, OFTEN), (before, 1)):
        named = and_(guess.c.unit_id.is_not(None), guess.c.times >= least)
        row = tx.execute(
            select(
                func.count(case((named, 1))),
                func.count(case((and_(named, truth.c.times > 0), 1))),
                func.count(case((truth.c.times > 0, 1))),
            ).select_from(truth.outerjoin(guess, guess.c.unit_id == truth.c.unit_id))
        ).one()
        found.append(LateTrial(*row))
    return found[0], found[1]


def unusual_bills(
    tx: Connection, scope: Scope, month: BillingPeriod, *, limit: int
) -> tuple[Unusual, ...]:
    """Return a month's metered bills of three times the household's mean and more."""
    metered = select(tariffs.c.fee_item_id).where(
        tariffs.c.community_id == scope.community_id, tariffs.c.basis == Basis.BY_METER
    )
    fen = bills.c.amount_fen + bills.c.waived_fen + bills.c.written_off_fen
    sums = (
        select(
            bills.c.unit_id,
            bills.c.fee_item_id,
            total(fen, bills.c.period == str(month)).label("fen"),
            total(fen, bills.c.period < str(month)).label("before"),
        )
        .where(
            scope.holds(),
            bills.c.fee_item_id.in_(metered),
            bills.c.voided_at.is_(None),
            bills.c.period.between(str(month.plus(-LEARNT_MONTHS)), str(month)),
        )
        .group_by(bills.c.unit_id, bills.c.fee_item_id)
        .subquery("sums")
    )
    rows = tx.execute(
        select(sums.c.unit_id, units.c.label, fee_items.c.name, sums.c.fen, sums.c.before)
        .select_from(
            sums.join(units, units.c.id == sums.c.unit_id).join(
                fee_items, fee_items.c.id == sums.c.fee_item_id
            )
        )
        .where(
            sums.c.before > 0,
            sums.c.fen >= UNUSUAL_FEN,
            sums.c.fen * LEARNT_MONTHS >= sums.c.before * UNUSUAL_TIMES,
        )
        .order_by(sums.c.fen.desc(), sums.c.unit_id)
        .limit(limit)
    )
    return tuple(
        Unusual(row[0], row[1], row[2], int(row[3]), int(row[4]) // LEARNT_MONTHS) for row in rows
    )


def _late_by_unit(scope: Scope, month: BillingPeriod, months: int = LEARNT_MONTHS) -> Subquery:
    """Return in how many of the months before one a household had not paid as the due day ended.

    Late fees themselves are left out.
    """
    ours = select(fee_items.c.id).where(
        fee_items.c.community_id == scope.community_id,
        fee_items.c.fee_class == FeeClass.OWN,
        fee_items.c.code != LATE_FEE,
    )
    due = cast(extract("epoch", bills.c.due_on), BigInteger) // A_DAY
    in_time: Any = (
        select(total(allocations.c.amount_fen))
        .where(allocations.c.bill_id == bills.c.id, _day(allocations.c.booked_at) <= due)
        .correlate(bills)
        .scalar_subquery()
    )
    rows = (
        select(
            bills.c.unit_id,
            bills.c.period,
            func.max(case((in_time < bills.c.amount_fen, 1), else_=0)).label("is_late"),
        )
        .where(
            scope.holds(),
            bills.c.fee_item_id.in_(ours),
            bills.c.voided_at.is_(None),
            bills.c.period.between(str(month.plus(-months)), str(month.plus(-1))),
        )
        .group_by(bills.c.unit_id, bills.c.period)
        .subquery()
    )
    return (
        select(rows.c.unit_id, func.sum(rows.c.is_late).label("times"))
        .group_by(rows.c.unit_id)
        .subquery()
    )


def _came() -> FromClause:
    return allocations.join(bills, bills.c.id == allocations.c.bill_id).join(
        payments, payments.c.id == allocations.c.payment_id
    )


def _within(scope: Scope, days: Days) -> ColumnElement[bool]:
    return and_(
        scope.holds(UNLED),
        allocations.c.move_id.is_(None),
        allocations.c.booked_at >= days.begin,
        allocations.c.booked_at < days.end,
    )


def _seconds(at: ColumnElement[Any]) -> ColumnElement[int]:
    """Return an instant as seconds of Shanghai's clocks; it has had no summer time since 1991."""
    return cast(extract("epoch", at), BigInteger) + literal(SHANGHAI_SECONDS)


def _day(at: ColumnElement[Any]) -> ColumnElement[int]:
    return _seconds(at) // A_DAY
