"""A formula is arithmetic over named inputs; whatever else is typed is refused, at once."""

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import charge_errors as e
from storage.errors import Refusal
from storage.kinds import ChargeInput, RoundingUnit
from storage.rules.figures import Number
from storage.rules.formulas import evaluate, in_figures, kept, parse_formula, recompute, try_formula
from storage.rules.rounding import Rounding
from tests.storage.rules import model

INPUTS: dict[str, Number] = {"面积": Decimal("89.50"), "层数": 12, "price": Fraction(14, 5)}


def value(text: str) -> Fraction:
    return evaluate(parse_formula(text, INPUTS), INPUTS)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("面积 * price + 10", "260.6"),
        ("面积×2.8", "250.6"),
        ("（面积 − 9.5）÷ 2", "40"),
        ("-层数 + +20", "8"),
        ("max(100, 面积, 层数)", "100"),
        ("min(层数)", "12"),
        ("200 if 面积 > 90 else 100", "100"),
        ("200 if 面积 ≤ 90 else 100", "200"),
        ("1 if 层数 == 12 else 0", "1"),
        ("1 if 层数 ≠ 12 else 0", "0"),
        ("round_to(面积, 1)", "90"),
        ("round_up(层数, 5) + round_down(层数, 5)", "25"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3 * 3", "1"),
        ("0 if 层数 == 12 else 1 / 0", "0"),
        ("１２＋３", "15"),
    ],
)
def test_arithmetic_is_exact(text, result):
    assert value(text) == Fraction(result)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "面积 **2",
        "9 ** 9 ** 9 ** 9",
        "面积 // 2",
        "面积 % 2",
        "1e9",
        "1_000",
        "0x10",
        ".5",
        "5.",
        "1j",
        "12345678901234",
        "0.1234567",
        "1if 面积 > 0 else 2",
        "面积 and 层数",
        "not 面积",
        "1 < 2",
        "(1 < 2) + 1",
        "0 if 1 < 2 < 3 else 1",
        "0 if 面积 else 1",
        "面积.real",
        "面积(1)",
        "__import__('os')",
        "().__class__",
        "[1]",
        "{1}",
        "(1, 2)",
        "lambda: 1",
        "max",
        "max()",
        "max(*面积)",
        "max(面积=1)",
        "round_to(1)",
        "round_to(1, 2, 3)",
        "pow(2, 3)",
        "eval(1)",
        "'1'",
        "f'1'",
        "面积 = 1",
        "(x := 1)",
        "1; 2",
        "1\n+2",
        "1 # 2",
        "1 + ",
        "(1",
        "True + 1",
        "None",
        "...",
        "面积²",
        "1 + \ud800",
        "1\x00",
        "𝟏 + 1",
        "٣",
        "await 面积",
        "层数 in 面积",
        "~层数",
        "1 << 3",
        "1 @ 2",
        "007",
    ],
)
def test_what_is_no_arithmetic_of_ours_is_refused(text):
    with pytest.raises((e.FormulaNotAllowed, e.FormulaUnknownName)) as refused:
        parse_formula(text, INPUTS, row="第3行")

    assert getattr(refused.value, "row", None) == "第3行"


@pytest.mark.parametrize("text", ["foo + 1", "0 if 层数 > 0 else foo", "面積", "max(foo)"])
def test_an_unknown_name_is_named_even_where_it_would_not_count(text):
    with pytest.raises(e.FormulaUnknownName) as refused:
        parse_formula(text, INPUTS)

    assert refused.value.found in {"foo", "面積"}


@pytest.mark.parametrize(
    "text", ["1 / 0", "面积 / (层数 - 12)", "round_to(面积, 0)", "round_up(1, -1)"]
)
def test_dividing_by_zero_is_refused_with_the_row(text):
    with pytest.raises(e.FormulaDividesByZero) as refused:
        evaluate(parse_formula(text, INPUTS), INPUTS, row="3-2-501")

    assert refused.value.row == "3-2-501"


@pytest.mark.parametrize(
    "text", ["*".join(["999999999999"] * 14), "/".join(["1", *["999999999999"] * 13])]
)
def test_a_number_that_grows_without_end_is_stopped(text):
    with pytest.raises(e.FormulaTooLarge):
        evaluate(parse_formula(text, ()), {})


@pytest.mark.parametrize("text", ["1" * 201, "+".join("1" * 100), " " * 10**6 + "1" + "+1" * 10**5])
def test_a_formula_has_an_end(text):
    with pytest.raises(e.FormulaTooLong):
        parse_formula(text, ())


