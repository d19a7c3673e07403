"""Refunds that people hand over (线下退款): asked for with an account, paid by a second person."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.counter_errors import PayoutMissing, SlipMissing
from storage.errors import (
    NotAllowed,
    RefundStateWrong,
    RefundTooMuch,
    SelfApproval,
    UnknownRefund,
)
from storage.events import RefundReceived, StaffTask
from storage.frozen import dataclass
from storage.kinds import RefundStep, StaffRole
from storage.models.offline import vouchers
from storage.models.payments import payments, refunds
from storage.models.people import identities, staff
from storage.operations.hearers import tell_staff
from storage.operations.refund_results import note_refund
from storage.operations.refund_sources import sources_of
from storage.operations.refunds import RefundAskedFor, label_of, tell, write_refund
from storage.paying_kinds import CashMethod
from storage.periods import shanghai_day
from storage.ports.payments import RefundFact, RefundState
from storage.queries.counter import CASHIERS
from storage.queries.residents import Staff
from storage.rules.counter import NEEDS_REFERENCE, is_by_hand
from storage.sql import next_number


@dataclass(frozen=True, slots=True)
class Payee:
    """To whom money is transferred by hand: name, account number, and bank."""

    name: str
    account: str
    bank: str


def request_payout(
    tx: Connection, asked: RefundAskedFor, payee: Payee, *, by: Staff, now: datetime
) -> str:
    """Ask for a refund to a payee's account, whichever way the money came; return its number.

    This is the way past a platform's window. A manager has to agree, and a second person pays.
    The same request key again is the same refund. Raises NotAllowed, PayoutMissing,
    UnknownRefund (no such payment), RefundTooMuch.
    """
    if by.role not in CASHIERS:
        raise NotAllowed
    if not (payee.name.strip() and payee.account.strip() and payee.bank.strip()):
        raise PayoutMissing
    payment = tx.execute(
        select(payments)
        .where(payments.c.id == asked.payment_id, payments.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).one_or_none()
    if payment is None:
        raise UnknownRefund
    known: str | None = tx.execute(
        select(refunds.c.refund_no).where(refunds.c.request_key == asked.request_key)
    ).scalar_one_or_none()
    if known is not None:
        return known
    left_fen = sum(one.left_fen for one in sources_of(tx, payment, asked.deposit_bill_id))
    if not 0 < asked.amount_fen <= left_fen:
        raise RefundTooMuch(left_fen)
    row = write_refund(tx, payment, asked, RefundStep.REQUESTED, Actor(by.staff_id), now)
    _name_payee(tx, row, payee)
    _tell(tx, row, asked.reason, now)
    number: str = row.refund_no
    return number


def _name_payee(tx: Connection, row: Row[Any], payee: Payee) -> None:
    tx.execute(
        update(refunds)
        .where(refunds.c.id == row.id)
        .values(
            gateway=CashMethod.TRANSFER,
            payout_name=payee.name.strip()[:80],
            payout_account=payee.account.strip()[:40],
            payout_bank=payee.bank.strip()[:80],
        )
    )


def _tell(tx: Connection, row: Row[Any], reason: str, now: datetime) -> None:
    """Tell the household that it is asked for, and the managers that they have to agree."""
    label = label_of(tx, row)
    received = RefundReceived(row.refund_no, label, row.amount_fen, is_automatic=False)
    tell(tx, row, received, now)
    tell_staff(
        tx,
        StaffTask("refund_approval", row.refund_no, label, row.amount_fen, reason),
        community_id=row.community_id,
        roles=(StaffRole.MANAGER,),
        key=f"approve:{row.refund_no}",
        now=now,
    )


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A refund that was handed over: its voucher, and how."""

    refund_no: str
    voucher_no: str
    unit_label: str
    amount_fen: int
    method: CashMethod


def note_payout(
    tx: Connection, refund_no: str, *, reference: str = "", by: Staff, now: datetime
) -> PaidOut:
    """Write down that a refund was handed over, once: voucher, books, receipt and message.

    Never by who agreed to it, nor by who asked for it where nobody had to agree; a transfer needs
    the number of the bank's receipt. Raises NotAllowed, UnknownRefund, RefundStateWrong,
    SelfApproval, SlipMissing.
    """
    if by.role not in CASHIERS:
        raise NotAllowed
    mine = select(staff.c.id).where(staff.c.id == by.staff_id)
    tx.execute(mine.with_for_update(key_share=True))
    row = tx.execute(
        select(refunds)
        .where(refunds.c.refund_no == refund_no, refunds.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownRefund
    if row.voucher_no:
        return _paid_out(tx, row, row.voucher_no)
    if row.state != RefundStep.APPROVED or not is_by_hand(row.gateway):
        raise RefundStateWrong(refund_no, row.state)
    if by.staff_id in _first_people(tx, row):
        raise SelfApproval
    method = CashMethod(row.gateway)
    if method in NEEDS_REFERENCE and not reference.strip():
        raise SlipMissing
    voucher_no = _write_voucher(tx, row, reference, by, now)
    fact = RefundFact(
        gateway=row.gateway,
        refund_no=refund_no,
        order_no=row.order_no,
        state=RefundState.SUCCESS,
        amount_fen=row.amount_fen - row.kept_fen,
        settled_at=now,
    )
    note_refund(tx, fact, heard_at=now)
    audit.note(tx, Actor(by.staff_id), "pay_out", "refund", refund_no, at=now, detail=voucher_no)
    return _paid_out(tx, row, voucher_no)


def _first_people(tx: Connection, row: Row[Any]) -> set[int]:
    """Return who may not hand the money over: the first pair of eyes, and whose money it is."""
    asked_in_chat_by = tx.execute(
        select(identities.c.staff_id).where(identities.c.id == row.identity_id)
    ).scalar_one_or_none()
    first = row.decided_by if row.decided_by is not None else row.requested_by
    return {one for one in (first, asked_in_chat_by) if one is not None}


def _write_voucher(tx: Connection, row: Row[Any], reference: str, by: Staff, now: datetime) -> str:
    day = shanghai_day(now)
    voucher_no = f"V{day:%y%m%d}{next_number(tx, f'voucher:{day:%y%m%d}'):05d}"
    tx.execute(
        vouchers.insert().values(
            voucher_no=voucher_no,
            community_id=row.community_id,
            staff_id=by.staff_id,
            refund_id=row.id,
            method=row.gateway,
            amount_fen=row.kept_fen - row.amount_fen,
            day_on=day,
            made_at=now,
            reference=reference.strip()[:64],
            request_key=f"payout:{row.refund_no}",
            note="",
        )
    )
    tx.execute(
        update(refunds)
        .where(refunds.c.id == row.id)
        .values(voucher_no=voucher_no, paid_out_by=by.staff_id)
    )
    return voucher_no


def _paid_out(tx: Connection, row: Row[Any], voucher_no: str) -> PaidOut:
    handed_fen = row.amount_fen - row.kept_fen
    return PaidOut(
        row.refund_no, voucher_no, label_of(tx, row), handed_fen, CashMethod(row.gateway)
    )
