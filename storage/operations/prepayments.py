"""Prepayments (预存): money put aside, drawn for bills, and set apart to go back.

Each change of the ledger's account of prepayments has its move here in the same transaction. A
move names the payment whose money it is, so that an allocation behind it is that payment's too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from storage import ledger
from storage.events import PrepaymentApplied
from storage.frozen import dataclass
from storage.kinds import Account, BindingState, FeeClass, OccupancyRole, Urgency
from storage.ledger import Leg
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.payments import allocations, payment_orders, payments, refund_parts
from storage.models.people import bindings, identities
from storage.models.prepayments import prepay_orders, prepayment_moves
from storage.operations.gifts import set_gift
from storage.outbox import Addressee, enqueue
from storage.queries.opening import spoken_to
from storage.queries.prepayments import Payable, Pot, may_be_paid, pots, purses
from storage.rules.prepayments import GENERAL, Draw, Owed, draw

ASIDE: Final = "预存"
SURPLUS: Final = "多缴"
DRAWN: Final = "抵扣账单"
GOES_BACK: Final = "退款"
STAYS: Final = "退款取消"


def put_aside(tx: Connection, payment_id: int) -> None:
    """Write the move of a payment's surplus, which the caller has just booked as prepayment.

    Money of an order without bills is kept for what the order says; a gift that was promised for
    it (a month after the year that is paid) is hers from now on.
    """
    payment = tx.execute(
        select(
            payments,
            payment_orders.c.order_no,
            prepay_orders.c.order_id.label("asked_id"),
            prepay_orders.c.fee_item_id,
        )
        .select_from(
            payments.join(payment_orders, payment_orders.c.id == payments.c.order_id).outerjoin(
                prepay_orders, prepay_orders.c.order_id == payments.c.order_id
            )
        )
        .where(payments.c.id == payment_id)
    ).one()
    if not payment.surplus_fen:
        return
    _move(
        tx,
        f"payment:{payment.order_no}",
        Pot(payment_id, payment.fee_item_id, payment.surplus_fen),
        unit_id=payment.unit_id,
        memo=SURPLUS if payment.asked_id is None else ASIDE,
        now=payment.settled_at,
    )
    set_gift(tx, payment_id, uses_left=1)


def set_apart(tx: Connection, refund: Row[Any], amount_fen: int, *, now: datetime) -> None:
    """Take what a refund wants of a payment's prepayment out of it, so that no bill draws it."""
    ledger.post(
        tx,
        key=f"refund-reserve:{refund.refund_no}",
        memo="退款预留",
        community_id=refund.community_id,
        posted_at=now,
        legs=[
            Leg(Account.PREPAYMENT, amount_fen, refund.unit_id),
            Leg(Account.REFUND_DUE, -amount_fen, refund.unit_id),
        ],
    )
    pot = Pot(refund.payment_id, _kept_for(tx, refund.payment_id), -amount_fen)
    key = f"refund:{refund.refund_no}"
    _move(tx, key, pot, unit_id=refund.unit_id, memo=GOES_BACK, now=now)
    set_gift(tx, refund.payment_id, uses_left=0)


def put_back(tx: Connection, refund: Row[Any], *, now: datetime) -> None:
    """Give the prepayment back what was set apart for a refund that will not happen, once."""
    try:
        is_new = ledger.reverse(
            tx, key=f"refund-reserve:{refund.refund_no}", memo="退款预留冲回", posted_at=now
        )
    except LookupError:
        return
    if is_new:
        taken_fen = tx.execute(
            select(func.sum(refund_parts.c.amount_fen)).where(
                refund_parts.c.refund_id == refund.id, refund_parts.c.bill_id.is_(None)
            )
        ).scalar_one()
        pot = Pot(refund.payment_id, _kept_for(tx, refund.payment_id), int(taken_fen))
        key = f"refund-back:{refund.refund_no}"
        _move(tx, key, pot, unit_id=refund.unit_id, memo=STAYS, now=now)
        set_gift(tx, refund.payment_id, uses_left=1)


