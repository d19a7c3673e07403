"""A flat is the same flat however it is written."""

import pytest

from handlers.understanding.units import parse_unit_label


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("3栋2单元1201", "3-2-1201"),
        ("3-2-1201", "3-2-1201"),
        ("３－２－１２０１", "3-2-1201"),
        ("三号楼二单元1201室", "3-2-1201"),
        ("三号楼二单元一二〇一", "3-2-1201"),
        ("三栋二单元一千二百零一", "3-2-1201"),
        ("3#2-1201", "3-2-1201"),
        ("3幢2单元12楼01", "3-2-1201"),
        ("03栋02单元0301", "3-2-0301"),
        ("3 2 1201", "3-2-1201"),
        ("我住在3号楼2单元501，谢谢", "3-2-501"),
        ("3栋1201", "3-1201"),
        ("A座1201", "A-1201"),
        ("3-1201", "3-1201"),
        ("1201室", "1201"),
        ("2单元1201", "2单元1201"),
        ("1202欠多少物业费", "1202"),
        ("我家1201还有没交的吗", "1201"),
        ("1201的水费不对", "1201"),
        ("商铺S12", "S12"),
        ("s12", "S12"),
        ("车位B1-023", "B1-023"),
        ("b1-023", "B1-023"),
    ],
)
def test_a_unit_is_read_in_every_writing(said, label):
    assert parse_unit_label(said) == label


@pytest.mark.parametrize(
    "said",
    [
        "",
        "2026-03",
        "2026-03-05",
        "138-0000-0000",
        "500-1000元",
        "你好3栋楼下",
        "12:30",
        "3个月",
        "3.5",
        *("500的收据", "2026的账单", "退320", "1134的读数", "水表1103", "存1001"),
    ],
)
def test_dates_phones_and_sums_are_no_unit(said):
    assert parse_unit_label(said) is None


def test_a_correction_is_kept_as_it_was_said():
    assert parse_unit_label("不对，是3单元") == "3单元"
