"""Formulas that staff write (自定义公式): arithmetic over named inputs, exact, and nothing else."""

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from types import MappingProxyType
from typing import Any, Final

from storage.charge_errors import (
    FormulaBelowZero,
    FormulaDividesByZero,
    FormulaNotAllowed,
    FormulaTooDeep,
    FormulaTooLarge,
    FormulaTooLong,
    FormulaUnknownName,
    InputMissing,
    InputRefused,
)
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import ChargeInput, RoundingMode
from storage.rules.figures import Number, figure
from storage.rules.rounding import Rounding, nearest

MAX_CHARS: Final = 200
MAX_PARTS: Final = 160
MAX_DEPTH: Final = 32
MAX_BITS: Final = 160
"""Of a numerator and of a denominator: far more than money needs, far less than hurts."""

_SAME: Final = {0xFF01 + at: 0x21 + at for at in range(94)} | {
    0x3000: " ",
    ord("×"): "*",
    ord("÷"): "/",
    ord("−"): "-",
    ord("≤"): "<=",
    ord("≥"): ">=",
    ord("≠"): "!=",
}
_LETTERS = re.compile(r"[A-Za-z_0-9一-鿿+\-*/(),.<>=! ]+")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_NAME = re.compile(r"[A-Za-z_一-鿿][A-Za-z_0-9一-鿿]*")
_TOKEN = re.compile(r"[A-Za-z_0-9一-鿿.]+")

_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = (
    MappingProxyType({ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: Fraction.__truediv__})
)
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Fraction, Fraction], bool]]] = (
    MappingProxyType({ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge, ast.Eq: eq, ast.NotEq: ne})
)
_ROUNDED: Final[Mapping[str, RoundingMode]] = MappingProxyType(
    {
        "round_to": RoundingMode.HALF_UP,
        "round_up": RoundingMode.UP,
        "round_down": RoundingMode.DOWN,
    }
)
FUNCTIONS: Final = frozenset(("min", "max", *_ROUNDED))


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read and found harmless: its text, and the inputs it names."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr


@dataclass(frozen=True, slots=True)
class FormulaTrial:
    """What a formula gives for one real unit: an amount in fen, or why it gives none."""

    row: str
    amount_fen: int | None
    refusal: Refusal | None


def parse_formula(text: str, names: Collection[str], *, row: str = "") -> Formula:
    """Read a formula over the inputs `names`.

    Takes + - * / and parentheses (also × ÷ and full-width ones), min, max, round_to, round_up and
    round_down to a multiple of a step, and "a if b > c else d". Raises FormulaTooLong,
    FormulaTooDeep, FormulaNotAllowed and FormulaUnknownName.
    """
    plain = text.translate(_SAME).strip()
    if len(plain) > MAX_CHARS:
        raise FormulaTooLong(MAX_CHARS, row)
    _check_letters(plain, row)
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaNotAllowed(plain, row) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_PARTS:
        raise FormulaTooLong(MAX_CHARS, row)
    found: dict[str, None] = {}
    _check(_Place(plain, row, frozenset(names), found), tree, MAX_DEPTH)
    return Formula(plain, tuple(found), tree)


def evaluate(formula: Formula, inputs: Mapping[str, Number], *, row: str = "") -> Fraction:
    """Return what a formula gives, exactly.

    Raises InputMissing where an input is not given, InputRefused for NaN or infinity,
    FormulaDividesByZero and FormulaTooLarge.
    """
    exact: dict[str, Fraction] = {}
    for name in formula.names:
        if name not in inputs:
            raise InputMissing(ChargeInput.FORMULA, f"{row} {name}".strip())
        number = inputs[name]
        if isinstance(number, Decimal) and not number.is_finite():
            raise InputRefused(ChargeInput.FORMULA, f"{name} {number}", row)
        exact[name] = _small(Fraction(number), row)
    return _Arithmetic(formula.text, exact, row).of(formula.tree)


def try_formula(
    text: str, units: Sequence[tuple[str, Mapping[str, Number]]], *, rounding: Rounding
) -> tuple[FormulaTrial, ...]:
    """Try a formula, before it is saved, on real units: (what names the unit, its inputs).

    What is wrong with the formula itself is raised (see `parse_formula`; the known names are
    those of the first unit); what is wrong with a unit stands in its trial.
    """
    formula = parse_formula(text, units[0][1] if units else ())
    trials = []
    for row, inputs in units:
        try:
            exact = evaluate(formula, inputs, row=row)
            if exact < 0:
                raise FormulaBelowZero(row)
            trials.append(FormulaTrial(row, rounding.fen(exact * 100), None))
        except Refusal as refusal:
            trials.append(FormulaTrial(row, None, refusal))
    return tuple(trials)


