"""Refunds to bank accounts that no bank's interface sends: a person does, to an account known."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from storage.errors import RefundStateWrong, UnknownRefund
from storage.kinds import Account, RefundStep
from storage.models.bank import bank_rows
from storage.models.payments import refunds
from storage.operations.findings import close_about
from storage.operations.payout_tasks import ask_for_payout
from storage.operations.payouts import Payee, request_payout
from storage.operations.refund_successors import deposit_bill_of
from storage.operations.refunds import RefundAskedFor, move, release
from storage.paying_kinds import BankRowState, CashMethod
from storage.queries.residents import Staff
from storage.rules.agreeing import OF_WAITING
from storage.rules.counter import place_of

FREE = (RefundStep.APPROVED, RefundStep.UNFUNDED)
"""States in which nothing has been sent that a person could send a second time."""
PAID_BY = (BankRowState.MATCHED, BankRowState.ASSIGNED)
ASK_AFTER: Final = timedelta(minutes=1)
"""So long after a payout was about to be sent the bank is asked whether it came."""


def note_sending(tx: Connection, refund_no: str, *, now: datetime) -> bool:
    """Note that the bank is about to be asked to send a refund; False where it is not to be.

    From then on nobody knows whether it was sent, and no person sends it: a process that dies
    before it hears the answer leaves no more than this, and the interface may be gone by then.
    Raises UnknownRefund.
    """
    row = tx.execute(
        select(refunds).where(refunds.c.refund_no == refund_no).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownRefund
    if row.state in FREE and row.next_step_at is not None:
        move(tx, row, RefundStep.UNKNOWN, next_step_at=now + ASK_AFTER)
        return True
    return bool(row.state == RefundStep.UNKNOWN)


def leave_to_people(tx: Connection, refund_no: str, *, now: datetime) -> bool:
    """Make an agreed refund the counter's: a transfer to the account that the money came from.

    False where it is not to be sent any more, or may have been sent already. The office is told
    once. Raises UnknownRefund.
    """
    row = tx.execute(
        select(refunds).where(refunds.c.refund_no == refund_no).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownRefund
    if row.state not in FREE or row.next_step_at is None:
        return False
    came = tx.execute(
        select(bank_rows.c.payer_name, bank_rows.c.payer_account)
        .where(bank_rows.c.payment_id == row.payment_id, bank_rows.c.state.in_(PAID_BY))
        .order_by(bank_rows.c.id)
    ).first()
    named = tx.execute(
        update(refunds)
        .where(refunds.c.id == row.id)
        .values(
            gateway=CashMethod.TRANSFER,
            state=RefundStep.APPROVED,
            next_step_at=None,
            payout_name=came.payer_name if came is not None else "",
            payout_account=came.payer_account if came is not None else "",
        )
        .returning(refunds)
    ).one()
    ask_for_payout(tx, named, now=now)
    return True


def pay_to_another(
    tx: Connection, refund_no: str, payee: Payee, *, by: Staff, now: datetime
) -> str:
    """Give a refund whose payout came back (退汇) another account; return its new number.

    The old number ends, for its money is with us again; the new one needs a manager and a second
    person, as any payout. Asked again it is the same. Raises NotAllowed, PayoutMissing,
    UnknownRefund, RefundStateWrong.
    """
    request_key = f"account:{refund_no}"
    known: str | None = tx.execute(
        select(refunds.c.refund_no).where(
            refunds.c.request_key == request_key, refunds.c.community_id.in_(by.community_ids)
        )
    ).scalar_one_or_none()
    if known is not None:
        return known
    row = tx.execute(
        select(refunds)
        .where(refunds.c.refund_no == refund_no, refunds.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownRefund
    if row.state != RefundStep.ABNORMAL or place_of(row.gateway) is not Account.BANK:
        raise RefundStateWrong(refund_no, row.state)
    move(tx, row, RefundStep.CLOSED, next_step_at=None, detail="paid to another account")
    release(tx, row, now=now)
    close_about(tx, refund_no, OF_WAITING, now=now, note="another account")
    asked = RefundAskedFor(
        row.payment_id,
        row.amount_fen,
        row.cause,
        row.reason,
        request_key,
        row.identity_id,
        deposit_bill_of(tx, row),
        row.kept_fen,
    )
    number = request_payout(tx, asked, payee, by=by, now=now)
    tx.execute(update(refunds).where(refunds.c.refund_no == number).values(predecessor_id=row.id))
    return number
