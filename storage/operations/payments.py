"""Money coming in: open an order, hear of its payment by any way, settle it once.

`settle_payment` is the one door for a payment heard by notification, by query or from a
statement. Lock → check → change → post → enqueue, in one transaction.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import audit, crashpoints, ledger
from storage.errors import (
    AmountMismatch,
    BillAlreadyPaid,
    CollectionClosed,
    Contradiction,
    MerchantMismatch,
    NothingToPay,
    UnknownBill,
    UnknownPaymentOrder,
)
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
from storage.operations import receipts, refunds
from storage.ports.payments import Collection, PaymentFact, PaymentState, TradeKind
from storage.queries.policies import policy_on
from storage.rules.allocation import allocate
from storage.sql import insert_once

ORDER_LASTS: Final = timedelta(minutes=110)
"""Shorter than the two hours that a prepay id lives."""

FIRST_QUERIES: Final = (30, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds between our own questions while nobody tells us of an open order."""


@dataclass(frozen=True, slots=True)
class OrderAsk:
    """Who wants to pay what, by which way."""

    unit_id: int
    bill_ids: tuple[int, ...]
    gateway: str
    kind: TradeKind
    merchant_id: str
    app_id: str
    payer_id: str = ""
    identity_id: int | None = None
    resident_id: int | None = None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A payment order of ours, and whether the platform was asked already."""

    order_id: int
    order_no: str
    gateway: str
    kind: TradeKind
    amount_fen: int
    expires_at: datetime
    collection: Collection | None


def open_order(tx: Connection, ask: OrderAsk, *, now: datetime) -> OpenOrder:
    """Write down an attempt to collect before any platform is asked.

    The amount is ours, never the caller's. The same ask while the last one lives is the same
    order. Raises NothingToPay, UnknownBill, BillAlreadyPaid, CollectionClosed.
    """
    chosen = _lock_bills(tx, ask)
    amount_fen = sum(row.amount_fen - row.paid_fen for row in chosen)
    choice_key = _choice_key(chosen)
    live = _live_order(tx, ask, choice_key)
    if live is not None and live.expires_at > now + timedelta(minutes=1):
        return _open_order(live)
    if live is not None:
        _succeed(tx, live)
    values = {
        "order_no": f"W{now:%y%m%d}{secrets.token_hex(8).upper()}",
        "community_id": chosen[0].community_id,
        "unit_id": ask.unit_id,
        "resident_id": ask.resident_id,
        "identity_id": ask.identity_id,
        "gateway": ask.gateway,
        "kind": ask.kind,
        "choice_key": choice_key,
        "state": OrderState.OPEN,
        "amount_fen": amount_fen,
        "merchant_id": ask.merchant_id,
        "app_id": ask.app_id,
        "payer_id": ask.payer_id,
        "created_at": now,
        "expires_at": now + ORDER_LASTS,
        "next_query_at": now + timedelta(seconds=FIRST_QUERIES[0]),
    }
    row = tx.execute(payment_orders.insert().values(values).returning(payment_orders)).one()
    tx.execute(
        payment_order_bills.insert(),
        [
            {"order_id": row.id, "bill_id": one.id, "amount_fen": one.amount_fen - one.paid_fen}
            for one in chosen
        ],
    )
    return _open_order(row)


def _lock_bills(tx: Connection, ask: OrderAsk) -> Sequence[Row[Any]]:
    if not ask.bill_ids:
        raise NothingToPay("")
    rows = tx.execute(
        select(bills)
        .where(bills.c.id.in_(ask.bill_ids), bills.c.unit_id == ask.unit_id)
        .order_by(bills.c.id)
        .with_for_update()
    ).all()
    if len(rows) != len(set(ask.bill_ids)):
        raise UnknownBill
    for row in rows:
        if row.voided_at is not None or row.paid_fen >= row.amount_fen:
            raise BillAlreadyPaid(row.bill_no)
    if reason := policy_on(tx, rows[0].community_id).collection_closed:
        raise CollectionClosed(reason)
    return rows


def _choice_key(chosen: Sequence[Row[Any]]) -> str:
    """Return the name of what is collected: the same bills for the same fen give the same."""
    parts = [f"{row.id}:{row.amount_fen - row.paid_fen}" for row in chosen]
    return hashlib.sha256(",".join(parts).encode()).hexdigest()[:32]


def _live_order(tx: Connection, ask: OrderAsk, choice_key: str) -> Row[Any] | None:
    return tx.execute(
        select(payment_orders)
        .where(
            payment_orders.c.choice_key == choice_key,
            payment_orders.c.gateway == ask.gateway,
            payment_orders.c.kind == ask.kind,
            payment_orders.c.payer_id == ask.payer_id,
            payment_orders.c.state == OrderState.OPEN,
        )
        .with_for_update()
    ).one_or_none()


def _succeed(tx: Connection, old: Row[Any]) -> None:
    """Let a new order take an old one's place; the old one is asked about until it has ended."""
    tx.execute(
        update(payment_orders)
        .where(payment_orders.c.id == old.id)
        .values(choice_key=f"{old.choice_key[:32]}:{old.id}")
    )


