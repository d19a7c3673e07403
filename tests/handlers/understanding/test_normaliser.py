"""What is typed comes to one clean form."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.understanding.normaliser import fold, normalise, sanitise


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("帳單", "账单"),
        ("我欠多少錢？？", "我欠多少钱"),
        ("  账 单 ！", "账单"),
        ("ＨＥＬＰ", "help"),
        ("３－２－１２０１", "3-2-1201"),
        ("1,234.50元。", "1,234.50元"),
        ("How much do I owe?", "how much do i owe"),
        ("物业废", "物业费"),
        ("账\u200b单\ufeff", "账单"),
        ("[微笑]谢谢[玫瑰]", "谢谢"),
        ("？？？", ""),
        ("", ""),
    ],
)
def test_many_spellings_come_to_one_form(typed, normal):
    assert normalise(typed) == normal


def test_control_bidi_and_lone_surrogates_are_taken_out_of_what_is_kept():
    dirty = "查\x00账\ud800单\u202e\u2066\u200f\ufeff\u00ad ok\x1b\n再见"

    assert sanitise(dirty) == "查账单 ok 再见"


def test_sanitised_text_is_composed():
    assert sanitise("e\u0301") == "\u00e9"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_sanitising_leaves_nothing_that_a_database_or_a_terminal_refuses(text):
    clean = sanitise(text)

    clean.encode("utf-8")
    assert not any(unicodedata.category(mark) in {"Cc", "Cs"} for mark in clean)
    assert unicodedata.is_normalized("NFC", clean)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_folding_leaves_no_upper_case_latin_and_no_line_break(text):
    folded = fold(text)

    assert "\n" not in folded
    assert not any("A" <= mark <= "Z" for mark in folded)
