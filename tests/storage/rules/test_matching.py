"""Bank rows: booked by code and amount alone, else at most suggested, and never out of a tie."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.rules.matching import (
    Arrival,
    Awaited,
    Household,
    Match,
    MatchKind,
    OpenBill,
    Reason,
    directory,
    match,
)
from storage.rules.remark_codes import make

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CODE, OTHER = make(1), make(2)
AWAITED = {
    CODE: Awaited("P1", CODE, 58000, NOW - timedelta(hours=3), is_open=True),
    OTHER: Awaited("P2", OTHER, 12000, NOW - timedelta(days=2), is_open=True),
}


def home(unit_id: int, label: str, resident: str, *fen: int, town: str = "云栖花园") -> Household:
    bills = tuple(OpenBill(f"B{unit_id}{at}", "物业费", one) for at, one in enumerate(fen))
    return Household(unit_id, town, (label,), (resident,), bills)


TOWN = directory(
    [
        home(1, "3栋2单元501", "张三", 29000, 29000),
        home(2, "3栋2单元502", "李四", 31000),
        home(3, "3栋1单元101", "王五", 45000),
        home(4, "3栋11单元01", "赵六", 45000),
        home(5, "5栋1单元301", "张伟", 50000),
        home(6, "6栋1单元301", "张伟", 50000),
        home(7, "7栋1单元301", "张伟", 61000),
        home(8, "3栋2单元501", "钱七", 20000, town="江南里"),
    ]
)


def came(memo: str = "", *, fen: int = 58000, payer: str = "某某", at: datetime = NOW) -> Match:
    return match(Arrival(fen, payer, memo, at), AWAITED, TOWN)


def test_code_and_amount_book_themselves() -> None:
    found = came(f"物业费{CODE[:4]}-{CODE[4:]}".lower())

    assert (found.kind, found.order_nos) == (MatchKind.AUTOMATIC, ("P1",))


@pytest.mark.parametrize("fen", [57999, 58001, 1, 116000, 70000])
def test_c08_a_code_with_another_amount_waits_for_a_person(fen: int) -> None:
    found = came(f"3-2-501 {CODE}", fen=fen)

    assert (found.kind, found.order_nos) == (MatchKind.QUEUED, ("P1",))
    assert Reason.OTHER_AMOUNT in found.reasons


@pytest.mark.parametrize("fen", [58000, 12000, 70000])
def test_c08_two_codes_in_one_memo_wait_for_a_person(fen: int) -> None:
    found = came(f"{CODE} {OTHER}", fen=fen)

    assert (found.kind, found.order_nos) == (MatchKind.QUEUED, ("P1", "P2"))
    assert (Reason.OTHER_AMOUNT in found.reasons) == (fen != 70000)


def test_a_transfer_that_is_closed_or_paid_is_not_booked_by_itself() -> None:
    closed = {CODE: Awaited("P1", CODE, 58000, NOW, is_open=False)}

    found = match(Arrival(58000, "张三", CODE, NOW), closed, TOWN)

    assert (found.kind, found.reasons) == (MatchKind.QUEUED, (Reason.CODE, Reason.NOT_AWAITED))


def test_money_cannot_have_come_for_what_was_opened_a_day_later() -> None:
    assert came(CODE, at=NOW - timedelta(days=1)).kind is MatchKind.QUEUED
    # Statements without a time of day put a row at midnight.
    assert came(CODE, at=NOW - timedelta(hours=11)).kind is MatchKind.AUTOMATIC


def test_c08_a_mistyped_code_is_no_code() -> None:
    wrong = CODE[:3] + ("2" if CODE[3] != "2" else "3") + CODE[4:]

    assert came(wrong).kind is MatchKind.UNMATCHED
    assert came(f"{wrong} 3-2-501", payer="张三").kind is MatchKind.SUGGESTED


def test_a_code_of_no_transfer_of_ours_is_only_letters() -> None:
    assert came(make(99)).kind is MatchKind.UNMATCHED


@pytest.mark.parametrize("memo", ["云栖花园3-2-501 物业费", "云栖花园3栋2单元501张三物业费"])
def test_a_named_unit_is_suggested_with_its_reasons_and_never_booked(memo: str) -> None:
    found = came(memo)

    best = found.candidates[0]
    assert found.kind is MatchKind.SUGGESTED
    assert found.order_nos == ()
    assert best.unit_id == 1
    assert best.bill_nos == ("B10", "B11")
    assert {Reason.UNIT_NAMED, Reason.AMOUNT_IS_ALL, Reason.FEE_ITEM_NAMED} <= set(best.reasons)
    assert 45 < best.score <= 100


def test_a_named_unit_is_suggested_whatever_the_amount() -> None:
    found = came("云栖花园3-2-502", fen=777)

    assert (found.kind, found.candidates[0].unit_id) == (MatchKind.SUGGESTED, 2)
    assert found.candidates[0].bill_nos == ()


def test_the_same_unit_in_two_communities_is_a_tie() -> None:
    found = came("3-2-501 物业费", fen=100)

    assert (found.kind, found.reasons) == (MatchKind.UNMATCHED, (Reason.ALIKE,))
    assert {one.unit_id for one in found.candidates} == {1, 8}


def test_the_amount_may_settle_which_of_two_communities() -> None:
    assert came("3-2-501").candidates[0].unit_id == 1
    assert came("3-2-501", fen=20000).candidates[0].unit_id == 8


def test_a_named_community_rules_the_others_out() -> None:
    assert came("江南里3-2-501", fen=20000).candidates[0].unit_id == 8
    assert [one.unit_id for one in came("云栖花园3-2-501", fen=20000).candidates] == [1]


def test_the_payer_and_the_amount_make_a_suggestion_and_the_payer_alone_none() -> None:
    assert came("", fen=45000, payer="王五").kind is MatchKind.SUGGESTED
    assert came("", fen=45001, payer="王五").kind is MatchKind.UNMATCHED
    assert came("", fen=45000, payer="某某").kind is MatchKind.UNMATCHED


def test_c08_namesakes_are_told_apart_by_the_amount_or_not_at_all() -> None:
    assert came("", fen=50000, payer="张伟").kind is MatchKind.UNMATCHED
    only = came("", fen=61000, payer="张伟")
    assert (only.kind, only.candidates[0].unit_id) == (MatchKind.SUGGESTED, 7)


def test_c09_digits_of_two_rooms_are_never_suggested_as_one() -> None:
    found = came("31101", fen=45000)

    assert (found.kind, found.reasons) == (MatchKind.UNMATCHED, (Reason.ALIKE,))
    assert came("3-1-101", fen=45000).candidates[0].unit_id == 3
    assert came("3-11-01", fen=45000).candidates[0].unit_id == 4


def test_a_neighbour_who_pays_does_not_hide_the_unit_named() -> None:
    found = came("云栖花园3-2-501", fen=58000, payer="李四")

    assert (found.kind, found.candidates[0].unit_id) == (MatchKind.SUGGESTED, 1)


def test_who_pays_his_own_sum_but_names_another_unit_is_left_to_a_person() -> None:
    found = came("3-1-101", fen=31000, payer="李四")

    assert (found.kind, found.reasons) == (MatchKind.UNMATCHED, (Reason.ALIKE,))


def test_the_oldest_bills_and_a_single_one_are_recognised() -> None:
    one = came("云栖花园3-2-501", fen=29000).candidates[0]

    assert (one.bill_nos, Reason.AMOUNT_IS_OLDEST in one.reasons) == (("B10",), True)


memos = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "云栖花园", "江南里", "张伟", "王五"]),
        st.sampled_from(["3-2-501", "31101", "301", "301室", "3栋501", ""]),
        st.sampled_from(["物业费", "", "张三"]),
    ),
)
payers = st.sampled_from(["张三", "张伟", "王五", "某某", ""])
amounts = st.sampled_from([58000, 29000, 50000, 45000, 1])


@given(memos, payers, amounts)
def test_without_a_code_nothing_is_booked_and_a_suggestion_leads(
    memo: str, payer: str, fen: int
) -> None:
    found = came(memo, fen=fen, payer=payer)

    assert found.kind in (MatchKind.SUGGESTED, MatchKind.UNMATCHED)
    if found.kind is MatchKind.SUGGESTED and len(found.candidates) > 1:
        assert found.candidates[0].score >= found.candidates[1].score + 10


@given(memos, payers, st.integers(1, 10**8))
def test_code_and_amount_are_both_needed(memo: str, payer: str, fen: int) -> None:
    found = came(f"{memo} {CODE}", fen=fen, payer=payer)

    assert (found.kind is MatchKind.AUTOMATIC) == (fen == 58000 and found.order_nos == ("P1",))


def splits(digits: str) -> list[str]:
    """Return every room "a-b-c" whose digits in a row are these, and whose parts are numbers."""
    return [
        f"{digits[:one]}-{digits[one:two]}-{digits[two:]}"
        for one in range(1, len(digits) - 1)
        for two in range(one + 1, len(digits))
        if digits[0] != "0" and digits[one] != "0"
    ]


@given(
    st.from_regex("[1-9]{4,6}", fullmatch=True).filter(lambda one: len(splits(one)) > 1),
    st.sampled_from([45000, 100]),
    st.sampled_from(["", "物业费", " 王五"]),
    st.randoms(),
)
def test_c09_digits_that_are_two_rooms_never_book_and_never_suggest_one(
    digits: str, fen: int, words: str, dice: Random
) -> None:
    rooms = dice.sample(splits(digits), 2)
    town = directory(home(at, room, "赵六", 45000) for at, room in enumerate(rooms, 1))

    found = match(Arrival(fen, "某某", f"{digits}{words}", NOW), AWAITED, town)

    assert found.kind is MatchKind.UNMATCHED
    for at, room in enumerate(rooms, 1):
        named = match(Arrival(fen, "某某", room, NOW), AWAITED, town)
        assert named.kind in (MatchKind.SUGGESTED, MatchKind.UNMATCHED)
        assert named.kind is MatchKind.UNMATCHED or named.candidates[0].unit_id == at
