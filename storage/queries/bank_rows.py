"""What rows of the bank may be for: transfers awaited, households to look up, rows that wait."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from storage.bank_errors import UnknownBankRow
from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.models.bank import bank_rows
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.payments import payment_order_bills, payment_orders
from storage.models.people import occupancies, residents
from storage.paying_kinds import BankRowState
from storage.periods import BillingPeriod
from storage.rules import remark_codes
from storage.rules.matching import Awaited, Household, OpenBill

OPEN: Final = (BankRowState.SUGGESTED, BankRowState.SUSPENSE)


def transfers_awaited(tx: Connection, gateway: str, memo: str) -> dict[str, Awaited]:
    """Return the transfers whose codes a memo carries, closed and paid ones too."""
    codes = remark_codes.find(memo)
    rows = tx.execute(
        select(payment_orders).where(
            payment_orders.c.gateway == gateway, payment_orders.c.prepay_id.in_(codes)
        )
    )
    return {
        row.prepay_id: Awaited(
            row.order_no,
            row.prepay_id,
            row.amount_fen,
            row.created_at,
            row.state == OrderState.OPEN,
        )
        for row in rows
    }


def households_of(tx: Connection) -> list[Household]:
    """Return every unit with its labels, residents and open bills."""
    people: dict[int, list[str]] = {}
    for unit_id, name in tx.execute(
        select(occupancies.c.unit_id, residents.c.name)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(occupancies.c.until_on.is_(None))
    ):
        people.setdefault(unit_id, []).append(name)
    owed: dict[int, list[OpenBill]] = {}
    for row in tx.execute(_OPEN_BILLS):
        found = OpenBill(row.bill_no, row.name, row.amount_fen - row.paid_fen)
        owed.setdefault(row.unit_id, []).append(found)
    rows = tx.execute(
        select(units.c.id, units.c.code, units.c.label, communities.c.name).join(
            communities, communities.c.id == units.c.community_id
        )
    )
    return [
        Household(
            row.id,
            row.name,
            (row.label, row.code),
            tuple(people.get(row.id, ())),
            tuple(owed.get(row.id, ())),
        )
        for row in rows
    ]


_OPEN_BILLS: Final = (
    select(bills, fee_items.c.name)
    .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
    .where(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen)
    .order_by(bills.c.period, bills.c.id)
)


@dataclass(frozen=True, slots=True)
class PlannedBill:
    """What a row would pay of one bill."""

    bill_id: int
    item_name: str
    period: BillingPeriod
    fen: int


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What a row would become for a unit."""

    row_id: int
    unit_id: int
    unit_label: str
    amount_fen: int
    payer_name: str
    lines: tuple[PlannedBill, ...]

    @property
    def surplus_fen(self) -> int:
        """What would be put aside."""
        return self.amount_fen - sum(one.fen for one in self.lines)


def plan_of_row(tx: Connection, row_id: int, unit_id: int) -> PlannedRow:
    """Return what a waiting row would pay for a unit, the oldest bill first; changes nothing.

    The bills that the row's code was asked for come first, or that were suggested for just this
    unit. Raises UnknownBankRow.
    """
    row = _row(tx, row_id)
    label: str = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    meant = _suggested_bills(tx, row, unit_id)
    left = row.amount_fen
    lines = []
    found = tx.execute(_OPEN_BILLS.where(bills.c.unit_id == unit_id)).all()
    for bill in sorted(found, key=lambda one: one.bill_no not in meant):
        fen = min(left, bill.amount_fen - bill.paid_fen)
        if fen > 0:
            period = BillingPeriod.parse(bill.period)
            lines.append(PlannedBill(bill.id, bill.name, period, fen))
            left -= fen
    return PlannedRow(row_id, unit_id, label, row.amount_fen, row.payer_name, tuple(lines))


def _row(tx: Connection, row_id: int) -> Row[Any]:
    row = tx.execute(select(bank_rows).where(bank_rows.c.id == row_id)).one_or_none()
    if row is None:
        raise UnknownBankRow
    return row


def _suggested_bills(tx: Connection, row: Row[Any], unit_id: int) -> frozenset[str]:
    if not row.suggestion:
        return frozenset()
    told = json.loads(row.suggestion)
    chosen = tx.execute(
        select(bills.c.bill_no)
        .select_from(payment_order_bills.join(bills).join(payment_orders))
        .where(payment_orders.c.order_no.in_(told["orders"]))
    ).scalars()
    suggested = (no for one in told["units"] if one["unit_id"] == unit_id for no in one["bills"])
    return frozenset((*chosen, *suggested))


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Money that waits for a person, and whom it may be from."""

    row_id: int
    booked_at: datetime
    amount_fen: int
    payer_name: str
    memo: str
    state: BankRowState
    suggested_unit_id: int | None
    suggested_label: str
    score: int
    reasons: tuple[str, ...]


def waiting_rows(
    tx: Connection, community_ids: Sequence[int], *, limit: int = 50
) -> list[WaitingRow]:
    """Return what waits in some communities' books, the oldest first."""
    rows = tx.execute(
        select(bank_rows)
        .where(bank_rows.c.state.in_(OPEN), bank_rows.c.community_id.in_(community_ids))
        .order_by(bank_rows.c.id)
        .limit(limit)
    ).all()
    return [_waiting(tx, row) for row in rows]


def waiting_row(tx: Connection, row_id: int, community_ids: Sequence[int]) -> WaitingRow:
    """Return one that waits. Raises UnknownBankRow."""
    row = _row(tx, row_id)
    if row.state not in OPEN or row.community_id not in community_ids:
        raise UnknownBankRow
    return _waiting(tx, row)


def count_waiting(tx: Connection, community_ids: Sequence[int]) -> tuple[int, int]:
    """Return how many rows wait, and their fen."""
    row = tx.execute(
        select(func.count(), func.coalesce(func.sum(bank_rows.c.amount_fen), 0)).where(
            bank_rows.c.state.in_(OPEN), bank_rows.c.community_id.in_(community_ids)
        )
    ).one()
    return int(row[0]), int(row[1])


def _waiting(tx: Connection, row: Row[Any]) -> WaitingRow:
    told = json.loads(row.suggestion) if row.suggestion else {"units": [], "reasons": []}
    best = told["units"][0] if told["units"] and row.state == BankRowState.SUGGESTED else None
    unit_id = best["unit_id"] if best else _unit_of_order(tx, told.get("orders", []))
    label = ""
    if unit_id is not None:
        label = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    return WaitingRow(
        row.id,
        row.booked_at,
        row.amount_fen,
        row.payer_name,
        row.memo,
        BankRowState(row.state),
        unit_id,
        label,
        best["score"] if best else 0,
        tuple(best["reasons"] if best else told["reasons"]),
    )


def _unit_of_order(tx: Connection, order_nos: Sequence[str]) -> int | None:
    """Return the unit of the transfer whose code a row carries, None without."""
    found: int | None = tx.execute(
        select(payment_orders.c.unit_id).where(payment_orders.c.order_no.in_(order_nos[:1]))
    ).scalar_one_or_none()
    return found


def balance_before(tx: Connection, account_no: str, day: date) -> int | None:
    """Return what an account held at the end of the last day before a Shanghai day that we know.

    None where nothing is known, or the bank tells no balances.
    """
    found: int | None = tx.execute(
        select(bank_rows.c.balance_fen)
        .where(bank_rows.c.account_no == account_no, bank_rows.c.day_on < day)
        .order_by(bank_rows.c.booked_at.desc(), bank_rows.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found