@pytest.mark.parametrize("text", ["-" * 60 + "1", "max(" * 33 + "1" + ")" * 33, "1" + "+1" * 40])
def test_a_formula_that_is_nested_too_deep_is_refused(text):
    with pytest.raises(e.FormulaTooDeep):
        parse_formula(text, ())


@given(st.text(max_size=220))
@settings(deadline=None)
def test_no_text_does_anything_but_count_or_be_refused(text):
    try:
        found = evaluate(parse_formula(text, INPUTS), INPUTS)
    except Refusal:
        return

    assert isinstance(found, Fraction)


@given(st.text("面积12.+-*/()<>=, maxifelse", max_size=60))
@settings(deadline=None)
def test_no_likely_text_does_either(text):
    try:
        evaluate(parse_formula(text, INPUTS), INPUTS)
    except Refusal:
        return


@pytest.mark.parametrize("text", ["(" * 200, "-" * 200, "1+" * 100, "max(" * 50, "面积" * 100])
def test_hostile_lengths_take_no_time(text):
    began = time.perf_counter()
    with pytest.raises(Refusal):
        parse_formula(text, INPUTS)

    assert time.perf_counter() - began < 1


@st.composite
def expressions(draw, depth: int = 3):
    """Draw a formula as text, and beside it what it must give."""
    shape = draw(st.sampled_from("n.i+-*/m?" if depth else "n.i"))
    if shape == "n":
        number = draw(st.integers(0, 10**6))
        return str(number), Fraction(number)
    if shape == ".":
        number = draw(st.integers(0, 10**6))
        return f"{number // 100}.{number % 100:02d}", Fraction(number, 100)
    if shape == "i":
        name = draw(st.sampled_from(sorted(INPUTS)))
        return name, Fraction(INPUTS[name])
    (left, one), (right, two) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    if shape == "?":
        return f"({left} if {left} > {right} else {right})", one if one > two else two
    if shape == "m":
        return f"min({left}, {right})", one if one < two else two
    if shape == "/" and two == 0:
        return left, one
    sums = {"+": one + two, "-": one - two, "*": one * two, "/": one / two if two else one}
    return f"({left} {shape} {right})", sums[shape]


@given(expressions())
@settings(deadline=None)
def test_a_formula_gives_what_it_was_built_to_give(built):
    text, result = built
    try:
        formula = parse_formula(text, INPUTS)
    except e.FormulaTooLong:
        return

    assert evaluate(formula, INPUTS) == result
    assert recompute(kept(formula, INPUTS)) == result


def test_a_formula_is_tried_on_real_units_before_it_is_saved():
    units: list[tuple[str, dict[str, Number]]] = [
        ("3-2-501", {"面积": Decimal("89.50"), "人数": 3}),
        ("3-2-502", {"面积": Decimal("89.50"), "人数": 0}),
        ("3-2-503", {"面积": Decimal("-1"), "人数": 1}),
        ("3-2-504", {"面积": Decimal("NaN"), "人数": 1}),
        ("3-2-505", {"人数": 1}),
    ]

    trials = try_formula("面积 × 2 ÷ 人数", units, rounding=Rounding(RoundingUnit.JIAO))

    assert trials[0].amount_fen == 5_970
    assert [type(one.refusal) for one in trials] == [
        type(None),
        e.FormulaDividesByZero,
        e.FormulaBelowZero,
        e.InputRefused,
        e.InputMissing,
    ]
    assert [one.row for one in trials] == [row for row, _ in units]
    missing = trials[4].refusal
    assert isinstance(missing, e.InputMissing)
    assert (missing.what, missing.row) == (ChargeInput.FORMULA, "3-2-505 面积")
    with pytest.raises(e.FormulaUnknownName):
        try_formula("单价", units, rounding=Rounding())


def test_a_trial_that_is_more_than_a_bill_can_hold_is_refused():
    [trial] = try_formula("n * 1000000", [("x", {"n": 10**6})], rounding=Rounding())

    assert isinstance(trial.refusal, e.InputRefused)


def test_a_formula_is_printed_with_its_figures():
    formula = parse_formula("面积*2.8 + max(10, 层数/price)", INPUTS)

    assert in_figures(formula, INPUTS) == "89.5×2.8 + max(10, 12÷2.8)"
    assert formula.names == ("面积", "层数", "price")


def test_the_model_rounds_as_decimals_do():
    assert [model.rounded(Fraction(one, 2)) for one in (1, 3, 4)] == [1, 2, 2]
