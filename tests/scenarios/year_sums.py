"""A pocket calculator: types the printed sum of a bill in again, figure by figure."""

import re
from fractions import Fraction
from typing import Any

from tests.storage.rules.model import rounded

WHAT_FOR = re.compile(r"[0-9]{4}年[0-9]{1,2}月[^：+]*：")
UNITS = re.compile(r"㎡|个月|[个元吨度方天]")
TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|max|min|[-+*/(),%]")
SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "（": "(", "）": ")"})


class Calculator:
    """Sums, products, brackets, per cent, the greater and the lesser of two."""

    def __init__(self, text: str) -> None:
        plain: str = UNITS.sub("", WHAT_FOR.sub("", text)).translate(SIGNS)
        self.tokens: list[str] = TOKEN.findall(plain)
        assert "".join(self.tokens) == re.sub(r"\s", "", plain), f"no such key: {text}"

    def result(self) -> Fraction:
        """Return what the display shows in the end."""
        found = self.sum()
        assert not self.tokens, f"left over: {self.tokens}"
        return found

    def take(self, *wanted: str) -> str:
        if self.tokens and self.tokens[0] in wanted:
            return self.tokens.pop(0)
        return ""

    def sum(self) -> Fraction:
        found = self.product()
        while sign := self.take("+", "-"):
            found += self.product() * (1 if sign == "+" else -1)
        return found

    def product(self) -> Fraction:
        found = self.figure()
        while sign := self.take("*", "/"):
            other = self.figure()
            found = found * other if sign == "*" else found / other
        return found

    def figure(self) -> Fraction:
        if name := self.take("max", "min"):
            found = (max if name == "max" else min)(self.bracket())
        elif self.tokens[0] == "(":
            [found] = self.bracket()
        else:
            found = Fraction(self.tokens.pop(0))
        return found / 100 if self.take("%") else found

    def bracket(self) -> list[Fraction]:
        assert self.take("(")
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        assert self.take(")")
        return found


def typed(text: str) -> Fraction:
    """Return what a text of figures comes to."""
    return Calculator(text).result()


def check(explanation: dict[str, Any], amount_fen: int) -> None:
    """Type a bill's sum in and compare each figure on the way; raise AssertionError.

    Of late fees each line is rounded by itself: they are typed in line by line and then added.
    """
    if explanation["basis"] == "late_fee":
        lines = [step["sum"].rpartition(" = ") for step in explanation["steps"]]
        assert all(rounded(typed(told) * 100) == typed(shown) * 100 for told, _, shown in lines)
        assert sum(typed(shown) for _, _, shown in lines) * 100 == amount_fen
        return
    told, _, part = explanation["sum"].partition("；其中 ")
    if part:
        share, _, shown = part.rpartition(" = ")
        whole_fen = explanation["part"]["of_fen"]
        assert typed(shown) * 100 == amount_fen
        assert abs(typed(share.rpartition(" ")[2]) * whole_fen - amount_fen) < 1, part
        amount_fen = whole_fen
    first, *stations = told.split(" = ")
    exact = typed(first) * 100
    for station in stations:
        begins, _, off = station.partition(" − ")
        shown, *steps = [typed(one) * 100 for one in begins.split(" → ")]
        assert close(exact, shown, explanation), f"{first}: {float(exact)} is not {float(shown)}"
        for step in steps:
            assert step in allowed(exact, explanation), f"{station}: why {float(step)}?"
            shown = step
        exact = shown - (typed(off.replace(" − ", " + ")) * 100 if off else 0)
    assert exact == amount_fen, f"{explanation['sum']} is not {amount_fen}"
    if "usage" in explanation:
        told, _, quantity = explanation["usage"]["sum"].rpartition(" = ")
        assert typed(told) == Fraction(quantity), explanation["usage"]["sum"]


def close(exact: Fraction, shown: Fraction, explanation: dict[str, Any]) -> bool:
    """Tell whether a figure is the exact one, or that one rounded to the fen."""
    if "share" in explanation:  # the largest remainders bear a fen more
        return 0 <= shown - int(exact) <= 1
    return shown in (exact, rounded(exact), rounded(exact, "fen", explanation["rounding"][1]))


def allowed(exact: Fraction, explanation: dict[str, Any]) -> list[Fraction | int]:
    """Return what bounds and rounding may make of an exact sum."""
    bounds = [
        sum((product(one) for one in explanation[name]), Fraction()) * 100
        for name in ("minimum", "maximum")
        if name in explanation
    ]
    return [rounded(one, *explanation["rounding"]) for one in (exact, *bounds)]


def product(factors: list[list[str]]) -> Fraction:
    """Multiply figures as they are kept: [["2.80", "元"], ["14/30", "个月"]]."""
    found = Fraction(1)
    for figure, unit in factors:
        found *= Fraction(figure) / (100 if unit == "%" else 1)
    return found
