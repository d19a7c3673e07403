"""Prepayments (预存): what is left of them, for what, and every move that made it so."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from storage.kinds import Account, FeeClass, HoldKind, OccupancyRole
from storage.models.bills import bills, fee_items
from storage.models.late_fees import holds
from storage.models.ledger import unit_balances
from storage.models.people import occupancies
from storage.models.prepayments import prepayment_moves
from storage.periods import BillingPeriod, shanghai_day

moves = prepayment_moves


class Purse(NamedTuple):
    """Fen put aside for one fee item, or (None, named "") for any."""

    fee_item_id: int | None
    item_name: str
    left_fen: int


def purses(tx: Connection, unit_id: int) -> list[Purse]:
    """Return what a unit has put aside and not used, by what it is for, general money last."""
    rows = tx.execute(
        select(moves.c.fee_item_id, fee_items.c.name, func.sum(moves.c.amount_fen))
        .select_from(moves.outerjoin(fee_items, fee_items.c.id == moves.c.fee_item_id))
        .where(moves.c.unit_id == unit_id)
        .group_by(moves.c.fee_item_id, fee_items.c.name)
        .having(func.sum(moves.c.amount_fen) != 0)
    ).all()
    found = [Purse(row[0], row[1] or "", int(row[2])) for row in rows]
    return sorted(found, key=lambda one: (one.fee_item_id is None, one.fee_item_id or 0))


class Pot(NamedTuple):
    """What is left of one payment's prepayment, and for what fee item (None: any)."""

    payment_id: int
    fee_item_id: int | None
    left_fen: int


def pots(tx: Connection, unit_id: int) -> list[Pot]:
    """Return the payments of a unit that still hold prepayment, the oldest first."""
    rows = tx.execute(
        select(moves.c.payment_id, moves.c.fee_item_id, func.sum(moves.c.amount_fen))
        .where(moves.c.unit_id == unit_id, moves.c.payment_id.is_not(None))
        .group_by(moves.c.payment_id, moves.c.fee_item_id)
        .having(func.sum(moves.c.amount_fen) > 0)
        .order_by(moves.c.payment_id)
    ).all()
    return [Pot(row[0], row[1], int(row[2])) for row in rows]


def left_of_payment(tx: Connection, payment_id: int) -> int:
    """Return the fen of a payment that lie in the prepayment, neither used nor asked back."""
    left = select(func.coalesce(func.sum(moves.c.amount_fen), 0))
    return int(tx.execute(left.where(moves.c.payment_id == payment_id)).scalar_one())


class PrepaymentMove(NamedTuple):
    """One line of a prepayment's statement: above 0 put aside, below 0 used or given back."""

    moved_at: datetime
    memo: str
    item_name: str
    """The fee item that it is kept for, "" for any."""
    bill_item: str
    """What it paid, "" where no bill is meant."""
    bill_period: BillingPeriod | None
    amount_fen: int
    left_fen: int
    """Of the unit's prepayment, after this move."""


def moves_between(
    tx: Connection, unit_id: int, *, since: datetime, until: datetime
) -> list[PrepaymentMove]:
    """Return the moves of a unit's prepayment from an instant to (not with) another, in order."""
    kept_for, of_bill = fee_items.alias("kept_for"), fee_items.alias("of_bill")
    rows = tx.execute(
        select(
            moves.c.moved_at,
            moves.c.memo,
            kept_for.c.name.label("item_name"),
            of_bill.c.name.label("bill_item"),
            bills.c.period,
            moves.c.amount_fen,
        )
        .select_from(
            moves.outerjoin(kept_for, kept_for.c.id == moves.c.fee_item_id)
            .outerjoin(bills, bills.c.id == moves.c.bill_id)
            .outerjoin(of_bill, of_bill.c.id == bills.c.fee_item_id)
        )
        .where(moves.c.unit_id == unit_id, moves.c.moved_at < until)
        .order_by(moves.c.moved_at, moves.c.id)
    ).all()
    found, left_fen = [], 0
    for row in rows:
        left_fen += row.amount_fen
        if row.moved_at >= since:
            period = None if row.period is None else BillingPeriod.parse(row.period)
            names = (row.item_name or "", row.bill_item or "")
            found.append(
                PrepaymentMove(row.moved_at, row.memo, *names, period, row.amount_fen, left_fen)
            )
    return found


class Payable(NamedTuple):
    """An open bill that money put aside may pay."""

    bill_id: int
    bill_no: str
    fee_item_id: int
    fee_class: FeeClass
    item_name: str
    period: str
    open_fen: int


def may_be_paid(at: datetime) -> ColumnElement[bool]:
    """Say which bills (joined with their fee items) money put aside may pay, at an instant.

    Open ones of the flat's own owners: never a former owner's or a tenant's, never a deposit, and
    nothing that is disputed.
    """
    day = shanghai_day(at)
    owners = select(occupancies.c.resident_id).where(
        occupancies.c.unit_id == bills.c.unit_id,
        occupancies.c.role == OccupancyRole.OWNER,
        occupancies.c.from_on <= day,
        or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > day),
    )
    is_disputed = (
        select(holds.c.id)
        .where(
            holds.c.unit_id == bills.c.unit_id,
            or_(holds.c.bill_id.is_(None), holds.c.bill_id == bills.c.id),
            holds.c.kind == HoldKind.DISPUTE,
            holds.c.ended_at.is_(None),
            holds.c.from_on <= day,
            or_(holds.c.until_on.is_(None), holds.c.until_on > day),
        )
        .exists()
    )
    return and_(
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
        fee_items.c.fee_class != FeeClass.DEPOSIT,
        or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(owners)),
        ~is_disputed,
    )


def units_to_draw_for(tx: Connection, *, at: datetime, limit: int, after: int = 0) -> list[int]:
    """Return units with a prepayment and a bill that it may pay, by key, from the one after."""
    rows = tx.execute(
        select(unit_balances.c.unit_id)
        .join(bills, bills.c.unit_id == unit_balances.c.unit_id)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            unit_balances.c.account == Account.PREPAYMENT,
            unit_balances.c.balance_fen < 0,
            unit_balances.c.unit_id > after,
            may_be_paid(at),
        )
        .distinct()
        .order_by(unit_balances.c.unit_id)
        .limit(limit)
    )
    return list(rows.scalars())


class Choice(NamedTuple):
    """A fee item of a community that may be paid ahead."""

    fee_item_id: int
    item_code: str
    item_name: str


def items_to_prepay(tx: Connection, community_id: int) -> list[Choice]:
    """Return the fee items of a community that may be paid ahead: all but deposits."""
    rows = tx.execute(
        select(fee_items.c.id, fee_items.c.code, fee_items.c.name)
        .where(fee_items.c.community_id == community_id, fee_items.c.fee_class != FeeClass.DEPOSIT)
        .order_by(fee_items.c.id)
    )
    return [Choice(*row) for row in rows]
