"""Prepayments pay an item's own bills first, then what is general pays, the oldest bill first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.rules.prepayments import GENERAL, Draw, Owed, draw
from tests.storage.rules import model

PROPERTY, WATER = 1, 2


def test_an_items_own_money_goes_before_general_money():
    owed = [Owed(10, PROPERTY, 100), Owed(11, WATER, 50), Owed(12, PROPERTY, 100)]

    made = draw(owed, {PROPERTY: 130, GENERAL: 60})

    assert made == (
        Draw(10, PROPERTY, 100),
        Draw(11, GENERAL, 50),
        Draw(12, PROPERTY, 30),
        Draw(12, GENERAL, 10),
    )


def test_money_of_one_item_pays_no_other():
    assert draw([Owed(10, WATER, 100)], {PROPERTY: 500}) == ()


def test_a_balance_below_zero_is_refused():
    with pytest.raises(ValueError, match="below zero"):
        draw([], {GENERAL: -1})


@given(
    owed=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 60)), max_size=8),
    balances=st.dictionaries(st.sampled_from([None, 1, 2, 3]), st.integers(0, 120)),
)
@settings(deadline=None)
def test_m02_m03_b18_what_is_drawn_is_the_models_and_nothing_vanishes(owed, balances):
    bills = [Owed(at, item, fen) for at, (item, fen) in enumerate(owed)]

    made = draw(bills, balances)

    paid, left = model.prepaid(
        [(one.bill_id, one.fee_item_id, one.open_fen) for one in bills], balances
    )
    drawn = {one.bill_id: 0 for one in bills}
    kept = dict(balances)
    for one in made:
        drawn[one.bill_id] += one.amount_fen
        kept[one.fee_item_id] -= one.amount_fen
        assert one.amount_fen > 0
    assert drawn == paid
    assert kept == left
    assert min(kept.values(), default=0) >= 0
    assert sum(kept.values()) + sum(drawn.values()) == sum(balances.values())
    assert all(0 <= drawn[one.bill_id] <= one.open_fen for one in bills)