def kept(formula: Formula, inputs: Mapping[str, Number]) -> dict[str, Any]:
    """Return a formula and the inputs it took, ready for JSON."""
    return {"text": formula.text, "inputs": {one: figure(inputs[one]) for one in formula.names}}


def recompute(explained: Mapping[str, Any]) -> Fraction:
    """Return what a kept formula gives with its kept inputs."""
    inputs = {name: Fraction(text) for name, text in explained["inputs"].items()}
    return evaluate(parse_formula(explained["text"], inputs), inputs)


def in_figures(formula: Formula, inputs: Mapping[str, Number]) -> str:
    """Print a formula with the figures of its inputs: "89.5 × 2.8 + 10"."""

    def told(token: re.Match[str]) -> str:
        name = token[0]
        return figure(inputs[name]) if name in formula.names else name

    return _TOKEN.sub(told, formula.text).replace("*", "×").replace("/", "÷")


def _check_letters(plain: str, row: str) -> None:
    """Refuse what is no letter, number or sign of a formula, before any parser sees it."""
    stray = _LETTERS.sub("", plain)
    if stray or not plain:
        raise FormulaNotAllowed(stray[:20], row)
    for token in _TOKEN.findall(plain):
        if not _NUMBER.fullmatch(token) and not _NAME.fullmatch(token):
            raise FormulaNotAllowed(token[:20], row)
    if "**" in plain or "//" in plain:
        raise FormulaNotAllowed("**" if "**" in plain else "//", row)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a check stands: in which formula, of which row, with which names known and met."""

    text: str
    row: str
    known: frozenset[str]
    met: dict[str, None]

    def refuse(self, node: ast.AST) -> FormulaNotAllowed:
        found = ast.get_source_segment(self.text, node) or self.text
        return FormulaNotAllowed(found[:40], self.row)


def _check(place: _Place, node: ast.expr, depth: int) -> None:
    """Check that a part is one of ours, its parts too, and note the inputs it names."""
    if depth <= 0:
        raise FormulaTooDeep(place.row)
    if isinstance(node, ast.Name):
        if node.id not in place.known:
            raise FormulaUnknownName(node.id[:40], place.row)
        place.met[node.id] = None
        return
    for part in _parts(place, node):
        _check(place, part, depth - 1)


def _parts(place: _Place, node: ast.expr) -> list[ast.expr]:
    """Return the parts of a part. Raises FormulaNotAllowed for what is none of ours."""
    match node:
        case ast.Constant() if _NUMBER.fullmatch(ast.get_source_segment(place.text, node) or ""):
            return []
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            return [inner]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return [left, right]
        case ast.IfExp(test=ast.Compare(left=left, ops=[sign], comparators=[right])) if (
            type(sign) in _COMPARISONS
        ):
            return [left, right, node.body, node.orelse]
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS and (
            len(given) == 2 or (name not in _ROUNDED and given)
        ):
            return given
    raise place.refuse(node)


def _small(number: Fraction, row: str) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise FormulaTooLarge(row)
    return number


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """The sum of a checked formula with the inputs of one unit."""

    text: str
    inputs: Mapping[str, Fraction]
    row: str

    def of(self, node: ast.expr) -> Fraction:
        return _small(self._exact(node), self.row)

    def _exact(self, node: ast.expr) -> Fraction:
        match node:
            case ast.Name(id=name):
                return self.inputs[name]
            case ast.Constant():
                return Fraction(ast.get_source_segment(self.text, node) or "")
            case ast.UnaryOp(op=sign, operand=inner):
                return -self.of(inner) if isinstance(sign, ast.USub) else self.of(inner)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._joined(type(sign), self.of(left), self.of(right))
            case ast.IfExp(test=ast.Compare(left=left, ops=[compared], comparators=[right])):
                holds = _COMPARISONS[type(compared)](self.of(left), self.of(right))
                return self.of(node.body if holds else node.orelse)
            case ast.Call(func=ast.Name(id=name), args=given):
                return self._called(name, [self.of(one) for one in given])
        raise FormulaNotAllowed(self.text, self.row)

    def _joined(self, sign: type[ast.operator], left: Fraction, right: Fraction) -> Fraction:
        if sign is ast.Div and not right:
            raise FormulaDividesByZero(self.row)
        return _ARITHMETIC[sign](left, right)

    def _called(self, name: str, given: Sequence[Fraction]) -> Fraction:
        if name in _ROUNDED:
            if given[1] <= 0:
                raise FormulaDividesByZero(self.row)
            return nearest(given[0] / given[1], _ROUNDED[name]) * given[1]
        return min(given) if name == "min" else max(given)
