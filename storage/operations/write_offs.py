"""Bad debt is written off (坏账核销): a cashier asks, another person agrees; a person undoes it.

It is the company's own act and no forgiveness: no resident is told of it, and no answer to what
she owes lists it, because a bill asks for nothing that was written off of it.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.errors import NotAllowed
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import FeeClass, HoldKind, OrderState, StaffRole
from storage.models.payments import payment_order_bills, payment_orders
from storage.models.write_offs import write_offs
from storage.operations.asked_less import check_decides, lock_bill
from storage.operations.hearers import tell_staff
from storage.operations.write_off_entries import bring_back, lower
from storage.paying_kinds import WriteOffState
from storage.periods import shanghai_day
from storage.queries.holds import holds_on
from storage.queries.residents import Staff
from storage.queries.write_offs import WriteOffView, write_off_of
from storage.sql import next_number
from storage.write_off_errors import (
    BillDisputed,
    DebtChanged,
    NotBadDebt,
    NothingOwed,
    PaymentUnderWay,
    UnknownWriteOff,
    WriteOffReasonMissing,
)

_ASKERS: Final = (StaffRole.CASHIER, StaffRole.MANAGER)


@dataclass(frozen=True, slots=True)
class WriteOffAsk:
    """Which bill is to be written off, why, and what proves that nobody pays it."""

    bill_id: int
    reason: str
    evidence: str
    """Where the proof lies: a judgment's number, letters that came back, a death certificate."""


def ask_write_off(tx: Connection, ask: WriteOffAsk, *, by: Staff, now: datetime) -> WriteOffView:
    """Ask to write off all that is open of a bill; managers hear of it. Nothing changes yet.

    A bill for which it was asked and nobody has decided keeps that one. Raises NotAllowed,
    UnknownBill, WriteOffReasonMissing, NotBadDebt, NothingOwed, BillDisputed and
    PaymentUnderWay.
    """
    if by.role not in _ASKERS:
        raise NotAllowed
    bill = lock_bill(tx, ask.bill_id, by)
    if not ask.reason.strip() or not ask.evidence.strip():
        raise WriteOffReasonMissing
    open_fen = _open_fen(tx, bill, now)
    known = tx.execute(
        select(write_offs.c.write_off_no).where(
            write_offs.c.bill_id == bill.id,
            write_offs.c.state == WriteOffState.ASKED,
            write_offs.c.amount_fen == open_fen,
        )
    ).scalar()
    if known is not None:
        return write_off_of(tx, known, community_ids=by.community_ids)
    day = shanghai_day(now)
    write_off_no = f"HX{day:%y%m}{next_number(tx, f'write_off:{day:%y%m}'):05d}"
    tx.execute(
        write_offs.insert().values(
            write_off_no=write_off_no,
            bill_id=bill.id,
            community_id=bill.community_id,
            state=WriteOffState.ASKED,
            amount_fen=open_fen,
            reason=ask.reason.strip()[:120],
            evidence=ask.evidence.strip()[:200],
            asked_by=by.staff_id,
            asked_at=now,
        )
    )
    detail = f"{bill.bill_no} {open_fen}"
    audit.note(tx, Actor(by.staff_id), "ask", "write_off", write_off_no, at=now, detail=detail)
    view = write_off_of(tx, write_off_no, community_ids=by.community_ids)
    tell_staff(
        tx,
        StaffTask("write_off_approval", write_off_no, view.unit_label, open_fen, view.reason),
        community_id=bill.community_id,
        roles=(StaffRole.MANAGER,),
        key=f"write-off:{write_off_no}",
        now=now,
    )
    return view


def approve_write_off(
    tx: Connection, write_off_no: str, *, by: Staff, now: datetime
) -> WriteOffView:
    """Agree to a write-off: the bill asks for nothing more, and bad debt has it, as of today.

    A manager agrees, never to what she asked for. Raises NotAllowed, UnknownWriteOff,
    SelfApproval, DebtChanged, and what asking for it raises now.
    """
    row, bill = _waiting(tx, write_off_no, by)
    open_fen = _open_fen(tx, bill, now)
    if open_fen != row.amount_fen:
        raise DebtChanged(open_fen)
    _decide(tx, row, by, now, state=WriteOffState.APPROVED)
    lower(tx, bill, write_off_no, open_fen, now=now)
    detail = f"{bill.bill_no} {open_fen}"
    audit.note(tx, Actor(by.staff_id), "approve", "write_off", write_off_no, at=now, detail=detail)
    return write_off_of(tx, write_off_no, community_ids=by.community_ids)


