"""Refunds, notices and bills of WeChat Pay, on the clock that can be moved."""

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.sandbox.pay_notices import SCHEDULE
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Answer, Bot, Control, Merchant

Paid = Callable[[], Awaitable[None]]


@pytest.fixture
async def paid(merchant: Merchant, control: Control) -> None:
    """One order of ¥580.00, paid and heard of."""
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})


async def test_a_refund_is_done_within_ten_minutes_and_noticed(
    merchant: Merchant, control: Control, bot: Bot, paid: None
) -> None:
    accepted = (await merchant.refund()).json
    await control.advance(600)
    done = (await merchant.call("GET", "/v3/refund/domestic/refunds/R1")).json

    assert (accepted["status"], done["status"]) == ("PROCESSING", "SUCCESS")
    assert "success_time" in done
    notice = bot.notices[-1]
    assert notice["event_type"] == "REFUND.SUCCESS"
    assert notice["resource"]["original_type"] == "refund"
    assert notice["plain"]["refund_status"] == "SUCCESS"
    assert "status" not in notice["plain"]
    assert (await merchant.query()).json["trade_state"] == "REFUND"
    book = await control.call("GET", "wechat_pay/book")
    assert [(r["refund_no"], r["amount_fen"], r["state"]) for r in book["refunds"]] == [
        ("R1", 58000, "success")
    ]


async def test_the_same_refund_again_is_the_same_refund(
    merchant: Merchant, control: Control, paid: None
) -> None:
    first, again = (await merchant.refund()).json, (await merchant.refund()).json
    other = await merchant.refund(fen=57999)

    assert first["refund_id"] == again["refund_id"]
    assert (other.status, other.code) == (400, "INVALID_REQUEST")
    assert len((await control.call("GET", "wechat_pay/book"))["refunds"]) == 1


