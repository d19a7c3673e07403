"""Keys of bank rows: the same row has the same, and what differs in anything has another."""

from dataclasses import replace
from datetime import date

import pytest

from storage.rules.bank_rows import RowFacts, is_serial, row_keys

ROW = RowFacts(date(2026, 11, 22), "09:15:00", 58000, 158000, "张三", "6222", "物业费")
NUMBERED = replace(ROW, serial="33001")


def key(row: RowFacts, account_no: str = "1202") -> str:
    (found,) = row_keys(account_no, [row])
    return found


@pytest.mark.parametrize(
    "other",
    [
        {"day": date(2026, 11, 23)},
        {"time": ""},
        {"amount_fen": -58000},
        {"balance_fen": 158001},
        {"balance_fen": None},
        {"name": "张三6"},
        {"account": "222"},
        {"memo": ""},
        {"serial": "33001"},
    ],
)
def test_without_a_serial_all_that_is_told_makes_the_key(other: dict[str, object]) -> None:
    assert key(replace(ROW, **other)) != key(ROW)  # type: ignore[arg-type]
    assert key(replace(ROW)) == key(ROW)


def test_with_a_serial_the_words_do_not_matter() -> None:
    retold = replace(NUMBERED, time="", balance_fen=None, name="", account="", memo="转账")

    assert key(retold) == key(NUMBERED)


@pytest.mark.parametrize(
    "other", [{"serial": "33002"}, {"amount_fen": 1}, {"day": date(2026, 11, 21)}]
)
def test_with_a_serial_it_and_the_day_and_the_amount_make_the_key(
    other: dict[str, object],
) -> None:
    assert key(replace(NUMBERED, **other)) != key(NUMBERED)  # type: ignore[arg-type]


def test_another_account_has_other_keys() -> None:
    assert key(ROW, "1203") != key(ROW)
    assert key(NUMBERED, "1203") != key(NUMBERED)


def test_rows_alike_are_counted_in_their_order() -> None:
    twins = row_keys("1202", [ROW, NUMBERED, ROW])

    assert len(set(twins)) == 3
    assert (twins[0], twins[2]) == (key(ROW), key(ROW)[:-1] + "2")


@pytest.mark.parametrize("serial", ["", "0", "0000000000", "----", "--0--"])
def test_zeros_and_dashes_are_no_serial(serial: str) -> None:
    assert not is_serial(serial)
    assert key(replace(ROW, serial=serial)) == key(ROW)


def test_a_key_fits_its_column() -> None:
    assert len(key(ROW)) < 64
