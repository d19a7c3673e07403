"""The table of faults counts what was gone through, and hides nothing."""

import pytest

from tests.faults import catalogue
from tests.faults.catalogue import NUMBERS, databases_in, numbers_in, table


def test_a_name_and_its_parameters_carry_numbers():
    assert numbers_in("test_a17_a_box_that_does_not_open[sqlite]") == {"a17"}
    assert numbers_in("test_h02_h13_a_plain_body") == {"h02", "h13"}
    assert numbers_in("test_cut_off[postgresql-d05_before]") == {"d05"}
    assert numbers_in("test_a_bill_of_b2b_and_c99[sqlite-o07]") == set()


def test_the_databases_are_those_of_the_parameters():
    assert databases_in("test_a17_x[postgresql-d05]") == ("postgresql",)
    assert databases_in("test_sqlite_is_fine") == ("any",)


def test_all_is_well_only_where_each_number_passed_or_has_its_reason(
    monkeypatch: pytest.MonkeyPatch,
):
    run = [(f"test_{one}_x[sqlite]", True) for one in NUMBERS]

    assert len(NUMBERS) == 230
    assert table(run)[1]
    assert not table([*run[:-1], (run[-1][0], False)])[1]
    monkeypatch.setattr(catalogue, "NOT_YET", {})
    assert not table(run[:-1])[1]
    monkeypatch.setattr(catalogue, "NOT_YET", {NUMBERS[-1]: "a reason"})
    lines, is_well = table(run[:-1])
    assert is_well
    assert lines[-2:] == ["O06  not covered: a reason", "229 of 230 faults gone through"]
