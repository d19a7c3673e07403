"""A late fee is what its days make it, however often one asks, and never more than its cap."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.charge_errors import InputRefused
from storage.kinds import LateFeeMode, LateFeeStart
from storage.rules.explanations import recompute
from storage.rules.late_fees import Freeze, LateFeePolicy, PrincipalChange, late_fee
from tests.storage.rules import model

ISSUED, DUE = date(2026, 6, 1), date(2026, 6, 25)
CHARGED = LateFeePolicy(date(2020, 1, 1), LateFeeMode.CHARGED, 500, name="2020-01-01")
OWED = [PrincipalChange(ISSUED, 25_060)]


def owed_fen(changes=OWED, *, as_of: date, policies=(CHARGED,), **more) -> int:
    return late_fee(changes, due_on=DUE, as_of=as_of, policies=policies, **more).owed_fen


def after_due(days: int) -> date:
    return DUE + timedelta(days=days)


def policy(**more) -> LateFeePolicy:
    known: dict[str, Any] = {
        "effective_on": date(2020, 1, 1),
        "mode": LateFeeMode.CHARGED,
        "rate_ppm": 500,
    }
    return LateFeePolicy(**(known | more))


def test_each_day_late_bears_five_ten_thousandths_of_the_principal():
    made = late_fee(OWED, due_on=DUE, as_of=after_due(12), policies=[CHARGED])

    assert made.owed_fen == made.charged_fen == made.calculated_fen == 150
    assert made.explanation["sum"] == "250.60元 × 0.05% × 12天 = 1.50元"
    assert made.late_days == 12


def test_f10_who_pays_on_the_due_day_owes_none_and_who_pays_the_next_day_owes_one_day():
    def paid_on(day: date) -> int:
        return owed_fen([*OWED, PrincipalChange(day, -25_060)], as_of=after_due(400))

    assert [paid_on(day) for day in (ISSUED, DUE, after_due(1), after_due(2))] == [0, 0, 13, 25]


def test_what_was_charged_before_the_success_time_was_known_is_gone_with_it():
    assert owed_fen(as_of=after_due(5)) == 63
    assert owed_fen([*OWED, PrincipalChange(DUE, -25_060)], as_of=after_due(5)) == 0


def test_part_payments_leave_a_fee_on_what_is_still_open():
    changes = [*OWED, PrincipalChange(after_due(10), -20_060)]

    made = late_fee(changes, due_on=DUE, as_of=after_due(30), policies=[CHARGED])

    assert made.explanation["sum"] == ("250.60元 × 0.05% × 10天 + 50.00元 × 0.05% × 20天 = 1.75元")


def test_a_fee_stays_after_the_principal_was_paid_late():
    changes = [*OWED, PrincipalChange(after_due(12), -25_060)]

    assert owed_fen(changes, as_of=after_due(12)) == owed_fen(changes, as_of=after_due(900)) == 150


def test_a_refund_opens_the_principal_again():
    paid = [*OWED, PrincipalChange(DUE, -25_060)]
    refunded = [*paid, PrincipalChange(after_due(10), 25_060)]

    assert owed_fen(refunded, as_of=after_due(14)) == 50


@pytest.mark.parametrize(
    ("start", "days", "fen"),
    [
        (LateFeeStart.AFTER_GRACE, 15, 0),
        (LateFeeStart.AFTER_GRACE, 16, 13),
        (LateFeeStart.AFTER_DUE, 15, 0),
        (LateFeeStart.AFTER_DUE, 16, 200),
    ],
)
def test_after_the_grace_the_fee_counts_from_there_or_from_the_due_day(start, days, fen):
    policies = [policy(grace_days=15, start=start)]

    assert owed_fen(as_of=after_due(days), policies=policies) == fen


def test_who_pays_within_the_grace_owes_none_wherever_the_fee_counts_from():
    changes = [*OWED, PrincipalChange(after_due(15), -25_060)]
    policies = [policy(grace_days=15, start=LateFeeStart.AFTER_DUE)]

    assert owed_fen(changes, as_of=after_due(40), policies=policies) == 0


def test_what_was_paid_within_the_grace_bears_nothing_for_its_days():
    changes = [*OWED, PrincipalChange(after_due(5), -25_000)]
    policies = [policy(grace_days=15, start=LateFeeStart.AFTER_DUE, rate_ppm=100_000)]

    assert owed_fen(changes, as_of=after_due(16), policies=policies) == 16 * 6


def test_the_cap_is_a_part_of_the_principal_and_is_never_rounded_over():
    capped = [policy(cap_percent=Decimal(5))]

    made = late_fee(
        [PrincipalChange(ISSUED, 25_059)], due_on=DUE, as_of=after_due(3_000), policies=capped
    )

    assert made.owed_fen == 1_252
    assert made.explanation["cap"] == ["250.59", "5"]
    assert made.explanation["sum"].endswith("→ 12.52元")


def test_a_disputed_amount_bears_nothing_while_it_is_disputed():
    disputed = Freeze(after_due(3), after_due(8))

    assert owed_fen(as_of=after_due(12), freezes=[disputed]) == 88
    assert owed_fen(as_of=after_due(12), freezes=[Freeze(after_due(3))]) == 25
    part = Freeze(after_due(3), after_due(8), 20_060)
    assert owed_fen(as_of=after_due(12), freezes=[part]) == 100


def test_a_policy_counts_from_its_day_and_the_terms_are_those_of_the_first_late_day():
    policies = [
        policy(grace_days=2),
        policy(effective_on=after_due(11), rate_ppm=300, grace_days=30),
    ]

    made = late_fee(OWED, due_on=DUE, as_of=after_due(20), policies=policies)

    assert made.explanation["sum"] == ("250.60元 × 0.05% × 8天 + 250.60元 × 0.03% × 10天 = 1.75元")


def test_a_fee_that_is_off_or_only_calculated_is_owed_by_nobody():
    off, calculated = policy(mode=LateFeeMode.OFF), policy(mode=LateFeeMode.CALCULATED)

    assert late_fee(OWED, due_on=DUE, as_of=after_due(12), policies=[off]).calculated_fen == 0
    made = late_fee(OWED, due_on=DUE, as_of=after_due(12), policies=[calculated])
    assert (made.calculated_fen, made.charged_fen, made.owed_fen) == (150, 0, 0)
    assert made.explanation["sum"] == "250.60元 × 0.05% × 12天 = 1.50元"


def test_only_the_days_since_a_fee_is_charged_are_charged():
    policies = [policy(mode=LateFeeMode.CALCULATED), policy(effective_on=after_due(11))]

    made = late_fee(OWED, due_on=DUE, as_of=after_due(12), policies=policies)

    assert (made.calculated_fen, made.charged_fen) == (150, 25)


def test_a_waiver_takes_its_sum_off_and_no_more():
    assert owed_fen(as_of=after_due(12), waived_fen=100) == 50
    assert owed_fen(as_of=after_due(12), waived_fen=1_000) == 0


def test_without_a_policy_or_before_it_nothing_is_late():
    assert owed_fen(as_of=after_due(12), policies=()) == 0
    assert owed_fen(as_of=after_due(12), policies=[policy(effective_on=after_due(11))]) == 25
    assert owed_fen(as_of=DUE) == 0
    assert late_fee([], due_on=DUE, as_of=DUE, policies=()).explanation["sum"] == "0.00元"


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_ppm": -1},
        {"rate_ppm": 1_000_001},
        {"grace_days": -1},
        {"cap_percent": Decimal("NaN")},
        {"cap_percent": Decimal(-1)},
    ],
)
def test_terms_that_no_contract_has_are_refused(wrong):
    with pytest.raises(InputRefused):
        policy(**wrong)


offsets = st.integers(-40, 120)
histories = st.lists(st.tuples(offsets, st.integers(-60_000, 60_000)), max_size=6)


@st.composite
def late_bills(draw):
    """Draw a bill's history, policies and freezes around its due day."""
    history = [(ISSUED, draw(st.integers(1, 100_000)))]
    history += [(after_due(on), fen) for on, fen in draw(histories)]
    policies = [
        LateFeePolicy(after_due(on), mode, ppm, grace, None if cap is None else Decimal(cap))
        for on, (mode, ppm, grace, cap) in draw(
            st.dictionaries(
                offsets,
                st.tuples(
                    st.sampled_from(LateFeeMode),
                    st.integers(0, 5_000),
                    st.integers(0, 20),
                    st.one_of(st.none(), st.integers(0, 30)),
                ),
                max_size=4,
            )
        ).items()
    ]
    freezes = [
        Freeze(after_due(on), None if length is None else after_due(on + length), fen)
        for on, length, fen in draw(
            st.lists(
                st.tuples(
                    offsets,
                    st.one_of(st.none(), st.integers(1, 60)),
                    st.one_of(st.none(), st.integers(0, 60_000)),
                ),
                max_size=3,
            )
        )
    ]
    return history, policies, freezes


