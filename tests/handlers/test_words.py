"""The fragments that texts share read as a resident reads them."""

from datetime import UTC, date, datetime

import pytest

from handlers import words
from storage.periods import BillingPeriod


def test_money_is_said_in_yuan_with_two_decimals():
    assert words.money(123_450) == "1,234.50元"
    assert words.money(-5) == "-0.05元"


def test_a_period_a_day_and_a_moment_are_said_as_shanghai_counts_them():
    assert words.period(BillingPeriod(2025, 3)) == "2025年3月"
    assert words.day(date(2025, 3, 31)) == "3月31日"
    assert words.moment(datetime(2025, 3, 31, 16, 5, tzinfo=UTC)) == "4月1日 00:05"
    assert words.clock_time(datetime(2025, 3, 31, 16, 5, tzinfo=UTC)) == "00:05"


@pytest.mark.parametrize(("name", "masked"), [("李秀英", "李**"), ("赵敏", "赵*"), ("李", "李*")])
def test_a_name_is_hidden_but_for_its_first_letter(name, masked):
    assert words.mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"), [("13812345678", "138****5678"), ("8888", "****"), ("", "****")]
)
def test_a_phone_is_hidden_in_the_middle(phone, masked):
    assert words.mask_phone(phone) == masked


def test_empty_parts_leave_no_line():
    assert words.lines("一", "", "二") == "一\n二"


def test_what_was_typed_is_repeated_short_and_on_one_line():
    assert words.shorten("很长\n" + "啊" * 50, 10) == "很长 啊啊啊啊啊啊…"


def test_the_menu_numbers_what_can_be_asked():
    assert words.menu().splitlines()[0] == "1 查账单"
    assert len(words.menu().splitlines()) == len(words.MENU)
