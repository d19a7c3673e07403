"""Booking money that came: spread over what the payer ticked, in the ledger, with its receipt.

What is booked together is booked in a few statements; the caller sees to it that no two bookings
of one go touch the same order or flat.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from storage import crashpoints, ledger
from storage.kinds import Account, OrderState
from storage.ledger import Leg, NewEntry
from storage.many import Keyed
from storage.models.base import UtcDateTime
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.payments import allocations, payment_order_bills, payment_orders, payments
from storage.operations import deposits, prepayments, receipts, refunds
from storage.operations.payment_claims import Arrived, find_claimed
from storage.operations.receipts import PaidBill, Proof
from storage.operations.write_off_entries import bring_back
from storage.ports.payments import PaymentFact
from storage.prepared import Prepared, filled
from storage.rules.allocation import allocate_chosen

PAID_AFTER_ALL: Final = "收到付款"


class Booking(NamedTuple):
    """Money that came for an order that the caller has locked, and judged the fact of."""

    paid_order: Row[Any]
    wanted: Sequence[Row[Any]]
    """What was ticked, as `lock_wanted` gives it."""
    fact: PaymentFact
    at: datetime
    into: Account
    """Where the money lies now."""


def lock_wanted(tx: Connection, order_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """Lock the bills that were ticked for orders; return them by order, the oldest first."""
    found: dict[int, list[Row[Any]]] = {one: [] for one in order_ids}
    for row in _WANTED.run(tx, order_ids):
        found[row.order_id].append(row)
    return {one: sorted(rows, key=lambda row: (row.period, row.id)) for one, rows in found.items()}


_WANTED = Keyed(
    lambda among: (
        select(
            payment_order_bills.c.order_id,
            payment_order_bills.c.amount_fen.label("chosen_fen"),
            *(bills.c[name] for name in ("id", "unit_id", "period", "voided_at")),
            bills.c.written_off_fen,
            (bills.c.amount_fen - bills.c.paid_fen).label("left_fen"),
            fee_items.c.name.label("item_name"),
            units.c.label.label("unit_label"),
        )
        .select_from(
            payment_order_bills.join(bills, bills.c.id == payment_order_bills.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .join(units, units.c.id == bills.c.unit_id)
        )
        .where(among(payment_order_bills.c.order_id))
        .order_by(bills.c.id)
        .with_for_update(of=bills)
    )
)


def book_payment(
    tx: Connection, order: Row[Any], fact: PaymentFact, heard_at: datetime, *, into: Account
) -> int:
    """Book one payment of an order that the caller has locked; return its key."""
    wanted = lock_wanted(tx, [order.id])[order.id]
    return book_payments(tx, [Booking(order, wanted, fact, heard_at, into)])[0]


def book_payments(tx: Connection, bookings: Sequence[Booking]) -> list[int]:
    """Spread each one's money over its bills; the rest is prepayment, or goes back.

    Returns the payments' keys in the order given.
    """
    if not bookings:
        return []
    spreads = [_spread(_with_bad_debt_back(tx, one)) for one in bookings]
    _PAYMENT.run_many(tx, [_payment_row(one) for one in spreads])
    by_order = {
        row.order_id: int(row.id) for row in _KEYS.run(tx, [one.paid_order.id for one in bookings])
    }
    ids = [by_order[one.paid_order.id] for one in bookings]
    paid = list(zip(ids, spreads, strict=True))
    _allocate(tx, paid)
    crashpoints.reach("settle.before_ledger")
    ledger.post_many(tx, [_entry(one) for one in spreads])
    crashpoints.reach("settle.after_ledger")
    _CLOSE.run_many(tx, [{"order_id": one.paid_order.id, "now": one.at} for one in bookings])
    for payment_id, one in paid:
        if one.surplus_fen:
            prepayments.put_aside(tx, payment_id)
    deposits.take(tx, {bill.id: one.at for one in bookings for bill in one.wanted})
    receipts.issue(tx, [_proof(*one) for one in paid])
    find_claimed(tx, [_arrived(one) for one in spreads if not one.returned_fen])
    for payment_id, one in paid:
        if one.returned_fen:
            refunds.give_back(tx, payment_id, now=one.booking.at)
    return ids


def _with_bad_debt_back(tx: Connection, one: Booking) -> Booking:
    """Let money that came for a bill which was written off meanwhile find so much owed again.

    What of it did not come stays written off: nobody decided to ask for that. A bill that was
    voided has nothing written off of it.
    """
    gone = [bill for bill in one.wanted if bill.written_off_fen and bill.chosen_fen > bill.left_fen]
    reason = f"{PAID_AFTER_ALL} {one.paid_order.order_no}"
    for bill in gone:
        missing_fen = bill.chosen_fen - bill.left_fen
        bring_back(tx, bill.id, reason=reason, now=one.at, most_fen=missing_fen)
    if not gone:
        return one
    return one._replace(wanted=lock_wanted(tx, [one.paid_order.id])[one.paid_order.id])


class _Spread(NamedTuple):
    """How the money of a booking is spread, in fen."""

    booking: Booking
    shares: tuple[int, ...]
    """What each wanted bill gets."""
    surplus_fen: int
    """Too much for what is open by now: it becomes prepayment."""
    returned_fen: int
    """All of it, where the bills were paid or voided meanwhile: it goes back."""


def _spread(one: Booking) -> _Spread:
    open_fen = [0 if bill.voided_at else bill.left_fen for bill in one.wanted]
    chosen_fen = [bill.chosen_fen for bill in one.wanted]
    shares = allocate_chosen(one.fact.amount_fen, chosen_fen, open_fen)
    rest_fen = one.fact.amount_fen - sum(shares)
    is_second = bool(one.wanted) and sum(shares) == 0
    return _Spread(one, shares, 0 if is_second else rest_fen, rest_fen if is_second else 0)


def _payment_row(spread: _Spread) -> dict[str, Any]:
    order, _, fact, heard_at, _ = spread.booking
    return {
        "order_id": order.id,
        "community_id": order.community_id,
        "unit_id": order.unit_id,
        "gateway": fact.gateway,
        "transaction_id": fact.transaction_id,
        "amount_fen": fact.amount_fen,
        "allocated_fen": sum(spread.shares),
        "surplus_fen": spread.surplus_fen,
        "returned_fen": spread.returned_fen,
        "paid_at": fact.paid_at or heard_at,
        "settled_at": heard_at,
    }


_PAYMENT = Prepared(
    lambda insert: filled(
        insert,
        payments,
        *("order_id", "community_id", "unit_id", "gateway", "transaction_id", "amount_fen"),
        *("allocated_fen", "surplus_fen", "returned_fen", "paid_at", "settled_at"),
    )
)
_KEYS = Keyed(
    lambda among: select(payments.c.order_id, payments.c.id).where(among(payments.c.order_id))
)


def _allocate(tx: Connection, paid: Sequence[tuple[int, _Spread]]) -> None:
    """Write what each bill gets, the bills in the order in which all lock them."""
    shares = [
        {
            "payment_id": payment_id,
            "bill_id": bill.id,
            "amount_fen": fen,
            "booked_at": spread.booking.at,
        }
        for payment_id, spread in paid
        for bill, fen in zip(spread.booking.wanted, spread.shares, strict=True)
        if fen
    ]
    _ALLOCATION.run_many(tx, shares)
    changes = [{"paid_id": one["bill_id"], "share_fen": one["amount_fen"]} for one in shares]
    _PAY.run_many(tx, sorted(changes, key=lambda one: one["paid_id"]))


_ALLOCATION = Prepared(
    lambda insert: filled(insert, allocations, "payment_id", "bill_id", "amount_fen", "booked_at")
)
_PAY = Prepared(
    lambda _: (
        update(bills)
        .where(bills.c.id == bindparam("paid_id"))
        .values(paid_fen=bills.c.paid_fen + bindparam("share_fen"))
    )
)


def _entry(spread: _Spread) -> NewEntry:
    order, wanted, fact, heard_at, into = spread.booking
    legs = [Leg(into, fact.amount_fen)]
    for bill, fen in zip(wanted, spread.shares, strict=True):
        legs.append(Leg(Account.RECEIVABLE, -fen, bill.unit_id))
    legs.append(Leg(Account.PREPAYMENT, -spread.surplus_fen, order.unit_id))
    legs.append(Leg(Account.REFUND_DUE, -spread.returned_fen, order.unit_id))
    kept = tuple(leg for leg in legs if leg.amount_fen)
    return NewEntry(f"payment:{order.order_no}", "收款", order.community_id, heard_at, kept)


_CLOSE = Prepared(
    lambda _: (
        update(payment_orders)
        .where(payment_orders.c.id == bindparam("order_id"))
        .values(
            state=OrderState.PAID,
            next_query_at=None,
            settled_at=bindparam("now", type_=UtcDateTime),
        )
    )
)


def _arrived(spread: _Spread) -> Arrived:
    order, wanted, fact, heard_at, _ = spread.booking
    paid = {bill.unit_id for bill, fen in zip(wanted, spread.shares, strict=True) if fen}
    return Arrived(
        unit_ids=frozenset((order.unit_id, *paid)),
        identity_id=order.identity_id,
        paid_at=fact.paid_at or heard_at,
        now=heard_at,
    )


def _proof(payment_id: int, spread: _Spread) -> Proof:
    order, wanted, fact, heard_at, _ = spread.booking
    paid = tuple(
        PaidBill(bill.unit_id, bill.unit_label, bill.item_name, bill.period, fen)
        for bill, fen in zip(wanted, spread.shares, strict=True)
        if fen
    )
    return Proof(
        payment_id=payment_id,
        paid_order=order,
        amount_fen=fact.amount_fen,
        surplus_fen=spread.surplus_fen,
        returned_fen=spread.returned_fen,
        paid_at=fact.paid_at or heard_at,
        paid=paid,
        now=heard_at,
    )
