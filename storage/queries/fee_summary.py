"""The summary of fees (收费汇总表): opening arrears and what moved them, item by item."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.queries.debt_moves import Days, Scope, moves_of, total
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
    moves = moves_of(scope.holds())
    sums = (
        select(moves.c.fee_item_id, *_columns(moves.c.move, moves.c.fen, moves.c.at, days))
        .where(moves.c.at < days.end)
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
    moves = moves_of(_told(scope, days, after_id, limit))
    rows = tx.execute(
        select(
            bills.c.id,
            bills.c.bill_no,
            bills.c.period,
            units.c.label,
            fee_items.c.name,
            *_columns(moves.c.move, moves.c.fen, moves.c.at, days),
        )
        .select_from(
            moves.join(bills, bills.c.id == moves.c.bill_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(moves.c.at < days.end)
        .group_by(bills.c.id, bills.c.bill_no, bills.c.period, units.c.label, fee_items.c.name)
        .order_by(bills.c.id)
    )
    return tuple(
        BillBalance(row.id, row.bill_no, row.label, row.name, row.period, _balance(row))
        for row in rows
    )


def _told(scope: Scope, days: Days, after_id: int, limit: int) -> ColumnElement[bool]:
    """Say that a bill is on the page: something of it was open as the days began, or moved."""
    moves = moves_of(scope.holds() & (bills.c.id > after_id))
    opening = total(moves.c.fen, moves.c.at < days.begin)
    moved = [total(moves.c.fen, moves.c.at >= days.begin, moves.c.move == one) for one in Move]
    is_told = opening != 0
    for fen in moved:
        is_told = is_told | (fen != 0)
    page: Select[Any] = (
        select(moves.c.bill_id)
        .where(moves.c.at < days.end)
        .group_by(moves.c.bill_id)
        .having(is_told)
        .order_by(moves.c.bill_id)
        .limit(limit)
    )
    return bills.c.id.in_(select(page.subquery("page").c.bill_id))


def _columns(move: Any, fen: Any, at: Any, days: Days) -> list[ColumnElement[Any]]:  # noqa: ANN401
    within = at >= days.begin
    return [
        total(fen, at < days.begin).label("opening"),
        *(total(fen, within, move == str(one)).label(str(one)) for one in Move),
    ]


def _balance(row: Row[Any]) -> Balance:
    return Balance(int(row.opening), {one: int(getattr(row, str(one))) for one in Move})


def _is_told(found: Balance) -> bool:
    return bool(found.opening_fen or any(found.moved_fen.values()))
