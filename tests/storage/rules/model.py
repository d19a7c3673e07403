"""The slow and obvious model: every day, every unit of use, every fen, one after the other.

Nothing here is shared with the rules it judges: days are walked, not counted; rounding is asked of
`decimal`, with room for all digits; the largest remainder is picked one fen at a time.
"""

from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction

A_DAY = timedelta(days=1)
MODES = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
}
STEPS = {"fen": 1, "jiao": 10, "yuan": 100}


def rounded(exact: Fraction, unit: str = "fen", mode: str = "half_up") -> int:
    """Round by a decimal that is long enough to be on the right side of every half."""
    steps = exact / STEPS[unit]
    whole = steps.numerator // steps.denominator
    rest = steps - whole
    # Which side of 0, a half and 1 is all that a rounding mode can see.
    seen = Decimal(0) if rest == 0 else Decimal("0.5") if rest == Fraction(1, 2) else None
    if seen is None:
        seen = Decimal("0.25") if rest < Fraction(1, 2) else Decimal("0.75")
    quantized = (Decimal(whole) + seen).quantize(Decimal(1), MODES[mode], Context(prec=60))
    return int(quantized) * STEPS[unit]


def days(begins_on: date, ends_on: date):
    """Walk from a day to the day before another."""
    day = begins_on
    while day < ends_on:
        yield day
        day += A_DAY


def is_last_of_month(day: date) -> bool:
    return (day + A_DAY).month != day.month


def begins_month(day: date, anchor_day: int) -> bool:
    """Say whether an anchored month begins on a day."""
    return day.day == anchor_day or (day.day < anchor_day and is_last_of_month(day))


def month_length(day: date, anchor_day: int) -> int:
    """Count the days of the anchored month that a day lies in, walking both ways."""
    first = day
    while not begins_month(first, anchor_day):
        first -= A_DAY
    after = day + A_DAY
    while not begins_month(after, anchor_day):
        after += A_DAY
    return (after - first).days


def by_month(quantity, price_on, begins_on, ends_on, anchor_day=1) -> Fraction:
    """Add quantity × the day's price ÷ the days of its month, in fen."""
    total = Fraction(0)
    for day in days(begins_on, ends_on):
        total += Fraction(quantity) * price_on(day) / month_length(day, anchor_day) / 100
    return total


def by_use(per_day: int, price_on, begins_on, ends_on) -> Fraction:
    """Add, day by day, what was used × the day's price in ten-thousandths of a yuan, in fen."""
    return sum(
        (Fraction(per_day * price_on(day), 100) for day in days(begins_on, ends_on)), Fraction(0)
    )


def in_steps(per_day: int, used_before: int, steps_on, begins_on, ends_on) -> Fraction:
    """Price every single unit by the step it lies in; 1 January begins a new year of steps.

    `steps_on(day)` gives [(first unit beyond the step or None, price), …] for a day.
    """
    total, used = Fraction(0), used_before
    for day in days(begins_on, ends_on):
        if (day.month, day.day) == (1, 1) and day != begins_on:
            used = 0
        for _ in range(per_day):
            used += 1
            for until, price_e4 in steps_on(day):
                if until is None or used <= until:
                    total += Fraction(price_e4, 100)
                    break
    return total


def shares(total_fen: int, weights: dict) -> dict:
    """Round all down, then give the fen that are left one by one to who misses most."""
    whole = sum(weights.values())
    given = {key: total_fen * weight // whole for key, weight in weights.items()}
    waiting = {
        key: Fraction(total_fen * weight, whole) - given[key] for key, weight in weights.items()
    }
    for _ in range(total_fen - sum(given.values())):
        neediest = max(sorted(waiting), key=lambda key: waiting[key])
        given[neediest] += 1
        del waiting[neediest]
    return given


def late_fee(
    history, due_on, as_of, terms_on, grace_days, cap_percent, frozen_on
) -> tuple[int, int]:
    """Walk the late days after the grace; return what is calculated and what is charged.

    `terms_on(day)` gives (parts per million, mode) or None; `frozen_on(day)` fen or None for all.
    """
    calculated = charged = Fraction(0)
    most_open = 0
    for day in days(due_on + A_DAY, as_of + A_DAY):
        terms = terms_on(day)
        if terms is None:
            continue
        principal = max(sum(fen for on, fen in history if on < day), 0)
        most_open = max(most_open, principal)
        if (day - due_on).days <= grace_days:
            continue
        frozen = frozen_on(day)
        bearing = 0 if frozen is None else max(principal - frozen, 0)
        ppm, mode = terms
        if mode in {"calculated", "charged"}:
            calculated += Fraction(bearing * ppm, 1_000_000)
        if mode == "charged":
            charged += Fraction(bearing * ppm, 1_000_000)
    cap = None if cap_percent is None else most_open * cap_percent // 100
    found = []
    for exact in (calculated, charged):
        fen = rounded(exact)
        found.append(fen if cap is None else min(fen, cap))
    return found[0], found[1]


def ticks(before: int, after: int, turns: int, digits: int) -> int:
    """Turn a dial by ones until it shows a number for the last time; count the clicks."""
    shown, clicks, passed = before, 0, 0
    while not (shown == after and passed == turns):
        shown = (shown + 1) % 10**digits
        passed += shown == 0
        clicks += 1
    return clicks


def prepaid(bills, balances):
    """Pay fen by fen: first all that items pay of their own bills, then all that is general."""
    left, paid = dict(balances), {bill: 0 for bill, _, _ in bills}
    for purpose_of in (lambda item: item, lambda item: None):
        for bill, item, open_fen in bills:
            purpose = purpose_of(item)
            while paid[bill] < open_fen and left.get(purpose, 0) > 0:
                left[purpose] -= 1
                paid[bill] += 1
    return paid, left