def _kept_for(tx: Connection, payment_id: int) -> int | None:
    """Return the fee item that a payment's surplus was put aside for, None for any."""
    found = tx.execute(
        select(prepayment_moves.c.fee_item_id)
        .where(prepayment_moves.c.payment_id == payment_id)
        .order_by(prepayment_moves.c.id)
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else int(found)


def _move(
    tx: Connection,
    key: str,
    pot: Pot,
    *,
    unit_id: int,
    memo: str,
    now: datetime,
    bill_id: int | None = None,
) -> int:
    move_id: int = tx.execute(
        prepayment_moves.insert()
        .values(
            move_key=key,
            unit_id=unit_id,
            fee_item_id=pot.fee_item_id,
            bill_id=bill_id,
            payment_id=pot.payment_id,
            amount_fen=pot.left_fen,
            memo=memo,
            moved_at=now,
        )
        .returning(prepayment_moves.c.id)
    ).scalar_one()
    return move_id


@dataclass(frozen=True, slots=True)
class Applied:
    """What prepayments paid of a unit's bills, in fen, and what is left of them."""

    drawn_fen: int = 0
    bill_count: int = 0
    left_fen: int = 0


NOTHING: Final = Applied()


def apply_prepayments(tx: Connection, unit_id: int, *, now: datetime) -> Applied:
    """Pay a unit's open bills from what it has put aside, and tell its household.

    A fee item's own money goes first, then general, the oldest bill first. Run again it finds
    nothing left to draw, or nothing left to pay. A renewal is paid only by money put aside for it.
    """
    held = tx.execute(
        select(payments.c.id)
        .where(payments.c.id.in_([one.payment_id for one in pots(tx, unit_id)]))
        .order_by(payments.c.id)
        .with_for_update()
    ).all()
    if not held:
        return NOTHING
    found, owed = pots(tx, unit_id), _payable(tx, unit_id, now)
    draws = _draws(owed, found)
    if not draws:
        return NOTHING
    unit = tx.execute(select(units).where(units.c.id == unit_id)).one()
    by_id = {one.bill_id: one for one in owed}
    purse = _Purse(found)
    numbers: list[str] = []
    for bill_id in dict.fromkeys(one.bill_id for one in draws):
        taken = [pot for one in draws if one.bill_id == bill_id for pot in purse.take(one)]
        numbers.append(_pay_bill(tx, by_id[bill_id], taken, unit, now))
    drawn_fen = sum(one.amount_fen for one in draws)
    left_fen = sum(one.left_fen for one in purses(tx, unit_id))
    _tell(tx, unit, _news(unit.label, draws, by_id, left_fen), key=numbers[0], now=now)
    return Applied(drawn_fen, len(numbers), left_fen)


def _payable(tx: Connection, unit_id: int, now: datetime) -> list[Payable]:
    rows = tx.execute(
        select(
            bills.c.id,
            bills.c.bill_no,
            bills.c.fee_item_id,
            fee_items.c.fee_class,
            fee_items.c.name,
            bills.c.period,
            (bills.c.amount_fen - bills.c.paid_fen).label("open_fen"),
        )
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(bills.c.unit_id == unit_id, may_be_paid(now))
        .order_by(bills.c.id)
        .with_for_update(of=bills)
    )
    found = [Payable(row[0], row[1], row[2], FeeClass(row[3]), *row[4:]) for row in rows]
    return sorted(found, key=lambda one: (one.period, one.bill_id))


def _draws(owed: Sequence[Payable], found: Sequence[Pot]) -> list[Draw]:
    """Return what is drawn, the oldest bill first."""
    left: dict[int | None, int] = {}
    for one in found:
        left[one.fee_item_id] = left.get(one.fee_item_id, 0) + one.left_fen
    renewals = [one for one in owed if one.fee_class is FeeClass.RENEWAL]
    others = [one for one in owed if one.fee_class is not FeeClass.RENEWAL]
    own_only: dict[int | None, int] = {
        item: fen for item, fen in left.items() if item is not GENERAL
    }
    draws = [*draw(_owed(renewals), own_only), *draw(_owed(others), left)]
    place = {one.bill_id: at for at, one in enumerate(owed)}
    return sorted(draws, key=lambda one: place[one.bill_id])


def _owed(rows: Iterable[Payable]) -> list[Owed]:
    return [Owed(one.bill_id, one.fee_item_id, one.open_fen) for one in rows]


class _Purse:
    """The payments that hold a unit's prepayment; the oldest of a purpose is emptied first."""

    def __init__(self, found: Sequence[Pot]) -> None:
        self._pots = list(found)

    def take(self, wanted: Draw) -> list[Pot]:
        """Return from which payments a draw is taken, and how much of each."""
        taken, missing_fen = [], wanted.amount_fen
        for at, pot in enumerate(self._pots):
            fen = min(pot.left_fen, missing_fen) if pot.fee_item_id == wanted.fee_item_id else 0
            if fen:
                taken.append(pot._replace(left_fen=fen))
                self._pots[at] = pot._replace(left_fen=pot.left_fen - fen)
                missing_fen -= fen
        if missing_fen:
            raise ValueError("a prepayment is never overdrawn")
        return taken


def _pay_bill(
    tx: Connection, bill: Payable, taken: Sequence[Pot], unit: Row[Any], now: datetime
) -> str:
    """Write the moves, allocations and entry by which a bill is paid; return the entry's key."""
    before = tx.execute(
        select(func.count()).where(prepayment_moves.c.bill_id == bill.bill_id)
    ).scalar_one()
    key, fen = f"prepaid:{bill.bill_no}:{before}", sum(pot.left_fen for pot in taken)
    for number, pot in enumerate(taken):
        move_id = _move(
            tx,
            f"{key}:{number}",
            pot._replace(left_fen=-pot.left_fen),
            unit_id=unit.id,
            memo=DRAWN,
            now=now,
            bill_id=bill.bill_id,
        )
        tx.execute(
            allocations.insert().values(
                payment_id=pot.payment_id,
                bill_id=bill.bill_id,
                move_id=move_id,
                amount_fen=pot.left_fen,
                booked_at=now,
            )
        )
    tx.execute(
        update(bills).where(bills.c.id == bill.bill_id).values(paid_fen=bills.c.paid_fen + fen)
    )
    ledger.post(
        tx,
        key=key,
        memo="预存抵扣",
        community_id=unit.community_id,
        posted_at=now,
        legs=[
            Leg(Account.PREPAYMENT, fen, unit.id),
            Leg(Account.RECEIVABLE, -fen, unit.id),
        ],
    )
    return key


def _news(
    unit_label: str, draws: Sequence[Draw], by_id: dict[int, Payable], left_fen: int
) -> PrepaymentApplied:
    paid: dict[int, int] = {}
    for one in draws:
        paid[one.bill_id] = paid.get(one.bill_id, 0) + one.amount_fen
    return PrepaymentApplied(
        unit_label=unit_label,
        bills=tuple((by_id[key].item_name, by_id[key].period, fen) for key, fen in paid.items()),
        drawn_fen=sum(paid.values()),
        open_fen=sum(by_id[key].open_fen - fen for key, fen in paid.items()),
        left_fen=left_fen,
    )


def _tell(
    tx: Connection, unit: Row[Any], event: PrepaymentApplied, *, key: str, now: datetime
) -> None:
    """Tell all but tenants who have bound the unit, once a draw."""
    wanted = (
        select(identities.c.id, identities.c.account, identities.c.openid)
        .select_from(
            bindings.join(identities, identities.c.id == bindings.c.identity_id).join(
                units, units.c.id == bindings.c.unit_id
            )
        )
        .where(
            bindings.c.unit_id == unit.id,
            bindings.c.state == BindingState.ACTIVE,
            bindings.c.role != OccupancyRole.TENANT,
            spoken_to(tx, unit.community_id),
        )
        .order_by(bindings.c.id)
    )
    for person in tx.execute(wanted).all():
        enqueue(
            tx,
            event,
            Addressee(person.account, person.openid, person.id),
            key=f"{key}:{person.id}",
            urgency=Urgency.NOTICE,
            now=now,
            community_id=unit.community_id,
        )
