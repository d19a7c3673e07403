"""Every move of what is owed, bill by bill: what the figures of collecting are sums of.

A move counts from the instant at which the ledger booked it, so that what was true at a cut-off
stays true, whatever comes later; the sums are the ledger's account of receivables.

A read counts back from what stands in the bills now: what was open at an instant is what is open
now less all that moved since. So it reads open bills and late moves, and no long-settled past.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from storage.frozen import dataclass
from storage.kinds import Payer
from storage.models.base import UtcDateTime
from storage.models.bills import HISTORY, bills
from storage.models.estate import units
from storage.models.ledger import entries
from storage.models.payments import allocations
from storage.models.refund_terms import bill_waivers
from storage.models.write_offs import write_offs
from storage.paying_kinds import WriteOffState
from storage.periods import BillingPeriod, shanghai_instant
from storage.queries.payer_statements import of_firm
from storage.rules.collecting import Move

Condition = ColumnElement[bool]


UNLED: Final[ColumnElement[int]] = bills.c.unit_id + 0
"""A bill's unit, by which no index leads: late moves are found by their time instead."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Of which bills a figure tells: a community's, or some of them."""

    community_id: int
    building_id: int | None = None
    fee_item_id: int | None = None

    def holds(self, unit_id: ColumnElement[int] = bills.c.unit_id) -> Condition:
        """Say that a bill is among these; those that were paid before we came never are.

        With `UNLED` as `unit_id` the database finds the bills by another condition's index.
        """
        there = select(units.c.id).where(units.c.community_id == self.community_id)
        if self.building_id is not None:
            there = there.where(units.c.building_id == self.building_id)
        mine = [unit_id.in_(there), bills.c.is_imported != HISTORY]
        if self.fee_item_id is not None:
            mine.append(bills.c.fee_item_id == self.fee_item_id)
        return and_(*mine)


@dataclass(frozen=True, slots=True)
class Days:
    """Shanghai days from the first to the last."""

    first_on: date
    last_on: date

    @classmethod
    def of(cls, period: BillingPeriod) -> "Days":
        """Return the days of a month."""
        return cls(period.first_on, period.last_on)

    @property
    def begin(self) -> datetime:
        """Their first instant."""
        return shanghai_instant(self.first_on)

    @property
    def end(self) -> datetime:
        """The first instant after them."""
        return shanghai_instant(self.last_on + timedelta(days=1))


def for_months(first: BillingPeriod, last: BillingPeriod) -> Condition:
    """Say that a bill is for one of some months."""
    return bills.c.period.between(str(first), str(last))


def is_developers() -> Condition:
    """Say that a bill is the developer's to pay (开发商承担): figures tell of these apart."""
    return of_firm(Payer.DEVELOPER)


@dataclass(frozen=True, slots=True)
class Bills:
    """Some bills of a community: said twice, for reads by their units and by the moves' times."""

    community_id: int
    led: Condition
    unled: Condition

    @classmethod
    def of(cls, scope: Scope, after_id: int = 0) -> "Bills":
        """Return the bills of a scope with a key beyond `after_id`."""
        led, unled = scope.holds(), scope.holds(UNLED)
        if after_id:
            led, unled = led & (bills.c.id > after_id), unled & (bills.c.id + 0 > after_id)
        return cls(scope.community_id, led, unled)


def moves_since(which: Bills, since: datetime) -> Subquery:
    """Return what moved the debts of some bills from an instant on, by an index of its time:
    bill_id, unit_id, fee_item_id, move, fen, at. `fen` is positive where more is owed.
    """
    late = []
    for source in SOURCES:
        one = source(which.unled)
        if source in (_billed, _voided):
            one = one.where(bills.c.community_id == which.community_id)
        late.append(one.where(one.exported_columns["at"].element >= since))
    return union_all(*late).subquery("moves")


def open_now(which: Condition) -> Subquery:
    """Return what of some bills is open at this moment: bill_id, unit_id, fee_item_id, fen."""
    return (
        select(
            bills.c.id.label("bill_id"),
            bills.c.unit_id,
            bills.c.fee_item_id,
            (bills.c.amount_fen - bills.c.paid_fen).label("fen"),
        )
        .where(which, bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen)
        .subquery("open_now")
    )


STANDING: Final = "standing"
"""The kind of the rows of `counted_back` that say what is open now."""


