"""Reminders (催缴): which step of a community's plan a bill has reached."""

from collections.abc import Sequence
from datetime import date
from typing import Final

STALE_DAYS: Final = 7
"""A step missed by an outage is made up for within a week, and forgotten after it."""


def reached_steps(plan: Sequence[int]) -> dict[int, int]:
    """Return, for each distance from the due day, the step of the plan reached last.

    Keys are how many days ago a bill was due (negative: still to come). Only distances that a
    step was reached for within the last week are named; this is all that planning looks at.
    """
    reached: dict[int, int] = {}
    for step in sorted(plan):
        for late in range(step, step + STALE_DAYS):
            reached[late] = step
    return reached


def is_arrears(due_on: date, as_of: date) -> bool:
    """Tell whether a bill is past due (欠费) or only open (待缴).

    In the first thirty days after the due day people read 待缴: it is a reminder, not a reproach.
    """
    return (as_of - due_on).days > 30
