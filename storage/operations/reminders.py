"""Plan reminders (催缴) from what is owed today, and ask again at the moment of sending."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from storage import outbox
from storage.events import BillsIssued, Event, ReminderDue, ReminderWords
from storage.frozen import dataclass
from storage.kinds import OutboxState, Tone, Urgency
from storage.links import Links, PayLink
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.messages import outbox as outbox_rows
from storage.operations.dunning import plan_at_desk
from storage.operations.dunning_acts import note_act
from storage.operations.holds import judge_promises
from storage.outbox import Addressee
from storage.periods import shanghai_day, shanghai_instant
from storage.queries.dunning import plan_on
from storage.queries.holds import DunnedBill, dunned_bills, dunned_bills_of_units
from storage.queries.opening import spoken_to
from storage.queries.policies import policy_on
from storage.queries.residents import Listener, listeners_of_units
from storage.rules.dunning import (
    STALE_DAYS,
    DunningStep,
    Route,
    reached_steps,
    step_to_say,
    steps_for,
)
from storage.workdays import festive_days_before, is_festive

_CAPPED: Final = "weekly_cap"
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Planned:
    """How many reminders were decided, and how many the weekly cap put off to a later day.

    `at_desk` are the tasks and letters that were put before staff.
    """

    planned: int = 0
    capped: int = 0
    at_desk: int = 0


@dataclass(frozen=True, slots=True)
class _Round:
    """A day's round through a community: its plan, and how far back a missed step counts."""

    community_id: int
    plan: tuple[DunningStep, ...]
    stale_days: int
    now: datetime

    @property
    def today(self) -> date:
        return shanghai_day(self.now)

    def reached(self, total_fen: int) -> dict[int, int]:
        """Return the steps that are said in chat to a household with so much to pay."""
        said = steps_for(self.plan, Route.CHAT, total_fen)
        return reached_steps(said, stale_days=self.stale_days)

    def tone(self, step: int) -> Tone:
        """Return how a step speaks."""
        found = [one.tone for one in self.plan if one.days_from_due == step]
        return found[0] if found else Tone.PLAIN


def plan_reminders(tx: Connection, *, community_id: int, now: datetime) -> Planned:
    """Decide today's reminders of a community: one merged message per household and person.

    Looks only at bills whose due day stands where the plan says something. A community whose
    opening sheet is not signed stays silent, and so do all on a festive day: what that leaves out
    is said after it. Running again decides nothing new. A step that the weekly cap leaves out is
    kept as suppressed, so that staff see why, and is said on the first day that the cap allows,
    unless a later reminder has told of everything by then. A promise that was not kept is spoken
    of on the day after it.
    """
    today = shanghai_day(now)
    if is_festive(today):
        return Planned()
    stale_days = STALE_DAYS + festive_days_before(today)
    round_ = _Round(community_id, plan_on(tx, community_id, today), stale_days, now)
    broken = judge_promises(tx, community_id=community_id, now=now)
    cap = policy_on(tx, community_id, today).weekly_cap
    planned = capped = at_desk = 0
    for unit_id, owed_by_all, hearers in _each(tx, _households(tx, round_, broken), today):
        at_desk += plan_at_desk(
            tx,
            unit_id,
            owed_by_all,
            round_.plan,
            community_id=community_id,
            stale_days=stale_days,
            now=now,
        )
        for listener in hearers:
            owed = _owed(tx, listener, unit_id, today)
            reached = _most_pressing(tx, listener, unit_id, round_, owed)
            if reached is None and unit_id in broken:
                reached = _oldest(owed, today)
            if reached is None:
                continue
            if _recent(tx, listener, today) < cap:
                planned += _say(tx, listener, unit_id, reached, round_, owed)
            else:
                capped += _put_off(tx, listener, unit_id, reached, round_)
    return Planned(planned, capped, at_desk)


def _say(
    tx: Connection,
    listener: Listener,
    unit_id: int,
    reached: tuple[int, date],
    round_: _Round,
    owed: Sequence[DunnedBill],
) -> bool:
    """Decide a reminder, or take up again what the cap had put off."""
    if not _enqueue(tx, listener, unit_id, reached, round_):
        now = round_.now
        taken_up: int = tx.execute(
            update(outbox_rows)
            .where(
                outbox_rows.c.message_key == _key(unit_id, reached, listener),
                outbox_rows.c.state == OutboxState.SUPPRESSED,
                outbox_rows.c.why == _CAPPED,
            )
            .values(state=OutboxState.WAITING, why="", created_at=now, not_before=now)
        ).rowcount
        if taken_up != 1:
            return False
    note_act(
        tx,
        unit_id,
        "reminder",
        now=round_.now,
        amount_fen=sum(one.open_fen for one in owed),
        days_from_due=reached[0],
        detail=f"identity {listener.identity_id}",
    )
    return True


def _put_off(
    tx: Connection, listener: Listener, unit_id: int, reached: tuple[int, date], round_: _Round
) -> bool:
    """Write down that a reminder waits for the cap; False where that is known."""
    is_new = _enqueue(tx, listener, unit_id, reached, round_)
    if is_new:
        outbox.suppress(tx, _key(unit_id, reached, listener), why=_CAPPED)
    return is_new


def _key(unit_id: int, reached: tuple[int, date], listener: Listener) -> str:
    step, due_on = reached
    return f"{_of_unit(unit_id)}{due_on}:{step}:{listener.identity_id}"


