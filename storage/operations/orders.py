"""Payment orders (支付单): open one for what was ticked, keep what its platform gave, end it.

Of all orders over the same bills only one is meant to be paid: `open_alone` names the others,
which are ended at their platforms first.
"""

import hashlib
import secrets
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage.errors import (
    BillAlreadyPaid,
    CollectionClosed,
    MixedPayees,
    NothingToPay,
    PartNotTaken,
    UnknownBill,
)
from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.models.bills import bills
from storage.models.payments import payment_order_bills, payment_orders
from storage.periods import shanghai_day
from storage.ports.payments import Collection, TradeKind
from storage.queries.payees import Payee, payees_on
from storage.queries.policies import policy_on

ORDER_LASTS: Final = timedelta(minutes=110)
"""Shorter than the two hours that a prepay id lives."""

TRANSFER_LASTS: Final = timedelta(days=7)
"""A transfer takes days; until then its code is awaited."""

LAST_MINUTE: Final = timedelta(minutes=1)
"""An order that ends sooner is not begun to be paid."""

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
    other_unit_ids: tuple[int, ...] = ()
    """More units whose bills may be among them: the payer's own, of the same community."""
    parts: tuple[tuple[int, int], ...] = ()
    """(bill, fen) of those that she pays only a part of; the others are paid whole."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A payment order of ours, and whether the platform was asked already."""

    order_id: int
    order_no: str
    gateway: str
    kind: TradeKind
    amount_fen: int
    created_at: datetime
    expires_at: datetime
    collection: Collection | None


