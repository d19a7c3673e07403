"""What the figures of collecting mean: what moves a debt, rates (收缴率、清欠率) and ages (账龄).

Each figure has its one definition here and its one read in `storage.queries`; pages, chat, sheets
and commands show what these give.
"""

from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from storage.frozen import dataclass

AGES: Final = (30, 60, 90, 180, 365)
"""The last day late of each bucket; what is older is in one more."""


class Move(StrEnum):
    """What moves that which is owed; a sheet (收费汇总表) has a column for each.

    A new way by which a debt ends is one more of these, with its rows in
    `storage.queries.debt_moves`: the sheet and the equation follow by themselves.
    """

    ISSUED = "issued"
    """应收: billed, less what was voided; a correction counts on the day of correcting."""
    WAIVED = "waived"
    """减免: principal that is asked for no more, dropped fen (抹零) too."""
    WRITTEN_OFF = "written_off"
    """坏账核销: given up as lost, less what came back of it."""
    RECEIVED = "received"
    """收款: money that came for bills, less what of it went back."""
    OFFSET = "offset"
    """预存抵扣: paid from money that was put aside before."""


PAID: Final = (Move.RECEIVED, Move.OFFSET)
"""What the numerator of rates is made of; they divide by the others, but not `WRITTEN_OFF`."""


class Rate(NamedTuple):
    """A rate with both its sides, by amount in fen and by household.

    收缴率: of the bills of some months, what was allocated up to the cut-off (money that came less
    what went back, and prepayment offset) ÷ (应收 − waived − void). 清欠率: the same of the bills
    of the months before, with only what was allocated in these months ÷ what was open of them as
    these began, and was billed late, − waived − void. What is written off (核销) meanwhile stays
    asked for, or giving up would look like collecting. A household is paid up where nothing of
    these bills is open; it counts where anything of them was asked for. Source: the property
    offices' own summary of fees (当期实收 ÷ 当期应收).
    """

    paid_fen: int
    asked_fen: int
    households_paid: int
    households: int

    @property
    def percent_e2(self) -> int | None:
        """The rate by amount in hundredths of a percent, rounded down: only all is 100 %."""
        return self.paid_fen * 10_000 // self.asked_fen if self.asked_fen > 0 else None

    @property
    def household_percent_e2(self) -> int | None:
        """The rate by household in hundredths of a percent, rounded down."""
        return self.households_paid * 10_000 // self.households if self.households else None


@dataclass(frozen=True, slots=True)
class Balance:
    """What was owed as some days began, what moved it and, their sum, what is owed after them."""

    opening_fen: int
    moved_fen: dict[Move, int]
    """By kind, positive where more is owed: money that came is negative."""

    @property
    def closing_fen(self) -> int:
        """Opening arrears + 应收 − waived − written off − received − offset."""
        return self.opening_fen + sum(self.moved_fen.values())


def bucket_of(due_on: date, as_of: date) -> int:
    """Return the bucket of a debt's age: 0 up to 30 days late or not due, 5 beyond 365."""
    late = (as_of - due_on).days
    return sum(late > days for days in AGES)
