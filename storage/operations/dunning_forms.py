"""Forms of the dunning's pages (催缴): they act on what was shown, or on nothing."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.errors import NotAllowed, UnknownBill
from storage.frozen import dataclass
from storage.kinds import HoldKind, StaffRole
from storage.models.estate import communities, units
from storage.models.late_fees import holds
from storage.operations.disputes import end_dispute
from storage.operations.dunning import approve_letter, deliver_letter, set_plan
from storage.operations.holds import NewHold, place_hold
from storage.periods import shanghai_day
from storage.queries.dunning import plan_on
from storage.queries.dunning_pages import last_act_id, letters_of
from storage.queries.residents import Staff
from storage.rules.dunning import DunningStep

HOLDERS = (StaffRole.STEWARD, StaffRole.MANAGER)
"""Who lets reminders stop and go on."""


class DunningPress(StrEnum):
    """The buttons of a household's debt."""

    HOLD = "hold"
    RELEASE = "release"
    LETTER = "letter"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class DunningForm:
    """What was pressed about a unit's debt, and the newest act about it that was shown.

    `words`: the reason of a hold, what a resident reads whose dispute ends, or how a letter came.
    """

    unit_id: int
    press: DunningPress
    seen_act: int
    words: str = ""
    kind: HoldKind = HoldKind.OFFICE
    last_on: date | None = None
    """The last Shanghai day of a hold."""
    hold_id: int = 0
    term_days: int = 0
    letter_no: str = ""


def act_on_debt(tx: Connection, form: DunningForm, *, by: Staff, now: datetime) -> bool:
    """Do what a form says; False where something was done about the unit since it was shown.

    Raises NotAllowed, ReasonMissing, UnknownBill, NothingToPay, and ValueError for a term that
    is not fair.
    """
    here = select(units.c.id).where(
        units.c.id == form.unit_id, units.c.community_id.in_(by.community_ids)
    )
    if tx.execute(here.with_for_update()).one_or_none() is None:
        raise NotAllowed
    if last_act_id(tx, form.unit_id) != form.seen_act:
        return False
    if form.press is DunningPress.LETTER:
        approve_letter(tx, form.unit_id, term_days=form.term_days, approved_by=by.staff_id, now=now)
    elif form.press is DunningPress.DELIVERED:
        _deliver(tx, form, by, now)
    elif by.role not in HOLDERS:
        raise NotAllowed
    elif form.press is DunningPress.HOLD:
        _hold(tx, form, by, now)
    else:
        _release(tx, form, by, now)
    return True


def _deliver(tx: Connection, form: DunningForm, by: Staff, now: datetime) -> None:
    if not form.words.strip():
        raise ReasonMissing
    if form.letter_no not in {one.letter_no for one in letters_of(tx, form.unit_id)}:
        raise UnknownBill
    actor = Actor(by.staff_id)
    deliver_letter(tx, form.letter_no, evidence=form.words, actor=actor, now=now)


def _hold(tx: Connection, form: DunningForm, by: Staff, now: datetime) -> None:
    if not form.words.strip():
        raise ReasonMissing
    today = shanghai_day(now)
    if form.last_on is None or form.last_on < today:
        raise ValueError("last_on")
    ends_on = form.last_on + timedelta(days=1)
    new = NewHold(form.unit_id, form.kind, form.words, ends_on)
    place_hold(tx, new, actor=Actor(by.staff_id), now=now)


def _release(tx: Connection, form: DunningForm, by: Staff, now: datetime) -> None:
    mine = select(holds.c.id).where(holds.c.id == form.hold_id, holds.c.unit_id == form.unit_id)
    if tx.execute(mine).one_or_none() is None:
        raise UnknownBill
    end_dispute(tx, form.hold_id, by=by, words=form.words, now=now)


def set_plan_as_seen(
    tx: Connection,
    steps: Sequence[DunningStep],
    *,
    community_id: int,
    seen: str,
    by: Staff,
    now: datetime,
) -> bool:
    """Set a community's plan from today on; False where another is in force than was shown.

    Raises NotAllowed to all but its managers, and ValueError as `set_plan`.
    """
    if by.role is not StaffRole.MANAGER or community_id not in by.community_ids:
        raise NotAllowed
    place = select(communities.c.id).where(communities.c.id == community_id)
    tx.execute(place.with_for_update()).all()
    today = shanghai_day(now)
    if plan_mark(plan_on(tx, community_id, today)) != seen:
        return False
    actor = Actor(by.staff_id)
    set_plan(tx, steps, community_id=community_id, effective_on=today, actor=actor, now=now)
    return True


def plan_mark(plan: Sequence[DunningStep]) -> str:
    """Return a short text that changes when a plan does."""
    return " ".join(f"{one.days_from_due}:{one.route}:{one.tone}:{one.minimum_fen}" for one in plan)
