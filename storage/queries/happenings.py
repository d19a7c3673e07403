"""What happened on a unit's account: bills, payments, refunds, and its prepayment's moves."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, func, select

from storage.frozen import dataclass
from storage.kinds import Account
from storage.models.bills import bills, fee_items
from storage.models.ledger import entries, postings
from storage.models.payments import allocations, payment_orders, payments, refunds
from storage.models.prepayments import prepayment_moves
from storage.models.refund_terms import bill_waivers
from storage.models.write_offs import write_offs
from storage.paying_kinds import WaiverState, WriteOffState
from storage.periods import BillingPeriod, shanghai_day
from storage.rules.refunds import VOID

HISTORY: Final = 2
"""`is_imported` of a bill that was paid in the old books: none of its money is in ours."""


class RowKind(StrEnum):
    """What happened on a line of a statement."""

    BILL = "bill"
    BROUGHT = "brought"
    """A debt that was brought along from the old books."""
    CORRECTION = "correction"
    """A bill in place of one that was voided."""
    VOID = "void"
    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"
    """A payment that was written down wrongly (冲正)."""
    WAIVER = "waiver"
    WRITE_OFF = "write_off"
    """Bad debt, written off by the company (坏账核销)."""
    RECOVERY = "recovery"
    """What was written off is asked for again (核销收回)."""
    OFFSET = "offset"
    """A bill that was paid out of the prepayment."""
    PREPAYMENT = "prepayment"
    """The prepayment moved for another reason; `note` says which."""


class ItemMonth(NamedTuple):
    """A fee item and the month that a bill of it is for."""

    item_name: str
    period: BillingPeriod


@dataclass(slots=True)
class Happening:
    """A line before the balances are known."""

    at: datetime
    on: date
    kind: RowKind
    number: str
    owed_fen: int = 0
    prepaid_fen: int = 0
    bills: tuple[ItemMonth, ...] = ()
    gateway: str = ""
    paid_on: date | None = None
    note: str = ""
    entry_key: str = ""
    """The ledger's entry behind it, where both sides of it are told."""


Scope = Select[Any]
"""The keys of the bills that a statement tells of."""


def billed(tx: Connection, scope: Scope) -> list[Happening]:
    """Tell bills, and those that were taken back; a correction names the bill it stands for."""
    corrected = bills.alias("corrected")
    rows = tx.execute(
        select(bills, fee_items.c.name.label("item_name"), corrected.c.bill_no.label("corrects_no"))
        .select_from(
            bills.join(fee_items, fee_items.c.id == bills.c.fee_item_id).outerjoin(
                corrected, corrected.c.id == bills.c.corrects_id
            )
        )
        .where(bills.c.id.in_(scope), bills.c.is_imported != HISTORY)
    ).all()
    waived = _waived(tx, scope)
    found = [one for of_bill in waived.values() for one in of_bill]
    found += _written_off(tx, scope)
    for row in rows:
        what = (_item_month(row),)
        kind = RowKind.BROUGHT if row.is_imported else RowKind.BILL
        kind = RowKind.CORRECTION if row.corrects_no else kind
        asked_fen = row.amount_fen + row.written_off_fen
        asked_fen -= sum(one.owed_fen for one in waived.get(row.id, ()))
        made = _at(row.issued_at, kind, row.bill_no, what, owed_fen=asked_fen)
        made.note = row.corrects_no or ""
        found.append(made)
        if row.voided_at is not None:
            gone = _at(row.voided_at, RowKind.VOID, row.bill_no, what, owed_fen=-row.amount_fen)
            gone.note = row.void_reason
            found.append(gone)
    return found


