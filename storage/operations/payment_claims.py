"""Money that a resident says she paid (我已经交了) and our books do not know: it is looked for."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, literal_column, select, update

from storage import audit
from storage.audit import CLOCK, Actor
from storage.events import StaffTask, TicketMoved
from storage.frozen import dataclass
from storage.kinds import HoldKind, Urgency
from storage.many import Keyed
from storage.models.estate import units
from storage.models.late_fees import holds
from storage.models.people import identities
from storage.models.tickets import ticket_holds, tickets
from storage.operations.holds import NewHold, place_hold
from storage.operations.tickets import NewTicket, end_holds, note_step, open_ticket
from storage.outbox import Addressee, enqueue
from storage.periods import shanghai_day
from storage.queries.bills import open_bills_of_units
from storage.queries.disputes import answer_day
from storage.queries.holds import dunned_bills_of_unit
from storage.queries.tickets import TicketView, ticket_by_key
from storage.ticket_kinds import TicketAct, TicketKind, TicketState

PAUSED_AGAIN_AFTER: Final = timedelta(days=30)
"""So soon after money was looked for and not found, saying it again pauses nothing."""
NOTE_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class PaymentClaim:
    """Who says that she paid, for which flat, in which words."""

    unit_id: int
    identity_id: int
    said: str
    request_key: str
    media_id: str = ""
    """A picture of the payment, as the chat platform knows it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The ticket under which cashiers look for the money."""

    ticket: TicketView
    quiet_through_on: date | None
    """The last Shanghai day without reminders; None where they go on."""


def claim_payment(tx: Connection, claim: PaymentClaim, *, now: datetime) -> Claimed:
    """Have the cashiers look for money, and pause the flat's reminders for three worked days.

    While a ticket of the flat is open, saying it again only adds its picture to that one.
    """
    unit = tx.execute(select(units).where(units.c.id == claim.unit_id).with_for_update()).one()
    known = _open_claims(tx, [claim.unit_id])
    if known:
        return _known(tx, known[0], claim, now)
    asked = dunned_bills_of_unit(tx, claim.unit_id, shanghai_day(now))
    card = StaffTask(
        "payment_claim",
        "",
        unit.label,
        sum(one.open_fen for one in asked),
        claim.said[:NOTE_CHARS],
    )
    new = NewTicket(
        TicketKind.PAYMENT,
        unit.community_id,
        claim.identity_id,
        claim.said,
        claim.request_key,
        unit_id=claim.unit_id,
        media_id=claim.media_id,
        hold_ids=_pause(tx, claim, now),
    )
    opened = open_ticket(tx, new, now=now, card=card)
    return Claimed(opened.ticket, _quiet_through(tx, opened.ticket.ticket_id))


def _known(tx: Connection, ticket: Row[Any], claim: PaymentClaim, now: datetime) -> Claimed:
    if claim.media_id:
        actor = Actor(identity_id=claim.identity_id)
        note_step(tx, ticket.id, TicketAct.PICTURED, actor, now, media_id=claim.media_id)
    return Claimed(ticket_by_key(tx, ticket.id), _quiet_through(tx, ticket.id))


def _pause(tx: Connection, claim: PaymentClaim, now: datetime) -> tuple[int, ...]:
    """Hold all reminders of the flat, unless they rested for money that was not there."""
    lately = select(tickets.c.id).where(
        tickets.c.kind == TicketKind.PAYMENT,
        tickets.c.unit_id == claim.unit_id,
        tickets.c.opened_at > now - PAUSED_AGAIN_AFTER,
        tickets.c.outcome != "",
    )
    if tx.execute(lately).first() is not None:
        return ()
    until_on = answer_day(shanghai_day(now)) + timedelta(days=1)
    new = NewHold(claim.unit_id, HoldKind.OFFICE, claim.said, until_on)
    return (place_hold(tx, new, actor=Actor(identity_id=claim.identity_id), now=now),)


def _quiet_through(tx: Connection, ticket_id: int) -> date | None:
    until_on = tx.execute(
        select(holds.c.until_on)
        .join(ticket_holds, ticket_holds.c.hold_id == holds.c.id)
        .where(ticket_holds.c.ticket_id == ticket_id, holds.c.ended_at.is_(None))
    ).scalar_one_or_none()
    return None if until_on is None else until_on - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Money of a flat that is in the books now."""

    unit_ids: frozenset[int]
    """The flats that it paid for."""
    identity_id: int | None
    """Who is told of it; None where all of the flat are."""
    paid_at: datetime
    now: datetime


def find_claimed(tx: Connection, arrived: Sequence[Arrived]) -> None:
    """Close the tickets under which money was looked for that has come; reminders may go on.

    Money that was paid on a later day than she spoke of it is not what she meant, unless it
    leaves nothing to ask for. Who is not told of the money itself hears that it was found.
    """
    unit_ids = {unit_id for one in arrived for unit_id in one.unit_ids}
    for ticket in _open_claims(tx, unit_ids):
        meant = [one for one in arrived if ticket.unit_id in one.unit_ids]
        found = next((one for one in meant if _is_it(tx, ticket, one)), None)
        if found is not None:
            _close(tx, ticket, found)


def _is_it(tx: Connection, ticket: Row[Any], one: Arrived) -> bool:
    if shanghai_day(one.paid_at) <= shanghai_day(ticket.opened_at):
        return True
    return not open_bills_of_units(tx, [ticket.unit_id])[ticket.unit_id]


def _close(tx: Connection, ticket: Row[Any], found: Arrived) -> None:
    tx.execute(
        update(tickets)
        .where(tickets.c.id == ticket.id)
        .values(state=TicketState.CLOSED, closed_at=found.now)
    )
    note_step(tx, ticket.id, TicketAct.CLOSED, CLOCK, found.now)
    audit.note(tx, CLOCK, "found", "ticket", ticket.ticket_no, at=found.now)
    end_holds(tx, ticket.id, CLOCK, found.now)
    if found.identity_id not in (None, ticket.identity_id):
        _tell(tx, ticket, found.now)


def _tell(tx: Connection, ticket: Row[Any], now: datetime) -> None:
    view = ticket_by_key(tx, ticket.id)
    person = tx.execute(select(identities).where(identities.c.id == ticket.identity_id)).one()
    enqueue(
        tx,
        TicketMoved(view.ticket_no, view.kind, "found", view.unit_label, ""),
        Addressee(person.account, person.openid, person.id),
        key=f"ticket:{view.ticket_no}:found",
        urgency=Urgency.RECEIPT,
        now=now,
        community_id=view.community_id,
    )


def _open_claims(tx: Connection, unit_ids: Collection[int]) -> Sequence[Row[Any]]:
    return _OPEN.run(tx, unit_ids).all()


# In the very words of the index, without which all open tickets would be read.
_OPEN = Keyed(
    lambda among: (
        select(tickets)
        .where(
            among(tickets.c.unit_id),
            tickets.c.kind == literal_column("'payment'"),
            tickets.c.closed_at.is_(None),
        )
        .order_by(tickets.c.id)
    )
)
