"""Waivers of principal (减免, 抹零): what waits, and what was waived by whom."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from storage.counter_errors import UnknownWaiver
from storage.frozen import dataclass
from storage.models.bills import bills
from storage.models.refund_terms import bill_waivers
from storage.paying_kinds import WaiverKind, WaiverState
from storage.periods import BillingPeriod, shanghai_instant
from storage.queries.asked_less import with_their_bills


@dataclass(frozen=True, slots=True)
class WaiverView:
    """One waiver, as the office sees it."""

    waiver_no: str
    community_id: int
    unit_label: str
    item_name: str
    period: BillingPeriod
    bill_no: str
    kind: WaiverKind
    state: WaiverState
    amount_fen: int
    reason: str
    attachment_name: str
    asked_by: str
    asked_at: datetime
    approvals: int
    """How many have agreed."""
    approvals_needed: int
    decline_reason: str


_WAIVERS = with_their_bills(
    bill_waivers, *(one for one in bill_waivers.c if one.name != "attachment")
)


def waiver_of(tx: Connection, waiver_no: str, *, community_ids: Sequence[int]) -> WaiverView:
    """Return a waiver of these communities. Raises UnknownWaiver."""
    wanted = _mine(community_ids).where(bill_waivers.c.waiver_no == waiver_no)
    row = tx.execute(wanted).one_or_none()
    if row is None:
        raise UnknownWaiver(waiver_no)
    return _view(row)


def waivers_waiting(tx: Connection, *, community_ids: Sequence[int]) -> list[WaiverView]:
    """Return the waivers that nobody has decided on, the oldest first."""
    waiting = _mine(community_ids).where(bill_waivers.c.state == WaiverState.ASKED)
    return [_view(row) for row in tx.execute(waiting)]


def waivers_of_bill(
    tx: Connection, bill_id: int, *, community_ids: Sequence[int]
) -> list[WaiverView]:
    """Return all that was ever asked to be waived of a bill, the oldest first."""
    mine = _mine(community_ids).where(bill_waivers.c.bill_id == bill_id)
    return [_view(row) for row in tx.execute(mine)]


def waivers_between(
    tx: Connection, *, community_ids: Sequence[int], first_on: date, last_on: date
) -> list[WaiverView]:
    """Return what was waived on some Shanghai days, dropped fen (抹零) too."""
    begins, ends = shanghai_instant(first_on), shanghai_instant(last_on + timedelta(days=1))
    made = _mine(community_ids).where(
        bill_waivers.c.state == WaiverState.APPROVED,
        bill_waivers.c.decided_at >= begins,
        bill_waivers.c.decided_at < ends,
    )
    return [_view(row) for row in tx.execute(made)]


def attachment_of(
    tx: Connection, waiver_no: str, *, community_ids: Sequence[int]
) -> tuple[str, bytes]:
    """Return name and bytes of the paper behind a waiver. Raises UnknownWaiver."""
    row = tx.execute(
        select(bill_waivers.c.attachment_name, bill_waivers.c.attachment).where(
            bill_waivers.c.waiver_no == waiver_no,
            bill_waivers.c.community_id.in_(community_ids),
        )
    ).one_or_none()
    if row is None or row.attachment is None:
        raise UnknownWaiver(waiver_no)
    return row.attachment_name, bytes(row.attachment)


def waived_fen(tx: Connection, *, community_id: int, period: BillingPeriod) -> dict[str, int]:
    """Return kind → fen that were waived of a month's bills."""
    rows = tx.execute(
        select(bill_waivers.c.kind, func.sum(bill_waivers.c.amount_fen))
        .join(bills, bills.c.id == bill_waivers.c.bill_id)
        .where(
            bills.c.community_id == community_id,
            bills.c.period == str(period),
            bill_waivers.c.state == WaiverState.APPROVED,
        )
        .group_by(bill_waivers.c.kind)
    )
    return {str(kind): int(fen) for kind, fen in rows}


def _mine(community_ids: Sequence[int]) -> Select[Any]:
    return _WAIVERS.where(bill_waivers.c.community_id.in_(community_ids))


def _view(row: Row[Any]) -> WaiverView:
    return WaiverView(
        row.waiver_no,
        row.community_id,
        row.label,
        row.item_name,
        BillingPeriod.parse(row.period),
        row.bill_no,
        WaiverKind(row.kind),
        WaiverState(row.state),
        row.amount_fen,
        row.reason,
        row.attachment_name,
        row.asker,
        row.asked_at,
        sum(one is not None for one in (row.first_approver, row.second_approver)),
        row.approvals_needed,
        row.decline_reason,
    )
