"""An audience is read from words, and what is shown of it is read as the same again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.staff.audience import label, read_audience, split_audience
from storage.kinds import OccupancyRole
from storage.rules.audiences import Condition

SIXTY_DAYS = Condition(
    ("3",), role=OccupancyRole.OWNER, only_arrears=True, min_fen=50_000, min_days=61
)


@st.composite
def conditions(draw) -> Condition:
    numbers = st.integers(1, 120).map(str) | st.sampled_from(("A", "B", "C2"))
    buildings = tuple(draw(st.lists(numbers, max_size=3, unique=True)))
    entrance = draw(st.sampled_from(("", "1", "2"))) if buildings else ""
    codes = st.sampled_from(("3-2-501", "12-1-1101", "P-12", "A-1203"))
    rooms = () if buildings else tuple(draw(st.lists(codes, max_size=2, unique=True)))
    is_owing = draw(st.booleans())
    return Condition(
        buildings,
        entrance,
        rooms,
        draw(st.none() | st.sampled_from(OccupancyRole)),
        draw(st.none() | st.booleans()),
        draw(st.booleans()),
        is_owing,
        draw(st.integers(0, 10_000_00)) if is_owing else 0,
        draw(st.integers(0, 900)) if is_owing else 0,
    )


@given(conditions())
def test_what_is_shown_of_an_audience_is_read_as_the_same_audience(condition):
    assert read_audience(label(condition)) == condition


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("3栋, 业主, 欠费超过60天, 金额≥500元", "3栋，业主，欠费超过60天，金额≥500元"),
        ("三栋欠费500元以上60天以上住户", "3栋，欠费满60天，金额≥500元"),
        ("全小区没绑定的人家", "全小区，未绑定"),
        ("3栋2单元501、3-2-502", "3-2-501、3-2-502"),
        ("1、3栋租户", "1栋、3栋，租客"),
    ],
)
def test_what_staff_say_is_shown_in_one_way(said, shown):
    condition = read_audience(said)

    assert condition is not None
    assert label(condition) == shown


@pytest.mark.parametrize("said", ["业主", "人", "3天", "500元", "3栋3栋", "请大家注意", "", "，"])
def test_what_is_no_audience_is_not_taken_for_one(said):
    assert read_audience(said) is None


@pytest.mark.parametrize(
    ("said", "to", "text"),
    [
        ("3栋, 业主, 欠费超过60天，金额≥500元 请尽快缴费", SIXTY_DAYS, "请尽快缴费"),
        (
            "3栋，业主，明天停水 请储水",
            Condition(("3",), role=OccupancyRole.OWNER),
            "明天停水 请储水",
        ),
        ("全小区 业主，您好", Condition(), "业主，您好"),
        ("3栋电梯明天检修", Condition(("3",)), "3栋电梯明天检修"),
        ("业主们：明天停水", None, "业主们：明天停水"),
        ("3天后停水", None, "3天后停水"),
    ],
)
def test_an_audience_is_parted_from_the_text_that_follows_it(said, to, text):
    heard, rest = split_audience(said)

    assert (read_audience(heard), rest) == (to, text)
