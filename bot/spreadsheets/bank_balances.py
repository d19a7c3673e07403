"""In which order a bank booked its rows, and the proof by balances that none is missing."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from itertools import groupby, pairwise

from storage.frozen import dataclass
from storage.money import yuan


@dataclass(frozen=True, slots=True)
class Booked:
    """One row as it stands in the file; `clock` and balance are None where the bank tells none."""

    number: int
    day: date
    clock: time | None
    amount_fen: int
    balance_fen: int | None
    name: str
    account: str
    memo: str
    serial: str

    def is_same_as(self, other: "Booked") -> bool:
        """Tell whether another row says the very same, with a balance that cannot be twice."""
        alike = (self.day, self.clock, self.amount_fen, self.balance_fen, self.serial, self.memo)
        others = (
            other.day,
            other.clock,
            other.amount_fen,
            other.balance_fen,
            other.serial,
            other.memo,
        )
        is_one_side = (self.name, self.account) == (other.name, other.account)
        return alike == others and is_one_side and self.balance_fen is not None


@dataclass(frozen=True, slots=True)
class Gap:
    """Two rows, one booked after the other, whose balances do not meet: by how many fen."""

    before: Booked
    behind: Booked
    missing_fen: int

    def __str__(self) -> str:
        """Say in Chinese what does not agree, and what to do."""
        should = (self.before.balance_fen or 0) + self.behind.amount_fen
        return (
            f"余额与第{self.before.number}行接不上：应为 {yuan(should)}，"
            f"表里是 {yuan(self.behind.balance_fen or 0)}，相差 {yuan(self.missing_fen)}；"
            "两行之间可能缺了流水，请重新导出完整的明细"
        )


def without_repeats(rows: Sequence[Booked]) -> tuple[tuple[Booked, ...], int]:
    """Leave out rows printed twice running; return the others, and how many were left out."""
    kept: list[Booked] = []
    for row in rows:
        if not (kept and row.amount_fen and kept[-1].is_same_as(row)):
            kept.append(row)
    return tuple(kept), len(rows) - len(kept)


def in_order(rows: Sequence[Booked]) -> tuple[Booked, ...]:
    """Return the rows oldest first: as they stand, reversed, or by time, as the balances say."""
    newest_first = tuple(reversed(rows))
    is_reversed = len(rows) > 1 and _moment(rows[0]) > _moment(rows[-1])
    candidates = [newest_first, tuple(rows)] if is_reversed else [tuple(rows), newest_first]
    candidates += [_chained(one) for one in candidates]
    return min(candidates, key=lambda one: len(gaps(one)))


def gaps(rows: Iterable[Booked]) -> tuple[Gap, ...]:
    """Return every place where a balance is not the one before and the amount, oldest first."""
    found: list[Gap] = []
    for before, behind in pairwise(rows):
        if before.balance_fen is None or behind.balance_fen is None:
            continue
        missing = behind.balance_fen - before.balance_fen - behind.amount_fen
        if missing:
            found.append(Gap(before, behind, missing))
    return tuple(found)


def _moment(row: Booked) -> tuple[date, time]:
    return row.day, row.clock or time()


def _chained(rows: Sequence[Booked]) -> tuple[Booked, ...]:
    """Order by time, and rows of one moment so that each continues the balance before it."""
    chained: list[Booked] = []
    for _, group in groupby(sorted(rows, key=_moment), key=_moment):
        left = list(group)
        while left:
            at = next((at for at, row in enumerate(left) if _continues(chained, row, left)), 0)
            chained.append(left.pop(at))
    return tuple(chained)


def _continues(chained: Sequence[Booked], row: Booked, left: Sequence[Booked]) -> bool:
    if row.balance_fen is None:
        return True
    opening = row.balance_fen - row.amount_fen
    if chained:
        return chained[-1].balance_fen in (None, opening)
    # The first of all begins where no other row of its moment ends.
    return all(other.balance_fen != opening for other in left if other is not row)
