"""What cashiers and managers say at the counter: money in, undone, handed in, waived, paid out."""

from datetime import date

import pytest
from sqlalchemy import select, update

from handlers.staff.cash_words import read_cash
from storage.audit import CLOCK
from storage.errors import NotAnAmount
from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.models.bills import bills
from storage.models.offline import vouchers
from storage.models.payments import payments
from storage.operations.bill_waivers import WaiverAsk, ask_waiver
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.operations.write_offs import WriteOffAsk, ask_write_off
from storage.paying_kinds import WaiverKind
from storage.queries.proofs import prove
from tests import factories, town
from tests.factories import NOW
from tests.handlers.staff.test_staff_talks import compare

MONTH = 25_060
TODAY = date(2026, 11, 23)


@pytest.fixture
async def place(db):
    return await db.write(town.build, rounding_limit_fen=100, takes_parts=0)


async def open_fen(db, place) -> list[int]:
    wanted = (
        select(bills.c.amount_fen - bills.c.paid_fen)
        .where(bills.c.unit_id == place.unit_ids["3-1-101"])
        .order_by(bills.c.period)
    )
    found: list[int] = await db.read(lambda tx: list(tx.execute(wanted).scalars()))
    return found


async def rows(db, table):
    return await db.read(lambda tx: list(tx.execute(select(table).order_by(table.c.id))))


async def test_cash_is_looked_at_before_it_is_booked(db, place, talk):
    cashier = talk("s-cashier")

    await cashier.say("收现金 3-1-101 501.20")
    assert await rows(db, vouchers) == []
    await cashier.say("嗯", "1", "取消", "收现金 3-1-101 501.20", "确认")

    assert await open_fen(db, place) == [0, 0]
    assert await db.read(balance, Account.CASH) == 2 * MONTH
    assert await db.read(prove) == []
    compare("cash", cashier.script())


async def test_a_cashier_picks_bills_drops_fen_names_slips_and_earlier_days(db, place, talk):
    cashier = talk("s-cashier")

    for text in (
        *("收刷卡 3-1-101", "收刷卡 3-1-101 250.60 单号 000123", "2", "确认"),
        *("收现金 3-1-101 250 抹零 补录11月20日", "确认"),
        *("收支票 3-1-101 100 支票号 00998877 工商银行 预存", "确认", "收现金 3-1-101 100"),
    ):
        await cashier.say(text)

    assert await open_fen(db, place) == [0, 0]
    paid = await rows(db, payments)
    assert [(one.gateway, one.amount_fen) for one in paid] == [
        ("pos", MONTH),
        ("cash", 25_000),
        ("cheque", 10_000),
    ]
    assert await db.read(prove) == []
    compare("cash_choices", cashier.script())


async def test_a_wrong_entry_is_undone_and_after_the_close_it_stays(db, place, talk):
    cashier, manager = talk("s-cashier"), talk("s-manager")

    for text in (
        *("收现金 3-1-101", "确认", "冲正", "冲正 V26112300001", "冲正 V26112300001 金额输错"),
        *("收现金 3-1-101 250.60", "确认", "日结", "日结 实交 250", "数错了", "取消"),
        *("日结 实交 250", "确认", "冲正 V26112300002 又错了", "日结", "今日"),
    ):
        await cashier.say(text)
    await manager.say("差异", "交款单 J2611230001", "接收交款 J2611230001 存款单 998877")

    assert await open_fen(db, place) == [0, MONTH]
    assert await db.read(balance, Account.BANK) == 25_000
    assert await db.read(prove) == []
    compare("day_close", cashier.script() + manager.script())


async def test_a_cash_refund_is_agreed_to_and_handed_over_by_two_people(db, place, talk):
    cashier, manager = talk("s-cashier"), talk("s-manager")
    await cashier.say("收现金 3-1-101", "确认")

    def ask(tx) -> str:
        [paid] = tx.execute(select(payments)).all()
        asked = RefundAskedFor(paid.id, MONTH, "asked", "缴错月份", "k", factories.meet(tx, "o-1"))
        return request_refund(tx, asked, actor=CLOCK, now=NOW).refund_no

    refund_no = await db.write(ask)
    await manager.say(f"同意 {refund_no}", f"已付退款 {refund_no}", "待审批")
    await cashier.say("已付退款", f"已付退款 {refund_no}")

    assert await db.read(balance, Account.CASH) == MONTH
    assert await db.read(prove) == []
    compare("payout", manager.script() + cashier.script())


