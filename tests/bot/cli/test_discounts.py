"""Discounts and empty flats are tried on the next bills, entered, listed and ended by command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from storage.kinds import StaffRole
from tests.factories import (
    add_community,
    add_fee_item,
    add_staff,
    add_tariff,
    add_unit,
)

Type = Callable[..., tuple[int, str]]
Ask = Callable[[str], list[tuple]]
BY = ("--by", "139100")
GRANT = ("discount", "grant", "翡翠湾", "低保户优惠", *BY, "--percent", "10")
VACANT = ("tariff", "vacant", "翡翠湾", "3-2-1202", "--percent", "30", *BY)
FROM = ("--from", "2027-01-01")
UNTRIED = "以上只是试算，没有改动；确认无误后加上 --apply。"


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder of books: two flats of 89.50 and 100 ㎡, and a manager."""
    engine = create_engine(sqlite_url.replace("+aiosqlite", ""))
    with engine.begin() as tx:
        community_id = add_community(tx)
        for room in (1201, 1202):
            add_unit(tx, community_id, f"3-2-{room}")
        tx.execute(text("UPDATE units SET floor_area_m2 = 8950 WHERE code = '3-2-1201'"))
        tx.execute(text("UPDATE units SET floor_area_m2 = 10000 WHERE code = '3-2-1202'"))
        add_tariff(tx, community_id, add_fee_item(tx, community_id), 28_000)
        add_staff(tx, community_id, "经理", StaffRole.MANAGER, "100")
    engine.dispose()
    (tmp_path / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), "utf-8")
    return tmp_path


@pytest.fixture
def books(sqlite_url: str) -> Ask:
    """Ask the books a question in SQL."""

    def asked(question: str) -> list[tuple]:
        engine = create_engine(sqlite_url.replace("+aiosqlite", ""))
        with engine.connect() as tx:
            rows = [tuple(row) for row in tx.execute(text(question))]
        engine.dispose()
        return rows

    return asked


def test_a_discount_is_shown_on_the_next_bills_and_only_then_granted(wuyebot: Type, books: Ask):
    looked = wuyebot(*GRANT, *FROM)
    before = books("SELECT COUNT(*) FROM discounts")
    done = wuyebot(*GRANT, *FROM, "--apply")
    twice, refused = wuyebot(*GRANT, *FROM, "--apply")
    wuyebot("bills", "issue", "翡翠湾", "2027-01")

    assert looked[0] == 0
    assert looked[1].splitlines() == [
        "3栋2单元1201 物业费 2027-01：250.60元 → 225.54元",
        "  89.50㎡ × 2.80元 × 1个月 = 250.60元 − 25.06元 = 225.54元",
        "3栋2单元1202 物业费 2027-01：280.00元 → 252.00元",
        "  100.00㎡ × 2.80元 × 1个月 = 280.00元 − 28.00元 = 252.00元",
        UNTRIED,
    ]
    assert before == [(0,)]
    assert done == (0, "已登记，编号 1。结束它：wuyebot discount end 翡翠湾 1\n")
    assert (twice, "低保户优惠" in refused) == (1, True)
    assert books("SELECT amount_fen FROM bills ORDER BY id") == [(22_554,), (25_200,)]
    assert books("SELECT staff_id FROM audit_records WHERE noun = 'discount'") == [(1,)]


def test_a_discount_of_one_flat_is_listed_and_ended(wuyebot: Type, books: Ask):
    one = (*GRANT, *FROM, "--unit", "3-2-1201", "--fee", "物业费", "--uses", "3")
    wuyebot(*one, "--until", "2027-12-31", "--apply")

    listed = wuyebot("discount", "list", "翡翠湾")
    end = ("discount", "end", "翡翠湾", "1", *BY, "--until", "2027-01-31")
    looked = wuyebot(*end)
    untouched = books("SELECT until_on FROM discounts")
    done, again = wuyebot(*end, "--apply"), wuyebot(*end, "--apply")

    assert listed == (
        0,
        "1  低保户优惠（人群）少收10%，3栋2单元1201 物业费，"
        "2027-01-01 起，到 2027-12-31，还可以用3次\n",
    )
    assert looked[1].splitlines()[0] == "3栋2单元1201 物业费 2027-02：225.54元 → 250.60元"
    assert looked[1].splitlines()[-1] == UNTRIED
    assert untouched == [("2028-01-01",)]
    assert (done, again) == (
        (0, "已登记，从 2027-02-01 起没有了。\n"),
        (0, "之前已经结束了。\n"),
    )
    assert books("SELECT until_on FROM discounts") == [("2027-02-01",)]


