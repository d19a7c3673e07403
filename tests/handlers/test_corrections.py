"""What counts as a correction, and what a correction puts in whose place."""

import pytest

from handlers.corrections import flat_in, meant, put_right
from tests.handlers import situations as on


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("不对，是3单元", "3单元"),
        ("不对,是1202", "1202"),
        ("哦不对，应该是10月", "10月"),
        ("我说错了，是100元", "100元"),
        ("刚才写错了，改成3-2-1202", "3-2-1202"),
        ("不是，是水费", "水费"),
        ("不对，是3栋2单元1201。", "3栋2单元1201"),
    ],
)
def test_a_correction_that_names_one_thing_is_that_thing(said, instead):
    assert meant(said) == instead


@pytest.mark.parametrize(
    "said",
    [
        *("不对", "不对，是你们算错了", "不是我交的", "不对，是不是算错了", "是3单元", "账单不对"),
        *("不对，是" + "1" * 3000, "不对，" * 1000, "不对，我要退款", "不是，我要交500元"),
    ],
)
def test_other_words_are_taken_as_they_were_said(said):
    assert meant(said) == ""


@pytest.mark.parametrize(
    ("said", "flat"),
    [("那1202呢", "1202"), ("1202", "1202"), ("3-2-1202呢？", "3-2-1202"), ("那上个月呢", "")],
)
def test_a_flat_alone_is_a_flat_and_a_month_is_none(said, flat):
    assert flat_in(said) == flat


@pytest.mark.parametrize(
    ("unit", "said", "right"),
    [
        ("3-1-1201", "2单元", "3-2-1201"),
        ("3-1-1201", "5栋", "5-1-1201"),
        ("3-1-1201", "5号楼", "5-1-1201"),
        ("3-1201", "2单元", ""),
        ("", "2单元", ""),
        ("3-1-1201", "李秀英", ""),
    ],
)
def test_only_the_part_that_was_named_is_put_right(unit, said, right):
    assert put_right(unit, said) == right


async def test_what_staff_dictate_is_taken_letter_for_letter(db, talk):
    await db.write(on.owing)
    chen = talk("o-chen")

    said = await chen.say("群发 全小区", "不对，是3单元")

    assert "不对，是3单元" in said