def _written_off(tx: Connection, scope: Scope) -> list[Happening]:
    """Tell what was written off, and what of it is asked for again."""
    rows = tx.execute(
        select(write_offs, bills.c.period, fee_items.c.name.label("item_name"))
        .select_from(
            write_offs.join(bills, bills.c.id == write_offs.c.bill_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(
            write_offs.c.bill_id.in_(scope),
            write_offs.c.state.in_((WriteOffState.APPROVED, WriteOffState.REVERSED)),
        )
    )
    found = []
    for row in rows:
        what, number, fen = (_item_month(row),), row.write_off_no, row.amount_fen
        found.append(_at(row.decided_at, RowKind.WRITE_OFF, number, what, owed_fen=-fen))
        if row.reversed_at is not None:
            found.append(_at(row.reversed_at, RowKind.RECOVERY, number, what, owed_fen=fen))
    return found


def _waived(tx: Connection, scope: Scope) -> dict[int, list[Happening]]:
    """Tell what was waived of bills that stand, by bill."""
    rows = tx.execute(
        select(bill_waivers, bills.c.period, fee_items.c.name.label("item_name"))
        .select_from(
            bill_waivers.join(bills, bills.c.id == bill_waivers.c.bill_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(
            bill_waivers.c.bill_id.in_(scope),
            bill_waivers.c.state == WaiverState.APPROVED,
            bills.c.voided_at.is_(None),
        )
    )
    found: dict[int, list[Happening]] = {}
    for row in rows:
        what = (_item_month(row),)
        gone = _at(row.decided_at, RowKind.WAIVER, row.waiver_no, what, owed_fen=-row.amount_fen)
        found.setdefault(row.bill_id, []).append(gone)
    return found


def paid(tx: Connection, scope: Scope) -> list[Happening]:
    """Tell payments, refunds and what the prepayment paid, with what fell on bills of the scope."""
    rows = tx.execute(
        select(
            allocations,
            bills.c.bill_no,
            bills.c.period,
            fee_items.c.name.label("item_name"),
            payment_orders.c.order_no,
            payments.c.gateway,
            payments.c.paid_at,
            refunds.c.refund_no,
            refunds.c.cause,
            prepayment_moves.c.move_key,
        )
        .select_from(
            allocations.join(bills, bills.c.id == allocations.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .join(payments, payments.c.id == allocations.c.payment_id)
            .join(payment_orders, payment_orders.c.id == payments.c.order_id)
            .outerjoin(refunds, refunds.c.id == allocations.c.refund_id)
            .outerjoin(prepayment_moves, prepayment_moves.c.id == allocations.c.move_id)
        )
        .where(allocations.c.bill_id.in_(scope))
        .order_by(bills.c.period, bills.c.id, allocations.c.id)
    ).all()
    found: dict[str, Happening] = {}
    for row in rows:
        entry_key, kind, number = _of_allocation(row)
        one = found.setdefault(entry_key, _at(row.booked_at, kind, number, ()))
        one.entry_key = entry_key
        one.owed_fen -= row.amount_fen
        if _item_month(row) not in one.bills:
            one.bills = (*one.bills, _item_month(row))
        if kind is RowKind.PAYMENT:
            one.gateway, one.paid_on = row.gateway, shanghai_day(row.paid_at)
    return list(found.values())


def _of_allocation(row: Row[Any]) -> tuple[str, RowKind, str]:
    """Return the key of the ledger's entry behind an allocation, what it is, and its number."""
    if row.refund_no is not None:
        kind = RowKind.REVERSAL if row.cause == VOID else RowKind.REFUND
        return f"refund:{row.refund_no}", kind, row.refund_no
    if row.move_key is not None:
        return row.move_key.rpartition(":")[0], RowKind.OFFSET, row.bill_no
    return f"payment:{row.order_no}", RowKind.PAYMENT, row.order_no


_OF_ENTRY: Final = {
    "payment": RowKind.PAYMENT,
    "refund-reserve": RowKind.REFUND,
    "refund": RowKind.REFUND,
    "prepaid": RowKind.OFFSET,
}


def in_advance(
    tx: Connection, unit_id: int, since: date
) -> tuple[list[Happening], list[Happening]]:
    """Return what moved the unit's prepayment from a day on, and before it, as the ledger says."""
    rows = tx.execute(
        select(
            entries.c.entry_key,
            entries.c.memo,
            entries.c.effective_on,
            entries.c.posted_at,
            func.sum(postings.c.amount_fen).label("fen"),
        )
        .join(postings, postings.c.entry_id == entries.c.id)
        .where(postings.c.unit_id == unit_id, postings.c.account == Account.PREPAYMENT)
        .group_by(*entries.c)
        .order_by(entries.c.id)
    ).all()
    found = [_of_ledger(row) for row in rows]
    told = [one for one in found if one.on >= since]
    return told, [one for one in found if one.on < since]


def _of_ledger(row: Any) -> Happening:  # noqa: ANN401 - a row
    about, _, number = row.entry_key.removeprefix("reversal:").partition(":")
    kind = _OF_ENTRY.get(about, RowKind.PREPAYMENT)
    return Happening(
        row.posted_at,
        row.effective_on,
        kind,
        "" if kind is RowKind.PREPAYMENT else number.partition(":")[0],
        prepaid_fen=-int(row.fen),
        note=row.memo if kind is RowKind.PREPAYMENT else "",
        entry_key=row.entry_key,
    )


def merged(happened: list[Happening], ledger_side: list[Happening]) -> list[Happening]:
    """Join the two sides of what is one entry: a payment that paid bills and left something."""
    known = {one.entry_key: one for one in happened if one.entry_key}
    found = [*happened]
    for one in ledger_side:
        same = known.get(one.entry_key)
        if same is None:
            found.append(one)
        else:
            same.prepaid_fen += one.prepaid_fen
    return found


def _at(
    at: datetime, kind: RowKind, number: str, what: tuple[ItemMonth, ...], *, owed_fen: int = 0
) -> Happening:
    return Happening(at, shanghai_day(at), kind, number, owed_fen, bills=what)


def _item_month(row: Row[Any]) -> ItemMonth:
    return ItemMonth(row.item_name, BillingPeriod.parse(row.period))
