"""Every planted bug still has its place in the code, and the tests see those that are tried."""

import ast
import os
from pathlib import Path

import pytest

from tests.planted.__main__ import NEEDED, attempt, copy_tree, run_tests
from tests.planted.bugs import Bug, DoesNotApply, bugs

ROOT = Path(__file__).parents[2]
ALL = bugs()
QUICK = [bug for bug in ALL if bug.first.startswith("tests/storage/rules/")]


def test_there_are_thirty_bugs_and_nearly_all_have_to_be_caught():
    assert len(ALL) == 30
    assert NEEDED == 28
    assert len({bug.caption for bug in ALL}) == 30


@pytest.mark.parametrize("bug", ALL, ids=lambda bug: bug.name)
def test_a_bug_still_has_its_place_and_is_python(bug: Bug):
    source = (ROOT / bug.path).read_text(encoding="utf-8")
    planted = bug.apply(source)

    assert planted != source
    ast.parse(planted)
    assert bug.caption.endswith(".")
    assert (ROOT / bug.first).exists()


def test_a_patch_whose_place_is_gone_does_not_apply():
    with pytest.raises(DoesNotApply, match="0 places"):
        ALL[0].apply("nothing\n")


@pytest.mark.timeout(300)
def test_two_of_the_bugs_are_caught_and_the_tree_without_them_is_well(tmp_path: Path):
    tree = copy_tree(tmp_path / "tree")

    outcomes = [attempt(bug, tree) for bug in QUICK]

    assert [one.bug.name for one in outcomes if not one.is_caught] == []
    assert len(outcomes) == 2
    assert run_tests(tree, *(bug.first for bug in QUICK))[0] == os.EX_OK
