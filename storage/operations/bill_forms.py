"""A bill's form on a page: it acts on the bill that was shown, or on none."""

import hashlib
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from storage import audit
from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.errors import NotAllowed
from storage.frozen import dataclass
from storage.kinds import StaffRole
from storage.operations.asked_less import lock_bill
from storage.operations.bill_waivers import approve_waiver, decline_waiver
from storage.operations.bills import void_bill
from storage.operations.corrections import correct_bill
from storage.operations.issuing import IssueReport, issue_due, lock_billing
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.bill_pages import bill_mark
from storage.queries.dues import DueBills, bills_due
from storage.queries.estate import all_communities
from storage.queries.residents import Staff


class BillPress(StrEnum):
    """The buttons of a bill."""

    VOID = "void"
    CORRECT = "correct"
    APPROVE = "approve"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class BillForm:
    """What was pressed, what was written, and how the bill stood on the page (its mark)."""

    bill_id: int
    bill_no: str
    press: BillPress
    words: str
    seen: str
    waiver_no: str = ""
    """Which waiver is decided on."""


def act_on_bill(tx: Connection, form: BillForm, *, by: Staff, now: datetime) -> str | None:
    """Do what a form says, for a manager; None where the bill has changed since it was shown.

    So the same form sent twice acts once. Returns the number of the bill to look at next: a
    correction's new one. Raises UnknownBill, NotAllowed, ReasonMissing, and as the act itself.
    """
    lock_bill(tx, form.bill_id, by)
    if by.role is not StaffRole.MANAGER:
        raise NotAllowed
    if bill_mark(tx, form.bill_id) != form.seen:
        return None
    if form.press is not BillPress.APPROVE and not form.words.strip():
        raise ReasonMissing
    said, actor = form.words.strip(), Actor(by.staff_id)
    match form.press:
        case BillPress.VOID:
            void_bill(tx, bill_id=form.bill_id, reason=said, actor=actor, now=now)
        case BillPress.CORRECT:
            made = correct_bill(tx, bill_id=form.bill_id, reason=said, actor=actor, now=now)
            return made.new_no
        case BillPress.APPROVE:
            approve_waiver(tx, form.waiver_no, by=by, now=now)
        case BillPress.DECLINE:
            decline_waiver(tx, form.waiver_no, reason=said, by=by, now=now)
    return form.bill_no


@dataclass(frozen=True, slots=True)
class IssueForm:
    """A month to be issued, as its preview showed it."""

    community_id: int
    period: BillingPeriod
    seen: str


def issue_as_seen(
    tx: Connection, form: IssueForm, *, by: Staff, now: datetime
) -> IssueReport | None:
    """Issue a month just as it was previewed; None where it would bill something else by now.

    Sent again it finds nothing new and issues nothing. Raises NotAllowed, also before the
    community's opening sheet is signed.
    """
    signed = {one.community_id for one in all_communities(tx) if one.opened_at is not None}
    if form.community_id not in signed.intersection(by.community_ids):
        raise NotAllowed
    lock_billing(tx, form.community_id)
    due = bills_due(tx, community_id=form.community_id, period=form.period, today=shanghai_day(now))
    if not due.new:
        return IssueReport(0, due.repeated, due.missing)
    if due_mark(due) != form.seen:
        return None
    made = issue_due(tx, due, community_id=form.community_id, now=now)
    reference = f"{form.community_id}/{form.period}"
    detail = f"{made.issued} {sum(made.totals.values())}"
    audit.note(tx, Actor(by.staff_id), "issue", "billing", reference, at=now, detail=detail)
    return made


def due_mark(due: DueBills) -> str:
    """Return a short text that changes when anything does that a month would bill."""
    told = ";".join(
        f"{one.unit_id},{one.scheme.fee_item_id},{one.due.period},{one.part},"
        f"{one.liable_id},{one.priced.amount_fen}"
        for one in due.new
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]
