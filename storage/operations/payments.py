"""Money coming in: hear of an order's payment by any way, settle it once.

`settle_payment` is the one door for a payment heard by notification, by query or from a
statement. Lock → check → change → post → enqueue, in one transaction.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, or_, select

from storage import crashpoints
from storage.errors import (
    AmountMismatch,
    Contradiction,
    MerchantMismatch,
    UnknownPaymentOrder,
)
from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.many import Keyed
from storage.models.payments import payment_events, payment_orders, payments
from storage.operations.bookings import Booking, book_payments, lock_wanted
from storage.operations.differences import raise_difference
from storage.operations.orders import close_order
from storage.ports.payments import PaymentFact, PaymentState
from storage.prepared import Prepared, filled
from storage.rules.counter import place_of
from storage.sql import insert_once

ENDED: Final = (PaymentState.CLOSED, PaymentState.FAILED)


def note_answer(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> str:
    """Take a platform's answer on how an order stands: settle what is paid, close what has ended.

    Returns settled | contradicted | closed | open.
    """
    if fact.state is PaymentState.PAID:
        settlement = settle_payment(tx, fact, heard_at=heard_at)
        return "settled" if settlement.contradiction is None else "contradicted"
    if fact.state in ENDED:
        close_order(tx, fact.order_no)
        return "closed"
    return "open"


def note_last_answer(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> str:
    """Take the answer on an order that its platform was asked to close, like `note_answer`.

    One that the platform never saw is closed too: nobody can pay what was never asked for. A form
    or a cashier's address that a payer has in hand can still ask for it until the order's own end.
    """
    never_seen = fact.state is PaymentState.PENDING and not fact.amount_fen
    is_dead = never_seen and not _may_begin(tx, fact, heard_at)
    last = replace(fact, state=PaymentState.CLOSED) if is_dead else fact
    return note_answer(tx, last, heard_at=heard_at)


def _may_begin(tx: Connection, fact: PaymentFact, heard_at: datetime) -> bool:
    """Tell whether somebody holds what begins the order at its platform, and its time runs."""
    columns = payment_orders.c
    in_hand = or_(columns.pay_form != "", columns.pay_address != "", columns.pay_url != "")
    running = select(columns.id).where(
        columns.order_no == fact.order_no, columns.expires_at > heard_at, in_hand
    )
    return tx.execute(running).first() is not None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a platform's word: `contradiction` is set where our books deny it."""

    outcome: str
    """settled | repeated | not_paid | contradiction."""
    contradiction: Contradiction | None = None
    payment_id: int | None = None


class Heard(NamedTuple):
    """A platform's word, and when it came."""

    fact: PaymentFact
    at: datetime


