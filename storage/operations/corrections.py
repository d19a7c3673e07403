"""Correcting a bill (更正): the wrong one is voided with its reason, a new one answers it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from storage import audit
from storage.audit import Actor
from storage.charge_errors import CannotReissue
from storage.errors import UnknownBill
from storage.frozen import dataclass
from storage.models.bills import bills
from storage.operations.bill_rows import Corrected, write_bills
from storage.operations.bills import after_close, void_bill
from storage.operations.issuing import lock_billing, use_discounts
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.closes import closed_periods
from storage.queries.dues import Place, bills_due
from storage.queries.pricing import DueBill

MOST_MONTHS: Final = 14
"""A bill is billed at most so many months after the month it is under."""


@dataclass(frozen=True, slots=True)
class Correction:
    """The bill that was taken back and the one that answers it, with what they ask for.

    `is_after_close` where its month is closed: the difference counts in the month of correcting.
    """

    bill_no: str
    amount_fen: int
    new_id: int
    new_no: str
    new_amount_fen: int
    is_after_close: bool


def correct_bill(
    tx: Connection, *, bill_id: int, reason: str, actor: Actor, now: datetime
) -> Correction:
    """Void a bill and make it anew from what is known now; both stay, linked to each other.

    A bill that was voided before is only made anew. The new one is for the same month; both
    count on the day of correcting, so that no figure of a closed month moves. Raises UnknownBill,
    BillAlreadyPaid, CannotReissue, and what is missing to price it; then nothing is changed.
    """
    old = tx.execute(select(bills).where(bills.c.id == bill_id).with_for_update()).one_or_none()
    if old is None:
        raise UnknownBill
    lock_billing(tx, old.community_id)
    closed = closed_periods(tx, old.community_id)
    newest = select(func.max(bills.c.revision)).where(
        bills.c.unit_id == old.unit_id,
        bills.c.fee_item_id == old.fee_item_id,
        bills.c.period == old.period,
    )
    if tx.execute(newest).scalar_one() != old.revision:
        raise CannotReissue(old.bill_no)
    new = _anew(tx, old, now)
    void_bill(tx, bill_id=bill_id, reason=reason, actor=actor, now=now)
    instead_of = Corrected(bill_id, old.revision)
    [new_id] = write_bills(tx, [new], community_id=old.community_id, now=now, instead_of=instead_of)
    use_discounts(tx, [new])
    new_no: str = tx.execute(select(bills.c.bill_no).where(bills.c.id == new_id)).scalar_one()
    after = after_close(old.period, closed, now)
    detail = f"{new_no} {old.amount_fen} -> {new.priced.amount_fen}{after}"
    audit.note(tx, actor, "correct", "bill", old.bill_no, at=now, detail=detail)
    return Correction(
        old.bill_no, old.amount_fen, new_id, new_no, new.priced.amount_fen, bool(after)
    )


def _anew(tx: Connection, old: Row[Any], now: datetime) -> DueBill:
    """Return the bill as it would be issued now. Raises CannotReissue and what is missing."""
    period = BillingPeriod.parse(old.period)
    place: Place = (old.unit_id, old.fee_item_id, old.period)
    for after in range(MOST_MONTHS):
        found = bills_due(
            tx,
            community_id=old.community_id,
            period=period.plus(after),
            today=shanghai_day(now),
            unit_ids=[old.unit_id],
            anew=(place,),
        )
        for bill in found.new:
            if (bill.unit_id, bill.scheme.fee_item_id, str(bill.due.period)) == place:
                return bill
        for one in found.missing:
            if (one.unit_id, one.fee_item_id, one.period) == place:
                raise one.refusal or CannotReissue(old.bill_no)
    raise CannotReissue(old.bill_no)
