"""Which bills are held against each other when somebody asks why it is more than before."""

from sqlalchemy import Connection

from storage.periods import BillingPeriod
from storage.queries.bills import bill_details, bills_between
from storage.rules.comparing import Charged, Comparison, compare_bills

EARLIEST = BillingPeriod(1990, 1)


def compare_periods(
    tx: Connection,
    binding_id: int,
    *,
    before: BillingPeriod,
    after: BillingPeriod,
    item_code: str = "",
) -> Comparison:
    """Hold the bills of a month, as far as a binding may see them, against another month's.

    `item_code` narrows it to one fee item.
    """
    earlier = _charged(tx, binding_id, before, item_code)
    return compare_bills(earlier, _charged(tx, binding_id, after, item_code))


def period_before(
    tx: Connection, binding_id: int, period: BillingPeriod, *, item_code: str = ""
) -> BillingPeriod:
    """Return the newest month before `period` with such a bill, or else the month before it."""
    found = bills_between(tx, binding_id, EARLIEST, period.plus(-1))
    months = [one.period for one in found if item_code in ("", one.item_code)]
    return max(months, default=period.plus(-1))


def _charged(
    tx: Connection, binding_id: int, period: BillingPeriod, item_code: str
) -> list[Charged]:
    seen = bills_between(tx, binding_id, period, period)
    wanted = [one.bill_id for one in seen if item_code in ("", one.item_code)]
    return [
        Charged(one.bill.item_name, one.bill.amount_fen, one.explanation)
        for one in bill_details(tx, wanted)
    ]
