"""Which bills are held against each other when somebody asks why it is more than before."""

from sqlalchemy import Connection

from storage.periods import BillingPeriod
from storage.queries.bills import bill_details, bills_between
from storage.rules.comparing import Charged, Comparison, compare_bills

EARLIEST = BillingPeriod(1990, 1)


def compare_periods(
    tx: Connection, binding_id: int, *, before: BillingPeriod, after: BillingPeriod
) -> Comparison:
    """Hold the bills of a month, as far as a binding may see them, against another month's."""
    return compare_bills(_charged(tx, binding_id, before), _charged(tx, binding_id, after))


def period_before(tx: Connection, binding_id: int, period: BillingPeriod) -> BillingPeriod:
    """Return the newest month before `period` with a bill, or else the month before it."""
    found = bills_between(tx, binding_id, EARLIEST, period.plus(-1))
    return max((one.period for one in found), default=period.plus(-1))


def _charged(tx: Connection, binding_id: int, period: BillingPeriod) -> list[Charged]:
    seen = [one.bill_id for one in bills_between(tx, binding_id, period, period)]
    return [
        Charged(one.bill.item_name, one.bill.charged_fen, one.explanation)
        for one in bill_details(tx, seen)
    ]
