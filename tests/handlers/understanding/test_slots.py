"""What was named is read, and only what was named."""

import json
from datetime import date
from pathlib import Path

import pytest

from handlers.understanding.amounts import parse_yuan
from handlers.understanding.normaliser import fold
from handlers.understanding.slots import as_json, read_slots

TODAY = date(2026, 11, 23)


def sheet():
    lines = (Path(__file__).parent / "slots.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def said(text, today=TODAY):
    return as_json(read_slots(fold(text), today)[0])


@pytest.mark.parametrize(("text", "slots"), sheet())
def test_all_that_is_named_is_read_and_nothing_else(text, slots):
    assert said(text) == json.loads(slots)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("上个月", "2026-10", "2026-10"),
        ("上上个月", "2026-09", "2026-09"),
        ("这个月", "2026-11", "2026-11"),
        ("本月", "2026-11", "2026-11"),
        ("下个月", "2026-12", "2026-12"),
        ("今年", "2026-01", "2026-12"),
        ("去年", "2025-01", "2025-12"),
        ("前年", "2024-01", "2024-12"),
        ("去年12月", "2025-12", "2025-12"),
        ("三季度", "2026-07", "2026-09"),
        ("上半年", "2026-01", "2026-06"),
        ("去年下半年", "2025-07", "2025-12"),
        ("近三个月", "2026-09", "2026-11"),
        ("最近半年", "2026-06", "2026-11"),
        ("2026年3月", "2026-03", "2026-03"),
        ("二〇二六年三月", "2026-03", "2026-03"),
        ("2026-03", "2026-03", "2026-03"),
        ("3月", "2026-03", "2026-03"),
        ("12月", "2025-12", "2025-12"),
        ("3月到5月", "2026-03", "2026-05"),
        ("9月和10月", "2026-09", "2026-10"),
        ("last month", "2026-10", "2026-10"),
        ("october", "2026-10", "2026-10"),
    ],
)
def test_a_period_is_read_as_its_first_and_last_month(text, first, last):
    assert said(text) == {"period": {"from": first, "to": last}}


@pytest.mark.parametrize(
    "text", ["3月5号", "2026年3月5日", "2026-03-05", "三个月", "每个月", "半年", "月底"]
)
def test_days_and_durations_are_no_period(text):
    assert "period" not in said(text)


def test_a_month_only_compared_with_is_not_the_month_asked_for():
    assert said("这个月怎么比上个月多")["period"] == {"from": "2026-11", "to": "2026-11"}


def test_the_month_before_january_is_in_the_year_before():
    assert said("上个月", date(2026, 1, 2))["period"] == {"from": "2025-12", "to": "2025-12"}


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("交500块", 50_000),
        ("两百五十块", 25_000),
        ("1,234.50", 123_450),
        ("1万2", 1_200_000),
        ("1.5万", 1_500_000),
        ("一万二千块", 1_200_000),
        ("3块5", 350),
        ("￥0.29", 29),
        ("退我200", 20_000),
        ("５００元", 50_000),
    ],
)
def test_a_sum_is_read_as_whole_fen(text, fen):
    assert said(text)["amount_fen"] == fen


@pytest.mark.parametrize(
    "text", ["一块交了", "3个月", "交3个月", "3-2-1201", "1.234", "12度", "13800000000"]
)
def test_what_is_no_sum_is_not_read_as_one(text):
    assert "amount_fen" not in said(text)


@pytest.mark.parametrize(
    "text", ["1_000", "٣", "1e3", "NaN", "-5", "1.234", "1234567890", "5\n", ""]
)
def test_a_plain_sum_takes_ascii_digits_and_two_places_only(text):
    assert parse_yuan(text) is None


@pytest.mark.parametrize(
    ("text", "fee_item"),
    [
        ("物业费", "property_fee"),
        ("物业管理费", "property_fee"),
        ("水费", "water"),
        ("电费", "electricity"),
        ("煤气费", "gas"),
        ("停车费", "parking"),
        ("车位管理费", "parking"),
        ("暖气费", "heating"),
        ("垃圾清运费", "sanitation"),
        ("电梯费", "elevator"),
        ("装修押金", "deposit"),
        ("维修基金", "repair_fund"),
        ("公摊水电", "shared_utilities"),
        ("滞纳金", "late_fee"),
    ],
)
def test_a_fee_item_is_known_by_its_usual_names(text, fee_item):
    assert said(text) == {"fee_item": fee_item}


@pytest.mark.parametrize(
    "text", ["电梯坏了", "停水", "停电了", "暖气不热", "物业什么时候来", "车位被占了"]
)
def test_a_thing_that_is_broken_or_absent_is_no_fee_item(text):
    assert said(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "绑定 3-2-1201 王芳 13800000000",
        "王芳 绑定 3栋2单元1201 手机 138 0000 0000",
        "13800000000，3号楼2单元1201，我叫王芳",
        "我是３－２－１２０１的业主王芳，电话138-0000-0000",
    ],
)
def test_unit_name_and_phone_are_read_in_any_order(text):
    assert said(text) == {"unit": "3-2-1201", "name": "王芳", "phone": "13800000000"}


def test_a_compound_surname_is_read_whole():
    assert said("我叫欧阳文静")["name"] == "欧阳文静"


@pytest.mark.parametrize("text", ["我是房东", "方便吗", "安全出口", "高兴", "王芳家欠多少"])
def test_words_that_look_like_names_are_not_read_as_names(text):
    assert "name" not in said(text)


def test_a_meter_reading_is_decimal_text():
    assert said("水表读数 0123.50") == {"reading": "123.50", "fee_item": "water"}


@pytest.mark.parametrize(
    ("text", "ordinal"), [("第二个", 2), ("2", 2), ("二", 2), ("选3", 3), ("第十套", 10)]
)
def test_a_choice_from_a_list_is_a_number(text, ordinal):
    assert read_slots(fold(text), TODAY)[0].ordinal == ordinal


@pytest.mark.parametrize("text", ["第三季度", "第2单元", "3-2-1201"])
def test_a_quarter_or_a_place_is_no_choice(text):
    assert read_slots(fold(text), TODAY)[0].ordinal is None


@pytest.mark.parametrize("text", ["全部", "一起交了", "都交了", "一次性交清"])
def test_all_of_them_is_understood(text):
    assert read_slots(fold(text), TODAY)[0].is_all