@pytest.mark.parametrize(
    ("other", "status", "code"),
    [
        ({"number": "P9999999"}, 404, "RESOURCE_NOT_EXISTS"),
        ({"fen": 58001}, 400, "INVALID_REQUEST"),
        ({"fen": 0}, 400, "PARAM_ERROR"),
        ({"refund_no": "R 1"}, 400, "PARAM_ERROR"),
        ({"reason": "x" * 81}, 400, "PARAM_ERROR"),
        ({"transaction_id": "4200000000000000"}, 400, "INVALID_REQUEST"),
        ({"amount": {"refund": 1, "total": 2, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
        ({"amount": {"refund": 1, "total": 58000}}, 400, "PARAM_ERROR"),
        ({"notify_url": "ftp://shop.test"}, 400, "PARAM_ERROR"),
    ],
)
async def test_an_ill_formed_refund_is_refused_with_its_own_code(
    merchant: Merchant, paid: None, other: dict[str, Any], status: int, code: str
) -> None:
    answer = await merchant.refund(**other)

    assert (answer.status, answer.code) == (status, code)


async def test_a_refund_names_its_order_and_the_order_is_paid(merchant: Merchant) -> None:
    await merchant.create()
    unpaid = await merchant.refund()
    body = {"out_refund_no": "R1", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}
    nameless = await merchant.call("POST", "/v3/refund/domestic/refunds", body)
    missing = await merchant.call("GET", "/v3/refund/domestic/refunds/R1")

    assert unpaid.code == "INVALID_REQUEST"
    assert nameless.code == "PARAM_ERROR"
    assert (missing.status, missing.code) == (404, "RESOURCE_NOT_EXISTS")


async def test_parts_need_a_minute_between_and_never_exceed_the_sum(
    merchant: Merchant, control: Control, paid: None
) -> None:
    first = await merchant.refund("R1", 30000)
    soon = await merchant.refund("R2", 28000)
    await control.advance(61)
    over = await merchant.refund("R3", 28001)
    rest = await merchant.refund("R4", 28000)

    assert (first.status, rest.status) == (200, 200)
    assert (soon.status, soon.code) == (429, "FREQUENCY_LIMITED")
    assert (over.status, over.code) == (400, "INVALID_REQUEST")


async def test_fifty_parts_and_one_year_are_the_most(
    merchant: Merchant, control: Control, world: World, paid: None
) -> None:
    for n in range(50):
        assert (await merchant.refund(f"R{n}", 1)).status == 200
        await control.advance(61)
    over = await merchant.refund("R50", 1)
    await merchant.create(number="P0000002")
    await world.pay.pay_order("P0000002")
    await control.advance(366 * 86400)
    late = await merchant.refund("R51", 1, "P0000002")

    assert over.code == "INVALID_REQUEST"
    assert late.code == "INVALID_REQUEST"


async def test_without_money_a_refund_is_refused_and_may_be_asked_again(
    merchant: Merchant, control: Control, paid: None
) -> None:
    await control.call("POST", "wechat_pay/balance", {"balance_fen": 57999})
    poor = await merchant.refund()
    await control.call("POST", "wechat_pay/balance", {"balance_fen": 58000})
    await control.call("POST", "wechat_pay/faults", {"kind": "unfunded"})
    ordered = await merchant.refund()
    again = await merchant.refund()

    assert (poor.status, poor.code) == (403, "NOT_ENOUGH")
    assert ordered.code == "NOT_ENOUGH"
    assert again.json["status"] == "PROCESSING"


async def test_a_refund_that_stays_unfunded_is_closed_after_seven_days(
    merchant: Merchant, control: Control, bot: Bot, paid: None
) -> None:
    await control.call("POST", "wechat_pay/faults", {"kind": "unfunded", "after": True})
    accepted = await merchant.refund()
    await control.advance(8 * 86400)
    anew = await merchant.refund("R2")

    assert accepted.json["status"] == "PROCESSING"
    assert bot.notices[-1]["event_type"] == "REFUND.CLOSED"
    assert anew.json["status"] == "PROCESSING"


async def test_an_abnormal_refund_can_be_sent_another_way(
    merchant: Merchant, control: Control, bot: Bot, paid: None
) -> None:
    path = "/v3/refund/domestic/refunds/{}/apply-abnormal-refund"
    body = {"out_refund_no": "R1", "type": "USER_BANK_CARD"}
    await control.call("POST", "wechat_pay/faults", {"kind": "abnormal"})
    refund = (await merchant.refund()).json
    early = await merchant.call("POST", path.format(refund["refund_id"]), body)
    await control.advance(600)
    abnormal = bot.notices[-1]["plain"]["refund_status"]
    unknown = await merchant.call("POST", path.format("503"), body)
    applied = await merchant.call("POST", path.format(refund["refund_id"]), body)
    await control.advance(600)

    assert early.code == "INVALID_REQUEST"
    assert unknown.code == "RESOURCE_NOT_EXISTS"
    assert abnormal == "ABNORMAL"
    assert applied.json["status"] == "PROCESSING"
    assert bot.notices[-1]["plain"]["refund_status"] == "SUCCESS"


async def test_an_unheard_notice_comes_again_by_wechats_schedule(
    merchant: Merchant, control: Control, bot: Bot
) -> None:
    bot.notice_code = 500
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    await control.advance(1)
    counts = [len(bot.notices)]
    for seconds in SCHEDULE:
        await control.advance(seconds - 5)
        counts.append(len(bot.notices))
        await control.advance(5)
        counts.append(len(bot.notices))
    await control.advance(86400)

    expected = [1]
    for n in range(1, len(SCHEDULE) + 1):
        expected += [n, n + 1]
    assert counts == expected
    assert len(bot.notices) == 16
    assert len({notice["id"] for notice in bot.notices}) == 1
    assert sum(SCHEDULE) == 24 * 3600 + 4 * 60


async def test_a_heard_notice_does_not_come_again(control: Control, bot: Bot, paid: None) -> None:
    await control.advance(2 * 86400)

    assert len(bot.notices) == 1
    assert bot.notices[0]["event_type"] == "TRANSACTION.SUCCESS"


async def test_notices_are_signed_in_the_merchants_own_mode(
    merchant: Merchant, world: World, control: Control, bot: Bot
) -> None:
    key_id = world.keys.names.platform_public_key_id
    await merchant.call(
        "POST",
        "/v3/pay/transactions/jsapi",
        merchant.order(),
        headers={"Wechatpay-Serial": key_id},
    )
    await merchant.create(number="P0000002")
    for number in ("P0000001", "P0000002"):
        await control.call("POST", "wechat_pay/pay", {"order_no": number})

    serials = [notice["headers"]["Wechatpay-Serial"] for notice in bot.notices]
    assert serials == [key_id, world.keys.platform_serial]


@pytest.mark.parametrize(
    ("kind", "refused", "heard"),
    [
        ("drop", [], 0),
        ("wrong_signature", ["signature"], 0),
        ("signtest", ["signature"], 0),
        ("stale", ["stale"], 0),
        ("duplicate", [], 2),
        ("delay", [], 0),
    ],
)
async def test_a_spoilt_notice_is_followed_by_a_good_one(
    merchant: Merchant, control: Control, bot: Bot, kind: str, refused: list[str], heard: int
) -> None:
    await control.call("POST", "wechat_pay/faults", {"kind": kind})
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    first = (list(bot.refused), len(bot.notices))
    await control.advance(60)

    assert first == (refused, heard)
    assert len(bot.notices) == max(heard, 1)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("wrong_amount", "amount", 58001), ("wrong_merchant", "mchid", "1000000000")],
)
async def test_a_lying_notice_is_sealed_and_signed_well(
    merchant: Merchant, control: Control, bot: Bot, kind: str, field: str, value: object
) -> None:
    await control.call("POST", "wechat_pay/faults", {"kind": kind.replace("_", " ")})
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    told = bot.notices[0]["plain"][field]

    assert (told["total"] if field == "amount" else told) == value
    assert (await merchant.query()).json["amount"]["total"] == 58000


async def test_a_reordered_notice_comes_after_the_next(
    merchant: Merchant, control: Control, bot: Bot
) -> None:
    await control.call("POST", "wechat_pay/faults", {"kind": "reorder"})
    for number in ("P0000001", "P0000002"):
        await merchant.create(number=number)
        await control.call("POST", "wechat_pay/pay", {"order_no": number})

    heard = [notice["plain"]["out_trade_no"] for notice in bot.notices]
    assert heard == ["P0000002", "P0000001"]


async def test_a_create_call_that_times_out_has_done_its_work(
    merchant: Merchant, control: Control, world: World
) -> None:
    fault = {"kind": "time out after doing the work", "seconds": 30, "order_no": "P0000001"}
    await control.call("POST", "wechat_pay/faults", fault)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(merchant.create(), 0.3)

    assert [order["order_no"] for order in world.pay.book.orders()] == ["P0000001"]
    assert (await merchant.create()).status == 200


async def after_fault(merchant: Merchant, control: Control, **fault: object) -> Answer:
    await control.call("POST", "wechat_pay/faults", fault)
    return await merchant.create()


async def test_answers_go_wrong_as_ordered(
    merchant: Merchant, control: Control, world: World
) -> None:
    bad_gateway = await after_fault(merchant, control, kind="5xx")
    limited = await after_fault(merchant, control, kind="quota")
    system = await after_fault(merchant, control, kind="errcode", code="SYSTEM_ERROR")
    nothing_done = world.pay.book.orders()
    slow = await after_fault(merchant, control, kind="delay", on="answer", seconds=0.01)

    assert bad_gateway.status == 502
    assert (limited.status, limited.code) == (429, "FREQUENCY_LIMITED")
    assert (system.status, system.code) == (500, "SYSTEM_ERROR")
    assert nothing_done == []
    assert slow.status == 200


async def test_troubles_match_count_and_are_taken_back(
    merchant: Merchant, control: Control
) -> None:
    fault = {"kind": "quota", "times": 2, "match": {"order_no": "P0000009"}}
    await control.call("POST", "wechat_pay/faults", fault)
    other = await merchant.create()
    struck = await merchant.create(number="P0000009")
    left = await control.call("GET", "wechat_pay/faults")
    await control.call("DELETE", "wechat_pay/faults")
    after = await merchant.create(number="P0000009")

    assert (other.status, struck.status, after.status) == (200, 429, 200)
    assert [fault["times"] for fault in left] == [1]
    assert await control.refused("POST", "wechat_pay/faults", {"kind": "mood"}) == 400


async def test_the_bill_of_a_day_adds_up(merchant: Merchant, control: Control, paid: None) -> None:
    await merchant.refund("R1", 8000)
    path = "/v3/bill/tradebill?bill_date=2026-11-23&bill_type=ALL"
    today = await merchant.call("GET", path)
    await control.call("POST", "clock", {"set": "2026-11-24T09:00:00+08:00"})
    early = await merchant.call("GET", path)
    await control.call("POST", "clock", {"set": "2026-11-24T10:00:01+08:00"})
    told = (await merchant.call("GET", path + "&tar_type=GZIP")).json
    where = told["download_url"].split("/_sandbox/wechat_pay")[1]
    file = await merchant.call("GET", where)
    none = await merchant.call("GET", path.replace("11-23", "11-22"))
    fund = await merchant.call("GET", "/v3/bill/fundflowbill?bill_date=2026-11-23")
    await control.advance(301)
    late = await merchant.call("GET", where)

    assert today.code == "PARAM_ERROR"
    assert early.code == "STATEMENT_CREATING"
    assert none.code == "NO_STATEMENT_EXIST"
    assert (fund.status, late.status) == (200, 400)
    plain = gzip.decompress(file.raw)
    assert "Wechatpay-Signature" not in file.headers
    assert hashlib.sha1(plain).hexdigest() == told["hash_value"]
    lines = plain.decode("utf-8-sig").split("\r\n")
    rows = [line.removeprefix("`").split(",`") for line in lines[1:-3]]
    assert [len(row) for row in rows] == [27, 27]
    assert [row[9] for row in rows] == ["SUCCESS", "REFUND"]
    assert lines[-2] == "`2.0,`580.00,`80.00,`0.00,`3.00,`580.00,`80.00"
