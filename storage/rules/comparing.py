"""Why a bill is more or less than another (账单对比): each cause in fen, summing to the whole.

A bill's explanation is a sum of products. Products of the same kind (the piece, a step of the
price, a share, a late fee) are held against each other, and their difference is taken apart in a
fixed order: first the quantity, then the time, then the price. What rounding moved stays with the
largest cause, so that the causes of a bill always sum to its difference.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import zip_longest
from typing import Any, Final

from storage.frozen import dataclass
from storage.kinds import LineKind, RoundingUnit
from storage.rules import parting, sharing
from storage.rules.figures import MONTHS, YUAN, Factor, figure, money_text, worth
from storage.rules.rounding import TO_THE_FEN

Explanation = Mapping[str, Any]

DAYS: Final = "天"
PERCENT: Final = "%"
SHARE: Final = "share"
_TERM: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:/[0-9]+)?)([^0-9 ]*)")
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


class CauseKind(StrEnum):
    """What made the difference."""

    NEW_ITEM = "new_item"
    GONE_ITEM = "gone_item"
    NEW_LINE = "new_line"
    GONE_LINE = "gone_line"
    QUANTITY = "quantity"
    DAYS = "days"
    PRICE = "price"
    TOTAL = "total"
    """The cost that all share."""
    SHARE = "share"
    """This unit's part of it."""
    PART = "part"
    """One party's days of all."""
    FORMULA = "formula"
    LATE_FEE = "late_fee"
    DISCOUNT = "discount"
    BOUND = "bound"
    ROUNDING = "rounding"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Charged:
    """A bill as it is compared: what for, how many fen, and its frozen explanation."""

    item_name: str
    amount_fen: int
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and by how many fen it made the bill larger (above 0) or smaller.

    `before` and `after` are figures as they are read; `name` is a step's number or what a
    discount is called; `since_on` is the day from which a new price holds, where it is known.
    """

    kind: CauseKind
    more_fen: int
    before: str = ""
    after: str = ""
    name: str = ""
    since_on: date | None = None


@dataclass(frozen=True, slots=True)
class ItemDifference:
    """A fee item's two bills, None where there is none, and why they differ."""

    item_name: str
    before_fen: int | None
    after_fen: int | None
    causes: tuple[Cause, ...]

    @property
    def more_fen(self) -> int:
        """By how much the later bill is larger; below 0 where it is smaller."""
        return (self.after_fen or 0) - (self.before_fen or 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets of bills, fee item by fee item."""

    items: tuple[ItemDifference, ...]

    @property
    def more_fen(self) -> int:
        """By how much the later bills are more than the earlier ones together."""
        return sum(one.more_fen for one in self.items)


@dataclass(frozen=True, slots=True)
class _Step:
    """One product: its quantity, its time and its price, and the fen it was shown with."""

    kind: str
    number: str
    fen: int
    quantity: Factor | None
    time: Factor | None
    prices: tuple[Factor, ...]
    tariff: str

    @property
    def exact_fen(self) -> Fraction:
        known = [one for one in (self.quantity, self.time) if one is not None]
        return worth((*known, *self.prices)) * 100


def compare_bills(before: Sequence[Charged], after: Sequence[Charged]) -> Comparison:
    """Hold bills against earlier ones, fee item by fee item, in the order of the later bills."""
    names = dict.fromkeys(one.item_name for one in (*after, *before))
    items = []
    for name in names:
        earlier = [one for one in before if one.item_name == name]
        later = [one for one in after if one.item_name == name]
        items += [compare(one, two) for one, two in zip_longest(earlier, later)]
    return Comparison(tuple(items))


def compare(before: Charged | None, after: Charged | None) -> ItemDifference:
    """Say why a bill differs from an earlier one of its fee item; the causes sum to the fen.

    Raises ValueError where neither is there.
    """
    if before is None or after is None:
        return _only_one(before, after)
    causes = _causes(before, after)
    return ItemDifference(after.item_name, before.amount_fen, after.amount_fen, tuple(causes))


def _only_one(before: Charged | None, after: Charged | None) -> ItemDifference:
    if after is not None:
        is_late_fee = after.explanation.get("basis") == LineKind.LATE_FEE
        kind = CauseKind.LATE_FEE if is_late_fee else CauseKind.NEW_ITEM
        cause = Cause(kind, after.amount_fen, after=money_text(after.amount_fen))
        return ItemDifference(after.item_name, None, after.amount_fen, (cause,))
    if before is None:
        raise ValueError("there is nothing to compare")
    gone = Cause(CauseKind.GONE_ITEM, -before.amount_fen, before=money_text(before.amount_fen))
    return ItemDifference(before.item_name, before.amount_fen, None, (gone,))


def _causes(before: Charged, after: Charged) -> list[Cause]:
    """Take the difference apart; what no known part explains is a cause of its own."""
    more_fen = after.amount_fen - before.amount_fen
    earlier, later = _steps(before), _steps(after)
    share_before, share_after = (one.explanation.get(SHARE) for one in (before, after))
    if share_before and share_after:
        shares_fen = [sharing.recompute(one) for one in (share_before, share_after)]
        found = _settled(_of_shares(share_before, share_after), shares_fen[1] - shares_fen[0])
    elif earlier and later:
        found = _of_steps(earlier, later)
    else:
        told = money_text(before.amount_fen), money_text(after.amount_fen)
        return [Cause(CauseKind.OTHER, more_fen, *told)] if more_fen else []
    found += _of_discounts(before.explanation, after.explanation)
    found += _of_parts(before, after)
    rest_fen = more_fen - sum(one.more_fen for one in found)
    if rest_fen:
        found.append(Cause(_rest_kind(before.explanation, after.explanation), rest_fen))
    return found


def _of_parts(before: Charged, after: Charged) -> list[Cause]:
    """Say what it makes that a bill is only for one party's days."""
    kept = [one.explanation.get("part") for one in (before, after)]
    left_fen = [
        0 if part is None else of.amount_fen - int(part["of_fen"])
        for of, part in zip((before, after), kept, strict=True)
    ]
    more_fen = left_fen[1] - left_fen[0]
    was, now = ("" if part is None else parting.share_text(part) for part in kept)
    return [Cause(CauseKind.PART, more_fen, was, now)] if more_fen else []


def _rest_kind(before: Explanation, after: Explanation) -> CauseKind:
    """Say what is left where the steps do not tell all: a bound, or rounding to more than fen."""
    for one in (after, before):
        if "minimum" in one or "maximum" in one:
            return CauseKind.BOUND
    units = [(one.get("rounding") or [RoundingUnit.FEN])[0] for one in (before, after)]
    if any(unit != RoundingUnit.FEN for unit in units):
        return CauseKind.ROUNDING
    return CauseKind.OTHER


def _steps(bill: Charged) -> list[_Step]:
    kept = bill.explanation.get("steps")
    if kept is None:
        return _from_texts(bill)
    return [
        _step(
            one["kind"],
            [Factor(text, unit) for text, unit in one["factors"]],
            one["fen"],
            number=str(one.get("tier", "")),
            tariff=one.get("tariff", ""),
        )
        for one in kept
    ]


def _step(
    kind: str, factors: Iterable[Factor], fen: int, *, number: str = "", tariff: str = ""
) -> _Step:
    """Tell a product's factors apart: what was used comes first, then its price and its time."""
    quantity: Factor | None = None
    times: list[Factor] = []
    prices: list[Factor] = []
    for one in factors:
        if one.unit in (YUAN, PERCENT):
            prices.append(one)
        elif one.unit in (MONTHS, DAYS) or quantity is not None or prices:
            times.append(one)
        else:
            quantity = one
    time = times[0] if len(times) == 1 else None
    if len(times) > 1:
        time = Factor(figure(worth(times)), times[0].unit)
    return _Step(str(kind), number, fen, quantity, time, tuple(prices), tariff)


def _from_texts(bill: Charged) -> list[_Step]:
    """Read the figures of an older explanation, "89.50㎡ × 2.80元 × 1个月 = 250.60元".

    They count only where they come to the bill's amount; otherwise they tell us nothing.
    """
    told = str(bill.explanation.get("sum", "")).partition(" = ")[0]
    terms = [_TERM.fullmatch(one) for one in told.split(" × ")]
    factors = [Factor(one[1], one[2]) for one in terms if one is not None]
    if len(factors) < len(terms) or len(factors) < 2 or _is_zero(factors):
        return []
    if TO_THE_FEN.fen(worth(factors) * 100) != bill.amount_fen:
        return []
    tariff = str(bill.explanation.get("tariff", ""))
    return [_step(LineKind.PIECE, factors, bill.amount_fen, tariff=tariff)]


def _is_zero(factors: Iterable[Factor]) -> bool:
    return any(re.search("/0+$", one.figure) for one in factors)


def _of_steps(before: Sequence[_Step], after: Sequence[_Step]) -> list[Cause]:
    """Compare the products kind by kind, the steps of a price one by one."""
    found: list[Cause] = []
    for kind, number in dict.fromkeys((one.kind, one.number) for one in (*before, *after)):
        earlier = [one for one in before if (one.kind, one.number) == (kind, number)]
        later = [one for one in after if (one.kind, one.number) == (kind, number)]
        more_fen = sum(one.fen for one in later) - sum(one.fen for one in earlier)
        if kind == LineKind.LATE_FEE:
            was, now = (money_text(sum(one.fen for one in of)) for of in (earlier, later))
            found += [Cause(CauseKind.LATE_FEE, more_fen, was, now)] if more_fen else []
        elif not earlier or not later:
            word = CauseKind.NEW_LINE if later else CauseKind.GONE_LINE
            was, now = map(_quantity_text, (earlier, later))
            found += [Cause(word, more_fen, was, now, number)] if more_fen else []
        else:
            found += _settled(_taken_apart(earlier, later, number), more_fen)
    return found


Exact = tuple[Cause, Fraction]
"""A cause whose fen are not settled yet, and what it comes to exactly."""


def _taken_apart(before: Sequence[_Step], after: Sequence[_Step], number: str) -> list[Exact]:
    is_uniform = all(len({one.quantity for one in of}) == 1 for of in (before, after))
    quantities, times = [], []
    for of in (before, after):
        spans = [one.time.exact if one.time else Fraction(1) for one in of]
        uses = [one.quantity.exact if one.quantity else Fraction(1) for one in of]
        folded = sum((use * span for use, span in zip(uses, spans, strict=True)), Fraction())
        quantities.append(uses[0] if is_uniform else folded)
        times.append(sum(spans, Fraction()) if is_uniform else Fraction(1))
    totals = [sum((one.exact_fen for one in of), Fraction()) for of in (before, after)]
    volume = quantities[0] * times[0]
    price = totals[0] / volume if volume else _plain_price(before)
    by_quantity = (quantities[1] - quantities[0]) * times[0] * price
    by_time = quantities[1] * (times[1] - times[0]) * price
    by_price = totals[1] - totals[0] - by_quantity - by_time
    is_formula = after[0].kind == LineKind.FORMULA
    worded = CauseKind.FORMULA if is_formula else CauseKind.PRICE
    return [
        (_worded(CauseKind.QUANTITY, map(_quantity_text, (before, after)), number), by_quantity),
        (_worded(CauseKind.DAYS, map(_time_text, (before, after)), number), by_time),
        (_worded(worded, map(_price_text, (before, after)), number, _since(after)), by_price),
    ]


def _worded(
    kind: CauseKind, texts: Iterable[str], number: str = "", since_on: date | None = None
) -> Cause:
    before, after = texts
    return Cause(kind, 0, before, after, number, since_on)


def _plain_price(steps: Sequence[_Step]) -> Fraction:
    return worth(steps[0].prices) * 100


def _of_shares(before: Explanation, after: Explanation) -> list[Exact]:
    totals = [Fraction(one["total_yuan"]) * 100 for one in (before, after)]
    parts = [Fraction(one["weight"]) / Fraction(one["weight_sum"]) for one in (before, after)]
    weights = [f"{one['weight']}/{one['weight_sum']}" for one in (before, after)]
    costs = [f"{one['total_yuan']}{YUAN}" for one in (before, after)]
    return [
        (_worded(CauseKind.TOTAL, costs), (totals[1] - totals[0]) * parts[0]),
        (_worded(CauseKind.SHARE, weights), totals[1] * (parts[1] - parts[0])),
    ]


def _of_discounts(before: Explanation, after: Explanation) -> list[Cause]:
    sums: list[dict[str, int]] = []
    for one in (before, after):
        of_bill: dict[str, int] = {}
        for off in one.get("discounts", ()):
            of_bill[off["name"]] = of_bill.get(off["name"], 0) + off["fen"]
        sums.append(of_bill)
    found = []
    for name in dict.fromkeys((*sums[1], *sums[0])):
        was_fen, is_fen = sums[0].get(name, 0), sums[1].get(name, 0)
        told = money_text(was_fen) if was_fen else "", money_text(is_fen) if is_fen else ""
        if was_fen != is_fen:
            found.append(Cause(CauseKind.DISCOUNT, was_fen - is_fen, *told, name=name))
    return found


def _settled(exact: Sequence[Exact], more_fen: int) -> list[Cause]:
    """Round causes to whole fen that sum to `more_fen`; the largest takes what rounding moved."""
    rounded = [TO_THE_FEN.fen(one) for _, one in exact]
    rest_fen = more_fen - sum(rounded)
    if rest_fen:
        largest = max(range(len(exact)), key=lambda at: (abs(exact[at][1]), -at))
        if not exact[largest][1]:
            return [Cause(CauseKind.ROUNDING, more_fen)]
        rounded[largest] += rest_fen
    return [
        Cause(one.kind, fen, one.before, one.after, one.name, one.since_on)
        for (one, _), fen in zip(exact, rounded, strict=True)
        if fen
    ]


def _quantity_text(steps: Sequence[_Step]) -> str:
    known = list(dict.fromkeys(one.quantity for one in steps if one.quantity is not None))
    if len(known) <= 1:
        return known[0].text if known else ""
    total = sum((one.quantity.exact for one in steps if one.quantity is not None), Fraction())
    return f"{figure(total)}{known[0].unit}"


def _time_text(steps: Sequence[_Step]) -> str:
    known = [one.time for one in steps if one.time is not None]
    return "+".join(one.figure for one in known) + known[0].unit if known else ""


def _price_text(steps: Sequence[_Step]) -> str:
    prices = dict.fromkeys(one.text for step in steps for one in step.prices)
    return "、".join(prices)


def _since(steps: Sequence[_Step]) -> date | None:
    """Return the day that the name of the newest tariff tells, where it tells one."""
    found = _DAY.findall(steps[-1].tariff)
    try:
        return date.fromisoformat(found[-1]) if found else None
    except ValueError:
        return None
