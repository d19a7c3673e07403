"""Template fields fit the platform's rules before they leave the house."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.wechat_templates import TemplateMapping, UnfitField, fill, fit


@pytest.mark.parametrize(
    ("key", "value", "fitted"),
    [
        ("thing1", "3栋2单元501", "3栋2单元501"),
        ("thing1", "物业费\n2025年3月", "物业费 2025年3月"),
        ("thing12", "一" * 21, "一" * 19 + "…"),
        ("keyword1", "一" * 20, "一" * 20),
        ("const3", "已缴", "已缴"),
        ("name1", "李**", "李**"),
        ("amount2", "¥1,234.50", "¥1234.50"),
        ("amount2", "580元", "580元"),
        ("character_string1", "P20250331-0007", "P20250331-0007"),
        ("time3", "2025年3月31日 12:00", "2025年3月31日 12:00"),
        ("date3", "2025-03-31", "2025-03-31"),
        ("phone_number1", "138****5678", "138****5678"),
        ("number1", "12", "12"),
        ("phrase1", "退款成功", "退款成功"),
    ],
)
def test_a_value_is_made_to_fit_its_key(key: str, value: str, fitted: str):
    assert fit(key, value) == fitted


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thing1", ""),
        ("thing1", " \n "),
        ("amount2", "五百"),
        ("amount2", "123456789012"),
        ("character_string1", "订单7"),
        ("character_string1", "1" * 33),
        ("time3", "明天"),
        ("number1", "１２"),
        ("phrase1", "一二三四五六"),
        ("name1", "一" * 11),
    ],
)
def test_a_value_that_cutting_would_falsify_is_refused(key: str, value: str):
    with pytest.raises(UnfitField, match=key):
        fit(key, value)


@given(st.text())
def test_a_thing_is_one_line_of_at_most_twenty_characters(value: str):
    try:
        fitted = fit("thing1", value)
    except UnfitField:
        return

    assert 0 < len(fitted) <= 20
    assert len(fitted.splitlines()) == 1
    fitted.encode()


def test_a_missing_field_of_ours_is_named():
    mapping = TemplateMapping("T1", {"thing1": "unit", "amount2": "amount"})

    assert fill(mapping, {"unit": "A", "amount": "1", "more": ""}) == {
        "thing1": {"value": "A"},
        "amount2": {"value": "1"},
    }
    with pytest.raises(UnfitField, match="amount2: the message has no field amount"):
        fill(mapping, {"unit": "A"})
    with pytest.raises(UnfitField, match="our amount"):
        fill(mapping, {"unit": "A", "amount": "x"})
