"""Units named in free text: every usual writing, never one unit for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.rules.unit_names import Naming, index

LABELS = {
    1: "3栋2单元501",
    2: "3栋2单元502",
    3: "3栋1单元101",
    4: "3栋11单元01",
    5: "S12",
    6: "B1-023",
    7: "车位12",
    8: "13栋2单元501",
    9: "A座1201",
    10: "12栋3单元1201",
}
NAMES = index(LABELS.items())


@pytest.mark.parametrize(
    "memo",
    [
        "3-2-501 物业费",
        "云栖花园3栋2单元501张三物业费",
        "三栋二单元五零一",
        "三栋二单元五百零一室",
        "3 2 501",
        "3.2.501",
        "3/2/501",
        "3#2-501",
        "３－２－５０１",
        "03-02-0501",
        "3栋 2单元 5楼501室",
        "3号楼2门501李四",
        "2026-03-25 3-2-501 3月物业费580.00元",
        "3-2-501-2月",
        "云栖花园二期3栋2单元501",
    ],
)
def test_a_unit_is_recognised_in_every_usual_writing(memo: str) -> None:
    assert NAMES.named_in(memo) == {1: Naming.WHOLE}


@pytest.mark.parametrize(
    ("memo", "unit_id"),
    [
        ("13-2-501", 8),
        ("3-1-101", 3),
        ("3-11-01", 4),
        ("商铺S12 租金", 5),
        ("b1-23车位", 6),
        ("车位12", 7),
        ("a座1201 物业费", 9),
        ("A-1201", 9),
        ("12栋三单元十二楼01", 10),
    ],
)
def test_every_kind_of_place_is_recognised(memo: str, unit_id: int) -> None:
    assert NAMES.named_in(memo) == {unit_id: Naming.WHOLE}


@pytest.mark.parametrize(
    "memo",
    ["", "物业费", "车位123", "张三 1-2-3", "580.00", "2026年3月物业费", "13812345678", "3-2"],
)
def test_what_names_no_unit_names_none(memo: str) -> None:
    assert NAMES.named_in(memo) == {}


def test_numbers_that_words_part_are_no_place() -> None:
    assert NAMES.named_in("3张发票2人501") == {}
    assert NAMES.named_in("3 2 501") == {1: Naming.WHOLE}


def test_two_units_in_one_text_are_both_told() -> None:
    assert set(NAMES.named_in("3-2-501和3-2-502")) == {1, 2}


def test_c09_digits_that_two_units_share_name_both() -> None:
    assert NAMES.named_in("31101") == {3: Naming.DIGITS, 4: Naming.DIGITS}


def test_a_part_of_the_name_is_told_as_a_part() -> None:
    assert NAMES.named_in("3栋501") == {1: Naming.PART}
    assert NAMES.named_in("2单元501") == {1: Naming.PART, 8: Naming.PART}
    assert NAMES.named_in("502室") == {2: Naming.PART}
    assert NAMES.named_in("502") == {}


places = st.tuples(st.integers(1, 20), st.integers(1, 12), st.integers(1, 3300))


@given(st.sets(places, min_size=1, max_size=30), st.data())
def test_c09_a_whole_name_finds_its_own_unit_and_no_other(
    town: set[tuple[int, int, int]], data: st.DataObject
) -> None:
    units = sorted(town)
    names = index((at, f"{b}栋{e}单元{r:02d}") for at, (b, e, r) in enumerate(units))
    at = data.draw(st.integers(0, len(units) - 1))
    b, e, r = units[at]

    for memo in (f"{b}-{e}-{r:02d}", f"{b}栋{e}单元{r:02d}室 物业费", f"张三{b}号楼{e}门{r:02d}"):
        assert names.named_in(memo) == {at: Naming.WHOLE}


@given(st.text(max_size=80))
def test_no_text_breaks_the_search(memo: str) -> None:
    assert set(NAMES.named_in(memo)) <= set(LABELS)
