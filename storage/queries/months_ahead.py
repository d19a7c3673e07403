"""What months ahead cost a unit (交一年), and what a community offers for a year paid ahead."""

from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, func, or_, select

from storage.kinds import DiscountReason, LineKind
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.tariffs import discounts
from storage.periods import BillingPeriod, months_after, shanghai_day
from storage.queries.prepayments import Choice

YEAR: Final = 12
WHOLE: Final = 10_000
_LOOKED_AT: Final = 6
_NOT_ITS_PRICE: Final = (
    LineKind.DISCOUNT,
    LineKind.LATE_FEE,
    LineKind.WAIVER,
    LineKind.WRITE_OFF,
)


class Offer(NamedTuple):
    """Who pays so many months ahead has something off the month after them."""

    name: str
    percent_e2: int
    """Of that month, in hundredths of a percent: 10000 is a month for nothing."""
    paid_months: int


def year_ahead_offer(tx: Connection, *, fee_item_id: int, at: datetime) -> Offer | None:
    """Return the offer of a fee item's community for a year ahead (交一年送一个月), or None.

    It is a discount of the reason year_ahead for all units: a percentage of the year's price. A
    bill over a year has it taken off; who puts a year of monthly bills aside has it as her gift
    in the month after them, at most that month: a twelfth (8.33 %) is a month for nothing.
    """
    day = shanghai_day(at)
    row = tx.execute(
        select(discounts.c.name, discounts.c.percent_e2)
        .join(fee_items, fee_items.c.community_id == discounts.c.community_id)
        .where(
            fee_items.c.id == fee_item_id,
            discounts.c.reason == DiscountReason.YEAR_AHEAD,
            discounts.c.unit_id.is_(None),
            discounts.c.percent_e2 > 0,
            or_(discounts.c.fee_item_id.is_(None), discounts.c.fee_item_id == fee_item_id),
            discounts.c.from_on <= day,
            or_(discounts.c.until_on.is_(None), discounts.c.until_on > day),
        )
        .order_by(discounts.c.fee_item_id.is_(None), discounts.c.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    of_month = row.percent_e2 * YEAR
    return Offer(row.name, WHOLE if row.percent_e2 >= WHOLE // YEAR else of_month, YEAR)


class MonthsAhead(NamedTuple):
    """What so many months of a fee item cost a unit, reckoned from the newest bill of it."""

    fee_item_id: int
    item_name: str
    months: int
    amount_fen: int
    first: BillingPeriod
    """The first month that has no bill yet."""
    offer: Offer | None
    """What the month after them gets, where the community offers it for so many months."""


def months_ahead(
    tx: Connection, *, unit_id: int, item: Choice, months: int, at: datetime
) -> MonthsAhead | None:
    """Return what some months ahead come to, discounts apart; None where no bill tells the price.

    A month is the newest bill over whole months, divided by them, rounded up to the fen at the
    end. The offer is for fees that are billed by the month.
    """
    for bill in _newest(tx, unit_id, item.fee_item_id):
        covered = _months_of(bill.begins_on, bill.last_on)
        if covered:
            amount_fen = -(-_full_price(tx, bill) * months // covered)
            offer = year_ahead_offer(tx, fee_item_id=item.fee_item_id, at=at)
            is_offered = offer is not None and covered == 1 and months == offer.paid_months
            return MonthsAhead(
                item.fee_item_id,
                item.item_name,
                months,
                amount_fen,
                BillingPeriod.parse(bill.period).plus(covered),
                offer if is_offered else None,
            )
    return None


def _newest(tx: Connection, unit_id: int, fee_item_id: int) -> list[Row[Any]]:
    wanted = (
        select(bills)
        .where(
            bills.c.unit_id == unit_id,
            bills.c.fee_item_id == fee_item_id,
            bills.c.voided_at.is_(None),
            bills.c.is_imported == 0,
        )
        .order_by(bills.c.period.desc(), bills.c.id.desc())
        .limit(_LOOKED_AT)
    )
    return list(tx.execute(wanted))


def _full_price(tx: Connection, bill: Row[Any]) -> int:
    of_lines = select(func.sum(bill_lines.c.amount_fen)).where(
        bill_lines.c.bill_id == bill.id, bill_lines.c.kind.not_in(_NOT_ITS_PRICE)
    )
    return int(tx.execute(of_lines).scalar_one() or bill.amount_fen)


def _months_of(begins_on: date | None, last_on: date | None) -> int:
    """Return how many whole months a bill covers: 1 where it does not say, 0 for a part of one."""
    if begins_on is None or last_on is None:
        return 1
    ends_on = last_on + timedelta(days=1)
    return next((one for one in (1, 3, 6, YEAR) if months_after(begins_on, one) == ends_on), 0)
