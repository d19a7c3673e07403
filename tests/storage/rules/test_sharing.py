"""A shared cost: the shares sum to it, none is negative, and the proof says how."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.charge_errors import InputMissing, InputRefused, NobodyShares
from storage.kinds import ChargeInput, ShareMethod, ShareScope
from storage.rules.explanations import recompute
from storage.rules.sharing import Sharer, share_cost
from tests.storage.rules import model


def by_household(total_fen: int, keys) -> dict[str, int]:
    proof = share_cost(total_fen, [Sharer(key) for key in keys], method=ShareMethod.BY_HOUSEHOLD)
    return {one.key: one.amount_fen for one in proof.shares}


def test_half_a_yuan_among_a_hundred_rooms_leaves_nobody_below_zero():
    given_fen = by_household(50, [f"{room:03d}" for room in range(100)])

    assert sum(given_fen.values()) == 50
    assert set(given_fen.values()) == {0, 1}
    assert [key for key, fen in given_fen.items() if fen] == [f"{room:03d}" for room in range(50)]


@given(
    total_fen=st.integers(0, 10**9),
    areas_e2=st.dictionaries(
        st.text("0123456789-", min_size=1, max_size=6),
        st.integers(1, 10**6),
        min_size=1,
        max_size=40,
    ),
    order=st.randoms(use_true_random=False),
)
def test_m12_shares_by_area_are_those_of_the_model_in_whatever_order(total_fen, areas_e2, order):
    sharers = [Sharer(key, Decimal(area).scaleb(-2)) for key, area in areas_e2.items()]
    shuffled = list(sharers)
    order.shuffle(shuffled)

    proof = share_cost(total_fen, sharers, method=ShareMethod.BY_AREA)

    assert {one.key: one.amount_fen for one in proof.shares} == model.shares(total_fen, areas_e2)
    assert proof == share_cost(total_fen, shuffled, method=ShareMethod.BY_AREA)


@given(
    total_fen=st.integers(0, 10**8),
    weights=st.lists(
        st.tuples(st.integers(0, 10**4), st.sampled_from([0, 50, 100, 150])),
        min_size=1,
        max_size=30,
    ),
)
def test_m12_a_proof_can_be_added_up_and_every_share_recomputes(total_fen, weights):
    sharers = [
        Sharer(f"{at:02d}", share=Decimal(share), factor_percent=factor)
        for at, (share, factor) in enumerate(weights)
    ]
    assume(any(share * factor for share, factor in weights))

    proof = share_cost(total_fen, sharers, method=ShareMethod.BY_SHARE)

    assert sum(one.amount_fen for one in proof.shares) == total_fen
    assert sum(one.exact_fen for one in proof.shares) == total_fen
    assert sum(one.weight for one in proof.shares) == proof.weight_sum
    assert sorted(one.rank for one in proof.shares) == list(range(1, len(weights) + 1))
    for one in proof.shares:
        assert one.exact_fen == total_fen * one.weight / proof.weight_sum
        assert one.amount_fen >= 0
        assert abs(one.amount_fen - one.exact_fen) < 1
        assert one.weight or not one.amount_fen
        assert recompute(json.loads(json.dumps(proof.explain(one)))) == one.amount_fen


def test_a_share_is_told_in_figures():
    units = [Sharer("1-101", Decimal("89.50")), Sharer("1-201", Decimal("110.50"))]

    proof = share_cost(
        10_001,
        units,
        method=ShareMethod.BY_AREA,
        scope=ShareScope.ENTRANCE,
        scope_label="1栋1单元",
    )

    assert proof.explain(proof.shares[0])["sum"] == "100.01元 × 89.50㎡ / 200.00㎡ = 44.75元"
    assert proof.explain(proof.shares[0])["share"]["scope"] == ["entrance", "1栋1单元"]
    assert [one.amount_fen for one in proof.shares] == [4_475, 5_526]
    assert [one.rank for one in proof.shares] == [2, 1]
    assert proof.spare_fen == 1


def test_a_ground_floor_left_out_bears_nothing_and_a_shop_half_as_much_again():
    units = [
        Sharer("1-101", factor_percent=0),
        Sharer("1-201"),
        Sharer("shop", factor_percent=150),
    ]

    proof = share_cost(1_000, units, method=ShareMethod.BY_HOUSEHOLD)

    assert [one.amount_fen for one in proof.shares] == [0, 400, 600]


def test_who_is_left_out_needs_no_area_and_everyone_else_does():
    units = [Sharer("1-101", factor_percent=0), Sharer("1-201", Decimal(90))]

    assert share_cost(10, units, method=ShareMethod.BY_AREA).shares[1].amount_fen == 10
    with pytest.raises(InputMissing) as missing:
        share_cost(10, [*units, Sharer("1-301")], method=ShareMethod.BY_AREA)
    assert (missing.value.what, missing.value.row) == (ChargeInput.AREA, "1-301")


@pytest.mark.parametrize("area", ["0", "-3", "NaN", "Infinity"])
def test_an_area_that_cannot_be_shared_by_is_refused_by_name(area):
    with pytest.raises(InputRefused) as refused:
        share_cost(10, [Sharer("1-101", Decimal(area))], method=ShareMethod.BY_AREA)

    assert (refused.value.what, refused.value.row) == (ChargeInput.AREA, "1-101")


def test_a_cost_that_nobody_shares_is_refused():
    nobody = [Sharer("1-101", share=Decimal(0)), Sharer("1-102", share=Decimal(0))]

    with pytest.raises(NobodyShares):
        share_cost(10, nobody, method=ShareMethod.BY_SHARE)
    with pytest.raises(NobodyShares):
        share_cost(10, [], method=ShareMethod.BY_HOUSEHOLD)


def test_what_is_no_cost_is_refused():
    with pytest.raises(InputRefused):
        share_cost(-1, [Sharer("1-101")], method=ShareMethod.BY_HOUSEHOLD)
    with pytest.raises(InputRefused):
        share_cost(1, [Sharer("1-101", factor_percent=-1)], method=ShareMethod.BY_HOUSEHOLD)
    with pytest.raises(ValueError, match="once"):
        share_cost(1, [Sharer("1-101"), Sharer("1-101")], method=ShareMethod.BY_HOUSEHOLD)


def test_nothing_to_share_is_nothing_for_each():
    assert by_household(0, "abc") == {"a": 0, "b": 0, "c": 0}


def test_the_exact_share_is_kept():
    proof = share_cost(100, [Sharer(key) for key in "abc"], method=ShareMethod.BY_HOUSEHOLD)

    assert [one.exact_fen for one in proof.shares] == [Fraction(100, 3)] * 3
    assert [one.amount_fen for one in proof.shares] == [34, 33, 33]
