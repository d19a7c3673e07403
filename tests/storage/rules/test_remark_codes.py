"""Remark codes: each its own, found in any memo, refused when mistyped or swapped."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.rules import remark_codes
from storage.rules.remark_codes import ALPHABET, LENGTH, SPACE, find, is_code, make, printed

numbers = st.integers(0, SPACE - 1)
places = st.integers(0, LENGTH - 1)
gaps = st.sampled_from([" ", "-", "  ", " - ", "－", "\u3000", "\t", "·", "_", "\u200b"])
around = st.text("物业费房号张三，。：（） 一二", max_size=8)


@given(numbers)
def test_a_code_is_eight_plain_characters_that_begin_with_a_letter(number: int) -> None:
    code = make(number)

    assert len(code) == LENGTH
    assert code[0].isalpha()
    assert set(code) <= set(ALPHABET)
    assert not set(code) & set("0O1I")
    assert is_code(code)


def test_no_two_numbers_share_a_code() -> None:
    assert math.gcd(remark_codes._STRIDE, SPACE) == 1
    assert len({make(number) for number in range(20_000)}) == 20_000
    assert make(0) != make(SPACE - 1)


@pytest.mark.parametrize("number", [-1, SPACE])
def test_a_number_beyond_the_space_has_no_code(number: int) -> None:
    with pytest.raises(ValueError, match="remark code"):
        make(number)


@given(numbers, around, around)
def test_a_code_is_found_whatever_stands_around_it(number: int, before: str, after: str) -> None:
    code = make(number)

    assert find(before + code + after) == (code,)


@given(
    numbers,
    st.sampled_from([" ", "-", "  ", " - ", "－", "\u3000", "\t", "·", "_", "\u200b"]),
    places,
)
def test_spaces_hyphens_case_and_width_do_not_matter(number: int, gap: str, at: int) -> None:
    code = make(number)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)

    assert find(f"物业费 {code[:at]}{gap}{code[at:]} 谢谢".lower()) == (code,)
    assert find("备注：" + wide) == (code,)
    assert find(gap.join(code)) == (code,)
    assert find(printed(code)) == (code,)


@given(numbers, places, st.sampled_from(ALPHABET + "01OI"))
def test_a_mistyped_character_is_refused(number: int, at: int, typed: str) -> None:
    code = make(number)
    wrong = code[:at] + typed + code[at + 1 :]

    assert find(f"转账 {wrong}") == ((code,) if wrong == code else ())


@given(numbers, places, places)
def test_two_swapped_characters_are_refused(number: int, left: int, right: int) -> None:
    code = make(number)
    swapped = list(code)
    swapped[left], swapped[right] = swapped[right], swapped[left]
    wrong = "".join(swapped)

    assert find(wrong) == ((code,) if wrong == code else ())


@given(numbers, numbers)
def test_two_codes_in_one_memo_are_both_found(one: int, other: int) -> None:
    first, second = make(one), make(other)

    assert set(find(f"{first}和{second}")) == {first, second}
    assert {first, second} <= set(find(f"{first} {second}"))


@given(numbers)
def test_a_room_number_before_a_code_does_not_hide_it(number: int) -> None:
    code = make(number)

    assert code in find(f"3-2-501 {code}")
    assert code in find(f"501{code}")
    assert code in find(f"WY{code}YUE")


@given(st.text(max_size=60))
def test_whatever_is_found_is_a_code(memo: str) -> None:
    assert all(is_code(code) for code in find(memo))


def test_a_date_a_phone_or_an_account_is_no_code() -> None:
    assert find("20260325 13812345678 6222021234567890123") == ()
