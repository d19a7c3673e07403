"""What a question settles heals by itself: the platform's answer goes through the usual door."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.errors import Contradiction
from storage.kinds import RefundStep
from storage.models.payments import refunds
from storage.operations.findings import close_finding, keep_finding, note_on
from storage.operations.payments import note_answer
from storage.operations.refund_results import note_refund
from storage.ports.payments import PaymentFact, RefundFact
from storage.queries.agreement import Finding
from storage.rules.agreeing import ASKED, HEALED


def heal_payment(tx: Connection, finding: Finding, fact: PaymentFact, *, now: datetime) -> bool:
    """Take the platform's answer on an order that its statement calls paid, by the one door.

    Returns True where that settled it; else the finding waits for a person.
    """
    outcome = note_answer(tx, fact, heard_at=now)
    if outcome == "settled":
        close_finding(tx, finding, HEALED, now=now, note="settled by a question")
        return True
    _keep_asked(tx, finding, f"{fact.state} {fact.amount_fen} {outcome}", now)
    return False


def heal_refund(tx: Connection, finding: Finding, fact: RefundFact, *, now: datetime) -> bool:
    """Take the platform's answer on a refund of ours whose statement says otherwise."""
    heard = note_refund(tx, fact, heard_at=now)
    step = tx.execute(
        select(refunds.c.state).where(refunds.c.refund_no == fact.refund_no)
    ).scalar_one_or_none()
    if heard.contradiction is None and step == RefundStep.SUCCESS and finding.is_ended_there:
        close_finding(tx, finding, HEALED, now=now, note="settled by a question")
        return True
    _keep_asked(tx, finding, f"{fact.state} {fact.amount_fen} {_told(heard.contradiction)}", now)
    return False


def _told(trouble: Contradiction | None) -> str:
    return "" if trouble is None else type(trouble).__name__


def _keep_asked(tx: Connection, finding: Finding, answer: str, now: datetime) -> None:
    if keep_finding(tx, finding, now=now) in ("new", "again"):
        note_on(tx, finding, ASKED, answer.strip(), now=now)
