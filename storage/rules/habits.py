"""What past payments say of coming ones: the best hour to remind, who may be late, cash-flow.

Each guess has a stated method, and is held against the past beside a naive one.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

AWAKE: Final = range(9, 21)
"""Hours at which a reminder disturbs nobody."""
LEARNT_MONTHS: Final = 3
"""So many months before tell of a household, and of a day of the month."""
OFTEN: Final = 2
"""Late so often in these months is likely to be late again."""


class LateTrial(NamedTuple):
    """How a guess at who will be late did in the last month that is over."""

    named: int
    right: int
    late: int
    """How many were late in all."""


class Flow(NamedTuple):
    """What is expected to come in on the days of a week, in fen."""

    first_on: date
    last_on: date
    fen: int


class FlowTrial(NamedTuple):
    """What the method and the naive guess would have said of the last 30 days, in fen."""

    came_fen: int
    expected_fen: int
    naive_fen: int


def best_hour(by_hour: Mapping[int, int]) -> int | None:
    """Return the hour in which most payments came of those that disturb nobody."""
    awake = [hour for hour in AWAKE if by_hour.get(hour)]
    return max(awake, key=lambda hour: (by_hour[hour], -hour), default=None)


def expected_on(on: date, came: Mapping[date, int], known_until: date) -> int:
    """Return what a day will bring: the mean of the same day of the three months before.

    Days after `known_until` are not looked at. Whole fen, rounded down.
    """
    found: list[int] = []
    month = on.replace(day=1)
    while len(found) < LEARNT_MONTHS:
        month = (month - timedelta(days=1)).replace(day=1)
        last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        same = min(month.replace(day=min(on.day, last.day)), last)
        if same <= known_until:
            found.append(max(came.get(same, 0), 0))
    return sum(found) // LEARNT_MONTHS


def cash_flow(came: Mapping[date, int], today: date, days: int = 60) -> tuple[Flow, ...]:
    """Return what the days after today will bring, seven at a time."""
    flows = []
    for start in range(1, days + 1, 7):
        span = [today + timedelta(days=n) for n in range(start, min(start + 7, days + 1))]
        fen = sum(expected_on(one, came, today) for one in span)
        flows.append(Flow(span[0], span[-1], fen))
    return tuple(flows)


def try_flow(came: Mapping[date, int], today: date) -> FlowTrial:
    """Guess the 30 days before today from what came before them; naive: the 30 days before."""
    until = today - timedelta(days=30)
    span: Sequence[date] = [until + timedelta(days=n) for n in range(1, 31)]
    before = [until - timedelta(days=n) for n in range(30)]
    return FlowTrial(
        sum(came.get(one, 0) for one in span),
        sum(expected_on(one, came, until) for one in span),
        sum(came.get(one, 0) for one in before),
    )
