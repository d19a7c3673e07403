"""What a month of a fee costs a unit (收费标准): whole integers, rounded half up at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from storage.kinds import Basis

MAX_PRICE_E4: Final = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount in fen and the account of it that is frozen on the bill."""

    amount_fen: int
    quantity: str
    unit_price: str
    explanation: dict[str, str]


def area_charge_fen(floor_area_m2: Decimal, price_e4: int) -> int:
    """Return area × price in fen, rounded half up; the area has at most two decimals."""
    area_e2 = int(floor_area_m2.scaleb(2).to_integral_exact())
    if Decimal(area_e2).scaleb(-2) != floor_area_m2:
        raise ValueError(f"a floor area has at most two decimals: {floor_area_m2}")
    return (area_e2 * price_e4 + 5_000) // 10_000


def fixed_charge_fen(price_e4: int) -> int:
    """Return a fixed price in fen, rounded half up."""
    return (price_e4 + 50) // 100


def price_text(price_e4: int) -> str:
    """Print a price with two to four decimals: 28000 → "2.80"."""
    whole, rest = divmod(price_e4, 10_000)
    decimals = f"{rest:04d}"
    return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def charge(
    basis: str, *, price_e4: int, floor_area_m2: Decimal | None, tariff: str = ""
) -> Charge | None:
    """Return what a unit owes for one month, or None where its area is needed and unknown."""
    price = price_text(price_e4) + "元"
    if basis == Basis.FIXED:
        amount_fen = fixed_charge_fen(price_e4)
        quantity, product = "1个月", f"{price} × 1个月"
    elif floor_area_m2 is None:
        return None
    else:
        amount_fen = area_charge_fen(floor_area_m2, price_e4)
        quantity = f"{floor_area_m2.quantize(Decimal('0.01'))}㎡"
        product = f"{quantity} × {price} × 1个月"
    explanation = {
        "basis": str(basis),
        "quantity": quantity,
        "unit_price": price,
        "months": "1个月",
        "sum": f"{product} = {amount_fen // 100}.{amount_fen % 100:02d}元",
        "tariff": tariff,
    }
    return Charge(amount_fen, quantity, price, explanation)


@dataclass(frozen=True, slots=True)
class Span:
    """A price and the Shanghai days on which it is in force; `ends_on` is the first day after."""

    basis: str
    price_e4: int
    due_day: int
    effective_on: date
    ends_on: date | None


def succeed(known: Sequence[Span], new: Span) -> list[Span] | None:
    """Return the prices with a new one among them; the open one before it ends on its first day.

    A price that is there already leaves them as they are. None: it meets another on some day.
    """
    for span in known:
        ends_on = span.ends_on if new.ends_on is None else new.ends_on
        if span == replace(new, ends_on=ends_on):
            return list(known)
    ended = [
        replace(span, ends_on=new.effective_on)
        if span.ends_on is None and span.effective_on < new.effective_on
        else span
        for span in known
    ]
    for span in ended:
        starts_before_end = new.ends_on is None or span.effective_on < new.ends_on
        if starts_before_end and (span.ends_on is None or span.ends_on > new.effective_on):
            return None
    return [*ended, new]
