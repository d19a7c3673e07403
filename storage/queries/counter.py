"""What the counter (收款台) shows: who is meant, what money would pay, vouchers of a cashier."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from storage.counter_errors import (
    DayRefused,
    RoundingRefused,
    SlipMissing,
    SurplusNotSaid,
    TooLittle,
    UnknownVoucher,
)
from storage.errors import (
    BillAlreadyPaid,
    CollectionClosed,
    MixedPayees,
    NotAllowed,
    NotAnAmount,
    NothingToPay,
    UnknownBill,
)
from storage.frozen import dataclass
from storage.kinds import FeeClass, StaffRole
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.offline import vouchers
from storage.models.payments import payments, receipts, refunds
from storage.models.people import occupancies, staff
from storage.money import yuan
from storage.paying_kinds import CashMethod
from storage.periods import BillingPeriod
from storage.queries.payees import payees_on
from storage.queries.policies import named_reasons, policy_on
from storage.queries.residents import Staff
from storage.rules.allocation import allocate
from storage.rules.counter import NEEDS_REFERENCE, TAKES

CASHIERS: Final = (StaffRole.CASHIER, StaffRole.MANAGER)
"""Who takes money."""
LATEST_BOOKING: Final = timedelta(days=366)
"""Money may be written down (补录) so long after it came."""


@dataclass(frozen=True, slots=True)
class CounterAsk:
    """Money that somebody brings to the counter, and what it is for.

    Without `bill_ids` it pays whoever lives there now the oldest first. `keeps_surplus`: she said
    that what is too much is put aside. `request_key` makes the same press of a key one payment.
    """

    unit_id: int
    method: CashMethod
    amount_fen: int
    request_key: str
    bill_ids: tuple[int, ...] = ()
    reference: str = ""
    day_on: date | None = None
    """The Shanghai day on which the money came, None for today."""
    rounding_fen: int = 0
    keeps_surplus: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """What one bill gets, of how much it has open; `waived_fen` is dropped (抹零) from it."""

    bill_id: int
    item_name: str
    period: BillingPeriod
    open_fen: int
    paid_fen: int
    waived_fen: int = 0


@dataclass(frozen=True, slots=True)
class CounterPlan:
    """What money would do, before anybody agrees to it."""

    community_id: int
    unit_label: str
    lines: tuple[PlannedLine, ...]
    amount_fen: int
    surplus_fen: int
    rounding_fen: int
    day_on: date
    payee_id: int | None
    """Who collects all of it."""


def plan_of(tx: Connection, ask: CounterAsk, *, by: Staff, today: date) -> CounterPlan:
    """Return what money at the counter would pay.

    Raises NotAllowed, NotAnAmount, DayRefused, SlipMissing, CollectionClosed, UnknownBill,
    BillAlreadyPaid, NothingToPay, TooLittle, SurplusNotSaid, RoundingRefused, MixedPayees.
    """
    unit = tx.execute(select(units).where(units.c.id == ask.unit_id)).one_or_none()
    if unit is None or by.role not in CASHIERS or unit.community_id not in by.community_ids:
        raise NotAllowed
    day_on = _checked(ask, today)
    policy = policy_on(tx, unit.community_id, today)
    if reason := named_reasons(policy.closed_gateways).get(ask.method, ""):
        raise CollectionClosed(reason)
    rows = _chosen(tx, ask) if ask.bill_ids else _oldest(tx, ask.unit_id, today)
    if not rows and not ask.keeps_surplus:
        raise NothingToPay(unit.label)
    lines = _lines(rows, ask, policy.rounding_limit_fen)
    surplus_fen = ask.amount_fen - sum(one.paid_fen for one in lines)
    is_whole = all(one.paid_fen + one.waived_fen == one.open_fen for one in lines)
    if not is_whole and not policy.takes_parts:
        raise TooLittle(sum(one.open_fen for one in lines))
    if surplus_fen and not ask.keeps_surplus:
        raise SurplusNotSaid(surplus_fen)
    return CounterPlan(
        unit.community_id,
        unit.label,
        tuple(lines),
        ask.amount_fen,
        surplus_fen,
        ask.rounding_fen,
        day_on,
        _one_payee(tx, rows, lines, unit.community_id, today),
    )


def _one_payee(
    tx: Connection,
    rows: Sequence[Row[Any]],
    lines: Sequence[PlannedLine],
    community_id: int,
    today: date,
) -> int | None:
    """Return who collects what is paid. Raises MixedPayees where there are several."""
    payees = payees_on(tx, community_id, today)
    paid = {one.bill_id for one in lines if one.paid_fen}
    found = {payees.of(row.fee_item_id) for row in rows if row.id in paid} or {payees.of_the_rest}
    if len(found) > 1:
        raise MixedPayees(tuple(sorted(one.name for one in found if one is not None)))
    payee = found.pop()
    return None if payee is None else payee.payee_id


@dataclass(frozen=True, slots=True)
class CounterBill:
    """An open bill as the counter lists it."""

    bill_id: int
    bill_no: str
    item_name: str
    period: BillingPeriod
    open_fen: int
    due_on: date
    is_former: bool
    """A debt of somebody who lives there no more: paid only where it is chosen."""


def bills_at_counter(tx: Connection, unit_id: int, *, today: date) -> list[CounterBill]:
    """Return all open bills of a unit, the oldest first."""
    rows = tx.execute(_OPEN.where(bills.c.unit_id == unit_id, *_IS_OPEN)).all()
    theirs = {row.id for row in _oldest(tx, unit_id, today)}
    return [
        CounterBill(
            row.id,
            row.bill_no,
            row.item_name,
            BillingPeriod.parse(row.period),
            row.amount_fen - row.paid_fen,
            row.due_on,
            row.id not in theirs,
        )
        for row in rows
    ]


def _checked(ask: CounterAsk, today: date) -> date:
    """Return the day of the money. Raises what is wrong with the ask by itself."""
    if ask.method not in TAKES:
        raise NotAllowed
    if ask.amount_fen <= 0 or ask.rounding_fen < 0:
        raise NotAnAmount(yuan(min(ask.amount_fen, ask.rounding_fen)))
    day_on = ask.day_on or today
    if not today - LATEST_BOOKING <= day_on <= today:
        raise DayRefused(day_on)
    if ask.method in NEEDS_REFERENCE and not ask.reference.strip():
        raise SlipMissing
    return day_on


_OPEN: Final = (
    select(bills, fee_items.c.name.label("item_name"), fee_items.c.fee_class)
    .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
    .order_by(bills.c.period, bills.c.id)
)

_IS_OPEN: Final = (bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen)


def _chosen(tx: Connection, ask: CounterAsk) -> Sequence[Row[Any]]:
    wanted = set(ask.bill_ids)
    mine = _OPEN.where(bills.c.id.in_(wanted), bills.c.unit_id == ask.unit_id)
    rows = tx.execute(mine).all()
    if len(rows) != len(wanted):
        raise UnknownBill
    for row in rows:
        if row.voided_at is not None or row.paid_fen >= row.amount_fen:
            raise BillAlreadyPaid(row.bill_no)
    return rows


def _oldest(tx: Connection, unit_id: int, today: date) -> Sequence[Row[Any]]:
    """Return the open bills of who lives there, or owns it, today: never a former owner's."""
    there = select(occupancies.c.resident_id).where(
        occupancies.c.unit_id == unit_id,
        occupancies.c.from_on <= today,
        or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > today),
    )
    return tx.execute(
        _OPEN.where(
            bills.c.unit_id == unit_id,
            *_IS_OPEN,
            or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(there)),
        )
    ).all()