def decline_write_off(
    tx: Connection, write_off_no: str, *, reason: str, by: Staff, now: datetime
) -> WriteOffView:
    """Decline a write-off with a reason; nothing changes.

    Raises NotAllowed, UnknownWriteOff, SelfApproval and ReasonMissing.
    """
    row, _ = _waiting(tx, write_off_no, by)
    if not reason.strip():
        raise ReasonMissing
    _decide(tx, row, by, now, state=WriteOffState.DECLINED, decline_reason=reason.strip()[:120])
    audit.note(tx, Actor(by.staff_id), "decline", "write_off", write_off_no, at=now, detail=reason)
    return write_off_of(tx, write_off_no, community_ids=by.community_ids)


def reverse_write_off(
    tx: Connection, write_off_no: str, *, reason: str, by: Staff, now: datetime
) -> WriteOffView:
    """Ask again for what was written off of the bill (收回已核销): it is owed as before.

    Raises NotAllowed for others than cashiers and managers, UnknownWriteOff where it does not
    stand, and ReasonMissing.
    """
    if by.role not in _ASKERS:
        raise NotAllowed
    _, bill = _found(tx, write_off_no, by, WriteOffState.APPROVED)
    if not reason.strip():
        raise ReasonMissing
    back_fen = bring_back(tx, bill.id, reason=reason, now=now)
    detail = f"{bill.bill_no} {back_fen} {reason.strip()[:80]}"
    audit.note(tx, Actor(by.staff_id), "reverse", "write_off", write_off_no, at=now, detail=detail)
    return write_off_of(tx, write_off_no, community_ids=by.community_ids)


def _open_fen(tx: Connection, bill: Row[Any], now: datetime) -> int:
    """Return what is open of a locked bill that may be written off now; refuse any other."""
    today = shanghai_day(now)
    is_ours = bill.fee_class == FeeClass.OWN and bill.voided_at is None
    if not is_ours or bill.due_on >= today:
        raise NotBadDebt(bill.bill_no)
    if bill.paid_fen >= bill.amount_fen:
        raise NothingOwed(bill.bill_no)
    disputes = [one for one in holds_on(tx, bill.unit_id, today) if one.kind is HoldKind.DISPUTE]
    if any(one.bill_id in (None, bill.id) for one in disputes):
        raise BillDisputed(bill.bill_no)
    under_way = (
        select(payment_orders.c.id)
        .join(payment_order_bills, payment_order_bills.c.order_id == payment_orders.c.id)
        .where(payment_order_bills.c.bill_id == bill.id, payment_orders.c.state == OrderState.OPEN)
    )
    if tx.execute(under_way).first() is not None:
        raise PaymentUnderWay(bill.bill_no)
    return int(bill.amount_fen - bill.paid_fen)


def _waiting(tx: Connection, write_off_no: str, by: Staff) -> tuple[Row[Any], Row[Any]]:
    """Return a write-off that waits, and its bill, for a manager who did not ask for it."""
    row, bill = _found(tx, write_off_no, by, WriteOffState.ASKED)
    check_decides(by, row.asked_by)
    return row, bill


def _found(
    tx: Connection, write_off_no: str, by: Staff, state: WriteOffState
) -> tuple[Row[Any], Row[Any]]:
    """Lock a write-off and, before it, its bill, as payments do. Raises UnknownWriteOff."""
    wanted = select(write_offs).where(
        write_offs.c.write_off_no == write_off_no,
        write_offs.c.community_id.in_(by.community_ids),
        write_offs.c.state == state,
    )
    seen = tx.execute(wanted).one_or_none()
    if seen is None:
        raise UnknownWriteOff(write_off_no)
    bill = lock_bill(tx, seen.bill_id, by)
    row = tx.execute(wanted.with_for_update()).one_or_none()
    if row is None:
        raise UnknownWriteOff(write_off_no)
    return row, bill


def _decide(
    tx: Connection,
    row: Row[Any],
    by: Staff,
    now: datetime,
    **values: Any,  # noqa: ANN401 - a column's value
) -> None:
    decided = {"decided_by": by.staff_id, "decided_at": now, **values}
    tx.execute(update(write_offs).where(write_offs.c.id == row.id).values(**decided))
