"""A bank sends money back (退汇): what was booked for it is reversed, or put before a person."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.kinds import BankRowState, RefundStep
from storage.models.bank import bank_rows
from storage.models.payments import payments, refunds
from storage.operations.differences import raise_difference
from storage.operations.refund_results import note_refund
from storage.operations.refund_sources import sources_of
from storage.operations.refunds import RefundAskedFor, write_refund
from storage.ports.payments import RefundFact, RefundState
from storage.rules.refunds import VOID


def take_back(tx: Connection, row_id: int, by_row_id: int, *, now: datetime) -> bool:
    """Undo what an earlier row was booked as; False where a person must look instead.

    An incoming transfer that the bank took back was no payment: its bills are owed again. Of a
    payout that came back the refund is told as abnormal where it has not ended.
    """
    earlier = tx.execute(select(bank_rows).where(bank_rows.c.id == row_id)).one()
    if earlier.state == BankRowState.PAYOUT:
        return _payout_came_back(tx, earlier.memo, -earlier.amount_fen, by_row_id, now)
    payment = tx.execute(
        select(payments).where(payments.c.id == earlier.payment_id).with_for_update()
    ).one()
    left_fen = sum(one.left_fen for one in sources_of(tx, payment))
    if payment.reserved_fen or left_fen != payment.amount_fen:
        reference = payment.transaction_id
        raise_difference(tx, "BankReturned", reference, str(payment.amount_fen), at=now)
        return False
    asked = RefundAskedFor(
        payment.id, payment.amount_fen, VOID, "bank_return", f"bank_return:{by_row_id}"
    )
    row = write_refund(tx, payment, asked, RefundStep.APPROVED, CLOCK, now)
    fact = RefundFact(
        gateway=row.gateway,
        refund_no=row.refund_no,
        order_no=row.order_no,
        state=RefundState.SUCCESS,
        amount_fen=row.amount_fen,
        settled_at=now,
    )
    note_refund(tx, fact, heard_at=now)
    tx.execute(
        update(bank_rows).where(bank_rows.c.id == row_id).values(state=BankRowState.RETURNED)
    )
    return True


def _payout_came_back(
    tx: Connection, memo: str, amount_fen: int, by_row_id: int, now: datetime
) -> bool:
    """Tell a refund that its money came back; one that has ended is a difference."""
    words = memo.replace("：", " ").replace(":", " ").split()
    row = tx.execute(select(refunds).where(refunds.c.refund_no.in_(words))).first()
    if row is None or row.state == RefundStep.SUCCESS:
        reference = row.refund_no if row is not None else str(by_row_id)
        raise_difference(tx, "BankReturned", reference, str(amount_fen), at=now)
        return False
    fact = RefundFact(
        gateway=row.gateway,
        refund_no=row.refund_no,
        order_no=row.order_no,
        state=RefundState.ABNORMAL,
        amount_fen=amount_fen,
        detail="bank returned the payout",
    )
    note_refund(tx, fact, heard_at=now)
    return True
