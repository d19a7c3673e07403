"""Returned transfers: found by the bank's word, the opposite amount and the same other side."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from storage.rules.bank_returns import Passage, says_returned, undone_by
from storage.rules.remark_codes import make

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
CODE = make(7)
CAME = Passage("k1", 58000, "张三", "6222021234567890123", f"物业费 {CODE}", NOON)
GONE = Passage(
    "k2", -58000, "张三", "6222021234567890123", "退汇 账号户名不符", NOON + timedelta(1)
)


@pytest.mark.parametrize("memo", ["退汇", "来账退回", "他行退票", "冲正", "转账撤销", "汇款退回"])
def test_the_words_of_a_return_are_known(memo: str) -> None:
    assert says_returned(memo)


@pytest.mark.parametrize("memo", ["物业费", "退款 R2026", "退押金", ""])
def test_other_words_are_no_return(memo: str) -> None:
    assert not says_returned(memo)


def test_c10_a_return_undoes_the_transfer_of_the_same_payer_and_amount() -> None:
    assert undone_by(GONE, [CAME]) == "k1"


def test_a_payout_that_comes_back_undoes_the_payout() -> None:
    payout = replace(CAME, amount_fen=-58000)
    back = replace(GONE, amount_fen=58000)

    assert undone_by(back, [payout]) == "k1"


@pytest.mark.parametrize(
    "other",
    [
        {"amount_fen": -57999},
        {"amount_fen": 58000},
        {"account": "6222021234567890124"},
        {"memo": "转账"},
        {"booked_at": NOON - timedelta(1)},
        {"booked_at": NOON + timedelta(61)},
    ],
)
def test_what_does_not_agree_undoes_nothing(other: dict[str, object]) -> None:
    assert undone_by(replace(GONE, **other), [CAME]) is None  # type: ignore[arg-type]


def test_c10_of_two_alike_neither_is_chosen_unless_the_code_says_which() -> None:
    twin = replace(CAME, row_key="k9", memo="物业费")

    assert undone_by(GONE, [CAME, twin]) is None
    assert undone_by(replace(GONE, memo=f"退汇 {CODE}"), [CAME, twin]) == "k1"


def test_a_masked_account_is_compared_by_what_it_shows() -> None:
    assert undone_by(replace(GONE, account="6222******0123"), [CAME]) == "k1"
    assert undone_by(replace(GONE, account="6222******9999"), [CAME]) is None
    assert undone_by(replace(GONE, account="******"), [CAME]) is None


def test_without_accounts_the_names_must_agree() -> None:
    nameless = replace(GONE, account="", name="")

    assert undone_by(replace(GONE, account=""), [CAME]) == "k1"
    assert undone_by(nameless, [replace(CAME, name="", account="")]) is None
