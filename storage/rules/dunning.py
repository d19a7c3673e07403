"""Dunning (催缴): which step of a community's plan a bill has reached, and how it is taken."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from storage.frozen import dataclass
from storage.kinds import Tone
from storage.periods import months_after

STALE_DAYS: Final = 7
"""A step missed by an outage is made up for within a week, and forgotten after it."""

LIMIT_YEARS: Final = 3
"""So long after it was due, or was last asked for on paper, a debt can be sued for (诉讼时效)."""

AGES: Final = (30, 90, 365, 730, 1095)
"""Days late at which an older bucket begins (账龄)."""


class Route(StrEnum):
    """How a step of the plan is taken."""

    CHAT = "chat"
    TASK = "task"
    """A steward is asked to call or to ring the bell."""
    LETTER = "letter"
    """On paper (书面催告函), once a person has approved it."""


@dataclass(frozen=True, slots=True)
class DunningStep:
    """A step of the plan: days from the due day, and from which sum of a household on."""

    days_from_due: int
    route: Route = Route.CHAT
    tone: Tone = Tone.PLAIN
    minimum_fen: int = 0


def steps_for(plan: Iterable[DunningStep], route: Route, total_fen: int) -> list[int]:
    """Return the days of the steps that a household with so much to pay is taken through."""
    return [
        one.days_from_due for one in plan if one.route == route and one.minimum_fen <= total_fen
    ]


def reached_steps(plan: Sequence[int], *, stale_days: int = STALE_DAYS) -> dict[int, int]:
    """Return, for each distance from the due day, the step of the plan reached last.

    Keys are how many days ago a bill was due (negative: still to come). Only distances that a
    step was reached for within the last `stale_days` are named; this is all that planning looks
    at. Days on which nobody is reminded make them more.
    """
    reached: dict[int, int] = {}
    for step in sorted(plan):
        for late in range(step, step + stale_days):
            reached[late] = step
    return reached


def step_to_say(
    steps: Mapping[int, int], due_days: Iterable[date], *, today: date, told_on: date | None
) -> tuple[int, date] | None:
    """Return which (step, due day) of the open bills is to be said today, or None.

    `told_on` is the day of the last reminder, which told of all that was open: what was reached
    by then is said. A step that is reached today goes before one that was put off or missed.
    """
    late = [((today - one).days, one) for one in due_days if (today - one).days in steps]
    reached = [(steps[days], one) for days, one in late]
    unsaid = [
        (step, one)
        for step, one in reached
        if told_on is None or one + timedelta(days=step) > told_on
    ]
    exact = [(step, one) for step, one in unsaid if one + timedelta(days=step) == today]
    return max(exact or unsaid, default=None)


def is_arrears(due_on: date, as_of: date) -> bool:
    """Tell whether a bill is past due (欠费) or only open (待缴).

    In the first thirty days after the due day people read 待缴: it is a reminder, not a reproach.
    """
    return (as_of - due_on).days > 30


def limit_on(due_on: date, *, asked_on: date | None) -> date:
    """Return the day by which a debt has to be asked for again, lest it can be refused as old.

    The three years begin anew with a written demand or a promise of the debtor.
    """
    begins_on = due_on if asked_on is None else max(due_on, asked_on)
    return months_after(begins_on, 12 * LIMIT_YEARS)


def last_due_on(limit: date) -> date:
    """Return the last due day whose debt is too old by a day, unless it was asked for since."""
    found = months_after(limit, -12 * LIMIT_YEARS)
    after = found + timedelta(days=1)  # of 29 February the three years end on a 28th
    return after if limit_on(after, asked_on=None) <= limit else found
