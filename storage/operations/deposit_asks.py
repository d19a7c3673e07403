"""Asking for a deposit (押金): a bill that is owed to us, and by us."""

from datetime import date, datetime

from sqlalchemy import Connection, select

from storage import audit
from storage.audit import Actor
from storage.charge_errors import UnknownDeposit
from storage.frozen import dataclass
from storage.kinds import Account, FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.operations.bills import NewBill, book_bills
from storage.periods import BillingPeriod


@dataclass(frozen=True, slots=True)
class DepositAsk:
    """A deposit that a unit is asked for (装修押金): the fee item must be of the class deposit."""

    unit_id: int
    fee_item_id: int
    amount_fen: int
    due_on: date
    purpose: str
    liable_id: int | None = None


def ask_for_deposit(tx: Connection, ask: DepositAsk, *, actor: Actor, now: datetime) -> str | None:
    """Book the bill of a deposit: owed to us, and by us; return its number.

    None where the unit was asked for it in that month before. Raises UnknownDeposit for a fee
    item that is no deposit.
    """
    row = tx.execute(
        select(fee_items.c.name, fee_items.c.fee_class, units.c.community_id)
        .join(units, units.c.community_id == fee_items.c.community_id)
        .where(fee_items.c.id == ask.fee_item_id, units.c.id == ask.unit_id)
    ).one_or_none()
    if row is None or row.fee_class != FeeClass.DEPOSIT:
        raise UnknownDeposit(str(ask.fee_item_id))
    new = NewBill(
        unit_id=ask.unit_id,
        fee_item_id=ask.fee_item_id,
        item_name=row.name,
        period=BillingPeriod.of(ask.due_on),
        amount_fen=ask.amount_fen,
        due_on=ask.due_on,
        explanation={"basis": "deposit", "sum": ask.purpose[:60]},
        liable_id=ask.liable_id,
    )
    booked = book_bills(tx, [new], community_id=row.community_id, against=Account.DEPOSIT, now=now)
    if not booked:
        return None
    bill_no: str = tx.execute(
        select(bills.c.bill_no).where(
            bills.c.unit_id == ask.unit_id,
            bills.c.fee_item_id == ask.fee_item_id,
            bills.c.period == str(new.period),
            bills.c.voided_at.is_(None),
        )
    ).scalar_one()
    audit.note(tx, actor, "ask", "deposit", bill_no, at=now, detail=ask.purpose)
    return bill_no
