"""The summary of fees (收费汇总表): opening arrears and what moved them, item by item."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.queries.debt_moves import Bills, Days, Scope, counted_back, opening, total
from storage.rules.collecting import Balance, Move


@dataclass(frozen=True, slots=True)
class ItemBalance:
    """A fee item's line of the summary."""

    fee_item_id: int
    item_name: str
    fee_class: FeeClass
    balance: Balance


@dataclass(frozen=True, slots=True)
class BillBalance:
    """A bill behind a line of the summary."""

    bill_id: int
    bill_no: str
    unit_label: str
    item_name: str
    period: str
    balance: Balance


def fee_summary(tx: Connection, scope: Scope, days: Days) -> tuple[ItemBalance, ...]:
    """Return opening arrears, what moved them in some days and closing arrears, by fee item.

    The sum of all lines of a community is the ledger's receivables, and each column what the
    ledger booked there in these days. Items without arrears or moves are left out.
    """
    moves = counted_back(Bills.of(scope), days.begin)
    sums = (
        select(moves.c.fee_item_id, *_columns(moves, days))
        .group_by(moves.c.fee_item_id)
        .subquery("sums")
    )
    rows = tx.execute(
        select(sums, fee_items.c.name, fee_items.c.fee_class)
        .join(fee_items, fee_items.c.id == sums.c.fee_item_id)
        .order_by(fee_items.c.id)
    )
    found = (
        ItemBalance(row.fee_item_id, row.name, FeeClass(row.fee_class), _balance(row))
        for row in rows
    )
    return tuple(one for one in found if _is_told(one.balance))


def fee_summary_bills(
    tx: Connection, scope: Scope, days: Days, *, after_id: int = 0, limit: int
) -> tuple[BillBalance, ...]:
    """Return the bills behind the summary with a key beyond `after_id`, the first made first.

    A bill of which nothing was open and nothing moved adds nothing and is left out; the sum of
    all pages is the summary. The last bill's key begins the next page.
    """
    moves = counted_back(_told(tx, scope, days, after_id, limit), days.begin)
    rows = tx.execute(
        select(
            bills.c.id,
            bills.c.bill_no,
            bills.c.period,
            units.c.label,
            fee_items.c.name,
            *_columns(moves, days),
        )
        .select_from(
            moves.join(bills, bills.c.id == moves.c.bill_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .group_by(bills.c.id, bills.c.bill_no, bills.c.period, units.c.label, fee_items.c.name)
        .order_by(bills.c.id)
    )
    return tuple(
        BillBalance(row.id, row.bill_no, row.label, row.name, row.period, _balance(row))
        for row in rows
    )


def _told(tx: Connection, scope: Scope, days: Days, after_id: int, limit: int) -> Bills:
    """Say that a bill is on the page: something of it was open as the days began, or moved."""
    moves = counted_back(Bills.of(scope, after_id), days.begin)
    first, *moved = _sums(moves, days)
    is_told = first != 0
    for fen in moved:
        is_told = is_told | (fen != 0)
    page: Select[Any] = (
        select(moves.c.bill_id)
        .group_by(moves.c.bill_id)
        .having(is_told)
        .order_by(moves.c.bill_id)
        .limit(limit)
    )
    is_there = bills.c.id.in_(list(tx.execute(page).scalars()))
    return Bills(scope.community_id, is_there, is_there)


def _sums(moves: Subquery, days: Days) -> list[ColumnElement[int]]:
    """Return what was open as the days began, and what moved in them by kind."""
    is_theirs = moves.c.at < days.end
    return [
        opening(moves),
        *(total(moves.c.fen, is_theirs, moves.c.move == str(one)) for one in Move),
    ]


def _columns(moves: Subquery, days: Days) -> list[ColumnElement[Any]]:
    names = ("opening", *map(str, Move))
    return [one.label(name) for name, one in zip(names, _sums(moves, days), strict=True)]


def _balance(row: Row[Any]) -> Balance:
    return Balance(int(row.opening), {one: int(getattr(row, str(one))) for one in Move})


def _is_told(found: Balance) -> bool:
    return bool(found.opening_fen or any(found.moved_fen.values()))
