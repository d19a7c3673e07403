"""Money coming in: hear of an order's payment by any way, settle it once.

`settle_payment` is the one door for a payment heard by notification, by query or from a
statement. Lock → check → change → post → enqueue, in one transaction.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import crashpoints, ledger
from storage.errors import (
    AmountMismatch,
    Contradiction,
    MerchantMismatch,
    UnknownPaymentOrder,
)
from storage.frozen import dataclass
from storage.kinds import Account, OrderState
from storage.ledger import Leg
from storage.models.bills import bills
from storage.models.payments import (
    allocations,
    payment_events,
    payment_order_bills,
    payment_orders,
    payments,
)
from storage.operations import deposits, prepayments, receipts, refunds
from storage.operations.differences import raise_difference
from storage.operations.orders import close_order
from storage.ports.payments import PaymentFact, PaymentState
from storage.rules.allocation import allocate_chosen
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


def settle_payment(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> Settlement:
    """Take a platform's word on an order: allocate the money, book it, tell the payer.

    Hearing it again changes nothing. What our books deny is recorded for an operator and
    returned as a contradiction, with nothing booked. Money for bills that were paid meanwhile
    goes back by itself; a part that is too much becomes prepayment.
    """
    crashpoints.reach("settle.after_begin")
    event_key = f"{fact.gateway}:{fact.event_id or f'{fact.order_no}:{fact.state}'}"
    order = tx.execute(
        select(payment_orders)
        .where(payment_orders.c.order_no == fact.order_no, payment_orders.c.gateway == fact.gateway)
        .with_for_update()
    ).one_or_none()
    settlement = _judge(tx, order, fact)
    is_new = _record(tx, fact, event_key, settlement.outcome, heard_at)
    crashpoints.reach("settle.after_event")
    if settlement.contradiction is not None:
        if is_new:
            _alarm(tx, settlement.contradiction, fact, heard_at)
        return settlement
    if settlement.outcome != "settled" or order is None:
        return settlement
    payment_id = book_payment(tx, order, fact, heard_at, into=place_of(order.gateway))
    crashpoints.reach("settle.before_commit")
    return replace(settlement, payment_id=payment_id)


def _judge(tx: Connection, order: Row[Any] | None, fact: PaymentFact) -> Settlement:
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
    if _denies_number(tx, order, fact):
        return Settlement("contradiction", MerchantMismatch(fact.order_no, "transaction_id"))
    return Settlement("repeated" if order.state == OrderState.PAID else "settled")


def _denies_number(tx: Connection, order: Row[Any], fact: PaymentFact) -> bool:
    """Tell whether the platform's number is missing, another order's, or not the one we booked."""
    is_order = payments.c.order_id == order.id
    is_number = payments.c.transaction_id == fact.transaction_id
    clash = select(payments.c.id).where(
        payments.c.gateway == fact.gateway,
        or_(and_(is_order, ~is_number), and_(is_number, ~is_order)),
    )
    return not fact.transaction_id or tx.execute(clash).first() is not None


def _record(
    tx: Connection, fact: PaymentFact, event_key: str, outcome: str, heard_at: datetime
) -> bool:
    facts = {
        "state": fact.state,
        "amount_fen": fact.amount_fen,
        "currency": fact.currency,
        "merchant_id": fact.merchant_id,
        "app_id": fact.app_id,
        "transaction_id": fact.transaction_id,
        "paid_at": fact.paid_at.isoformat() if fact.paid_at else "",
    }
    values = {
        "event_key": event_key[:120],
        "gateway": fact.gateway,
        "reference": fact.order_no[:64],
        "outcome": outcome,
        "facts": json.dumps(facts),
        "heard_at": heard_at,
    }
    return insert_once(tx, payment_events, values) is not None


def _alarm(tx: Connection, trouble: Contradiction, fact: PaymentFact, heard_at: datetime) -> None:
    detail = f"{fact.gateway} {fact.amount_fen} {fact.transaction_id} {trouble}"
    raise_difference(tx, type(trouble).__name__, fact.order_no, detail[:80], at=heard_at)


def book_payment(
    tx: Connection,
    order: Row[Any],
    fact: PaymentFact,
    heard_at: datetime,
    *,
    into: Account = Account.CLEARING,
) -> int:
    """Spread the money over what the payer ticked; the rest is prepayment, or goes back.

    The caller has locked the order and judged the fact. `into` is where the money lies now.
    """
    wanted = tx.execute(
        select(bills, payment_order_bills.c.amount_fen.label("chosen_fen"))
        .join(payment_order_bills, payment_order_bills.c.bill_id == bills.c.id)
        .where(payment_order_bills.c.order_id == order.id)
        .order_by(bills.c.id)
        .with_for_update(of=bills)
    ).all()
    wanted = sorted(wanted, key=lambda row: (row.period, row.id))
    open_fen = [0 if row.voided_at else row.amount_fen - row.paid_fen for row in wanted]
    shares = allocate_chosen(fact.amount_fen, [row.chosen_fen for row in wanted], open_fen)
    is_second, rest_fen = bool(wanted) and sum(shares) == 0, fact.amount_fen - sum(shares)
    rest = Account.REFUND_DUE if is_second else Account.PREPAYMENT
    payment_id = _write_payment(tx, order, fact, heard_at, (rest, rest_fen))
    legs = [Leg(into, fact.amount_fen)]
    for row, share in zip(wanted, shares, strict=True):
        if share:
            _allocate(tx, payment_id, row.id, share, heard_at)
            legs.append(Leg(Account.RECEIVABLE, -share, row.unit_id))
    legs.append(Leg(rest, -rest_fen, order.unit_id))
    crashpoints.reach("settle.before_ledger")
    ledger.post(
        tx,
        key=f"payment:{order.order_no}",
        memo="收款",
        community_id=order.community_id,
        posted_at=heard_at,
        legs=legs,
    )
    crashpoints.reach("settle.after_ledger")
    _set_state(tx, order.id, OrderState.PAID, settled_at=heard_at)
    if rest is Account.PREPAYMENT and rest_fen:
        prepayments.put_aside(tx, payment_id)
    deposits.take(tx, [row.id for row in wanted], now=heard_at)
    receipts.issue(tx, payment_id, now=heard_at)
    if is_second:
        refunds.give_back(tx, payment_id, now=heard_at)
    return payment_id


def _write_payment(
    tx: Connection,
    order: Row[Any],
    fact: PaymentFact,
    heard_at: datetime,
    rest: tuple[Account, int],
) -> int:
    place, rest_fen = rest
    payment_id: int = tx.execute(
        payments.insert()
        .values(
            order_id=order.id,
            community_id=order.community_id,
            unit_id=order.unit_id,
            gateway=fact.gateway,
            transaction_id=fact.transaction_id,
            amount_fen=fact.amount_fen,
            allocated_fen=fact.amount_fen - rest_fen,
            surplus_fen=rest_fen if place is Account.PREPAYMENT else 0,
            returned_fen=rest_fen if place is Account.REFUND_DUE else 0,
            paid_at=fact.paid_at or heard_at,
            settled_at=heard_at,
        )
        .returning(payments.c.id)
    ).scalar_one()
    return payment_id


def _allocate(tx: Connection, payment_id: int, bill_id: int, share: int, now: datetime) -> None:
    given = {"payment_id": payment_id, "bill_id": bill_id, "amount_fen": share, "booked_at": now}
    tx.execute(allocations.insert().values(given))
    tx.execute(update(bills).where(bills.c.id == bill_id).values(paid_fen=bills.c.paid_fen + share))


def _set_state(tx: Connection, order_id: int, state: OrderState, **more: datetime) -> None:
    tx.execute(
        update(payment_orders)
        .where(payment_orders.c.id == order_id)
        .values(state=state, next_query_at=None, **more)
    )