def counted_back(which: Bills, since: datetime) -> Subquery:
    """Return what is open now, as rows of the move `STANDING`, and what moved since an instant.

    What was open at the instant is `opening` of these rows.
    """
    now, late = open_now(which.led), moves_since(which, since)
    standing = select(
        now.c.bill_id,
        now.c.unit_id,
        now.c.fee_item_id,
        literal(STANDING).label("move"),
        now.c.fen,
        literal(since, UtcDateTime()).label("at"),
    )
    return union_all(standing, select(late)).subquery("counted_back")


def opening(moves: Subquery) -> ColumnElement[int]:
    """Return the sum of what was open at the instant from which rows are counted back."""
    is_now = moves.c.move == STANDING
    return total(moves.c.fen, is_now) - total(moves.c.fen, ~is_now)


def _move(move: Move | ColumnElement[Any], fen: Any, at: Any) -> Select[Any]:  # noqa: ANN401
    """Select one kind of move; the caller joins what it reads to the bills."""
    return select(
        bills.c.id.label("bill_id"),
        bills.c.unit_id,
        bills.c.fee_item_id,
        (literal(str(move)) if isinstance(move, Move) else move).label("move"),
        fen.label("fen"),
        at.label("at"),
    )


def _issued_fen() -> ColumnElement[int]:
    """Return what a bill was issued over: what it asks for now, and what it asks for no more."""
    return bills.c.amount_fen + bills.c.waived_fen + bills.c.written_off_fen


def _billed(which: Condition) -> Select[Any]:
    return _move(Move.ISSUED, _issued_fen(), bills.c.issued_at).where(which)


def _voided(which: Condition) -> Select[Any]:
    return _move(Move.ISSUED, -_issued_fen(), bills.c.voided_at).where(
        which, bills.c.voided_at.is_not(None)
    )


def _waived(which: Condition) -> Select[Any]:
    return _with_waivers(Move.WAIVED, -bill_waivers.c.amount_fen, entries.c.posted_at, which)


def _waived_no_more(which: Condition) -> Select[Any]:
    answer = entries.alias("answer")
    return _with_waivers(Move.WAIVED, bill_waivers.c.amount_fen, answer.c.posted_at, which).join(
        answer, answer.c.reverses_id == entries.c.id
    )


def _with_waivers(move: Move, fen: Any, at: Any, which: Condition) -> Select[Any]:  # noqa: ANN401
    """Select bills with the waivers that the ledger booked on them."""
    return (
        _move(move, fen, at)
        .select_from(
            bill_waivers.join(bills, bills.c.id == bill_waivers.c.bill_id).join(
                entries, entries.c.entry_key == _waiver_key()
            )
        )
        .where(which)
    )


def _waiver_key() -> ColumnElement[str]:
    return literal("waiver:").concat(bill_waivers.c.waiver_no)


def _written_off(which: Condition) -> Select[Any]:
    return _with_write_offs(-write_offs.c.amount_fen, write_offs.c.decided_at, which).where(
        write_offs.c.state.in_((WriteOffState.APPROVED, WriteOffState.REVERSED))
    )


def _brought_back(which: Condition) -> Select[Any]:
    return _with_write_offs(write_offs.c.amount_fen, write_offs.c.reversed_at, which).where(
        write_offs.c.state == WriteOffState.REVERSED
    )


def _with_write_offs(fen: Any, at: Any, which: Condition) -> Select[Any]:  # noqa: ANN401
    found = write_offs.join(bills, bills.c.id == write_offs.c.bill_id)
    return _move(Move.WRITTEN_OFF, fen, at).select_from(found).where(which)


def _paid(which: Condition) -> Select[Any]:
    """Money that came or went back, and draws of what was put aside."""
    kind = case(
        (allocations.c.move_id.is_(None), literal(str(Move.RECEIVED))),
        else_=literal(str(Move.OFFSET)),
    )
    return (
        _move(kind, -allocations.c.amount_fen, allocations.c.booked_at)
        .select_from(bills.join(allocations, allocations.c.bill_id == bills.c.id))
        .where(which)
    )


SOURCES: Final[Sequence[Callable[[Condition], Select[Any]]]] = (
    _billed,
    _voided,
    _waived,
    _waived_no_more,
    _written_off,
    _brought_back,
    _paid,
)
"""All that moves a debt. What the ledger posts to receivables and none of these gives is missed
by every figure: a test holds their sum against the ledger's.
"""


def total(fen: ColumnElement[Any], *conditions: Condition) -> ColumnElement[int]:
    """Return the sum of fen where some conditions hold, 0 for none."""
    counted = case((and_(*conditions), fen), else_=0) if conditions else fen
    return cast(func.coalesce(func.sum(counted), 0), BigInteger)
