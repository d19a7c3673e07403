"""What is taken off a bill (优惠): for a person group, a year ahead, a vacant flat, a coupon."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from storage.charge_errors import InputRefused
from storage.frozen import dataclass
from storage.kinds import ChargeInput, DiscountReason, LineKind
from storage.periods import DaySpan
from storage.rules.charging import exact_steps
from storage.rules.explanations import ChargeLine, discount_fen
from storage.rules.figures import (
    PERCENT,
    YUAN,
    Factor,
    figure,
    money_text,
    product_text,
    yuan_figure,
)
from storage.rules.proration import united
from storage.rules.tariffs import Charge, Tariff, UnitFacts

ALL: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Discount:
    """Something that is taken off: a sum of products in yuan, why, and what it is called."""

    reason: DiscountReason
    name: str
    products: tuple[tuple[Factor, ...], ...]


@dataclass(frozen=True, slots=True)
class YearAhead:
    """Who pays so many months ahead has so many more as a gift (交一年送一个月: 12 and 1)."""

    paid_months: int = 12
    gift_months: int = 1

    def __post_init__(self) -> None:
        """Refuse an offer without months. Raises InputRefused."""
        for months in (self.paid_months, self.gift_months):
            if not 1 <= months <= 120:
                raise InputRefused(ChargeInput.COUNT, str(months))


@dataclass(frozen=True, slots=True)
class ClawBack:
    """What goes back when a year ahead is broken off, and what of the gift was not earned."""

    refund_fen: int
    used_fen: int
    gift_lost_fen: int
    sum: str


def percent_off(reason: DiscountReason, name: str, amount_fen: int, percent: Decimal) -> Discount:
    """Return a discount of a percentage of an amount. Raises InputRefused outside 0 to 100."""
    off = Factor(figure(_percent(percent)), PERCENT)
    return Discount(reason, name, ((Factor(yuan_figure(amount_fen), YUAN), off),))


def amount_off(reason: DiscountReason, name: str, amount_fen: int) -> Discount:
    """Return a discount of a sum. Raises InputRefused for one below zero."""
    if amount_fen < 0:
        raise InputRefused(ChargeInput.AMOUNT, yuan_figure(amount_fen), name)
    return Discount(reason, name, ((Factor(yuan_figure(amount_fen), YUAN),),))


def vacant(
    tariffs: Sequence[Tariff],
    unit: UnitFacts,
    vacancies: Sequence[DaySpan],
    *,
    charged: DaySpan,
    percent: Decimal,
    anchor_day: int = 1,
    name: str = "",
) -> Discount:
    """Return the discount for the days on which a unit stood empty: a part of what they cost.

    Vacancies may touch or overlap: a day counts once, and only if it is charged. For prices by
    the month. Raises as `charge_days` does.
    """
    off = Factor(figure(_percent(percent)), PERCENT)
    empty = [days for one in united(vacancies) if (days := one.common(charged)) is not None]
    products = tuple(
        (*step.factors, off)
        for days in empty
        for step in exact_steps(tariffs, unit, days, anchor_day=anchor_day)
    )
    return Discount(DiscountReason.VACANT, name, products)


def take_off(charge: Charge, discounts: Sequence[Discount]) -> Charge:
    """Return the charge with its discounts, each on a line of its own, in the order given.

    Each is worked out on the charge before any of them and rounded once, half up, to the fen; what
    would be more than is left is cut to it, so that nothing falls below zero.
    """
    left_fen = charge.amount_fen
    lines, kept = [], []
    for one in discounts:
        products = [[[two.figure, two.unit] for two in factors] for factors in one.products]
        off_fen = discount_fen(products, left_fen)
        left_fen -= off_fen
        told = " + ".join(product_text(factors) for factors in one.products)
        told = f"{told} = {money_text(off_fen)}" if told else money_text(off_fen)
        lines.append(ChargeLine(LineKind.DISCOUNT, "", "", -off_fen, told, name=one.name))
        kept.append(_kept(one, products, off_fen, told))
    if not kept:
        return charge
    known = charge.explanation
    less = "".join(f" − {yuan_figure(one['fen'])}元" for one in kept)
    explanation = known | {
        "discounts": [*known.get("discounts", ()), *kept],
        "sum": f"{known['sum']}{less} = {money_text(left_fen)}",
        "amount_fen": left_fen,
    }
    return replace(
        charge, amount_fen=left_fen, explanation=explanation, lines=(*charge.lines, *lines)
    )


def year_ahead(offer: YearAhead, monthly_fen: Sequence[int]) -> tuple[int, ...]:
    """Return what is paid for each month of an offer: the last ones, the gift, cost nothing.

    Raises ValueError unless each month, paid or given, has its full price.
    """
    if len(monthly_fen) != offer.paid_months + offer.gift_months:
        raise ValueError(f"the offer covers {offer.paid_months} + {offer.gift_months} months")
    return (*monthly_fen[: offer.paid_months], *(0 for _ in range(offer.gift_months)))


def claw_back(offer: YearAhead, monthly_fen: Sequence[int], *, used_fen: int) -> ClawBack:
    """Return what goes back when the rest of a year paid ahead is asked back.

    What was used counts at its full price, `used_fen`, and the gift is earned only by staying to
    its end: refund = paid − used, never below zero.
    """
    paid_fen = sum(year_ahead(offer, monthly_fen))
    if used_fen < 0:
        raise InputRefused(ChargeInput.AMOUNT, yuan_figure(used_fen))
    refund_fen = max(paid_fen - used_fen, 0)
    gift_fen = sum(monthly_fen) - paid_fen
    had_fen = min(max(used_fen - paid_fen, 0), gift_fen)
    told = (
        f"{money_text(paid_fen)} − {money_text(min(used_fen, paid_fen))} = {money_text(refund_fen)}"
    )
    return ClawBack(refund_fen, used_fen, gift_fen - had_fen, told)


def _percent(percent: Decimal) -> Decimal:
    if not percent.is_finite() or not 0 <= percent <= ALL:
        raise InputRefused(ChargeInput.PERCENT, str(percent))
    return percent


def _kept(one: Discount, products: object, off_fen: int, told: str) -> dict[str, Any]:
    return {
        "reason": str(one.reason),
        "name": one.name,
        "products": products,
        "fen": off_fen,
        "sum": told,
    }
