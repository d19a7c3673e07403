"""Which bills a resident says are wrong (账单有异议), and by which day somebody answers her."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from storage.kinds import HoldKind
from storage.models.late_fees import holds
from storage.periods import shanghai_day
from storage.queries.bills import OpenBill, open_bills
from storage.queries.holds import Hold, holds_on
from storage.workdays import next_workday

ANSWER_WORKDAYS: Final = 3
"""So many worked days after she said so, somebody has checked the bill and answered."""


class DisputeState(StrEnum):
    """Where a resident's word against a bill stands."""

    FREE = "free"
    """She has said nothing against it yet."""
    CHECKED_NOW = "checked_now"
    """Staff are checking it; nobody is reminded of it, and its late fee stands still."""
    ANSWERED = "answered"
    """Staff have checked it and let the reminders go on."""


class DisputableBill(NamedTuple):
    """An open bill, and where a dispute of it stands."""

    bill: OpenBill
    state: DisputeState
    answer_on: date | None = None
    """By when she is answered, while it is being checked."""


def answer_day(said_on: date) -> date:
    """Return the Shanghai day by which somebody has answered what was said on a day."""
    day = said_on
    for _ in range(ANSWER_WORKDAYS):
        day = next_workday(day + timedelta(days=1))
    return day


def disputable_bills(
    tx: Connection, binding_id: int, unit_id: int, today: date
) -> list[DisputableBill]:
    """Return the open bills that a person may see, each with where a dispute of it stands."""
    now = [one for one in holds_on(tx, unit_id, today) if one.kind is HoldKind.DISPUTE]
    before = _said_before(tx, unit_id)
    return [_judged(one, now, before) for one in open_bills(tx, binding_id)]


def _judged(bill: OpenBill, now: Sequence[Hold], before: frozenset[int]) -> DisputableBill:
    mine = [one for one in now if one.bill_id in (None, bill.bill_id) and one.amount_fen is None]
    if mine:
        said_on = shanghai_day(mine[0].made_at)
        return DisputableBill(bill, DisputeState.CHECKED_NOW, answer_day(said_on))
    if bill.bill_id in before:
        return DisputableBill(bill, DisputeState.ANSWERED)
    return DisputableBill(bill, DisputeState.FREE)


def _said_before(tx: Connection, unit_id: int) -> frozenset[int]:
    """Return the bills that somebody of the unit has disputed, ever."""
    found = select(holds.c.bill_id).where(
        holds.c.unit_id == unit_id,
        holds.c.kind == HoldKind.DISPUTE,
        holds.c.bill_id.is_not(None),
        holds.c.identity_id.is_not(None),
    )
    return frozenset(tx.execute(found).scalars())
