"""Tickets (工单) are opened, given to somebody, answered, closed; every step is kept."""

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.events import StaffTask, TicketMoved
from storage.frozen import dataclass
from storage.kinds import StaffRole, Urgency
from storage.models.people import identities, staff, staff_communities
from storage.models.tickets import ticket_holds, ticket_steps, tickets
from storage.operations.hearers import OFFICE, tell_colleague, tell_office
from storage.operations.holds import end_hold
from storage.operations.ratings import RatingAsk, expect_rating, may_ask
from storage.outbox import Addressee, enqueue
from storage.periods import shanghai_day
from storage.queries.policies import policy_on
from storage.queries.residents import Staff
from storage.queries.tickets import TicketView, ticket_by_key
from storage.rules import tickets as rules
from storage.sql import insert_once, next_number
from storage.ticket_errors import TicketStateWrong, UnknownColleague, UnknownTicket
from storage.ticket_kinds import Priority, RatingTopic, TicketAct, TicketKind, TicketState

CASHIERS_FIRST: Final = (StaffRole.CASHIER, *OFFICE)
SAID_CHARS: Final = 500
OUTCOME_CHARS: Final = 300
NOTE_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What somebody wants looked at."""

    kind: TicketKind
    community_id: int
    identity_id: int
    said: str
    request_key: str
    """Of the message that opens it: heard twice, it opens one ticket."""
    unit_id: int | None = None
    priority: Priority = Priority.NORMAL
    media_id: str = ""
    hold_ids: tuple[int, ...] = field(default=())
    due_at: datetime | None = None
    """None for what the community has chosen for the kind."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket that is open now, and how many of the staff hear of it (0: it was open before)."""

    ticket: TicketView
    heard: int


def open_ticket(
    tx: Connection, new: NewTicket, *, now: datetime, card: StaffTask | None = None
) -> Opened:
    """Open a ticket and put its card before staff; `card` replaces the usual one.

    What this person said in the same words before, and what the same message opened, is that
    ticket. The card's reference is the ticket's number.
    """
    known = _same(tx, new)
    if known is not None:
        return Opened(ticket_by_key(tx, known), 0)
    ticket_id = _insert(tx, new, now)
    actor = Actor(identity_id=new.identity_id)
    note_step(tx, ticket_id, TicketAct.OPENED, actor, now, media_id=new.media_id)
    for hold_id in new.hold_ids:
        tx.execute(ticket_holds.insert().values(ticket_id=ticket_id, hold_id=hold_id))
    view = ticket_by_key(tx, ticket_id)
    audit.note(tx, actor, "open", "ticket", view.ticket_no, at=now, detail=new.kind)
    is_urgent = new.priority is Priority.URGENT
    topic = "ticket_urgent" if is_urgent else "ticket"
    task = card or _task(view, topic, f"{view.kind} {view.said}")
    shown = StaffTask(task.topic, view.ticket_no, task.unit_label, task.amount_fen, task.note)
    key = f"ticket:{view.ticket_no}:opened"
    roles = _hearing(view)
    heard = tell_office(tx, shown, community_id=new.community_id, key=key, now=now, roles=roles)
    return Opened(view, heard)


def _hearing(view: TicketView) -> tuple[StaffRole, ...]:
    """Return whose task a ticket is, in this order: where money is looked for, the cashiers'."""
    return CASHIERS_FIRST if view.kind is TicketKind.PAYMENT else OFFICE


def _same(tx: Connection, new: NewTicket) -> int | None:
    """Return the ticket that this message opened, or that says the same and is open."""
    asked = (
        select(tickets.c.id)
        .where(
            tickets.c.identity_id == new.identity_id,
            (tickets.c.request_key == new.request_key)
            | (
                (tickets.c.kind == new.kind)
                & (tickets.c.said == _said(new))
                & tickets.c.closed_at.is_(None)
            ),
        )
        .order_by(tickets.c.id)
        .limit(1)
    )
    found: int | None = tx.execute(asked).scalar_one_or_none()
    return found


def _said(new: NewTicket) -> str:
    return " ".join(new.said.split())[:SAID_CHARS]


def _insert(tx: Connection, new: NewTicket, now: datetime) -> int:
    day = shanghai_day(now)
    number = next_number(tx, f"ticket:{day:%y%m}")
    due = new.due_at or _due(tx, new.community_id, new.kind, new.priority, now)
    values = {
        "ticket_no": f"G{day:%y%m}{number:04d}",
        "request_key": new.request_key,
        "community_id": new.community_id,
        "unit_id": new.unit_id,
        "identity_id": new.identity_id,
        "kind": new.kind,
        "state": TicketState.OPEN,
        "priority": new.priority,
        "said": _said(new),
        "opened_at": now,
        "due_at": due,
    }
    made = insert_once(tx, tickets, values)
    if made is not None:
        return made
    known: int = tx.execute(
        select(tickets.c.id).where(tickets.c.request_key == new.request_key)
    ).scalar_one()
    return known


