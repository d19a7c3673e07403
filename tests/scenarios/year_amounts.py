"""What some days of a fee must come to: walked day by day, counted use by use, rounded once."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tests.scenarios import year
from tests.scenarios.year import Fee, Home
from tests.storage.rules import model

BY_MONTH = ("by_area", "fixed", "parking")


@dataclass
class Stay:
    """Somebody in a unit; `until_on` is the first day after."""

    name: str
    role: str
    from_on: date
    until_on: date | None = None

    def is_there(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day < self.until_on)


@dataclass
class Dial:
    """A meter: what it showed when it was last billed, and all that was read since."""

    billed: int
    digits: int = 9
    times: Fraction = Fraction(1)
    carried: int = 0
    """What the meter before it counted and nobody has billed."""
    read: list[tuple[date, int, int]] = field(default_factory=list)
    """Day, what it showed, and how often it had turned over."""


class Amounts:
    """All that is known of the units, and what it comes to."""

    def __init__(self) -> None:
        self.known = {(one.item, one.kind): sorted(one.prices, reverse=True) for one in year.FEES}
        self.stays = {one.code: [Stay(one.owner, "owner", one.from_on)] for one in year.HOMES}
        self.areas = {one.code: one.area for one in year.HOMES}
        self.dials: dict[tuple[str, str], Dial] = {}
        self.assigned: dict[tuple[str, str], dict[str, Any]] = {}
        self.reductions: list[dict[str, Any]] = []
        self.empty: dict[str, tuple[int, date, date]] = {}
        self.used_before: dict[tuple[str, str], int] = {}

    def home(self, code: str) -> Home:
        return next(one for one in year.HOMES if one.code == code)

    def fee(self, code: str, item: str) -> Fee:
        kind = self.home(code).kind
        return next(one for one in year.FEES if (one.item, one.kind) == (item, kind))

    def liable(self, code: str, item: str, day: date) -> str:
        payer = self.assigned.get((code, item), {}).get("payer", "owner")
        roles = ("tenant", "owner") if payer == "tenant" else ("owner",)
        for role in roles:
            for one in self.stays[code]:
                if one.role == role and one.is_there(day):
                    return one.name
        return ""

    def amount(self, home: Home, fee: Fee, begins_on: date, ends_on: date) -> int | None:
        """Return the fen of some days after all that is taken off, or None."""
        code, assigned = home.code, self.assigned.get((home.code, fee.item), {})
        anchor_day = assigned["anchored_on"].day if "anchored_on" in assigned else 1
        span = (begins_on, ends_on)

        def price_on(day: date) -> int:
            return next(price for since, price in self.known[fee.item, fee.kind] if since <= day)

        if fee.basis in BY_MONTH:
            size = self.areas[code] if fee.basis == "by_area" else assigned.get("count", 1)
            exact = model.by_month(Fraction(size), price_on, *span, anchor_day)
        elif fee.basis == "formula":
            months = model.by_month(1, lambda _: 100, *span)
            exact = max(Fraction(self.areas[code]) * 35 / 100, Fraction(30)) * months * 100
        elif fee.basis in ("one_off", "deposit"):
            exact = Fraction(price_on(begins_on), 100)
        else:
            quantity = self.used(code, fee.item, *span)
            if quantity is None:
                return None
            exact = self.for_use(code, fee, quantity, span, price_on)
        if fee.maximum_fen is not None:
            exact = min(exact, model.by_month(1, lambda _: fee.maximum_fen * 100, *span))
        if fee.minimum_fen is not None:
            exact = max(exact, Fraction(fee.minimum_fen))
        fen = model.rounded(exact, *fee.rounding)
        return fen - self.taken_off(code, fee, fen, span, price_on)

    def used(self, code: str, item: str, begins_on: date, ends_on: date) -> Fraction | None:
        """Return what was used up to the last reading in some days; from now on it is billed."""
        dial = self.dials[code, item]
        inside = [one for one in dial.read if begins_on < one[0] <= ends_on]
        if not inside:
            return None
        last_on, shown, turned = max(inside)
        clicks = model.ticks(dial.billed, shown, turned, dial.digits) + dial.carried
        dial.billed, dial.carried = shown, 0
        dial.read = [one for one in dial.read if one[0] > last_on]
        return clicks * dial.times

    def for_use(
        self, code: str, fee: Fee, quantity: Fraction, span: Any, price_on: Any
    ) -> Fraction:
        if fee.basis == "by_meter":
            every = list(model.days(*span))
            return sum((quantity * price_on(day) / 100 / len(every) for day in every), Fraction())
        heads = max((self.assigned[code, fee.item].get("heads") or 0) - 3, 0)
        place = (code, fee.item)
        before = self.used_before.get(place, 0) if fee.tier_span == "year" else 0
        total = Fraction()
        for unit in range(before + 1, before + int(quantity) + 1):
            total += next(
                Fraction(price_e4, 100)
                for price_e4, up_to, per_head in fee.tiers
                if up_to is None or unit <= up_to + per_head * heads
            )
        self.used_before[place] = before + int(quantity)
        return total

    def taken_off(self, code: str, fee: Fee, fen: int, span: Any, price_on: Any) -> int:
        left = fen
        percent, from_on, until_on = self.empty.get(code, (0, date.max, date.max))
        begins_on, ends_on = max(span[0], from_on), min(span[1], until_on)
        if fee.basis in BY_MONTH and begins_on < ends_on:
            size = Fraction(self.areas[code] if fee.basis == "by_area" else 1)
            exact = model.by_month(size, price_on, begins_on, ends_on) * percent / 100
            left -= min(model.rounded(exact), left)
        for one in self.reductions:
            if (one["code"], one["item"]) != (code, fee.item) or one["from_on"] > span[0]:
                continue
            if one.get("uses", 1) == 0:
                continue
            if "uses" in one:
                one["uses"] -= 1
            off = one.get("amount_fen") or model.rounded(Fraction(fen * one["percent"], 100))
            left -= min(off, left)
        return fen - left