def _open_order(row: Row[Any]) -> OpenOrder:
    collection = Collection(row.prepay_id, row.pay_url, row.code_url)
    return OpenOrder(
        row.id,
        row.order_no,
        row.gateway,
        TradeKind(row.kind),
        row.amount_fen,
        row.expires_at,
        collection if row.prepaid_at is not None else None,
    )


def note_prepay(tx: Connection, order_no: str, collection: Collection, *, now: datetime) -> None:
    """Keep what the platform gave us for the page."""
    tx.execute(
        update(payment_orders)
        .where(payment_orders.c.order_no == order_no)
        .values(
            prepaid_at=now,
            prepay_id=collection.prepay_id,
            pay_url=collection.pay_url,
            code_url=collection.code_url,
        )
    )


def refuse_order(tx: Connection, order_no: str) -> None:
    """Give up an order that the platform refused for good."""
    _end(tx, order_no, OrderState.FAILED)


def postpone_query(tx: Connection, order_no: str, *, now: datetime) -> None:
    """Ask the platform about an open order again later, each time a little later."""
    order = tx.execute(
        select(payment_orders)
        .where(payment_orders.c.order_no == order_no, payment_orders.c.state == OrderState.OPEN)
        .with_for_update()
    ).one_or_none()
    if order is None:
        return
    wait = FIRST_QUERIES[min(order.query_count + 1, len(FIRST_QUERIES) - 1)]
    tx.execute(
        update(payment_orders)
        .where(payment_orders.c.id == order.id)
        .values(query_count=order.query_count + 1, next_query_at=now + timedelta(seconds=wait))
    )


def close_order(tx: Connection, order_no: str) -> bool:
    """Close an order that its platform says it has closed. A late payment is still taken."""
    return _end(tx, order_no, OrderState.CLOSED)


def _end(tx: Connection, order_no: str, state: OrderState) -> bool:
    ended: int = tx.execute(
        update(payment_orders)
        .where(payment_orders.c.order_no == order_no, payment_orders.c.state == OrderState.OPEN)
        .values(state=state, next_query_at=None)
    ).rowcount
    return ended == 1


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
    payment_id = _book(tx, order, fact, heard_at)
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
    audit.open_discrepancy(tx, type(trouble).__name__, fact.order_no, detail[:80], at=heard_at)


def _book(tx: Connection, order: Row[Any], fact: PaymentFact, heard_at: datetime) -> int:
    """Spread the money over what the payer ticked; the rest is prepayment, or goes back."""
    wanted = tx.execute(
        select(bills)
        .join(payment_order_bills, payment_order_bills.c.bill_id == bills.c.id)
        .where(payment_order_bills.c.order_id == order.id)
        .order_by(bills.c.id)
        .with_for_update(of=bills)
    ).all()
    wanted = sorted(wanted, key=lambda row: (row.period, row.id))
    open_fen = [0 if row.voided_at else row.amount_fen - row.paid_fen for row in wanted]
    shares = allocate(fact.amount_fen, open_fen)
    is_second, rest_fen = sum(shares) == 0, fact.amount_fen - sum(shares)
    payment_id = _write_payment(tx, order, fact, heard_at, sum(shares))
    legs = [Leg(Account.CLEARING, fact.amount_fen)]
    for row, share in zip(wanted, shares, strict=True):
        if share:
            _allocate(tx, payment_id, row.id, share, heard_at)
            legs.append(Leg(Account.RECEIVABLE, -share, row.unit_id))
    rest = Account.REFUND_DUE if is_second else Account.PREPAYMENT
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
    receipts.issue(tx, payment_id, now=heard_at)
    if is_second:
        refunds.give_back(tx, payment_id, now=heard_at)
    return payment_id


def _write_payment(
    tx: Connection, order: Row[Any], fact: PaymentFact, heard_at: datetime, allocated_fen: int
) -> int:
    rest_fen = fact.amount_fen - allocated_fen
    payment_id: int = tx.execute(
        payments.insert()
        .values(
            order_id=order.id,
            community_id=order.community_id,
            unit_id=order.unit_id,
            gateway=fact.gateway,
            transaction_id=fact.transaction_id,
            amount_fen=fact.amount_fen,
            allocated_fen=allocated_fen,
            surplus_fen=rest_fen if allocated_fen else 0,
            returned_fen=0 if allocated_fen else rest_fen,
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