def test_an_amount_off_is_a_coupon(wuyebot: Type, books: Ask):
    coupon = ("discount", "grant", "翡翠湾", "体验券", *BY, "--reason", "券", "--amount", "300")

    looked = wuyebot(*coupon, *FROM)
    wuyebot(*coupon, *FROM, "--apply")

    assert "3栋2单元1201 物业费 2027-01：250.60元 → 0.00元\n  不用出账" in looked[1]
    assert books("SELECT reason, amount_fen, percent_e2 FROM discounts") == [
        ("coupon", 30_000, None)
    ]


def test_a_year_ahead_changes_no_monthly_bill_and_says_what_it_does(wuyebot: Type):
    year = ("discount", "grant", "翡翠湾", "交一年送一个月", *BY, "--reason", "一年")

    assert "送下一个月" in wuyebot(*year, "--percent", "8.33", *FROM)[1]


def test_an_empty_flat_is_tried_noted_and_listed(wuyebot: Type, books: Ask):
    vacant = (*VACANT, *FROM)

    looked = wuyebot(*vacant)
    before = books("SELECT COUNT(*) FROM vacancies")
    done, again = wuyebot(*vacant, "--apply"), wuyebot(*vacant, "--apply")
    ended = wuyebot(*vacant, "--until", "2027-03-31")
    wuyebot(*vacant, "--until", "2027-03-31", "--apply")
    listed = wuyebot("discount", "list", "翡翠湾")
    wuyebot("bills", "issue", "翡翠湾", "2027-01")

    assert looked[1].splitlines()[0] == "3栋2单元1202 物业费 2027-01：280.00元 → 196.00元"
    assert (looked[1].splitlines()[-1], before) == (UNTRIED, [(0,)])
    assert (done, again) == (
        (0, "已登记，已经出的账单不变。\n"),
        (0, "之前已经登记过了。\n"),
    )
    assert ended[1].splitlines()[0] == "3栋2单元1202 物业费 2027-04：196.00元 → 280.00元"
    assert listed[1] == "空置  3栋2单元1202 少收30%，2027-01-01 起，到 2027-03-31，空置\n"
    assert books("SELECT amount_fen FROM bills ORDER BY unit_id") == [(25_060,), (19_600,)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*GRANT, "--amount", "10"), "--percent 和 --amount 写一个"),
        ((*GRANT[:6],), "--percent 和 --amount 写一个"),
        ((*GRANT, "--reason", "心情"), "--reason 写"),
        ((*GRANT[:-1], "百分之十"), "不是百分数"),
        ((*GRANT[:-1], "101"), "101"),
        ((*GRANT[:6], "--amount", "十元"), "不是金额"),
        ((*GRANT, "--unit", "9-9-999"), "没有房号 9-9-999"),
        ((*GRANT, "--fee", "泳池费"), "没有叫“泳池费”的收费项目；有 物业费。"),
        ((*GRANT, *FROM, "--until", "2026-12-31"), "--until 不能早于 --from"),
        (("discount", "grant", "海棠苑", *GRANT[3:]), "没有叫“海棠苑”的小区"),
        ((*GRANT[:5], "1", *GRANT[6:]), "没有手机号是 1"),
        (("discount", "end", "翡翠湾", "7", *BY), "没有编号是 7 的优惠"),
        (("tariff", "vacant", "翡翠湾", "3-2-1202", "--percent", "130", *BY), "130"),
        (
            (*VACANT, *FROM, "--until", "2026-12-01"),
            "--until 不能早于 --from",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    wuyebot: Type, books: Ask, words, told
):
    for typed_words in (words, (*words, "--apply")):
        status, said = wuyebot(*typed_words)

        assert (status, told in said) == (1, True), said
    assert books("SELECT COUNT(*) FROM discounts UNION SELECT COUNT(*) FROM vacancies") == [(0,)]


def test_what_was_taken_off_is_reported_by_name(wuyebot: Type, books: Ask):
    wuyebot(*GRANT, *FROM, "--apply")
    wuyebot(*VACANT, *FROM, "--apply")
    wuyebot("bills", "issue", "翡翠湾", "2027-01")
    wuyebot("bills", "correct", "B2027-01-000001", "--reason", "重算", *BY)

    status, said = wuyebot("discount", "report", "翡翠湾", "2027-01")

    assert (status, said.splitlines()) == (
        0,
        [
            "低保户优惠  物业费  2 笔  53.06元",
            "空置  物业费  1 笔  84.00元",
            "2027-01 的账单一共优惠 137.06元。",
        ],
    )
    taken = books(
        "SELECT SUM(line.amount_fen) FROM bill_lines line JOIN bills ON bills.id = bill_id"
        " WHERE kind = 'discount' AND voided_at IS NULL"
    )
    assert taken == [(-13_706,)]
    assert wuyebot("discount", "report", "翡翠湾", "2027-02")[1].endswith("0.00元。\n")


def test_nothing_is_said_to_be_nothing(wuyebot: Type):
    assert wuyebot("discount", "list", "翡翠湾") == (0, "没有优惠，也没有登记空置的房屋。\n")
