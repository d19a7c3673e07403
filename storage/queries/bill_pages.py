"""Bills as the office looks through them: some at a time, and one with all that happened to it."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from storage.errors import UnknownBill
from storage.frozen import dataclass
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, communities, units
from storage.models.payments import allocations, payments, refunds
from storage.models.refund_terms import bill_waivers
from storage.models.write_offs import write_offs
from storage.paying_kinds import WaiverState
from storage.periods import BillingPeriod
from storage.queries.audits import AuditLine, audit_of
from storage.queries.bills import BillLine, bill_details
from storage.queries.corrections import Revision, revisions_of
from storage.queries.waivers import WaiverView, waivers_of_bill
from storage.queries.write_offs import WriteOffView, write_offs_of_bill


class BillState(StrEnum):
    """Which bills somebody wants to see."""

    OPEN = "open"
    OVERDUE = "overdue"
    PART_PAID = "part"
    SETTLED = "settled"
    VOIDED = "voided"
    WAIVER_WAITS = "waiver"


@dataclass(frozen=True, slots=True)
class BillWish:
    """Which bills somebody wants to see; what is empty does not matter."""

    period: str = ""
    item_name: str = ""
    building_id: int = 0
    state: BillState | None = None
    fragment: str = ""
    """Of a room, or of a bill's number."""
    before_id: int = 0
    """The last one of the page before."""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One bill of a list."""

    bill_id: int
    bill_no: str
    community_id: int
    community_name: str
    unit_id: int
    unit_label: str
    item_name: str
    period: BillingPeriod
    amount_fen: int
    paid_fen: int
    due_on: date
    voided_at: datetime | None

    @property
    def open_fen(self) -> int:
        """What is left to pay."""
        return 0 if self.voided_at is not None else self.amount_fen - self.paid_fen


_ROWS: Final = select(
    bills, units.c.label, fee_items.c.name, communities.c.name.label("community_name")
).select_from(
    bills.join(units, units.c.id == bills.c.unit_id)
    .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
    .join(communities, communities.c.id == bills.c.community_id)
)


def page_of_bills(
    tx: Connection, wish: BillWish, *, community_ids: Sequence[int], today: date, limit: int
) -> list[BillRow]:
    """Return some bills of these communities, the newest first."""
    asked = _ROWS.where(bills.c.community_id.in_(community_ids), *_fits(wish, today))
    rows = tx.execute(asked.order_by(bills.c.id.desc()).limit(limit))
    return [_bill_row(row) for row in rows]


def _fits(wish: BillWish, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.period:
        found.append(bills.c.period == wish.period)
    if wish.item_name:
        found.append(fee_items.c.name == wish.item_name)
    if wish.building_id:
        found.append(units.c.building_id == wish.building_id)
    if wish.state is not None:
        found += _of_state(wish.state, today)
    if plain := re.sub(r"\s+", "", unicodedata.normalize("NFKC", wish.fragment)).upper():
        found.append(_holds(plain))
    if wish.before_id:
        found.append(bills.c.id < wish.before_id)
    return found


def _of_state(state: BillState, today: date) -> list[ColumnElement[bool]]:
    live, left = bills.c.voided_at.is_(None), bills.c.amount_fen - bills.c.paid_fen
    match state:
        case BillState.OPEN:
            return [live, left > 0]
        case BillState.OVERDUE:
            return [live, left > 0, bills.c.due_on < today]
        case BillState.PART_PAID:
            return [live, left > 0, bills.c.paid_fen > 0]
        case BillState.SETTLED:
            return [live, left == 0]
        case BillState.VOIDED:
            return [bills.c.voided_at.is_not(None)]
        case BillState.WAIVER_WAITS:
            waits = select(bill_waivers.c.bill_id).where(bill_waivers.c.state == WaiverState.ASKED)
            return [bills.c.id.in_(waits)]


def _holds(plain: str) -> ColumnElement[bool]:
    room = re.sub(r"(栋|幢|号楼|单元|门)", "-", plain).removesuffix("室").strip("-")
    return or_(
        bills.c.bill_no.startswith(plain, autoescape=True),
        units.c.code.contains(room or plain, autoescape=True),
        units.c.label.contains(plain, autoescape=True),
    )


def _bill_row(row: Row[Any]) -> BillRow:
    return BillRow(
        row.id,
        row.bill_no,
        row.community_id,
        row.community_name,
        row.unit_id,
        row.label,
        row.name,
        BillingPeriod.parse(row.period),
        row.amount_fen,
        row.paid_fen,
        row.due_on,
        row.voided_at,
    )


@dataclass(frozen=True, slots=True)
class BillChoices:
    """What bills can be picked by: names of fees, and (key, name) of buildings."""

    item_names: tuple[str, ...]
    buildings: tuple[tuple[int, str], ...]


def bill_choices(tx: Connection, *, community_ids: Sequence[int]) -> BillChoices:
    """Return what the bills of these communities can be picked by."""
    names = tx.execute(
        select(fee_items.c.name)
        .where(fee_items.c.community_id.in_(community_ids))
        .distinct()
        .order_by(fee_items.c.name)
    ).scalars()
    found = tx.execute(
        select(buildings.c.id, buildings.c.label, communities.c.name)
        .join(communities, communities.c.id == buildings.c.community_id)
        .where(buildings.c.community_id.in_(community_ids))
        .order_by(buildings.c.community_id, buildings.c.id)
    ).all()
    is_one = len(community_ids) == 1
    houses = ((row.id, row.label if is_one else f"{row.name} {row.label}") for row in found)
    return BillChoices(tuple(names), tuple(houses))


@dataclass(frozen=True, slots=True)
class BillPart:
    """What a payment gave to a bill (above 0), or what of it went back (below 0)."""

    payment_id: int
    gateway: str
    amount_fen: int
    booked_at: datetime
    refund_no: str


@dataclass(frozen=True, slots=True)
class BillInFull:
    """A bill with all that happened to it."""

    row: BillRow
    issued_at: datetime
    void_reason: str
    waived_fen: int
    written_off_fen: int
    lines: tuple[BillLine, ...]
    told: str
    """How the amount came about, in figures, as it was on the day of issue."""
    revisions: tuple[Revision, ...]
    parts: tuple[BillPart, ...]
    waivers: tuple[WaiverView, ...]
    write_offs: tuple[WriteOffView, ...]
    history: tuple[AuditLine, ...]
    mark: str
    """Changes when anything of it does: what a form has seen."""


def bill_in_full(tx: Connection, bill_no: str, *, community_ids: Sequence[int]) -> BillInFull:
    """Return a bill of these communities. Raises UnknownBill."""
    row = tx.execute(_numbered(bill_no, community_ids)).one_or_none()
    if row is None:
        raise UnknownBill
    detail = bill_details(tx, [row.id])[0]
    revisions = tuple(revisions_of(tx, row.id))
    asked = waivers_of_bill(tx, row.id, community_ids=community_ids)
    lost = write_offs_of_bill(tx, row.id, community_ids=community_ids)
    records = [("bill", bill_no), *(("bill", one.bill_no) for one in revisions)]
    records += [("waiver", one.waiver_no) for one in asked]
    records += [("write_off", one.write_off_no) for one in lost]
    return BillInFull(
        row=_bill_row(row),
        issued_at=row.issued_at,
        void_reason=row.void_reason,
        waived_fen=row.waived_fen,
        written_off_fen=row.written_off_fen,
        lines=detail.lines,
        told=str(detail.explanation.get("sum", "")),
        revisions=revisions if len(revisions) > 1 else (),
        parts=_parts(tx, row.id),
        waivers=tuple(asked),
        write_offs=tuple(lost),
        history=tuple(audit_of(tx, sorted(set(records)))),
        mark=bill_mark(tx, row.id),
    )


def _numbered(bill_no: str, community_ids: Sequence[int]) -> Select[Any]:
    return _ROWS.where(bills.c.bill_no == bill_no, bills.c.community_id.in_(community_ids))


def _parts(tx: Connection, bill_id: int) -> tuple[BillPart, ...]:
    rows = tx.execute(
        select(allocations, payments.c.gateway, refunds.c.refund_no)
        .select_from(
            allocations.join(payments, payments.c.id == allocations.c.payment_id).outerjoin(
                refunds, refunds.c.id == allocations.c.refund_id
            )
        )
        .where(allocations.c.bill_id == bill_id)
        .order_by(allocations.c.id)
    )
    return tuple(
        BillPart(row.payment_id, row.gateway, row.amount_fen, row.booked_at, row.refund_no or "")
        for row in rows
    )


def bill_mark(tx: Connection, bill_id: int) -> str:
    """Return a short text that changes when a bill, its waivers or its write-offs do."""
    bill = tx.execute(
        select(
            bills.c.amount_fen,
            bills.c.paid_fen,
            bills.c.waived_fen,
            bills.c.written_off_fen,
            bills.c.voided_at.is_(None),
        ).where(bills.c.id == bill_id)
    ).one()
    asked = tx.execute(
        select(bill_waivers.c.id, bill_waivers.c.state, bill_waivers.c.first_approver)
        .where(bill_waivers.c.bill_id == bill_id)
        .order_by(bill_waivers.c.id)
    ).all()
    lost = tx.execute(
        select(write_offs.c.id, write_offs.c.state)
        .where(write_offs.c.bill_id == bill_id)
        .order_by(write_offs.c.id)
    ).all()
    told = ";".join(",".join(map(str, row)) for row in (bill, *asked, *lost))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class MonthIssued:
    """What was issued of a month, voided bills left out."""

    count: int
    fen: int
    history: tuple[AuditLine, ...]


def month_issued(tx: Connection, *, community_id: int, period: BillingPeriod) -> MonthIssued:
    """Return what is issued under a month in a community, and who issued it by hand."""
    count, fen = tx.execute(
        select(func.count(), func.coalesce(func.sum(bills.c.amount_fen), 0)).where(
            bills.c.community_id == community_id,
            bills.c.period == str(period),
            bills.c.voided_at.is_(None),
        )
    ).one()
    history = audit_of(tx, [("billing", f"{community_id}/{period}")])
    return MonthIssued(int(count), int(fen), tuple(history))
