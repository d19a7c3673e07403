"""Figures as people write them, exact: 89.50㎡ × 2.80元 × 14/30个月."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from storage.frozen import dataclass

PERCENT: Final = "%"
YUAN: Final = "元"
SQUARE_METRES: Final = "㎡"
MONTHS: Final = "个月"

Number = int | Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Factor:
    """A figure with its unit: a decimal ("89.50") or a fraction ("14/30"), in "㎡", "元", "%"."""

    figure: str
    unit: str = ""

    @property
    def exact(self) -> Fraction:
        """What the figure is worth; a percentage counts hundredths."""
        return _exact(self.figure, 100 if self.unit == PERCENT else 1)

    @property
    def text(self) -> str:
        """The figure as it is read."""
        return f"{self.figure}{self.unit}"


def worth(factors: Sequence[Factor]) -> Fraction:
    """Multiply figures."""
    above, below = 1, 1
    for factor in factors:
        exact = factor.exact
        above *= exact.numerator
        below *= exact.denominator
    return Fraction(above, below)


def product_text(factors: Sequence[Factor]) -> str:
    """Print a product: "85度 × 15/31 × 0.5283元"."""
    return " × ".join(factor.text for factor in factors)


@lru_cache(maxsize=8192)
def figure(number: Number, *, decimals: int = 0) -> str:
    """Print a number exactly: 1785, 89.5, and 1275/31 where no decimals end.

    `decimals` is the least number of them that is printed.
    """
    exact = Fraction(number)
    places = _places(exact.denominator)
    if places is None:
        return f"{exact.numerator}/{exact.denominator}"
    places = max(places, decimals)
    whole, rest = divmod(abs(exact.numerator) * 10**places // exact.denominator, 10**places)
    sign = "-" if exact < 0 else ""
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"


def yuan_figure(fen: int) -> str:
    """Print fen as yuan without thousands commas: 123450 → "1234.50"."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), 100)
    return f"{sign}{whole}.{rest:02d}"


def money_text(fen: int) -> str:
    """Print fen in yuan with its unit: "1234.50元"."""
    return yuan_figure(fen) + YUAN


@lru_cache(maxsize=8192)
def _exact(text: str, parts: int) -> Fraction:
    """Read a figure; the same prices and months come again and again."""
    return Fraction(text) / parts


@lru_cache(maxsize=1024)
def _places(denominator: int) -> int | None:
    """Return how many decimals a fraction has, None where they do not end."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 else None