async def test_waivers_are_decided_in_chat(db, place, talk):
    def ask(tx) -> None:
        [bill_id, other_id, *_] = tx.execute(select(bills.c.id).order_by(bills.c.id)).scalars()
        for one, kind in ((bill_id, WaiverKind.HARDSHIP), (other_id, WaiverKind.QUALITY)):
            wanted = WaiverAsk(one, kind, 5_000, "家里有人住院", "证明.jpg", b"paper")
            ask_waiver(tx, wanted, by=place.cashier, now=NOW)

    await db.write(ask)
    manager, cashier = talk("s-manager"), talk("s-cashier")

    await cashier.say("同意减免 JM261100001")
    await manager.say("待审批", "同意减免", "同意减免 JM261100001", "同意减免 JM261100001")
    await manager.say("拒绝减免", "拒绝减免 JM261100002", "拒绝减免 JM261100002 证明不全")

    assert await open_fen(db, place) == [MONTH - 5_000, MONTH]
    assert await db.read(prove) == []
    compare("waivers", cashier.script() + manager.script())


async def test_write_offs_are_decided_in_chat(db, place, talk):
    def ask(tx) -> None:
        for bill_id in tx.execute(select(bills.c.id).order_by(bills.c.id)).scalars().all()[:2]:
            tx.execute(update(bills).where(bills.c.id == bill_id).values(due_on=date(2026, 9, 25)))
            wanted = WriteOffAsk(bill_id, "业主失联", "三封催告函退回")
            ask_write_off(tx, wanted, by=place.cashier, now=NOW)

    await db.write(ask)
    manager, cashier = talk("s-manager"), talk("s-cashier")

    await cashier.say("同意核销 HX261100001")
    await manager.say("待审批", "同意核销", "同意核销 HX261100001", "同意核销 HX261100001")
    await manager.say("拒绝核销", "拒绝核销 HX261100002", "拒绝核销 HX261100002 证据不全")

    assert await open_fen(db, place) == [0, MONTH]
    assert await db.read(balance, Account.BAD_DEBT) == MONTH
    assert await db.read(prove) == []
    compare("write_offs", cashier.script() + manager.script())


async def test_who_does_not_take_money_finds_no_counter(db, place, talk):
    steward = talk("s-steward")

    for text in (
        "收现金 3-1-101 100",
        "冲正 V26112300001 x",
        "日结",
        "收款台",
        "已付退款 T26112300001",
    ):
        assert "有权限的同事" in await steward.say(text)
    resident = await talk("o-2").hear("收现金 3-1-101 100")

    assert not resident.kind.startswith("staff_")
    assert await rows(db, vouchers) == []


async def test_the_counters_link_is_the_cashiers_own_and_of_the_day(place, talk):
    cashier = talk("s-cashier")

    reply = await cashier.hear("收款台")

    token = reply.url.rsplit("/", 1)[1]
    staff_id = cashier.deps.links.read_counter(token, today=TODAY)
    assert staff_id == place.cashier.staff_id


async def test_a_flat_of_another_community_is_not_found(db, place, talk):
    def elsewhere(tx) -> None:
        other = factories.add_community(tx, "望江府")
        factories.add_unit(tx, other, "9-1-101")
        factories.add_staff(tx, other, "别人", StaffRole.CASHIER, "s-else")

    await db.write(elsewhere)

    assert "没有找到这一户" in await talk("s-else").say("收现金 3-1-101 100")
    assert "没有找到这一户" in await talk("s-cashier").say("收现金 9-1-101 100")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-1-101 260.50", (26_050, None, "", None, False)),
        ("3-1-101", (None, None, "", None, False)),
        ("3-1-101 ２６０．５元 预存", (26_050, None, "", None, True)),
        ("3栋1单元101 100 补录11-20", (10_000, date(2026, 11, 20), "", None, False)),
        ("3-1-101 100 补录12月30日", (10_000, date(2025, 12, 30), "", None, False)),
        ("3-1-101 100 票号：A-0012", (10_000, None, "A-0012", None, False)),
        ("3-1-101 100 支票00998877 招商银行", (10_000, None, "00998877 招商银行", None, False)),
        ("3-1-101 抹零0.20", (None, None, "", 20, False)),
        ("3-1-101 250 抹零", (25_000, None, "", 0, False)),
    ],
)
def test_the_words_of_a_cashier_are_read(text: str, expected):
    said = read_cash(text, "3-1-101", today=TODAY)

    found = (said.amount_fen, said.day_on, said.reference, said.rounding_fen, said.keeps_surplus)
    assert found == expected


@pytest.mark.parametrize("text", ["3-1-101 100 200", "3-1-101 一百", "3-1-101 100 补录13月40日"])
def test_words_that_are_no_sum_are_not_guessed(text: str):
    with pytest.raises(NotAnAmount):
        read_cash(text, "3-1-101", today=TODAY)