def _of_unit(unit_id: int) -> str:
    """Return what the keys of all reminders of a unit begin with."""
    return f"reminder:{unit_id}:"


def _households(tx: Connection, round_: _Round, broken: Sequence[int]) -> list[int]:
    """Return the units with an open bill whose due day stands where the plan says something."""
    days = [one.days_from_due for one in round_.plan]
    late = reached_steps(days, stale_days=round_.stale_days)
    found = tx.execute(
        select(bills.c.unit_id)
        .join(units, units.c.id == bills.c.unit_id)
        .where(
            and_(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen),
            bills.c.due_on.in_([round_.today - timedelta(days=one) for one in late]),
            bills.c.community_id == round_.community_id,
            spoken_to(tx, round_.community_id),
        )
        .distinct()
        .order_by(bills.c.unit_id)
    ).scalars()
    spoken = select(units.c.id).where(units.c.id.in_(broken), spoken_to(tx, round_.community_id))
    more = tx.execute(spoken).scalars() if broken else ()
    return sorted({*found, *more})


def _each(
    tx: Connection, unit_ids: Sequence[int], today: date
) -> Iterator[tuple[int, list[DunnedBill], list[Listener]]]:
    """Yield each unit with what is asked of it and who hears of it, reading many at once."""
    for first in range(0, len(unit_ids), _AT_ONCE):
        portion = unit_ids[first : first + _AT_ONCE]
        owed = dunned_bills_of_units(tx, portion, today)
        hearers = listeners_of_units(tx, portion)
        yield from ((one, owed[one], hearers[one]) for one in portion)


def _owed(tx: Connection, listener: Listener, unit_id: int, today: date) -> list[DunnedBill]:
    """Return what this person may be reminded of; nothing where she wants to hear nothing."""
    if not listener.is_following or "reminders" in listener.muted:
        return []
    return dunned_bills(tx, listener.binding_id, unit_id, today)


def _most_pressing(
    tx: Connection,
    listener: Listener,
    unit_id: int,
    round_: _Round,
    owed: Sequence[DunnedBill],
) -> tuple[int, date] | None:
    """Return the (step, due day) to say of what this person may know to be open, or None."""
    if not owed:
        return None
    due_days = {one.bill.due_on for one in owed}
    steps = round_.reached(sum(one.open_fen for one in owed))
    told_on = _told_on(tx, listener, unit_id)
    return step_to_say(steps, due_days, today=round_.today, told_on=told_on)


def _oldest(owed: Sequence[DunnedBill], today: date) -> tuple[int, date] | None:
    """Return the (days late, due day) of the oldest bill: what a broken promise is told with."""
    oldest = min((one.bill.due_on for one in owed), default=None)
    return None if oldest is None else ((today - oldest).days, oldest)


def _told_on(tx: Connection, listener: Listener, unit_id: int) -> date | None:
    """Return the day of this person's last reminder for a unit, sent or on its way."""
    found: datetime | None = tx.execute(
        select(func.max(outbox_rows.c.created_at)).where(
            outbox_rows.c.identity_id == listener.identity_id,
            outbox_rows.c.event == ReminderDue.__name__,
            outbox_rows.c.message_key.startswith(_of_unit(unit_id)),
            _is_said(),
        )
    ).scalar_one()
    return None if found is None else shanghai_day(found)


def _is_said() -> ColumnElement[bool]:
    return outbox_rows.c.state.not_in([OutboxState.SUPPRESSED, OutboxState.DEAD])


def _recent(tx: Connection, listener: Listener, today: date) -> int:
    """Count what asked this person for money in the last seven days, sent or on its way."""
    week_ago = today - timedelta(days=6)
    found: int = tx.execute(
        select(func.count())
        .select_from(outbox_rows)
        .where(
            outbox_rows.c.identity_id == listener.identity_id,
            outbox_rows.c.event.in_([ReminderDue.__name__, BillsIssued.__name__]),
            _is_said(),
            outbox_rows.c.created_at >= shanghai_instant(week_ago),
        )
    ).scalar_one()
    return found


def _enqueue(
    tx: Connection, listener: Listener, unit_id: int, reached: tuple[int, date], round_: _Round
) -> bool:
    step, _ = reached
    label = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    event = ReminderDue(
        unit_id, label, listener.binding_id, listener.link_epoch, step, round_.tone(step)
    )
    return outbox.enqueue(
        tx,
        event,
        Addressee(listener.account, listener.openid, listener.identity_id),
        key=_key(unit_id, reached, listener),
        urgency=Urgency.REMINDER,
        now=round_.now,
        community_id=round_.community_id,
    )


def figures_now(tx: Connection, event: ReminderDue, links: Links, *, now: datetime) -> Event | None:
    """Return the reminder with this moment's figures; None where nothing is asked for any more.

    It was paid meanwhile, by whomever, or is disputed, promised or held.
    """
    today = shanghai_day(now)
    left = dunned_bills(tx, event.binding_id, event.unit_id, today)
    if not left:
        return None
    link = PayLink(event.unit_id, event.binding_id, event.link_epoch, today + timedelta(days=14))
    first_due_on = min(one.bill.due_on for one in left)
    return ReminderWords(
        unit_label=event.unit_label,
        days_from_due=event.days_from_due,
        bill_count=len(left),
        open_fen=sum(one.open_fen for one in left),
        due_on=first_due_on.isoformat(),
        as_of_on=today.isoformat(),
        is_overdue=first_due_on < today,
        pay_url=links.pay_url(link),
        tone=event.tone,
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
