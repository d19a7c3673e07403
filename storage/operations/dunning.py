"""Dunning beyond chat (催缴): the plan, tasks for stewards, and letters that a person approves."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from storage import audit
from storage.audit import Actor
from storage.errors import NotAllowed, NothingToPay, UnknownBill
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import StaffRole
from storage.models.dunning import dunning_acts, dunning_steps
from storage.models.estate import communities, units
from storage.operations.dunning_acts import note_act
from storage.operations.hearers import tell_staff
from storage.periods import shanghai_day
from storage.queries.holds import DunnedBill, dunned_bills_of_unit
from storage.queries.staff import is_manager
from storage.rules.dunning import DunningStep, Route, reached_steps, step_to_say, steps_for
from storage.sql import insert, next_number

MOST_STEPS: Final = 12
EARLIEST_DAYS: Final = -60
LATEST_DAYS: Final = 1095
LEAST_TERM_DAYS: Final = 7
"""A letter leaves at least so many days to pay."""
MOST_TERM_DAYS: Final = 90

_ACTS: Final = {Route.TASK: "task", Route.LETTER: "letter_due"}
_TOPICS: Final = {Route.TASK: "arrears_visit", Route.LETTER: "letter_due"}
_ROLES: Final = {
    Route.TASK: (StaffRole.STEWARD, StaffRole.MANAGER),
    Route.LETTER: (StaffRole.MANAGER,),
}


def set_plan(
    tx: Connection,
    steps: Sequence[DunningStep],
    *,
    community_id: int,
    effective_on: date,
    actor: Actor,
    now: datetime,
) -> None:
    """Set the steps of a community from a Shanghai day on; that day's own are replaced.

    Raises ValueError, naming it, for a plan that cannot be: no step, too many, one twice.
    """
    days = [one.days_from_due for one in steps]
    fitting = {
        "count": 0 < len(steps) <= MOST_STEPS,
        "days": all(EARLIEST_DAYS <= one <= LATEST_DAYS for one in days),
        "twice": len(set(days)) == len(days),
        "minimum": all(one.minimum_fen >= 0 for one in steps),
        "letter": all(one.days_from_due > 0 for one in steps if one.route == Route.LETTER),
    }
    for name, fits in fitting.items():
        if not fits:
            raise ValueError(name)
    tx.execute(
        dunning_steps.delete().where(
            dunning_steps.c.community_id == community_id,
            dunning_steps.c.effective_on == effective_on,
        )
    )
    tx.execute(
        insert(tx, dunning_steps),
        [
            {
                "community_id": community_id,
                "effective_on": effective_on,
                "days_from_due": one.days_from_due,
                "route": one.route,
                "tone": one.tone,
                "minimum_fen": one.minimum_fen,
            }
            for one in steps
        ],
    )
    detail = f"{effective_on} " + " ".join(f"{one.days_from_due}:{one.route}" for one in steps)
    audit.note(tx, actor, "set", "dunning_plan", str(community_id), at=now, detail=detail)


def plan_at_desk(
    tx: Connection,
    unit_id: int,
    owed: Sequence[DunnedBill],
    plan: Sequence[DunningStep],
    *,
    community_id: int,
    stale_days: int,
    now: datetime,
) -> int:
    """Put a household's tasks and letters before staff, each step once; return how many are new.

    `owed` is what the office asks of it today, whoever owes it. A letter only waits here: nothing
    is written before a person approves it.
    """
    today = shanghai_day(now)
    total_fen = sum(one.open_fen for one in owed)
    due_days = {one.bill.due_on for one in owed}
    planned = 0
    for route in (Route.TASK, Route.LETTER):
        steps = reached_steps(steps_for(plan, route, total_fen), stale_days=stale_days)
        said = step_to_say(steps, due_days, today=today, told_on=None)
        if said is not None and not _is_done(tx, unit_id, route, said):
            _put_before_staff(tx, unit_id, route, said, total_fen, community_id, now)
            planned += 1
    return planned


def _is_done(tx: Connection, unit_id: int, route: Route, said: tuple[int, date]) -> bool:
    step, due_on = said
    asked = select(dunning_acts.c.id).where(
        dunning_acts.c.unit_id == unit_id,
        dunning_acts.c.act == _ACTS[route],
        dunning_acts.c.days_from_due == step,
        dunning_acts.c.detail == due_on.isoformat(),
    )
    return tx.execute(asked).first() is not None


def _put_before_staff(
    tx: Connection,
    unit_id: int,
    route: Route,
    said: tuple[int, date],
    total_fen: int,
    community_id: int,
    now: datetime,
) -> None:
    step, due_on = said
    unit = tx.execute(select(units.c.code, units.c.label).where(units.c.id == unit_id)).one()
    late = (shanghai_day(now) - due_on).days
    tell_staff(
        tx,
        StaffTask(_TOPICS[route], unit.code, unit.label, total_fen, str(late)),
        community_id=community_id,
        roles=_ROLES[route],
        key=f"dunning:{route}:{unit_id}:{due_on}:{step}",
        now=now,
    )
    note_act(
        tx,
        unit_id,
        _ACTS[route],
        now=now,
        amount_fen=total_fen,
        days_from_due=step,
        detail=due_on.isoformat(),
    )


_ADDRESSEE: Final = select(units.c.label, communities).join(
    communities, communities.c.id == units.c.community_id
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A written demand (书面催告函) as it was approved; it names a term, and no other person."""

    letter_no: str
    unit_label: str
    community_name: str
    company_name: str
    office_phone: str
    office_address: str
    bills: tuple[DunnedBill, ...]
    total_fen: int
    written_on: date
    term_on: date
    """By when it asks to pay, or to say what is wrong with the bills."""


