"""What a cell says, form by form."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bot.spreadsheets import fields
from bot.spreadsheets.cells import column_letter, number_of
from bot.spreadsheets.fields import Unreadable
from bot.spreadsheets.places import place, place_of_label
from storage.periods import BillingPeriod

MARCH = BillingPeriod(2026, 3)


@pytest.mark.parametrize(
    ("value", "fen"),
    [
        ("1,000.00", 100_000), ("１００", 10_000), ("¥100", 10_000), ("100元", 10_000),
        ("￥1，234.5", 123_450), (" 250.60 ", 25_060), ("0.01", 1), (Decimal("0.29"), 29),
        (Decimal("1E+3"), 100_000), (Decimal(250), 25_000), (Decimal("65624.29"), 6_562_429),
        (number_of(0.1 + 0.2), 30), (number_of(89.5 * 2.8), 25_060),
    ],
)  # fmt: skip
def test_amounts_that_are_taken(value: Any, fen: int):
    assert fields.amount_fen(value) == fen


@pytest.mark.parametrize(
    "value",
    [
        "1e3", "-0", "-5", "1.005", "", "NaN", "nan", "inf", "一百", "1,00", "1_000", "٣", "100%",
        "1 000", "0", "0.00", "9999999999", "=1+1", True, date(2026, 1, 1), Decimal("1.005"),
        Decimal(-1), Decimal(0), Decimal("1E+12"), Decimal("0.001"),
    ],
)  # fmt: skip
def test_amounts_that_are_refused(value: Any):
    with pytest.raises(Unreadable):
        fields.amount_fen(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03", "2026年3月", "2026年03月份", "2026/3/1", "2026.03", "202603", "２０２６－０３",
        " 2026-3 ", date(2026, 3, 9), Decimal(46_082), Decimal(202_603), "2026-03-01 00:00:00",
    ],
)  # fmt: skip
def test_months_that_are_taken(value: Any):
    assert fields.period(value) == MARCH


@pytest.mark.parametrize(
    "value", ["2026-13", "三月", "2026", "26-03", "2026-3-32", True, Decimal(3)]
)
def test_months_that_are_refused(value: Any):
    with pytest.raises(Unreadable):
        fields.period(value)


@pytest.mark.parametrize(
    "value", ["2025-10至2026-03", "2025年10月~2026年3月", "2025.10-2026.03", "2025-10～2026-03"]
)
def test_a_lump_of_months_is_taken_whole(value: str):
    assert fields.periods(value) == (BillingPeriod(2025, 10), MARCH)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-25", "2026/3/25", "2026年3月25日", "2026.3.25", "20260325", date(2026, 3, 25),
        Decimal(46_106), "２０２６年３月２５日",
    ],
)  # fmt: skip
def test_days_that_are_taken(value: Any):
    assert fields.day(value) == date(2026, 3, 25)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "25日", "3/25", "", True, Decimal(25), Decimal("1e9")]
)
def test_days_that_are_refused(value: Any):
    with pytest.raises(Unreadable):
        fields.day(value)


@pytest.mark.parametrize(
    ("value", "phone"),
    [
        ("13800001234", "13800001234"), ("１３８００００１２３４", "13800001234"),
        ("138-0000-1234", "13800001234"), ("+86 138 0000 1234", "13800001234"),
        (Decimal(13800001234), "13800001234"), ("0571-88001234", "057188001234"),
        ("88001234", "88001234"),
    ],
)  # fmt: skip
def test_phones_are_digits(value: Any, phone: str):
    assert fields.phone(value) == phone


@pytest.mark.parametrize("value", ["1380000123", "138000012345", "无", "12345", "138****1234"])
def test_phones_that_cannot_be_are_refused(value: str):
    with pytest.raises(Unreadable) as refused:
        fields.phone(value)
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("parse", "value", "found"),
    [
        (fields.area_m2, "89.50㎡", Decimal("89.50")),
        (fields.area_m2, Decimal("89.5"), Decimal("89.5")),
        (fields.area_m2, "１２０平方米", Decimal(120)),
        (fields.price_e4, "2.80元/㎡", 28_000),
        (fields.price_e4, Decimal("2.8505"), 28_505),
        (fields.name, " 张　三 ", "张三"),
        (fields.name, "John Smith", "John Smith"),
    ],
)
def test_other_forms_that_are_taken(parse: Callable[[Any], Any], value: Any, found: Any):
    assert parse(value) == found


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (fields.area_m2, "89.505"), (fields.area_m2, "0"), (fields.area_m2, "大"),
        (fields.area_m2, Decimal(-1)), (fields.price_e4, "2.80505"), (fields.price_e4, "贵"),
        (fields.name, "12345"), (fields.name, Decimal(5)), (fields.name, "长" * 41),
    ],
)  # fmt: skip
def test_other_forms_that_are_refused(parse: Callable[[Any], Any], value: Any):
    with pytest.raises(Unreadable):
        parse(value)


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("3栋2单元1201", "3-2-1201"), ("3-2-1201", "3-2-1201"),
        ("３栋２单元１２０１室", "3-2-1201"),
        ("3号楼2单元1201室", "3-2-1201"), ("三栋二单元1201", "3-2-1201"), ("A座1201", "A-1201"),
        ("S-12", "S12"), ("商铺8号", "商铺8"), ("车位B1-023", "B1-023"),
    ],
)  # fmt: skip
def test_units_have_one_normal_form(label: str, code: str):
    found = place(label)

    assert found.code == code
    assert place_of_label(found.label).code == code


@pytest.mark.parametrize("label", ["1201", "2单元1201", "备用3-2-1201张三", "", "门卫室"])
def test_labels_that_name_no_one_unit_are_refused(label: str):
    with pytest.raises(Unreadable):
        place(label)


def test_columns_have_letters_as_in_excel():
    assert [column_letter(index) for index in (0, 25, 26, 701, 702, 16_383)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
        "XFD",
    ]