def frozen_on(freezes):
    def find(day):
        total = 0
        for one in freezes:
            if one.begins_on <= day and (one.ends_on is None or day < one.ends_on):
                if one.amount_fen is None:
                    return None
                total += one.amount_fen
        return total

    return find


def in_force(policies, day):
    found = None
    for one in sorted(policies, key=lambda one: one.effective_on):
        if one.effective_on <= day:
            found = one
    return found


@given(bill=late_bills(), days=st.integers(0, 150), order=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_m13_a_late_fee_is_what_walking_its_days_adds_up_to(bill, days, order):
    history, policies, freezes = bill
    terms = in_force(policies, after_due(1)) or min(
        policies, key=lambda one: one.effective_on, default=LateFeePolicy(DUE)
    )
    cap = None if terms.cap_percent is None else int(terms.cap_percent)

    def terms_on(day):
        found = in_force(policies, day)
        return None if found is None else (found.rate_ppm, str(found.mode))

    expected = model.late_fee(
        history, DUE, after_due(days), terms_on, terms.grace_days, cap, frozen_on(freezes)
    )
    changes = [PrincipalChange(on, fen) for on, fen in history]
    shuffled = list(changes)
    order.shuffle(shuffled)

    made = late_fee(changes, due_on=DUE, as_of=after_due(days), policies=policies, freezes=freezes)

    assert (made.calculated_fen, made.charged_fen) == expected
    again = late_fee(
        shuffled, due_on=DUE, as_of=after_due(days), policies=policies[::-1], freezes=freezes[::-1]
    )
    assert again == made
    told = made.charged_fen or made.calculated_fen
    if made.charged_fen or not made.calculated_fen:
        assert recompute(json.loads(json.dumps(made.explanation))) == told
    if cap is not None:
        assert made.calculated_fen * 100 <= made.principal_fen * cap


@given(bill=late_bills(), days=st.integers(0, 150))
@settings(max_examples=50, deadline=None)
def test_m13_another_day_never_makes_a_late_fee_less(bill, days):
    history, policies, freezes = bill
    changes = [PrincipalChange(on, fen) for on, fen in history]

    one, two = (
        late_fee(changes, due_on=DUE, as_of=after_due(n), policies=policies, freezes=freezes)
        for n in (days, days + 1)
    )

    assert one.charged_fen <= two.charged_fen


@given(principal_fen=st.integers(1, 10**9), early=st.integers(0, 24), days=st.integers(0, 400))
def test_m13_who_paid_on_time_owes_none_ever(principal_fen, early, days):
    changes = [
        PrincipalChange(ISSUED, principal_fen),
        PrincipalChange(DUE - timedelta(days=early), -principal_fen),
    ]

    made = late_fee(changes, due_on=DUE, as_of=after_due(days), policies=[CHARGED])

    assert made.owed_fen == made.calculated_fen == 0
