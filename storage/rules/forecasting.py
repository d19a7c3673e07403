"""How much of a month's due will have come in by its end.

Method: of what is still open on a day of the month, residents pay by the month's end about the
part that they paid of it in the months before (the curve of what was paid, day by day). That part
is taken over all fen of the months given, so that large months count more; the forecast is what
has come in already and that part of what is open. Before anything is known it is what has come in.
The naive forecast beside it is the due of this month at last month's rate, and never less than
what has come in. Whole fen and fractions only, rounded down.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

MOST_MONTHS: Final = 6
"""So many months before tell of this one; older ones are another season, or another tariff."""


class Past(NamedTuple):
    """A month as it stood on the same day of it, and at its end, in fen."""

    asked_fen: int
    """What was asked for of it by that day."""
    paid_fen: int
    """What was paid of it by that day."""
    asked_at_end_fen: int
    paid_at_end_fen: int


class Forecast(NamedTuple):
    """What is expected by the month's end, in fen, beside the naive guess."""

    expected_fen: int
    naive_fen: int
    asked_fen: int
    paid_fen: int
    months: int
    """How many months before it is learnt from."""


class Trial(NamedTuple):
    """How far forecasts of past months were off, in fen, summed over these months."""

    months: int
    off_fen: int
    naive_off_fen: int


def forecast(asked_fen: int, paid_fen: int, before: Sequence[Past]) -> Forecast:
    """Return what will have come in by the month's end; `before` has the newest month last."""
    learnt = before[-MOST_MONTHS:]
    open_fen = max(asked_fen - paid_fen, 0)
    expected_fen = paid_fen + int(open_fen * _part(learnt))
    last = Fraction(0)
    if learnt and learnt[-1].asked_at_end_fen > 0:
        last = Fraction(learnt[-1].paid_at_end_fen, learnt[-1].asked_at_end_fen)
    naive_fen = max(int(asked_fen * last), paid_fen)
    return Forecast(expected_fen, naive_fen, asked_fen, paid_fen, len(learnt))


def back_test(before: Sequence[Past]) -> Trial:
    """Forecast each past month from those before it only, and hold it against what came in."""
    off_fen, naive_off_fen = 0, 0
    for place, month in enumerate(before[1:], start=1):
        guess = forecast(month.asked_fen, month.paid_fen, before[:place])
        off_fen += abs(guess.expected_fen - month.paid_at_end_fen)
        naive_off_fen += abs(guess.naive_fen - month.paid_at_end_fen)
    return Trial(max(len(before) - 1, 0), off_fen, naive_off_fen)


def _part(learnt: Sequence[Past]) -> Fraction:
    """Return the part of what was open on the day that had come in by the end, from 0 to 1."""
    open_fen = sum(max(one.asked_fen - one.paid_fen, 0) for one in learnt)
    came_fen = sum(one.paid_at_end_fen - one.paid_fen for one in learnt)
    return (
        min(max(Fraction(came_fen, open_fen), Fraction(0)), Fraction(1))
        if open_fen
        else Fraction(0)
    )
