"""A bank sends money back (退汇): what was booked for it is reversed, or put before a person."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.kinds import Account, RefundStep
from storage.ledger import Leg
from storage.models.bank import bank_rows
from storage.models.payments import payments, refunds
from storage.operations.differences import raise_difference
from storage.operations.refund_results import note_refund
from storage.operations.refund_sources import sources_undone
from storage.operations.refunds import RefundAskedFor, write_refund
from storage.paying_kinds import BankRowState
from storage.ports.payments import RefundFact, RefundState
from storage.rules.refunds import VOID


def take_back(tx: Connection, row_id: int, by_row_id: int, *, now: datetime) -> bool:
    """Undo what an earlier row was booked as; False where a person must look instead.

    An incoming transfer that the bank took back was no payment: its bills are owed again. Of a
    payout that came back the refund is told as abnormal where it has not ended. What nobody had
    claimed leaves suspense.
    """
    is_earlier = bank_rows.c.id == row_id
    earlier = tx.execute(select(bank_rows).where(is_earlier).with_for_update()).one()
    if earlier.payment_id is None and earlier.state != BankRowState.PAYOUT:
        _leave_suspense(tx, earlier, now)
        return True
    if earlier.state == BankRowState.PAYOUT:
        is_back = _payout_came_back(tx, earlier.memo, -earlier.amount_fen, by_row_id, now)
        if is_back:
            _mark_returned(tx, row_id)
        return is_back
    payment = tx.execute(
        select(payments).where(payments.c.id == earlier.payment_id).with_for_update()
    ).one()
    left_fen = sum(one.left_fen for one in sources_undone(tx, payment))
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
    _mark_returned(tx, row_id)
    return True


def _leave_suspense(tx: Connection, earlier: Row[Any], now: datetime) -> None:
    ledger.post(
        tx,
        key=f"suspense_out:{earlier.id}",
        memo="退汇",
        community_id=earlier.community_id,
        posted_at=now,
        legs=[Leg(Account.SUSPENSE, earlier.amount_fen), Leg(Account.BANK, -earlier.amount_fen)],
    )
    _mark_returned(tx, earlier.id)


def _mark_returned(tx: Connection, row_id: int) -> None:
    tx.execute(
        update(bank_rows).where(bank_rows.c.id == row_id).values(state=BankRowState.RETURNED)
    )


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
