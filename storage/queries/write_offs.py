"""Debts that were written off (坏账核销): what waits, what stands, and the sums of each month."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, literal, or_, select

from storage.frozen import dataclass
from storage.kinds import Account
from storage.models.bills import bills, fee_items
from storage.models.ledger import entries, postings
from storage.models.write_offs import write_offs
from storage.paying_kinds import WriteOffState
from storage.periods import BillingPeriod
from storage.queries.asked_less import with_their_bills
from storage.write_off_errors import UnknownWriteOff


@dataclass(frozen=True, slots=True)
class WriteOffView:
    """One write-off, as the office sees it."""

    write_off_no: str
    community_id: int
    unit_label: str
    item_name: str
    period: BillingPeriod
    bill_no: str
    state: WriteOffState
    amount_fen: int
    reason: str
    evidence: str
    asked_by: str
    asked_at: datetime
    decline_reason: str
    reversal_reason: str


@dataclass(frozen=True, slots=True)
class MonthOfBadDebt:
    """A fee item's bad debt in a month: of the day on which it was booked, whatever it was for."""

    month: str
    item_name: str
    written_off_fen: int
    brought_back_fen: int


_WRITE_OFFS = with_their_bills(write_offs, *write_offs.c)


def write_off_of(
    tx: Connection, write_off_no: str, *, community_ids: Sequence[int]
) -> WriteOffView:
    """Return a write-off of these communities. Raises UnknownWriteOff."""
    wanted = _mine(community_ids).where(write_offs.c.write_off_no == write_off_no)
    row = tx.execute(wanted).one_or_none()
    if row is None:
        raise UnknownWriteOff(write_off_no)
    return _view(row)


def write_offs_waiting(tx: Connection, *, community_ids: Sequence[int]) -> list[WriteOffView]:
    """Return the write-offs that nobody has decided on, the oldest first."""
    waiting = _mine(community_ids).where(write_offs.c.state == WriteOffState.ASKED)
    return [_view(row) for row in tx.execute(waiting)]


def write_offs_of_bill(
    tx: Connection, bill_id: int, *, community_ids: Sequence[int]
) -> list[WriteOffView]:
    """Return all that was ever asked to be written off of a bill, the oldest first."""
    mine = _mine(community_ids).where(write_offs.c.bill_id == bill_id)
    return [_view(row) for row in tx.execute(mine)]


def write_offs_standing(tx: Connection, *, community_ids: Sequence[int]) -> list[WriteOffView]:
    """Return what is written off now: debts that may still be paid, or be asked for again."""
    standing = _mine(community_ids).where(write_offs.c.state == WriteOffState.APPROVED)
    return [_view(row) for row in tx.execute(standing)]


def bad_debt_by_month(
    tx: Connection, *, community_id: int, first_on: date, last_on: date
) -> list[MonthOfBadDebt]:
    """Return what the ledger wrote off and brought back on some Shanghai days, month by month."""
    key = literal("write-off:").concat(write_offs.c.write_off_no)
    fen = postings.c.amount_fen
    rows = tx.execute(
        select(
            entries.c.effective_on,
            fee_items.c.name,
            func.sum(case((fen > 0, fen), else_=0)).label("off_fen"),
            func.sum(case((fen < 0, -fen), else_=0)).label("back_fen"),
        )
        .select_from(
            write_offs.join(
                entries,
                or_(
                    entries.c.entry_key == key,
                    entries.c.entry_key == literal("reversal:").concat(key),
                ),
            )
            .join(postings, postings.c.entry_id == entries.c.id)
            .join(bills, bills.c.id == write_offs.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(
            postings.c.account == Account.BAD_DEBT,
            write_offs.c.community_id == community_id,
            entries.c.effective_on.between(first_on, last_on),
        )
        .group_by(entries.c.effective_on, fee_items.c.name)
    )
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        place = (str(BillingPeriod.of(row.effective_on)), row.name)
        off_fen, back_fen = found.get(place, (0, 0))
        found[place] = (off_fen + int(row.off_fen), back_fen + int(row.back_fen))
    return [MonthOfBadDebt(*place, *sums) for place, sums in sorted(found.items())]


def _mine(community_ids: Sequence[int]) -> Select[Any]:
    return _WRITE_OFFS.where(write_offs.c.community_id.in_(community_ids))


def _view(row: Row[Any]) -> WriteOffView:
    return WriteOffView(
        row.write_off_no,
        row.community_id,
        row.label,
        row.item_name,
        BillingPeriod.parse(row.period),
        row.bill_no,
        WriteOffState(row.state),
        row.amount_fen,
        row.reason,
        row.evidence,
        row.asker,
        row.asked_at,
        row.decline_reason,
        row.reversal_reason,
    )