def _lines(rows: Sequence[Row[Any]], ask: CounterAsk, limit_fen: int) -> list[PlannedLine]:
    """Spread the money, the oldest first; what is dropped comes off the largest of them."""
    open_fen = [row.amount_fen - row.paid_fen for row in rows]
    waived = [0] * len(rows)
    if ask.rounding_fen:
        if ask.rounding_fen > limit_fen or ask.amount_fen + ask.rounding_fen != sum(open_fen):
            raise RoundingRefused(limit_fen)
        waived[_dropped_from(rows, open_fen, ask.rounding_fen, limit_fen)] = ask.rounding_fen
    left = [fen - less for fen, less in zip(open_fen, waived, strict=True)]
    shares = allocate(ask.amount_fen, left)
    return [
        PlannedLine(row.id, row.item_name, BillingPeriod.parse(row.period), fen, share, less)
        for row, fen, share, less in zip(rows, open_fen, shares, waived, strict=True)
        if share or ask.bill_ids
    ]


def _dropped_from(
    rows: Sequence[Row[Any]], open_fen: Sequence[int], rounding_fen: int, limit_fen: int
) -> int:
    """Return which bill is rounded: the largest that is no deposit, and not all of it."""
    fitting = [
        (fen, at)
        for at, (row, fen) in enumerate(zip(rows, open_fen, strict=True))
        if row.fee_class != FeeClass.DEPOSIT and fen > rounding_fen
    ]
    if not fitting:
        raise RoundingRefused(limit_fen)
    return max(fitting)[1]


