"""Plan reminders from what is owed today, and ask again at the moment of sending."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from storage import outbox
from storage.events import BillsIssued, Event, ReminderDue, ReminderWords
from storage.kinds import OutboxState, Urgency
from storage.links import Links, PayLink
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.messages import outbox as outbox_rows
from storage.outbox import Addressee
from storage.periods import shanghai_day
from storage.queries.bills import open_bills
from storage.queries.opening import spoken_to
from storage.queries.policies import policy_on
from storage.queries.residents import Listener, listeners
from storage.rules.dunning import reached_steps


@dataclass(frozen=True, slots=True)
class Planned:
    """How many reminders were decided, and how many the weekly cap left out."""

    planned: int = 0
    capped: int = 0


def plan_reminders(tx: Connection, *, community_id: int, now: datetime) -> Planned:
    """Decide today's reminders of a community: one merged message per household and person.

    Looks only at bills whose due day stands where the plan says something. A community whose
    opening sheet is not signed stays silent. Running again decides nothing new. A step that the
    weekly cap leaves out is kept as suppressed, so that staff see why, and is not made up for.
    """
    today = shanghai_day(now)
    policy = policy_on(tx, community_id, today)
    steps = reached_steps(policy.reminder_days)
    planned = capped = 0
    for unit_id in _households(tx, community_id, steps, today):
        for listener in listeners(tx, unit_id):
            reached = _most_pressing(tx, listener, steps, today)
            if reached is None:
                continue
            is_capped = _recent(tx, listener, now) >= policy.weekly_cap
            is_new = _enqueue(tx, listener, unit_id, reached, community_id, now)
            if is_new and is_capped:
                outbox.suppress(tx, _key(unit_id, reached, listener), why="weekly_cap")
            planned += is_new and not is_capped
            capped += is_new and is_capped
    return Planned(planned, capped)


def _key(unit_id: int, reached: tuple[int, date], listener: Listener) -> str:
    step, due_on = reached
    return f"reminder:{unit_id}:{due_on}:{step}:{listener.identity_id}"


def _households(tx: Connection, community_id: int, steps: dict[int, int], today: date) -> list[int]:
    """Return the units with an open bill whose due day stands where the plan says something."""
    days = [today - timedelta(days=late) for late in steps]
    return list(
        tx.execute(
            select(bills.c.unit_id)
            .join(units, units.c.id == bills.c.unit_id)
            .where(
                and_(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen),
                bills.c.due_on.in_(days),
                bills.c.community_id == community_id,
                spoken_to(tx, community_id),
            )
            .distinct()
            .order_by(bills.c.unit_id)
        ).scalars()
    )


def _most_pressing(
    tx: Connection, listener: Listener, steps: dict[int, int], today: date
) -> tuple[int, date] | None:
    """Return the last (step, due day) reached by what this person may know to be open, or None.

    A tenant knows nothing of the owner's arrears, an owner nothing of those before her time. A
    step that is reached today goes before one that an outage missed.
    """
    if not listener.is_following or "reminders" in listener.muted:
        return None
    due = {bill.due_on for bill in open_bills(tx, listener.binding_id)}
    late = [((today - one).days, one) for one in due if (today - one).days in steps]
    exact = [(steps[days], one) for days, one in late if steps[days] == days]
    return max(exact or [(steps[days], one) for days, one in late], default=None)


def _recent(tx: Connection, listener: Listener, now: datetime) -> int:
    """Count what asked this person for money in the last seven days, sent or on its way."""
    found: int = tx.execute(
        select(func.count())
        .select_from(outbox_rows)
        .where(
            outbox_rows.c.identity_id == listener.identity_id,
            outbox_rows.c.event.in_([ReminderDue.__name__, BillsIssued.__name__]),
            outbox_rows.c.state.not_in([OutboxState.SUPPRESSED, OutboxState.DEAD]),
            outbox_rows.c.created_at > now - timedelta(days=7),
        )
    ).scalar_one()
    return found


def _enqueue(
    tx: Connection,
    listener: Listener,
    unit_id: int,
    reached: tuple[int, date],
    community_id: int,
    now: datetime,
) -> bool:
    step, _ = reached
    label = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    event = ReminderDue(unit_id, label, listener.binding_id, listener.link_epoch, step)
    return outbox.enqueue(
        tx,
        event,
        Addressee(listener.account, listener.openid, listener.identity_id),
        key=_key(unit_id, reached, listener),
        urgency=Urgency.REMINDER,
        now=now,
        community_id=community_id,
    )


def figures_now(tx: Connection, event: ReminderDue, links: Links, *, now: datetime) -> Event | None:
    """Return the reminder with this moment's figures; None where nothing is open any more."""
    today = shanghai_day(now)
    left = open_bills(tx, event.binding_id)
    if not left:
        return None
    link = PayLink(event.unit_id, event.binding_id, event.link_epoch, today + timedelta(days=14))
    first_due_on = min(bill.due_on for bill in left)
    return ReminderWords(
        unit_label=event.unit_label,
        days_from_due=event.days_from_due,
        bill_count=len(left),
        open_fen=sum(bill.open_fen for bill in left),
        due_on=first_due_on.isoformat(),
        as_of_on=today.isoformat(),
        is_overdue=first_due_on < today,
        pay_url=links.pay_url(link),
    )


def communities_to_plan(tx: Connection) -> list[int]:
    """Return the communities that speak unasked."""
    return list(
        tx.execute(
            select(communities.c.id)
            .where(communities.c.opened_at.is_not(None))
            .order_by(communities.c.id)
        ).scalars()
    )
