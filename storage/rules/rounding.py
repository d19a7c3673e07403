"""How an exact amount becomes whole fen (取整): once, at the end, and in parts that sum to it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import Final

from storage import money
from storage.charge_errors import InputRefused
from storage.frozen import dataclass
from storage.kinds import ChargeInput, RoundingMode, RoundingUnit

UNIT_FEN: Final[Mapping[RoundingUnit, int]] = MappingProxyType(
    {RoundingUnit.FEN: 1, RoundingUnit.JIAO: 10, RoundingUnit.YUAN: 100}
)


@dataclass(frozen=True, slots=True)
class Rounding:
    """To which unit an amount is rounded, and which way; a sum below zero mirrors one above."""

    unit: RoundingUnit = RoundingUnit.FEN
    mode: RoundingMode = RoundingMode.HALF_UP

    def fen(self, exact_fen: Fraction | int) -> int:
        """Return whole fen. Raises InputRefused for more than we book."""
        step = UNIT_FEN[self.unit]
        above, below = exact_fen.as_integer_ratio()
        rounded = _nearest(above, below * step, self.mode) * step
        if abs(rounded) > money.MAX_FEN:
            raise InputRefused(ChargeInput.AMOUNT, money.yuan(rounded))
        return rounded

    @property
    def to_fen(self) -> "Rounding":
        """The same way of rounding, to the fen."""
        return Rounding(RoundingUnit.FEN, self.mode)


TO_THE_FEN: Final = Rounding()


def nearest(exact: Fraction, mode: RoundingMode) -> int:
    """Return a whole number near an exact one; "up" is away from zero and "down" towards it."""
    return _nearest(*exact.as_integer_ratio(), mode)


def _nearest(above: int, below: int, mode: RoundingMode) -> int:
    whole, rest = divmod(abs(above), below)
    twice = 2 * rest - below
    if mode == RoundingMode.HALF_UP:
        whole += twice >= 0
    elif mode == RoundingMode.HALF_EVEN:
        whole += twice > 0 or (twice == 0 and whole % 2 == 1)
    elif mode == RoundingMode.UP:
        whole += rest > 0
    return -whole if above < 0 else whole


def apportion(total_fen: int, weights: Sequence[Fraction]) -> tuple[int, ...]:
    """Share fen by exact weights, by largest remainder; ties go to the earlier weight.

    Weights of zero together share nothing: then the total must be 0. Raises ValueError.
    """
    if not total_fen and not any(weights):
        return (0,) * len(weights)
    if len(weights) == 1:
        return (total_fen,)
    common = lcm(*(weight.denominator for weight in weights))
    return money.split(total_fen, [int(weight * common) for weight in weights])
