"""Correcting a bill (更正): the wrong one is voided with its reason, a new one answers it."""

from collections.abc import Sequence
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
from storage.periods import BillingPeriod, DaySpan, shanghai_day
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
    others: tuple[tuple[str, int], ...] = ()
    """Number and fen of bills of other parties, who have some of its days by now."""


def correct_bill(
    tx: Connection, *, bill_id: int, reason: str, actor: Actor, now: datetime
) -> Correction:
    """Void a bill and make it anew from what is known now; both stay, linked to each other.

    Where some of its days are another party's by now, that party gets a bill of her own, linked
    too. Of a period that is billed in parts the others stay as they are; days that another bill
    stands for are not billed again: that one is to be corrected first.

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
        bills.c.part == old.part,
    )
    if tx.execute(newest).scalar_one() != old.revision:
        raise CannotReissue(old.bill_no)
    answers = _anew(tx, old, now)
    void_bill(tx, bill_id=bill_id, reason=reason, actor=actor, now=now)
    instead_of = Corrected(bill_id, old.revision, old.part)
    ids = write_bills(tx, answers, community_id=old.community_id, now=now, instead_of=instead_of)
    use_discounts(tx, answers)
    made = {
        row.part: row
        for row in tx.execute(
            select(bills.c.id, bills.c.part, bills.c.bill_no, bills.c.amount_fen)
            .where(bills.c.id.in_(ids))
            .order_by(bills.c.part)
        )
    }
    new = made.pop(old.part)
    others = tuple((row.bill_no, row.amount_fen) for row in made.values())
    after = after_close(old.period, closed, now)
    told = " ".join(f"+ {bill_no} {fen}" for bill_no, fen in others)
    detail = f"{new.bill_no} {old.amount_fen} -> {new.amount_fen}{after} {told}".rstrip()
    audit.note(tx, actor, "correct", "bill", old.bill_no, at=now, detail=detail)
    return Correction(
        old.bill_no, old.amount_fen, new.id, new.bill_no, new.amount_fen, bool(after), others
    )


def _anew(tx: Connection, old: Row[Any], now: datetime) -> list[DueBill]:
    """Return the bills that answer one, as they would be issued now.

    Raises CannotReissue and what is missing.
    """
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
        made = [
            bill
            for bill in found.new
            if (bill.unit_id, bill.scheme.fee_item_id, str(bill.due.period)) == place
        ]
        if made:
            return _answers(tx, old, made)
        for one in found.missing:
            if (one.unit_id, one.fee_item_id, one.period) == place:
                raise one.refusal or CannotReissue(old.bill_no)
    raise CannotReissue(old.bill_no)


def _answers(tx: Connection, old: Row[Any], made: Sequence[DueBill]) -> list[DueBill]:
    """Return those of the bills that are for days of the old one and that no other stands for.

    That of the old bill's party, or else the first, is numbered as its answer, the others anew.
    """
    standing = tx.execute(
        select(bills.c.part, bills.c.begins_on, bills.c.last_on, bills.c.voided_at).where(
            bills.c.unit_id == old.unit_id,
            bills.c.fee_item_id == old.fee_item_id,
            bills.c.period == old.period,
        )
    ).all()
    others = [row for row in standing if row.part != old.part and row.voided_at is None]
    free = [
        one
        for one in made
        if _meets(old, one.due.days) and not any(_meets(row, one.due.days) for row in others)
    ]
    if not free:
        raise CannotReissue(old.bill_no)
    same = next((one for one in free if one.liable_id == old.liable_id), free[0])
    number = max(row.part for row in standing) + 1
    rest = enumerate((one for one in free if one is not same), start=number)
    return [same._replace(part=old.part), *(one._replace(part=at) for at, one in rest)]


def _meets(row: Any, days: DaySpan) -> bool:  # noqa: ANN401 - a row
    """Say whether a bill is for one of some days; one without days is for its month."""
    if row.begins_on is None or row.last_on is None:
        return True
    return bool(row.begins_on < days.ends_on and row.last_on >= days.begins_on)
