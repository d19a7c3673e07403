"""Money is whole fen: what is read, what is refused, what is printed, and how it is shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import money
from storage.errors import NotAnAmount


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0.29", 29),
        ("1234.5", 123_450),
        ("¥1,234.50", 123_450),
        ("￥1,234.50", 123_450),
        ("１２３４．５０", 123_450),
        ("1，234", 123_400),
        ("100元", 10_000),
        (" 100 ", 10_000),
        ("　100　", 10_000),
        ("0", 0),
        ("007", 700),
        ("999999999.99", money.MAX_FEN),
        ("999,999,999.99", money.MAX_FEN),
    ],
)
def test_an_amount_is_read_as_people_write_it(text, fen):
    assert money.from_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "元",
        "-1",
        "+1",
        "1e2",
        "1_000",
        "NaN",
        "inf",
        "1.234",
        "1.",
        ".5",
        "1,23",
        "12,34.00",
        ",100",
        "1,,000",
        "1 000",
        "0x10",
        "12abc",
        "123\n456",
        "1000000000",
        "٣٤",
        "१२",
        "10²",
        "①",
        "½",
        "⒈5",
        "𝟙𝟚",
        "一百",
        "1.2.3",
        "¥¥1",
        "1\x00",
        "1\ud800",
    ],
)
def test_d14_what_is_no_amount_is_refused(text):
    with pytest.raises(NotAnAmount):
        money.from_yuan(text)


@given(st.integers(0, money.MAX_FEN))
def test_every_amount_survives_being_printed_and_read(fen):
    assert money.from_yuan(money.yuan(fen)) == fen
    assert money.from_yuan(f"{fen // 100}.{fen % 100:02d}") == fen


@given(st.text(max_size=12))
def test_no_text_makes_the_parser_stumble(text):
    try:
        fen = money.from_yuan(text)
    except NotAnAmount:
        return

    assert 0 <= fen <= money.MAX_FEN


def test_a_debt_is_printed_with_its_sign():
    assert money.yuan(-123_456) == "-1,234.56"
    assert money.yuan(5) == "0.05"


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (5_00, "伍元整"),
        (10_00, "壹拾元整"),
        (325_04, "叁佰贰拾伍元零肆分"),
        (1_409_50, "壹仟肆佰零玖元伍角整"),
        (6_007_14, "陆仟零柒元壹角肆分"),
        (16_409_02, "壹万陆仟肆佰零玖元零贰分"),
        (100_000_00, "壹拾万元整"),
        (200_010_00, "贰拾万零壹拾元整"),
        (10_010_00, "壹万零壹拾元整"),
        (1_0000_0001_00, "壹亿零壹元整"),
        (1_0001_0000_00 // 10, "壹仟万壹仟元整"),
        (999_999_999_99, "玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        (-5, "负伍分"),
    ],
)
def test_a_receipt_spells_the_amount_in_capitals(fen, text):
    assert money.capitals(fen) == text


@given(st.integers(1, money.MAX_FEN))
def test_capitals_never_stutter(fen):
    text = money.capitals(fen)

    assert "零零" not in text
    assert not text.startswith("零")
    assert "零元" not in text
    assert text.endswith(("整", "分"))


@given(st.integers(0, money.MAX_FEN), st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_a_split_sums_to_the_whole_and_is_never_negative(total_fen, weights):
    if sum(weights) == 0:
        with pytest.raises(ValueError, match="weights"):
            money.split(total_fen, weights)
        return

    shares = money.split(total_fen, weights)

    assert sum(shares) == total_fen
    assert min(shares) >= 0
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total_fen * weight) < sum(weights)
        assert weight or not share


@pytest.mark.parametrize(("total_fen", "weights"), [(1, []), (1, [-1, 2]), (-1, [1]), (1, [0])])
def test_a_split_that_has_no_answer_is_refused(total_fen, weights):
    with pytest.raises(ValueError, match="split needs"):
        money.split(total_fen, weights)


def test_ties_go_to_the_earlier_share():
    assert money.split(100, [1, 1, 1]) == (34, 33, 33)
