"""The counter's arithmetic: where money lies, how it goes back, and what a sheet adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.kinds import Account
from storage.paying_kinds import CashMethod
from storage.rules.counter import TAKES, Taken, add_up, is_by_hand, place_of, way_back


@pytest.mark.parametrize(
    ("way", "place"),
    [
        ("cash", Account.CASH),
        ("transfer", Account.BANK),
        ("pos", Account.CLEARING),
        ("cheque", Account.CLEARING),
        ("static_qr", Account.CLEARING),
        ("wechat_pay", Account.CLEARING),
    ],
)
def test_money_lies_where_its_way_brings_it(way: str, place: Account):
    assert place_of(way) is place


def test_what_came_over_the_counter_goes_back_in_cash_and_a_void_as_it_came():
    assert [way_back(one, is_void=False) for one in TAKES] == ["cash"] * len(TAKES)
    assert [way_back(one, is_void=True) for one in TAKES] == list(TAKES)
    assert way_back("wechat_pay", is_void=False) == "wechat_pay"
    assert not is_by_hand("wechat_pay")


@given(st.lists(st.builds(Taken, st.sampled_from(CashMethod), st.integers(-(10**9), 10**9))))
def test_a_sheet_loses_no_cash_and_counts_nothing_twice(vouchers: list[Taken]):
    sums = add_up(vouchers)

    cash = sum(one.amount_fen for one in vouchers if one.method is CashMethod.CASH)
    assert sums.cash_due_fen == cash
    others = (CashMethod.POS, CashMethod.CHEQUE, CashMethod.STATIC_QR)
    came = sum(max(one.amount_fen, 0) for one in vouchers if one.method in others)
    assert sums.other_fen == came
    assert min(sums.cash_in_fen, sums.cash_out_fen) >= 0