def _due(
    tx: Connection, community_id: int, kind: TicketKind, priority: Priority, now: datetime
) -> datetime:
    policy = policy_on(tx, community_id, shanghai_day(now))
    return rules.due_at(kind, priority, now, duty=policy.duty, chosen=policy.ticket_hours)


def due_again(tx: Connection, ticket: Row[Any], now: datetime) -> datetime:
    """Return when a ticket that is taken up again must be done."""
    kind, priority = TicketKind(ticket.kind), Priority(ticket.priority)
    return _due(tx, ticket.community_id, kind, priority, now)


def note_step(
    tx: Connection,
    ticket_id: int,
    act: TicketAct,
    actor: Actor,
    now: datetime,
    *,
    words: str = "",
    media_id: str = "",
) -> int:
    """Write a step of the history; return its key."""
    made: int = tx.execute(
        ticket_steps.insert()
        .values(
            ticket_id=ticket_id,
            act=act,
            words=words[:SAID_CHARS],
            media_id=media_id[:200],
            staff_id=actor.staff_id,
            identity_id=actor.identity_id,
            done_at=now,
        )
        .returning(ticket_steps.c.id)
    ).scalar_one()
    return made


def assign_ticket(
    tx: Connection, ticket_no: str, *, to_staff_id: int, by: Staff, now: datetime
) -> TicketView:
    """Give a ticket to one who serves its community; to oneself is to take it.

    The resident hears that somebody is at it when it first has one. Raises UnknownTicket,
    TicketStateWrong for a closed one, UnknownColleague.
    """
    ticket = _lock_live(tx, ticket_no, by)
    _check_colleague(tx, to_staff_id, ticket.community_id)
    if ticket.assignee_id == to_staff_id:
        return ticket_by_key(tx, ticket.id)
    is_new = ticket.state in (TicketState.OPEN, TicketState.REOPENED)
    state = TicketState.ASSIGNED if is_new else ticket.state
    _set(tx, ticket.id, assignee_id=to_staff_id, state=state)
    step_id = _step(tx, ticket, TicketAct.ASSIGNED, by, now)
    view = ticket_by_key(tx, ticket.id)
    if ticket.assignee_id is None:
        _tell_resident(tx, view, _moved(view, "assigned", ""), step_id, now)
    if to_staff_id != by.staff_id:
        task = _task(view, "ticket_assigned", f"{view.kind} {view.said}")
        key = f"ticket:{view.ticket_no}:{step_id}"
        tell_colleague(
            tx, task, staff_id=to_staff_id, community_id=view.community_id, key=key, now=now
        )
    return view


def _check_colleague(tx: Connection, staff_id: int, community_id: int) -> None:
    asked = (
        select(staff.c.id)
        .join(staff_communities, staff_communities.c.staff_id == staff.c.id)
        .where(
            staff.c.id == staff_id,
            staff.c.is_active,
            staff_communities.c.community_id == community_id,
        )
    )
    if tx.execute(asked).first() is None:
        raise UnknownColleague


def note_on_ticket(
    tx: Connection, ticket_no: str, words: str, *, by: Staff, now: datetime
) -> TicketView:
    """Keep a note for staff, also on a closed ticket. Raises UnknownTicket, ReasonMissing."""
    ticket = _lock(tx, ticket_no, by)
    _check_words(words)
    _step(tx, ticket, TicketAct.NOTED, by, now, words)
    return ticket_by_key(tx, ticket.id)


def answer_ticket(
    tx: Connection, ticket_no: str, words: str, *, by: Staff, now: datetime
) -> TicketView:
    """Tell the resident something about her open ticket; who answers first is at it.

    Raises UnknownTicket, TicketStateWrong, ReasonMissing for no words.
    """
    ticket = _lock_live(tx, ticket_no, by)
    _check_words(words)
    assignee_id = ticket.assignee_id or by.staff_id
    _set(tx, ticket.id, state=TicketState.ANSWERED, assignee_id=assignee_id)
    step_id = _step(tx, ticket, TicketAct.ANSWERED, by, now, words)
    view = ticket_by_key(tx, ticket.id)
    _tell_resident(tx, view, _moved(view, "answered", words), step_id, now)
    return view