def open_order(tx: Connection, ask: OrderAsk, *, now: datetime) -> OpenOrder:
    """Write down an attempt to collect before any platform is asked.

    The amount is ours, never the caller's. The same ask while the last one lives is the same
    order. Raises NothingToPay, UnknownBill, BillAlreadyPaid, MixedPayees, PartNotTaken,
    CollectionClosed.
    """
    chosen = _lock_bills(tx, ask, now)
    wanted = Wanted(
        chosen[0].bill.community_id,
        sum(one.fen for one in chosen),
        _choice_key(chosen),
        chosen[0].payee_id,
    )
    order, is_new = write_order(tx, ask, wanted, now=now)
    if is_new:
        tx.execute(
            payment_order_bills.insert(),
            [
                {
                    "order_id": order.order_id,
                    "bill_id": one.bill.id,
                    "amount_fen": one.fen,
                }
                for one in chosen
            ],
        )
    return order


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an order is to collect; the same `choice_key` is the same thing for the same fen."""

    community_id: int
    amount_fen: int
    choice_key: str
    payee_id: int | None = None


def write_order(
    tx: Connection, ask: OrderAsk, wanted: Wanted, *, now: datetime
) -> tuple[OpenOrder, bool]:
    """Return the live order for the same thing, or write a new one (True); the caller checked."""
    live = _live_order(tx, ask, wanted.choice_key)
    if live is not None and _may_go_on(live, now):
        return _open_order(live), False
    if live is not None:
        _succeed(tx, live)
    lasts = TRANSFER_LASTS if ask.gateway.startswith("bank_transfer") else ORDER_LASTS
    values = {
        "order_no": f"W{now:%y%m%d}{secrets.token_hex(8).upper()}",
        "community_id": wanted.community_id,
        "unit_id": ask.unit_id,
        "resident_id": ask.resident_id,
        "identity_id": ask.identity_id,
        "payee_id": wanted.payee_id,
        "gateway": ask.gateway,
        "kind": ask.kind,
        "choice_key": wanted.choice_key,
        "state": OrderState.OPEN,
        "amount_fen": wanted.amount_fen,
        "merchant_id": ask.merchant_id,
        "app_id": ask.app_id,
        "payer_id": ask.payer_id,
        "created_at": now,
        "expires_at": now + lasts,
        "next_query_at": now + timedelta(seconds=FIRST_QUERIES[0]),
    }
    row = tx.execute(payment_orders.insert().values(values).returning(payment_orders)).one()
    return _open_order(row), True


@dataclass(frozen=True, slots=True)
class RivalOrder:
    """Another open order over some of the same bills."""

    order_no: str
    gateway: str
    created_at: datetime


def open_alone(
    tx: Connection, ask: OrderAsk, *, now: datetime, despite: AbstractSet[str]
) -> OpenOrder | tuple[RivalOrder, ...]:
    """Open an order, or name the open ones that could pay some of the same bills besides it.

    The caller ends those at their platforms (no transaction is open then) and asks again, with
    the numbers of all that were tried in `despite`: one whose platform gave no answer does not
    keep anybody from paying; should both be paid, the second goes back. Raises what `open_order`
    raises.
    """
    chosen = _lock_bills(tx, ask, now)
    live = _live_order(tx, ask, _choice_key(chosen))
    found = tx.execute(
        select(
            payment_orders.c.id,
            payment_orders.c.order_no,
            payment_orders.c.gateway,
            payment_orders.c.created_at,
        )
        .join(payment_order_bills, payment_order_bills.c.order_id == payment_orders.c.id)
        .where(
            payment_orders.c.state == OrderState.OPEN,
            payment_order_bills.c.bill_id.in_([one.bill.id for one in chosen]),
        )
        .distinct()
        .order_by(payment_orders.c.id)
    ).all()
    kept_id = live.id if live is not None and _may_go_on(live, now) else None
    rivals = tuple(
        RivalOrder(row.order_no, row.gateway, row.created_at)
        for row in found
        if row.id != kept_id and row.order_no not in despite
    )
    return rivals or open_order(tx, ask, now=now)


@dataclass(frozen=True, slots=True)
class _Chosen:
    bill: Row[Any]
    fen: int
    payee_id: int | None


def _lock_bills(tx: Connection, ask: OrderAsk, now: datetime) -> list[_Chosen]:
    if not ask.bill_ids:
        raise NothingToPay("")
    rows = tx.execute(
        select(bills)
        .where(
            bills.c.id.in_(ask.bill_ids), bills.c.unit_id.in_([ask.unit_id, *ask.other_unit_ids])
        )
        .order_by(bills.c.id)
        .with_for_update()
    ).all()
    if len(rows) != len(set(ask.bill_ids)) or len({row.community_id for row in rows}) > 1:
        raise UnknownBill
    for row in rows:
        if row.voided_at is not None or row.paid_fen >= row.amount_fen:
            raise BillAlreadyPaid(row.bill_no)
    policy = policy_on(tx, rows[0].community_id)
    if reason := policy.why_closed(ask.gateway):
        raise CollectionClosed(reason)
    found = payees_on(tx, rows[0].community_id, shanghai_day(now))
    _one_payee([found.of(row.fee_item_id) for row in rows], ask.gateway)
    parts = dict(ask.parts)
    if parts and not policy.takes_parts:
        raise PartNotTaken
    return [
        _Chosen(row, _part(row, parts.get(row.id)), found.key_of(row.fee_item_id)) for row in rows
    ]


def _one_payee(found: Sequence[Payee | None], gateway: str) -> None:
    names = sorted({"" if one is None else one.name for one in found})
    if len(names) > 1:
        raise MixedPayees(tuple(filter(None, names)))
    if found[0] is not None and not found[0].takes(gateway):
        raise CollectionClosed(found[0].name)


def _part(row: Row[Any], part_fen: int | None) -> int:
    open_fen: int = row.amount_fen - row.paid_fen
    if part_fen is None:
        return open_fen
    if not 0 < part_fen <= open_fen:
        raise PartNotTaken
    return part_fen


def _choice_key(chosen: Sequence[_Chosen]) -> str:
    """Return the name of what is collected: the same bills for the same fen give the same."""
    parts = [f"{one.bill.id}:{one.fen}" for one in chosen]
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


def _may_go_on(live: Row[Any], now: datetime) -> bool:
    return bool(live.expires_at > now + LAST_MINUTE)


def _succeed(tx: Connection, old: Row[Any]) -> None:
    """Let a new order take an old one's place; the old one is asked about until it has ended."""
    tx.execute(
        update(payment_orders)
        .where(payment_orders.c.id == old.id)
        .values(choice_key=f"{old.choice_key[:32]}:{old.id}")
    )


def _open_order(row: Row[Any]) -> OpenOrder:
    collection = Collection(
        row.prepay_id, row.pay_address or row.pay_url, row.code_url, row.pay_form
    )
    return OpenOrder(
        row.id,
        row.order_no,
        row.gateway,
        TradeKind(row.kind),
        row.amount_fen,
        row.created_at,
        row.expires_at,
        collection if row.prepaid_at is not None else None,
    )


def note_prepay(
    tx: Connection, order_no: str, collection: Collection, *, now: datetime
) -> OrderState:
    """Keep what the platform gave us for the page; return how the order stands with us by now."""
    state = tx.execute(
        update(payment_orders)
        .where(payment_orders.c.order_no == order_no)
        .values(
            prepaid_at=now,
            prepay_id=collection.prepay_id,
            pay_address=collection.pay_url,
            code_url=collection.code_url,
            pay_form=collection.form,
        )
        .returning(payment_orders.c.state)
    ).scalar_one()
    return OrderState(state)


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
