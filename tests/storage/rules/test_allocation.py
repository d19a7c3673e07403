"""In which order money pays bills."""

from hypothesis import given
from hypothesis import strategies as st

from storage.rules.allocation import allocate

FEN = st.integers(0, 10**11)


@given(FEN, st.lists(FEN, max_size=30))
def test_money_fills_bills_in_order_and_none_is_lost(amount_fen, open_fen):
    shares = allocate(amount_fen, open_fen)

    assert len(shares) == len(open_fen)
    assert sum(shares) == min(amount_fen, sum(open_fen))
    assert all(0 <= share <= wanted for share, wanted in zip(shares, open_fen, strict=True))
    # A bill gets something only where all before it are full.
    for at, share in enumerate(shares):
        if share:
            assert shares[:at] == tuple(open_fen[:at])


def test_a_bill_that_is_not_open_gets_nothing():
    assert allocate(100, [0, -5, 60, 60]) == (0, 0, 60, 40)
