"""What late fees must be: each late day of each bill walked again, every time."""

import importlib
from datetime import date

from tests.scenarios.year import LATE_FEE as FEE
from tests.scenarios.year_model import A_DAY, Bill, Model, due_after, months_on
from tests.storage.rules import model

CALENDAR = importlib.import_module("chinese_calendar")
GRACE_DAYS, CAP_PERCENT, LEAST_NOTICE = 5, 3, 10


def night(known: Model, today: date) -> None:
    """Take back what turned out too much; on the first of a month charge the month before."""
    if any(heard == today - A_DAY for one in known.bills for _, _, heard in one.paid):
        correct(known, today)
    if today.day == 1:
        charge(known, today)


def lateness(known: Model, bill: Bill, as_of: date, tonight: date) -> int:
    """Return what the lateness of a bill comes to up to a day, from what is known tonight."""
    if bill.fee_class != "own" or bill.is_brought or bill.is_void or bill.item == FEE:
        return 0
    due_on = bill.due_on
    while due_on.year < 2027 and not CALENDAR.is_workday(due_on):
        due_on += A_DAY
    history = [(bill.issued_on, bill.amount_fen)]
    history += [(paid_on, -fen) for paid_on, fen, heard_on in bill.paid if heard_on < tonight]

    def terms_on(day: date) -> tuple[int, str] | None:
        rates = [ppm for from_on, ppm in known.rates if from_on <= day]
        return (rates[-1], "charged") if rates else None

    def frozen_on(day: date) -> int | None:
        return None if any(one <= day < two for one, two in bill.frozen) else 0

    return model.late_fee(history, due_on, as_of, terms_on, GRACE_DAYS, CAP_PERCENT, frozen_on)[1]


def charge(known: Model, today: date) -> None:
    """Bill the late days of the month before, one bill for each unit and party."""
    last_on = today - A_DAY
    period = str(last_on)[:7]
    found: dict[tuple[str, str], dict[int, int]] = {}
    for at, bill in enumerate(known.bills):
        before = sum(one.parts.get(at, 0) for one in known.bills if not one.is_void)
        fen = lateness(known, bill, last_on, today) - before
        if fen > 0:
            found.setdefault((bill.code, bill.liable), {})[at] = fen
    for (code, liable), parts in found.items():
        known.bills.append(
            Bill(
                code,
                FEE,
                period,
                sum(parts.values()),
                due_after(today if today.day + LEAST_NOTICE <= 25 else months_on(today, 1)),
                today,
                (months_on(today, -1), today),
                liable,
                parts=parts,
            )
        )


def correct(known: Model, today: date) -> None:
    """Void each late fee that is too much now and bill what is right."""
    for code in sorted({one.code for one in known.bills if one.item == FEE}):
        charged_before: dict[int, int] = {}
        charged = [one for one in known.bills if (one.code, one.item) == (code, FEE)]
        for bill in sorted(charged, key=lambda one: one.period):
            if bill.is_void:
                continue
            assert bill.days is not None
            right = {
                at: max(
                    lateness(known, known.bills[at], bill.days[1] - A_DAY, today)
                    - charged_before.get(at, 0),
                    0,
                )
                for at in bill.parts
            }
            parts = bill.parts
            is_over = any(fen > right[at] for at, fen in parts.items())
            if is_over and not any(heard < today for _, _, heard in bill.paid):
                bill.is_void, parts = True, {at: fen for at, fen in right.items() if fen}
                again(known, bill, parts, today)
            for at, fen in parts.items():
                charged_before[at] = charged_before.get(at, 0) + fen


def again(known: Model, old: Bill, parts: dict[int, int], today: date) -> None:
    """Bill what is right in the place of a late fee that was too much."""
    if parts:
        known.bills.append(
            Bill(
                old.code,
                FEE,
                old.period,
                sum(parts.values()),
                old.due_on,
                today,
                old.days,
                old.liable,
                old.revision + 1,
                parts=parts,
            )
        )
