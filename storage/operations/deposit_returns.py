"""Deposits (押金) going back: the way they came, or out of cash or the bank."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage import audit
from storage.audit import Actor
from storage.charge_errors import DepositTooMuch, EvidenceMissing, UnknownDeposit
from storage.frozen import dataclass
from storage.kinds import Account
from storage.models.ledger import entries
from storage.models.payments import allocations, refunds
from storage.operations import deposits
from storage.operations.refund_sources import LIVE
from storage.operations.refunds import RefundAskedFor, RefundView, request_refund


@dataclass(frozen=True, slots=True)
class OfflineReturn:
    """What was given back of a deposit, out of which account, and the voucher that proves it."""

    bill_no: str
    amount_fen: int
    out_of: Account
    """cash | bank."""
    voucher: str


def return_offline(tx: Connection, given: OfflineReturn, *, actor: Actor, now: datetime) -> int:
    """Book what was given back in cash or by bank, once a voucher; return what is still held.

    Raises UnknownDeposit, DepositTooMuch, and EvidenceMissing where nobody has inspected yet or
    no voucher is named.
    """
    if given.out_of not in (Account.CASH, Account.BANK):
        raise ValueError(f"a deposit is given back out of cash or bank, not {given.out_of}")
    row, voucher = _inspected(tx, given.bill_no), given.voucher.strip()[:60]
    if not voucher:
        raise EvidenceMissing
    key, left_fen = f"deposit-return:{given.bill_no}:{voucher}", deposits.left_of(row)
    known = select(entries.c.id).where(entries.c.entry_key == key)
    if tx.execute(known).first() is not None:
        return left_fen
    if not 0 < given.amount_fen <= left_fen:
        raise DepositTooMuch(left_fen)
    deposits.give(tx, row.bill_id, given.amount_fen, now=now)
    deposits.book(tx, row, key, given.amount_fen, given.out_of, now)
    detail = f"{given.out_of} {given.amount_fen}"
    audit.note(tx, actor, "return", "deposit", given.bill_no, at=now, detail=detail)
    left_fen -= given.amount_fen
    deposits.tell(tx, row, ("returned", given.amount_fen, left_fen, voucher), now)
    return left_fen


def return_by_refund(
    tx: Connection, bill_no: str, *, reason: str, actor: Actor, now: datetime
) -> RefundView:
    """Ask the platform to give back all that is held of a deposit, the way it came.

    It is a refund like any other: another member of staff approves it, and its steps are told.
    Again it is the same refund. Raises UnknownDeposit, EvidenceMissing, RefundTooMuch,
    RefundWindowOver.
    """
    row = _inspected(tx, bill_no)
    payment_id = tx.execute(
        select(allocations.c.payment_id)
        .where(allocations.c.bill_id == row.bill_id, allocations.c.refund_id.is_(None))
        .order_by(allocations.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if payment_id is None:
        raise UnknownDeposit(bill_no)
    asked = RefundAskedFor(
        payment_id=payment_id,
        amount_fen=deposits.left_of(row),
        cause=deposits.CAUSE,
        reason=reason,
        request_key=f"deposit:{bill_no}:{_ended(tx, bill_no)}",
        deposit_bill_id=row.bill_id,
    )
    return request_refund(tx, asked, actor=actor, now=now)


def _ended(tx: Connection, bill_no: str) -> int:
    """Return how many refunds of a deposit have come to nothing: the next is a new one."""
    found: int = tx.execute(
        select(func.count()).where(
            refunds.c.request_key.startswith(f"deposit:{bill_no}:"),
            refunds.c.state.not_in(LIVE),
        )
    ).scalar_one()
    return found


def _inspected(tx: Connection, bill_no: str) -> Row[Any]:
    row = deposits.lock(tx, bill_no)
    if row.inspected_at is None:
        raise EvidenceMissing
    return row