@dataclass(frozen=True, slots=True)
class VoucherView:
    """One act at the counter, as a cashier sees it."""

    voucher_no: str
    community_id: int
    staff_id: int
    staff_name: str
    unit_label: str
    method: CashMethod
    amount_fen: int
    day_on: date
    made_at: datetime
    reference: str
    payment_id: int | None
    receipt_no: str
    """Of what came; where money went back, the refund's number."""
    is_closed: bool
    """It is on a hand-in sheet."""
    voided_at: datetime | None
    void_reason: str


def _of_receipt() -> Select[Any]:
    """Return a SELECT of vouchers with flat and newest receipt, of a payment or of a refund."""
    newest = (
        select(func.max(receipts.c.receipt_no))
        .where(receipts.c.payment_id == vouchers.c.payment_id)
        .scalar_subquery()
    )
    unit_id = func.coalesce(payments.c.unit_id, refunds.c.unit_id)
    return (
        select(
            vouchers,
            staff.c.name.label("staff_name"),
            units.c.label,
            newest.label("receipt_no"),
            refunds.c.refund_no,
        )
        .join(staff, staff.c.id == vouchers.c.staff_id)
        .outerjoin(payments, payments.c.id == vouchers.c.payment_id)
        .outerjoin(refunds, refunds.c.id == vouchers.c.refund_id)
        .outerjoin(units, units.c.id == unit_id)
        .order_by(vouchers.c.id)
    )


def _view(row: Row[Any]) -> VoucherView:
    return VoucherView(
        row.voucher_no,
        row.community_id,
        row.staff_id,
        row.staff_name,
        row.label or "",
        CashMethod(row.method),
        row.amount_fen,
        row.day_on,
        row.made_at,
        row.reference,
        row.payment_id,
        row.receipt_no or row.refund_no or "",
        row.cashier_day_id is not None,
        row.voided_at,
        row.void_reason,
    )


def voucher_of(tx: Connection, voucher_no: str, *, community_ids: Sequence[int]) -> VoucherView:
    """Return a voucher of these communities. Raises UnknownVoucher."""
    mine = vouchers.c.community_id.in_(community_ids)
    found = vouchers_where(tx, and_(vouchers.c.voucher_no == voucher_no, mine))
    if not found:
        raise UnknownVoucher(voucher_no)
    return found[0]


def vouchers_where(tx: Connection, wanted: ColumnElement[bool]) -> tuple[VoucherView, ...]:
    """Return the vouchers that a condition means, the oldest first."""
    return tuple(_view(row) for row in tx.execute(_of_receipt().where(wanted)))