def settle_payment(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> Settlement:
    """Take a platform's word on an order: allocate the money, book it, tell the payer.

    Hearing it again changes nothing. What our books deny is recorded for an operator and
    returned as a contradiction, with nothing booked. Money for bills that were paid meanwhile
    goes back by itself; a part that is too much becomes prepayment.
    """
    return settle_payments(tx, [Heard(fact, heard_at)])[0]


def settle_payments(tx: Connection, heard: Sequence[Heard]) -> list[Settlement]:
    """Settle several at once, each as `settle_payment` would one after the other.

    Those that touch the same order, number or flat take turns in the order in which they came.
    """
    crashpoints.reach("settle.after_begin")
    found: dict[int, Settlement] = {}
    waiting = dict(enumerate(heard))
    while waiting:
        orders = _lock_orders(tx, [one.fact for one in waiting.values()])
        wanted = lock_wanted(tx, [row.id for row in orders.values() if not _is_paid(row)])
        turn = _first_turn(waiting, orders, wanted)
        found.update(zip(turn, _settle_turn(tx, turn.values(), orders, wanted), strict=True))
        waiting = {place: one for place, one in waiting.items() if place not in turn}
    return [found[place] for place in range(len(heard))]


Orders = Mapping[str, Row[Any]]
Wanted = Mapping[int, Sequence[Row[Any]]]


def _lock_orders(tx: Connection, facts: Sequence[PaymentFact]) -> Orders:
    """Lock the orders that are spoken of; return them by their numbers."""
    return {row.order_no: row for row in _ORDERS.run(tx, {one.order_no for one in facts})}


_ORDERS = Keyed(
    lambda among: (
        select(payment_orders)
        .where(among(payment_orders.c.order_no))
        .order_by(payment_orders.c.id)
        .with_for_update()
    )
)


def _first_turn(waiting: Mapping[int, Heard], orders: Orders, wanted: Wanted) -> dict[int, Heard]:
    """Return those that touch nothing which one before them touches."""
    taken: set[object] = set()
    turn = {}
    for place, one in waiting.items():
        touched = _touched(one.fact, orders.get(one.fact.order_no), wanted)
        if taken.isdisjoint(touched):
            turn[place] = one
        taken |= touched
    return turn


def _touched(fact: PaymentFact, order: Row[Any] | None, wanted: Wanted) -> set[object]:
    touched: set[object] = {fact.order_no, _event_key(fact), (fact.gateway, fact.transaction_id)}
    if order is not None:
        touched.add(order.unit_id)
        touched.update(bill.unit_id for bill in wanted.get(order.id, ()))
    return touched


def _settle_turn(
    tx: Connection, turn: Collection[Heard], orders: Orders, wanted: Wanted
) -> list[Settlement]:
    booked = _booked(tx, turn, orders)
    settlements = [_judge(_order_of(one.fact, orders), one.fact, booked) for one in turn]
    both = list(zip(turn, settlements, strict=True))
    _record(tx, both)
    crashpoints.reach("settle.after_event")
    bookings = [
        Booking(order, wanted[order.id], one.fact, one.at, place_of(order.gateway))
        for one, settlement in both
        if settlement.outcome == "settled"
        for order in (orders[one.fact.order_no],)
    ]
    keys = iter(book_payments(tx, bookings))
    if bookings:
        crashpoints.reach("settle.before_commit")
    return [
        replace(one, payment_id=next(keys)) if one.outcome == "settled" else one
        for one in settlements
    ]


def _order_of(fact: PaymentFact, orders: Orders) -> Row[Any] | None:
    order = orders.get(fact.order_no)
    return None if order is None or order.gateway != fact.gateway else order


def _is_paid(order: Row[Any]) -> bool:
    return bool(order.state == OrderState.PAID)


def _judge(order: Row[Any] | None, fact: PaymentFact, booked: "_Booked") -> Settlement:
    if order is None:
        return Settlement("contradiction", UnknownPaymentOrder(fact.order_no))
    if fact.state is not PaymentState.PAID:
        return Settlement("not_paid")
    for name in ("merchant_id", "app_id", "currency"):
        if getattr(fact, name) != getattr(order, name):
            return Settlement("contradiction", MerchantMismatch(fact.order_no, name))
    if fact.amount_fen != order.amount_fen:
        mismatch = AmountMismatch(fact.order_no, order.amount_fen, fact.amount_fen)
        return Settlement("contradiction", mismatch)
    if _denies_number(booked, order, fact):
        return Settlement("contradiction", MerchantMismatch(fact.order_no, "transaction_id"))
    return Settlement("repeated" if _is_paid(order) else "settled")


class _Booked(NamedTuple):
    """What is booked by now: (order, gateway) → its number, (gateway, number) → its order."""

    numbers: dict[tuple[int, str], str]
    orders: dict[tuple[str, str], int]


def _booked(tx: Connection, turn: Collection[Heard], orders: Orders) -> _Booked:
    facts = [one.fact for one in turn]
    gateways = sorted({one.gateway for one in facts})
    ids = {row.id for row in orders.values()}
    rows = [
        *_BOOKED_ORDERS.run(tx, ids),
        *(
            row
            for gateway in gateways
            for row in _BOOKED_NUMBERS.run(
                tx, {one.transaction_id for one in facts}, gateway=gateway
            )
        ),
    ]
    return _Booked(
        {(row.order_id, row.gateway): row.transaction_id for row in rows},
        {(row.gateway, row.transaction_id): row.order_id for row in rows},
    )


_BOOKED = select(payments.c.order_id, payments.c.gateway, payments.c.transaction_id)
_BOOKED_ORDERS = Keyed(lambda among: _BOOKED.where(among(payments.c.order_id)))
_BOOKED_NUMBERS = Keyed(
    lambda among: _BOOKED.where(
        payments.c.gateway == bindparam("gateway"), among(payments.c.transaction_id)
    )
)


def _denies_number(booked: _Booked, order: Row[Any], fact: PaymentFact) -> bool:
    """Tell whether the platform's number is missing, another order's, or not the one we booked."""
    number = booked.numbers.get((order.id, fact.gateway), fact.transaction_id)
    of_order = booked.orders.get((fact.gateway, fact.transaction_id), order.id)
    return not fact.transaction_id or number != fact.transaction_id or of_order != order.id


def _event_key(fact: PaymentFact) -> str:
    return f"{fact.gateway}:{fact.event_id or f'{fact.order_no}:{fact.state}'}"[:120]


def _record(tx: Connection, settled: Sequence[tuple[Heard, Settlement]]) -> None:
    """Write down once what was heard; an operator hears of what our books deny."""
    plain = []
    for one, settlement in settled:
        event = _event_row(one, settlement.outcome)
        if settlement.contradiction is None:
            plain.append(event)
        elif insert_once(tx, payment_events, event) is not None:
            _alarm(tx, settlement.contradiction, one.fact, one.at)
    _EVENT.run_many(tx, plain)


def _event_row(heard: Heard, outcome: str) -> dict[str, Any]:
    fact = heard.fact
    facts = {
        "state": fact.state,
        "amount_fen": fact.amount_fen,
        "currency": fact.currency,
        "merchant_id": fact.merchant_id,
        "app_id": fact.app_id,
        "transaction_id": fact.transaction_id,
        "paid_at": fact.paid_at.isoformat() if fact.paid_at else "",
    }
    return {
        "event_key": _event_key(fact),
        "gateway": fact.gateway,
        "reference": fact.order_no[:64],
        "outcome": outcome,
        "facts": json.dumps(facts),
        "heard_at": heard.at,
    }


_EVENT = Prepared(
    lambda insert: filled(
        insert,
        payment_events,
        *("event_key", "gateway", "reference", "outcome", "facts", "heard_at"),
    ).on_conflict_do_nothing()
)


def _alarm(tx: Connection, trouble: Contradiction, fact: PaymentFact, heard_at: datetime) -> None:
    detail = f"{fact.gateway} {fact.amount_fen} {fact.transaction_id} {trouble}"
    raise_difference(tx, type(trouble).__name__, fact.order_no, detail[:80], at=heard_at)