def close_ticket(
    tx: Connection, ticket_no: str, words: str, *, by: Staff, now: datetime
) -> TicketView:
    """Close a ticket with what the resident reads; what rested for it is asked for again.

    She is asked to rate it in the same message, where she was not asked for one lately; not where
    her money was not found.
    Raises UnknownTicket, TicketStateWrong, ReasonMissing for no words.
    """
    ticket = _lock_live(tx, ticket_no, by)
    _check_words(words)
    assignee_id = ticket.assignee_id or by.staff_id
    _set(
        tx,
        ticket.id,
        state=TicketState.CLOSED,
        assignee_id=assignee_id,
        closed_at=now,
        outcome=words[:OUTCOME_CHARS],
    )
    step_id = _step(tx, ticket, TicketAct.CLOSED, by, now, words)
    end_holds(tx, ticket.id, Actor(by.staff_id), now)
    view = ticket_by_key(tx, ticket.id)
    topic = RatingTopic(view.kind)
    ask = RatingAsk(view.identity_id, view.community_id, view.unit_id, topic, view.ticket_no)
    is_fit = topic is not RatingTopic.PAYMENT and may_ask(tx, ask, now=now)
    asks_rating = is_fit and expect_rating(tx, ask, now=now) is not None
    moved = replace(_moved(view, "closed", words), asks_rating=asks_rating)
    _tell_resident(tx, view, moved, step_id, now)
    return view


def end_holds(tx: Connection, ticket_id: int, actor: Actor, now: datetime) -> None:
    """Let what rested for a ticket be asked for again."""
    for hold_id in hold_ids_of(tx, ticket_id):
        end_hold(tx, hold_id, actor=actor, now=now)


def hold_ids_of(tx: Connection, ticket_id: int) -> list[int]:
    """Return the holds that rest on a ticket."""
    asked = select(ticket_holds.c.hold_id).where(ticket_holds.c.ticket_id == ticket_id)
    return list(tx.execute(asked.order_by(ticket_holds.c.hold_id)).scalars())


def tickets_of_holds(tx: Connection, hold_ids: Iterable[int]) -> list[str]:
    """Return the numbers of open tickets that holds rest on."""
    asked = (
        select(tickets.c.ticket_no)
        .join(ticket_holds, ticket_holds.c.ticket_id == tickets.c.id)
        .where(ticket_holds.c.hold_id.in_(list(hold_ids)), tickets.c.closed_at.is_(None))
        .distinct()
        .order_by(tickets.c.ticket_no)
    )
    return list(tx.execute(asked).scalars())


def _lock(tx: Connection, ticket_no: str, by: Staff) -> Row[Any]:
    ticket = tx.execute(
        select(tickets)
        .where(tickets.c.ticket_no == ticket_no, tickets.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).one_or_none()
    if ticket is None:
        raise UnknownTicket
    return ticket


def _lock_live(tx: Connection, ticket_no: str, by: Staff) -> Row[Any]:
    ticket = _lock(tx, ticket_no, by)
    if ticket.state not in rules.LIVE:
        raise TicketStateWrong(ticket_no)
    return ticket


def _check_words(words: str) -> None:
    if not words.strip():
        raise ReasonMissing


def _set(tx: Connection, ticket_id: int, **values: Any) -> None:  # noqa: ANN401 - columns
    tx.execute(update(tickets).where(tickets.c.id == ticket_id).values(values))


def _step(
    tx: Connection, ticket: Row[Any], act: TicketAct, by: Staff, now: datetime, words: str = ""
) -> int:
    actor = Actor(by.staff_id)
    audit.note(tx, actor, act, "ticket", ticket.ticket_no, at=now)
    return note_step(tx, ticket.id, act, actor, now, words=words)


def tell_those_at_it(
    tx: Connection, view: TicketView, task: StaffTask, *, key: str, now: datetime
) -> int:
    """Put something about a ticket before who has it, or the office where nobody has."""
    community_id = view.community_id
    if view.assignee_id is not None:
        told = tell_colleague(
            tx, task, staff_id=view.assignee_id, community_id=community_id, key=key, now=now
        )
        if told:
            return told
    roles = _hearing(view)
    return tell_office(tx, task, community_id=community_id, key=key, now=now, roles=roles)


def _task(view: TicketView, topic: str, note: str) -> StaffTask:
    return StaffTask(topic, view.ticket_no, view.unit_label, 0, note[:NOTE_CHARS])


def _moved(view: TicketView, change: str, words: str) -> TicketMoved:
    said = words[:OUTCOME_CHARS]
    return TicketMoved(view.ticket_no, view.kind, change, view.unit_label, said)


def _tell_resident(
    tx: Connection, view: TicketView, moved: TicketMoved, step_id: int, now: datetime
) -> None:
    person = tx.execute(select(identities).where(identities.c.id == view.identity_id)).one()
    enqueue(
        tx,
        moved,
        Addressee(person.account, person.openid, person.id),
        key=f"ticket:{view.ticket_no}:{step_id}:{moved.change}",
        urgency=Urgency.RECEIPT,
        now=now,
        community_id=view.community_id,
    )
