"""Principal that is asked for no more (减免): asked with a paper, agreed to by others, once."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.counter_errors import (
    AttachmentMissing,
    NotWaivable,
    ReasonMissing,
    UnknownWaiver,
)
from storage.events import BillWaived, StaffTask
from storage.frozen import dataclass
from storage.kinds import FeeClass, StaffRole, Urgency
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.refund_terms import bill_waivers
from storage.operations.asked_less import check_decides, lock_bill
from storage.operations.hearers import hearers, tell_staff
from storage.operations.waiver_entries import lower
from storage.outbox import enqueue
from storage.paying_kinds import WaiverKind, WaiverState
from storage.periods import shanghai_day
from storage.queries.policies import policy_on
from storage.queries.residents import Staff
from storage.queries.waivers import WaiverView, waiver_of
from storage.sql import next_number

LABELS: Final = {
    WaiverKind.HARDSHIP: "困难减免",
    WaiverKind.QUALITY: "服务减免",
    WaiverKind.VACANCY: "空置减免",
    WaiverKind.COURT: "调解减免",
    WaiverKind.OTHER: "减免",
}
"""What the line of a bill says of a waiver, by its kind."""
MOST_BYTES: Final = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WaiverAsk:
    """What is to be waived of a bill, why, and the paper that proves it."""

    bill_id: int
    kind: WaiverKind
    amount_fen: int
    reason: str
    attachment_name: str
    attachment: bytes


def ask_waiver(tx: Connection, ask: WaiverAsk, *, by: Staff, now: datetime) -> WaiverView:
    """Ask for a waiver; managers of the community hear of it. Nothing changes yet.

    The same once more, while it waits, is the same one. Raises NotAllowed, UnknownBill,
    ReasonMissing, AttachmentMissing, and NotWaivable for more than is open, for a deposit, and for
    the kind that only the counter makes.
    """
    bill = lock_bill(tx, ask.bill_id, by)
    if not ask.reason.strip():
        raise ReasonMissing
    if not ask.attachment or not ask.attachment_name.strip() or len(ask.attachment) > MOST_BYTES:
        raise AttachmentMissing
    _check(tx, bill, ask.kind, ask.amount_fen)
    known = _asked_before(tx, ask, by)
    if known is not None:
        return waiver_of(tx, known, community_ids=by.community_ids)
    day = shanghai_day(now)
    policy = policy_on(tx, bill.community_id, day)
    waiver_no = f"JM{day:%y%m}{next_number(tx, f'waiver:{day:%y%m}'):05d}"
    needed = 2 if ask.amount_fen > policy.waiver_second_over_fen else 1
    tx.execute(
        bill_waivers.insert().values(
            waiver_no=waiver_no,
            bill_id=bill.id,
            community_id=bill.community_id,
            kind=ask.kind,
            state=WaiverState.ASKED,
            amount_fen=ask.amount_fen,
            reason=ask.reason.strip()[:120],
            attachment_name=ask.attachment_name.strip()[-80:],
            attachment=ask.attachment,
            asked_by=by.staff_id,
            asked_at=now,
            approvals_needed=needed,
        )
    )
    detail = f"{bill.bill_no} {ask.kind} {ask.amount_fen}"
    audit.note(tx, Actor(by.staff_id), "ask", "waiver", waiver_no, at=now, detail=detail)
    view = waiver_of(tx, waiver_no, community_ids=by.community_ids)
    _ask_managers(tx, view, now)
    return view


def _asked_before(tx: Connection, ask: WaiverAsk, by: Staff) -> str | None:
    """Return the number under which she asked for just this; the bill is locked."""
    return (
        tx.execute(
            select(bill_waivers.c.waiver_no).where(
                bill_waivers.c.bill_id == ask.bill_id,
                bill_waivers.c.state == WaiverState.ASKED,
                bill_waivers.c.kind == ask.kind,
                bill_waivers.c.amount_fen == ask.amount_fen,
                bill_waivers.c.reason == ask.reason.strip()[:120],
                bill_waivers.c.asked_by == by.staff_id,
            )
        )
        .scalars()
        .first()
    )


def _check(tx: Connection, bill: Row[Any], kind: WaiverKind, amount_fen: int) -> None:
    """Refuse what cannot be waived. Raises NotWaivable with what can."""
    is_live = bill.voided_at is None and bill.fee_class != FeeClass.DEPOSIT
    left_fen = bill.amount_fen - bill.paid_fen if is_live else 0
    if not 0 < amount_fen <= left_fen or kind is WaiverKind.ROUNDING:
        raise NotWaivable(left_fen)


def approve_waiver(tx: Connection, waiver_no: str, *, by: Staff, now: datetime) -> WaiverView:
    """Agree to a waiver. The last that is needed lowers the bill and tells the household.

    Managers agree, never to what they asked for, and each once. A bill that is waived whole asks
    for nothing and stays. Raises NotAllowed, UnknownWaiver, SelfApproval, and NotWaivable where
    less is open by now.
    """
    row = _waiting(tx, waiver_no, by)
    check_decides(by, row.asked_by, row.first_approver)
    is_first = row.first_approver is None
    place = "first_approver" if is_first else "second_approver"
    is_last = (1 if is_first else 2) >= row.approvals_needed
    bill = lock_bill(tx, row.bill_id, by)
    _check(tx, bill, WaiverKind(row.kind), row.amount_fen)
    values: dict[str, Any] = {place: by.staff_id}
    if is_last:
        values |= {"state": WaiverState.APPROVED, "decided_at": now}
    tx.execute(update(bill_waivers).where(bill_waivers.c.id == row.id).values(values))
    audit.note(tx, Actor(by.staff_id), "approve", "waiver", waiver_no, at=now, detail=place)
    if is_last:
        _apply(tx, row, bill, now)
    view = waiver_of(tx, waiver_no, community_ids=by.community_ids)
    if not is_last:
        _ask_managers(tx, view, now)
    return view


def _apply(tx: Connection, row: Row[Any], bill: Row[Any], now: datetime) -> None:
    label = LABELS[WaiverKind(row.kind)]
    lower(tx, bill, row.waiver_no, row.amount_fen, label, now=now)
    _tell(tx, row, bill, now)


def _tell(tx: Connection, row: Row[Any], bill: Row[Any], now: datetime) -> None:
    found = tx.execute(
        select(units.c.label, fee_items.c.name)
        .select_from(
            bills.join(units, units.c.id == bills.c.unit_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(bills.c.id == bill.id)
    ).one()
    left_fen = bill.amount_fen - bill.paid_fen - row.amount_fen
    event = BillWaived(found.label, found.name, bill.period, row.amount_fen, left_fen)
    for hearer in hearers(tx, identity_id=None, unit_id=bill.unit_id):
        enqueue(
            tx,
            event,
            hearer.addressee,
            key=f"waiver:{row.waiver_no}:{hearer.addressee.identity_id}",
            urgency=Urgency.NOTICE,
            now=now,
            community_id=bill.community_id,
        )


def decline_waiver(
    tx: Connection, waiver_no: str, *, reason: str, by: Staff, now: datetime
) -> WaiverView:
    """Decline a waiver with a reason. Raises NotAllowed, UnknownWaiver, SelfApproval,
    ReasonMissing.
    """
    row = _waiting(tx, waiver_no, by)
    check_decides(by, row.asked_by)
    if not reason.strip():
        raise ReasonMissing
    tx.execute(
        update(bill_waivers)
        .where(bill_waivers.c.id == row.id)
        .values(state=WaiverState.DECLINED, decided_at=now, decline_reason=reason.strip()[:120])
    )
    audit.note(tx, Actor(by.staff_id), "decline", "waiver", waiver_no, at=now, detail=reason)
    return waiver_of(tx, waiver_no, community_ids=by.community_ids)


def _waiting(tx: Connection, waiver_no: str, by: Staff) -> Row[Any]:
    row = tx.execute(
        select(bill_waivers)
        .where(
            bill_waivers.c.waiver_no == waiver_no,
            bill_waivers.c.community_id.in_(by.community_ids),
            bill_waivers.c.state == WaiverState.ASKED,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownWaiver(waiver_no)
    return row


def _ask_managers(tx: Connection, view: WaiverView, now: datetime) -> None:
    tell_staff(
        tx,
        StaffTask("waiver_approval", view.waiver_no, view.unit_label, view.amount_fen, view.reason),
        community_id=view.community_id,
        roles=(StaffRole.MANAGER,),
        key=f"waiver:{view.waiver_no}:{view.approvals}",
        now=now,
    )
