"""A resident's word against her bills (账单有异议): they rest while staff check them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import HoldKind
from storage.models.estate import units
from storage.operations.holds import NewHold, end_hold, place_hold
from storage.operations.tickets import NewTicket, close_ticket, open_ticket, tickets_of_holds
from storage.periods import SHANGHAI, shanghai_day
from storage.queries.disputes import DisputeState, answer_day, disputable_bills
from storage.queries.policies import policy_on
from storage.queries.residents import Staff
from storage.ticket_kinds import TicketKind

NOTE_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Disputed:
    """Which bills rest now, and how many of the staff hear of it."""

    bill_ids: tuple[int, ...]
    heard: int
    ticket_no: str = ""


def dispute(
    tx: Connection,
    *,
    binding_id: int,
    unit_id: int,
    bill_ids: Sequence[int],
    said: str,
    note: str,
    request_key: str,
    identity_id: int,
    now: datetime,
) -> Disputed:
    """Let bills rest until their ticket is closed: no reminder, no late fee; staff hear of it.

    `said` is kept with the hold, `note` is what staff read. What is not open to this person, rests
    already, or was checked before, is left as it is; where nothing is left nobody is told.
    """
    unit = tx.execute(select(units).where(units.c.id == unit_id).with_for_update()).one()
    free = {
        one.bill.bill_id: one.bill.open_fen
        for one in disputable_bills(tx, binding_id, unit_id, shanghai_day(now))
        if one.state is DisputeState.FREE
    }
    wanted = tuple(key for key in bill_ids if key in free)
    if not wanted:
        return Disputed((), 0)
    actor = Actor(identity_id=identity_id)
    hold_ids = tuple(
        place_hold(tx, NewHold(unit_id, HoldKind.DISPUTE, said, bill_id=key), actor=actor, now=now)
        for key in wanted
    )
    new = NewTicket(
        TicketKind.DISPUTE,
        unit.community_id,
        identity_id,
        said,
        request_key,
        unit_id=unit_id,
        hold_ids=hold_ids,
        due_at=_due(tx, unit.community_id, now),
    )
    total_fen = sum(free[key] for key in wanted)
    card = StaffTask("dispute", "", unit.label, total_fen, note[:NOTE_CHARS])
    opened = open_ticket(tx, new, now=now, card=card)
    return Disputed(wanted, opened.heard, opened.ticket.ticket_no)


def _due(tx: Connection, community_id: int, now: datetime) -> datetime:
    """Return the end of duty on the day by which she was promised an answer."""
    day = answer_day(shanghai_day(now))
    ends = policy_on(tx, community_id, day).duty_until
    return datetime.combine(day, ends, SHANGHAI).astimezone(UTC)


def end_dispute(tx: Connection, hold_id: int, *, by: Staff, words: str, now: datetime) -> bool:
    """End a hold by the office's word; the ticket of a dispute is closed with it.

    Returns False where the hold had ended before.
    """
    ended = end_hold(tx, hold_id, actor=Actor(by.staff_id), now=now)
    for ticket_no in tickets_of_holds(tx, [hold_id]):
        close_ticket(tx, ticket_no, words, by=by, now=now)
    return ended
