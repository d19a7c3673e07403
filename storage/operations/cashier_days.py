"""A cashier's close of day (日结): her hand-in sheet (交款单), and who took the money over."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage import audit, ledger
from storage.audit import Actor
from storage.counter_errors import DayClosed, NothingToHandIn, UnknownSheet
from storage.errors import NotAllowed, NotAnAmount, SelfApproval
from storage.frozen import dataclass
from storage.kinds import Account
from storage.ledger import Leg
from storage.models.offline import cashier_days, vouchers
from storage.models.payments import receipts
from storage.models.people import staff
from storage.money import yuan
from storage.operations.differences import raise_difference
from storage.paying_kinds import CashMethod
from storage.periods import shanghai_day
from storage.queries.counter import CASHIERS
from storage.queries.hand_ins import Sheet, sheet_of
from storage.queries.residents import Staff
from storage.rules.counter import Taken, add_up
from storage.sql import next_number

DIFFERENCE = "cash_difference"
"""The kind of a difference between the cash that is due and the cash that came."""


@dataclass(frozen=True, slots=True)
class HandIn:
    """What a cashier hands in: the cash she counted, and the bank's deposit slip if she has it."""

    community_id: int
    handed_in_fen: int
    deposit_slip_no: str = ""
    note: str = ""


def close_day(tx: Connection, hand_in: HandIn, *, by: Staff, now: datetime) -> Sheet:
    """Close a cashier's day in a community: none of its vouchers can be voided any more.

    All her vouchers that are on no sheet yet are on this one, those written down later for an
    earlier day too. Cash that is not what it has to be is a difference that the office hears of.
    Raises NotAllowed, NotAnAmount, DayClosed, NothingToHandIn.
    """
    if by.role not in CASHIERS or hand_in.community_id not in by.community_ids:
        raise NotAllowed
    if hand_in.handed_in_fen < 0:
        raise NotAnAmount(yuan(hand_in.handed_in_fen))
    tx.execute(select(staff.c.id).where(staff.c.id == by.staff_id).with_for_update(key_share=True))
    day_on = shanghai_day(now)
    _refuse_second(tx, hand_in.community_id, by, day_on)
    mine = _waiting(tx, hand_in.community_id, by.staff_id)
    sums = add_up(
        Taken(CashMethod(row.method), row.amount_fen) for row in mine if row.voided_at is None
    )
    first, last = _receipt_range(tx, mine)
    sheet_no = f"J{day_on:%y%m%d}{next_number(tx, f'sheet:{day_on:%y%m%d}'):04d}"
    day_id: int = tx.execute(
        cashier_days.insert()
        .values(
            sheet_no=sheet_no,
            community_id=hand_in.community_id,
            staff_id=by.staff_id,
            day_on=day_on,
            closed_at=now,
            cash_due_fen=sums.cash_due_fen,
            handed_in_fen=hand_in.handed_in_fen,
            other_fen=sums.other_fen,
            first_receipt_no=first,
            last_receipt_no=last,
            deposit_slip_no=hand_in.deposit_slip_no.strip()[:40],
            note=hand_in.note.strip()[:120],
        )
        .returning(cashier_days.c.id)
    ).scalar_one()
    tx.execute(
        update(vouchers)
        .where(vouchers.c.id.in_([row.id for row in mine]))
        .values(cashier_day_id=day_id)
    )
    detail = f"{sums.cash_due_fen} {hand_in.handed_in_fen}"
    audit.note(tx, Actor(by.staff_id), "close", "cashier_day", sheet_no, at=now, detail=detail)
    if hand_in.deposit_slip_no.strip():
        _bank(tx, _row(tx, sheet_no), now)
    _compare(tx, sheet_no, hand_in.handed_in_fen - sums.cash_due_fen, now)
    return sheet_of(tx, sheet_no, community_ids=by.community_ids)


def _refuse_second(tx: Connection, community_id: int, by: Staff, day_on: date) -> None:
    closed = select(cashier_days.c.id).where(
        cashier_days.c.community_id == community_id,
        cashier_days.c.staff_id == by.staff_id,
        cashier_days.c.day_on == day_on,
    )
    if tx.execute(closed).first() is not None:
        raise DayClosed(day_on)


def _waiting(tx: Connection, community_id: int, staff_id: int) -> Sequence[Row[Any]]:
    rows = tx.execute(
        select(vouchers)
        .where(
            vouchers.c.community_id == community_id,
            vouchers.c.staff_id == staff_id,
            vouchers.c.cashier_day_id.is_(None),
        )
        .order_by(vouchers.c.id)
        .with_for_update()
    ).all()
    if not rows:
        raise NothingToHandIn
    return rows


def _receipt_range(tx: Connection, rows: Sequence[Row[Any]]) -> tuple[str, str]:
    """Return the first and the last receipt of the vouchers, voided ones too; "" for none."""
    paid = [row.payment_id for row in rows if row.payment_id is not None]
    numbers = (
        tx.execute(
            select(receipts.c.receipt_no)
            .where(receipts.c.payment_id.in_(paid))
            .order_by(receipts.c.id)
        )
        .scalars()
        .all()
    )
    return (numbers[0], numbers[-1]) if numbers else ("", "")


def _compare(tx: Connection, sheet_no: str, over_fen: int, now: datetime) -> None:
    if over_fen:
        detail = f"over{over_fen}" if over_fen > 0 else f"short{-over_fen}"
        raise_difference(tx, DIFFERENCE, sheet_no, detail, at=now)


def _bank(tx: Connection, row: Row[Any], now: datetime) -> None:
    """Book the cash that was paid in at the bank, once a sheet."""
    if row.handed_in_fen:
        ledger.post(
            tx,
            key=f"deposit-slip:{row.sheet_no}",
            memo="现金存银行",
            community_id=row.community_id,
            posted_at=now,
            legs=[Leg(Account.BANK, row.handed_in_fen), Leg(Account.CASH, -row.handed_in_fen)],
        )


def receive_sheet(
    tx: Connection, sheet_no: str, *, by: Staff, now: datetime, deposit_slip_no: str = ""
) -> Sheet:
    """Take a cashier's money over (交接): another person confirms the sheet, once.

    Who receives it may add the bank's deposit slip. Raises NotAllowed, UnknownSheet, and
    SelfApproval for one's own sheet.
    """
    if by.role not in CASHIERS:
        raise NotAllowed
    row = _row(tx, sheet_no)
    if row.community_id not in by.community_ids:
        raise UnknownSheet(sheet_no)
    if row.staff_id == by.staff_id:
        raise SelfApproval
    slip = row.deposit_slip_no or deposit_slip_no.strip()[:40]
    tx.execute(
        update(cashier_days)
        .where(cashier_days.c.id == row.id)
        .values(
            received_by=row.received_by or by.staff_id,
            received_at=row.received_at or now,
            deposit_slip_no=slip,
        )
    )
    if slip:
        _bank(tx, row, now)
    if row.received_by is None:
        audit.note(tx, Actor(by.staff_id), "receive", "cashier_day", sheet_no, at=now, detail=slip)
    return sheet_of(tx, sheet_no, community_ids=by.community_ids)


def _row(tx: Connection, sheet_no: str) -> Row[Any]:
    row = tx.execute(
        select(cashier_days).where(cashier_days.c.sheet_no == sheet_no).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownSheet(sheet_no)
    return row