def approve_letter(
    tx: Connection, unit_id: int, *, term_days: int, approved_by: int, now: datetime
) -> Letter:
    """Approve and write down a letter about what a unit is asked for now.

    `approved_by` is a manager of the community. What is disputed or promised is not in it.
    Raises NotAllowed, NothingToPay, and ValueError for a term shorter or longer than is fair.
    """
    if not LEAST_TERM_DAYS <= term_days <= MOST_TERM_DAYS:
        raise ValueError("term_days")
    unit = tx.execute(_ADDRESSEE.where(units.c.id == unit_id)).one()
    if not is_manager(tx, approved_by, unit.id):
        raise NotAllowed
    today = shanghai_day(now)
    owed = [one for one in dunned_bills_of_unit(tx, unit_id, today) if one.bill.due_on < today]
    if not owed:
        raise NothingToPay(unit.label)
    term_on = today + timedelta(days=term_days)
    letter_no = f"L{today.year}-{next_number(tx, f'letter:{today.year}'):05d}"
    letter = _letter(unit, letter_no, owed, written_on=today, term_on=term_on)
    note_act(
        tx,
        unit_id,
        "letter",
        now=now,
        amount_fen=letter.total_fen,
        days_from_due=(today - min(one.bill.due_on for one in owed)).days,
        detail=f"{letter.letter_no} until {term_on}",
        staff_id=approved_by,
    )
    actor = Actor(staff_id=approved_by)
    audit.note(tx, actor, "approve", "letter", letter.letter_no, at=now, detail=f"{term_on}")
    return letter


def _letter(
    unit: Row[Any],
    letter_no: str,
    owed: Sequence[DunnedBill],
    *,
    written_on: date,
    term_on: date,
) -> Letter:
    return Letter(
        letter_no=letter_no,
        unit_label=unit.label,
        community_name=unit.name,
        company_name=unit.company_name,
        office_phone=unit.phone,
        office_address=unit.address,
        bills=tuple(owed),
        total_fen=sum(one.open_fen for one in owed),
        written_on=written_on,
        term_on=term_on,
    )


def letter_again(tx: Connection, unit_id: int, letter_no: str) -> Letter | None:
    """Return an approved letter of a unit to be printed, while what it asks for is what is owed.

    None where there is no such letter, or where another sum is open by now. Changes nothing.
    """
    row = tx.execute(
        select(dunning_acts.c.done_at, dunning_acts.c.amount_fen, dunning_acts.c.detail).where(
            dunning_acts.c.unit_id == unit_id,
            dunning_acts.c.act == "letter",
            dunning_acts.c.detail.startswith(f"{letter_no} until ", autoescape=True),
        )
    ).one_or_none()
    if row is None:
        return None
    day, term_on = shanghai_day(row.done_at), date.fromisoformat(row.detail[-10:])
    owed = [one for one in dunned_bills_of_unit(tx, unit_id, day) if one.bill.due_on < day]
    unit = tx.execute(_ADDRESSEE.where(units.c.id == unit_id)).one()
    letter = _letter(unit, letter_no, owed, written_on=day, term_on=term_on)
    return letter if letter.total_fen == row.amount_fen else None


def deliver_letter(
    tx: Connection, letter_no: str, *, evidence: str, actor: Actor, now: datetime
) -> None:
    """Keep how a letter arrived: by whose hand, the number of the registered post, a photograph.

    Raises UnknownBill where no such letter was approved.
    """
    row = tx.execute(
        select(dunning_acts).where(
            dunning_acts.c.act == "letter",
            dunning_acts.c.detail.startswith(f"{letter_no} until ", autoescape=True),
        )
    ).one_or_none()
    if row is None:
        raise UnknownBill
    note_act(
        tx,
        row.unit_id,
        "letter_delivered",
        now=now,
        amount_fen=row.amount_fen,
        detail=f"{letter_no}: {evidence.strip()}",
        staff_id=actor.staff_id,
    )
    audit.note(tx, actor, "deliver", "letter", letter_no, at=now, detail=evidence.strip())
