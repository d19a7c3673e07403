"""What figures tell beside bills and payments: money back, reminders that led to payment, talks.

Each number has its rows here; all pages of rows sum to it.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select

from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.models.bills import bills, fee_items
from storage.models.dunning import dunning_acts
from storage.models.estate import buildings, units
from storage.models.payments import allocations, refunds
from storage.models.talks import talks
from storage.queries.debt_moves import Days, Scope, total
from storage.queries.desk import Total
from storage.queries.estate import in_order

REMINDED: Final = "reminder"
"""The act of a household that was reminded by chat."""


@dataclass(frozen=True, slots=True)
class Choices:
    """By what a community's figures can be narrowed: (key, name) of buildings and fee items."""

    buildings: tuple[tuple[int, str], ...]
    items: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What happened on some days."""

    refunded: Total
    """Refunds whose money arrived."""
    reminded: int
    """Households that were reminded by chat."""
    paid_after: int
    """Those of them that paid after their first reminder, before the days were over."""
    talks: int
    """How often a person took over from the bot."""


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund whose money arrived."""

    refund_id: int
    refund_no: str
    unit_label: str
    gateway: str
    fen: int
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class RemindedRow:
    """A household that was reminded, and what it paid after its first reminder of these days."""

    unit_id: int
    unit_label: str
    reminders: int
    first_at: datetime
    paid_fen: int


def choices_of(tx: Connection, community_id: int) -> Choices:
    """Return a community's buildings as they are counted, and its fee items as they were made."""
    rows = tx.execute(
        select(buildings.c.id, buildings.c.label).where(buildings.c.community_id == community_id)
    )
    items = tx.execute(
        select(fee_items.c.id, fee_items.c.name)
        .where(fee_items.c.community_id == community_id)
        .order_by(fee_items.c.id)
    )
    return Choices(
        tuple(sorted(((row[0], row[1]) for row in rows), key=lambda one: _counted(one[1]))),
        tuple((row[0], row[1]) for row in items),
    )


def _counted(label: str) -> list[tuple[int, str]]:
    return in_order(label.removesuffix("栋"))


def month_facts(tx: Connection, scope: Scope, days: Days) -> MonthFacts:
    """Count what happened on some days in a community, or in one of its buildings."""
    money = tx.execute(
        select(func.count(), total(refunds.c.amount_fen))
        .select_from(refunds.join(units, units.c.id == refunds.c.unit_id))
        .where(_refunded(scope, days))
    ).one()
    told = _reminded(scope, days)
    households = tx.execute(
        select(func.count(), func.count().filter(told.c.paid_fen > 0)).select_from(told)
    ).one()
    taken = select(func.count()).where(
        talks.c.community_id == scope.community_id,
        talks.c.begun_at >= days.begin,
        talks.c.begun_at < days.end,
    )
    if scope.building_id is not None:
        there = select(units.c.id).where(units.c.building_id == scope.building_id)
        taken = taken.where(talks.c.unit_id.in_(there))
    return MonthFacts(
        Total(money[0], int(money[1])),
        households[0],
        households[1],
        tx.execute(taken).scalar_one(),
    )


def refund_rows(
    tx: Connection, scope: Scope, days: Days, *, after_id: int = 0, limit: int
) -> tuple[RefundRow, ...]:
    """Return the refunds behind the number with a key beyond `after_id`."""
    rows = tx.execute(
        select(
            refunds.c.id,
            refunds.c.refund_no,
            units.c.label,
            refunds.c.gateway,
            refunds.c.amount_fen,
            refunds.c.settled_at,
        )
        .select_from(refunds.join(units, units.c.id == refunds.c.unit_id))
        .where(_refunded(scope, days), refunds.c.id > after_id)
        .order_by(refunds.c.id)
        .limit(limit)
    )
    return tuple(RefundRow(*row) for row in rows)


def reminded_rows(
    tx: Connection, scope: Scope, days: Days, *, after_id: int = 0, limit: int
) -> tuple[RemindedRow, ...]:
    """Return the households behind the numbers of reminders with a key beyond `after_id`."""
    told = _reminded(scope, days)
    rows = tx.execute(
        select(told.c.unit_id, units.c.label, told.c.reminders, told.c.first_at, told.c.paid_fen)
        .select_from(told.join(units, units.c.id == told.c.unit_id))
        .where(told.c.unit_id > after_id)
        .order_by(told.c.unit_id)
        .limit(limit)
    )
    return tuple(RemindedRow(*row[:4], int(row[4])) for row in rows)


def _there(scope: Scope) -> ColumnElement[bool]:
    mine = units.c.community_id == scope.community_id
    if scope.building_id is None:
        return mine
    return and_(mine, units.c.building_id == scope.building_id)


def _refunded(scope: Scope, days: Days) -> ColumnElement[bool]:
    return and_(
        _there(scope),
        refunds.c.state == RefundStep.SUCCESS,
        refunds.c.settled_at >= days.begin,
        refunds.c.settled_at < days.end,
    )


def _reminded(scope: Scope, days: Days) -> FromClause:
    """Return households that were reminded, with what came for their bills after the first time."""
    told = (
        select(
            dunning_acts.c.unit_id,
            func.count().label("reminders"),
            func.min(dunning_acts.c.done_at).label("first_at"),
        )
        .select_from(dunning_acts.join(units, units.c.id == dunning_acts.c.unit_id))
        .where(
            _there(scope),
            dunning_acts.c.act == REMINDED,
            dunning_acts.c.done_at >= days.begin,
            dunning_acts.c.done_at < days.end,
        )
        .group_by(dunning_acts.c.unit_id)
        .subquery("told")
    )
    came: Any = (
        select(total(allocations.c.amount_fen))
        .select_from(allocations.join(bills, bills.c.id == allocations.c.bill_id))
        .where(
            bills.c.unit_id == told.c.unit_id,
            allocations.c.move_id.is_(None),
            allocations.c.booked_at > told.c.first_at,
            allocations.c.booked_at < days.end,
        )
        .scalar_subquery()
    )
    return select(told, came.label("paid_fen")).subquery("reminded")
