"""Alipay's refunds and notices: once, in part, short of money, slow, repeated, spoilt."""

from typing import Any

import aiohttp
import pytest

from bot.sandbox.alipay_notices import SCHEDULE
from tests.bot.sandbox.alipay_shop import PAGE, Shop
from tests.bot.sandbox.clients import Control


@pytest.fixture
async def paid(shop: Shop, control: Control) -> Shop:
    """A shop with one trade of ¥986.40 paid, its notice heard."""
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})
    assert [n["trade_status"] for n in shop.notices] == ["TRADE_SUCCESS"]
    return shop


async def settle(shop: Shop) -> None:
    await shop.world.clock.settle_platforms()


# Notices of payments


async def test_a_notice_tells_the_payment_and_is_signed(paid: Shop) -> None:
    notice = paid.notices[0]

    assert notice["verified"] == "yes"
    assert notice["out_trade_no"] == "A0000001"
    assert notice["total_amount"] == "986.40"
    assert notice["app_id"] == paid.facts["app_id"]
    assert notice["seller_id"] == paid.facts["seller_id"]
    assert notice["gmt_payment"].startswith("2026-11-23 10:00:0")
    assert "refund_fee" not in notice
    assert "gmt_close" not in notice


async def test_in_certificate_mode_a_notice_is_signed_by_the_certified_key(
    shop: Shop, control: Control
) -> None:
    shop.mode = "certificate"
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})

    assert shop.notices[0]["verified"] == "yes"


async def test_a_passback_comes_back(shop: Shop, control: Control) -> None:
    await shop.reach(passback_params="account%3Ddemo", body="3-2-501")
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})

    told = shop.notices[0]
    assert (told["passback_params"], told["body"]) == ("account%3Ddemo", "3-2-501")


@pytest.mark.parametrize("answer", ["fail", "SUCCESS", "success\n", '"success"', ""])
async def test_anything_but_success_is_repeated_eight_times_in_25_hours(
    shop: Shop, control: Control, answer: str
) -> None:
    shop.answer = answer
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})
    begin = shop.world.clock.now()
    await shop.wait(hours=24, minutes=20)
    before_last = len(shop.notices)
    await shop.wait(minutes=10)
    await shop.wait(days=2)

    assert sum(SCHEDULE) == (24 * 60 + 24) * 60
    assert (before_last, len(shop.notices)) == (7, 8)
    assert len({n["notify_id"] for n in shop.notices}) == 1
    assert len({n["notify_time"] for n in shop.notices}) == 8
    assert shop.world.clock.now() > begin


async def test_success_ends_the_repeats(paid: Shop) -> None:
    await paid.wait(days=2)

    assert len(paid.notices) == 1


async def test_a_redirect_is_not_followed(shop: Shop, control: Control) -> None:
    shop.notify_url = f"{shop.world.base_url}/_sandbox/alipay/cashier/0"
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})
    calls = await control.call("GET", "calls?platform=alipay")

    assert [c["code"] for c in calls if c["method"] == "NOTICE"] == [405]


@pytest.mark.parametrize(
    ("wish", "changed", "verified"),
    [
        ({"kind": "wrong_amount"}, {"total_amount": "986.41"}, "yes"),
        ({"kind": "wrong_amount", "by": -98639}, {"total_amount": "0.01"}, "yes"),
        ({"kind": "wrong_merchant"}, {"seller_id": "2088000000000000"}, "yes"),
        ({"kind": "wrong_appid"}, {"app_id": "2021000000000000"}, "yes"),
        ({"kind": "wrong_signature"}, {}, "no"),
        ({"kind": "wrong_signature", "sign_type": "RSA"}, {"sign_type": "RSA"}, "no"),
        ({"kind": "tampered"}, {}, "no"),
        ({"kind": "stale"}, {}, "yes"),
    ],
)
async def test_a_notice_is_spoilt_as_ordered(
    shop: Shop, control: Control, wish: dict[str, Any], changed: dict[str, str], verified: str
) -> None:
    await control.call("POST", "alipay/faults", {**wish, "order_no": "A0000001"})
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})
    notice = shop.notices[0]

    assert {k: notice[k] for k in changed} == changed
    assert notice["verified"] == verified
    if wish["kind"] == "stale":
        assert notice["notify_time"] < "2026-11-22 09"


async def test_notices_are_dropped_doubled_and_late(shop: Shop, control: Control) -> None:
    for kind in ("drop", "duplicate", "delay"):
        await control.call("POST", "alipay/faults", {"kind": kind, "seconds": 60})
    for number in ("A0000001", "A0000002", "A0000003"):
        await shop.reach(number)
        await control.call("POST", "alipay/pay", {"order_no": number})
    at_once = [n["out_trade_no"] for n in shop.notices]
    await shop.wait(minutes=2)
    soon = [n["out_trade_no"] for n in shop.notices]
    await shop.wait(minutes=5)

    assert at_once == ["A0000002", "A0000002"]
    assert soon == [*at_once, "A0000003"]
    assert [n["out_trade_no"] for n in shop.notices] == [*soon, "A0000001"]


async def test_a_reordered_notice_comes_after_the_next_one(shop: Shop, control: Control) -> None:
    await control.call("POST", "alipay/faults", {"kind": "reorder"})
    await shop.reach()
    await control.call("POST", "alipay/pay", {"order_no": "A0000001"})
    await shop.refund("R1", 100)
    await settle(shop)

    assert ["refund_fee" in n for n in shop.notices] == [True, False]


# Refunds


async def test_a_refund_in_part_is_done_at_once_and_looks_like_a_payment(paid: Shop) -> None:
    told = await paid.refund("R1", 10000)
    await settle(paid)
    notice = paid.notices[-1]

    assert told.is_signed
    assert (told.node["fund_change"], told.node["refund_fee"]) == ("Y", "100.00")
    assert told.node["gmt_refund_pay"].startswith("2026-11-23 10:00:0")
    assert notice["trade_status"] == "TRADE_SUCCESS"
    assert notice["total_amount"] == "986.40"
    assert (notice["refund_fee"], notice["out_biz_no"]) == ("100.00", "R1")
    assert notice["notify_id"] != paid.notices[0]["notify_id"]
    assert (await paid.query()).node["trade_status"] == "TRADE_SUCCESS"


async def test_refund_fee_is_the_sum_of_all_refunds(paid: Shop) -> None:
    await paid.refund("R1", 10000)
    await paid.wait(seconds=4)
    told = await paid.refund("R2", 88640)
    await settle(paid)

    assert told.node["refund_fee"] == "986.40"
    assert [n.get("refund_fee") for n in paid.notices] == [None, "100.00", "986.40"]
    assert paid.notices[-1]["trade_status"] == "TRADE_CLOSED"
    assert (await paid.query()).node["trade_status"] == "TRADE_CLOSED"
    assert paid.world.tills["alipay"].orders()[0]["state"] == "paid"


async def test_the_same_request_number_is_the_same_refund(paid: Shop) -> None:
    first = await paid.refund("R1", 10000)
    again = await paid.refund("R1", 10000)
    other = await paid.refund("R1", 10001)

    assert (first.node["fund_change"], again.node["fund_change"]) == ("Y", "N")
    assert again.node["refund_fee"] == "100.00"
    assert other.codes == ("40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
    assert len(paid.world.tills["alipay"].books()["refunds"]) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"out_trade_no": "A0000009"}, "ACQ.TRADE_NOT_EXIST"),
        ({"out_trade_no": ""}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "0.001"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "986.41"}, "ACQ.REASON_TRADE_REFUND_FEE_ERR"),
        ({"out_request_no": ""}, "ACQ.INVALID_PARAMETER"),
        ({"out_request_no": "R/1"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_reason": "x" * 257}, "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_an_ill_formed_refund_gets_exactly_its_code(
    paid: Shop, asked: dict[str, Any], code: str
) -> None:
    told = await paid.refund("R1", 10000, **asked)

    assert told.codes == ("40004", code)
    assert paid.world.tills["alipay"].books()["refunds"] == []


async def test_more_than_is_left_is_refused(paid: Shop) -> None:
    await paid.refund("R1", 10000)
    await paid.wait(seconds=4)

    assert (await paid.refund("R2", 88641)).codes[1] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"


async def test_two_refunds_of_a_trade_keep_three_seconds_between(paid: Shop) -> None:
    await paid.refund("R1", 100)
    soon = await paid.refund("R2", 100)
    await paid.wait(seconds=4)
    later = await paid.refund("R2", 100)

    assert soon.codes == ("40004", "ACQ.SYSTEM_ERROR")
    assert later.node["fund_change"] == "Y"


async def test_an_unpaid_trade_is_not_given_back(shop: Shop) -> None:
    await shop.reach()

    assert (await shop.refund()).codes == ("40004", "ACQ.TRADE_STATUS_ERROR")


async def test_without_money_a_refund_waits_for_funds_with_the_same_number(
    paid: Shop, control: Control
) -> None:
    await control.call("POST", "alipay/balance", {"balance_fen": 9999})
    short = await paid.refund("R1", 10000)
    await control.call("POST", "alipay/balance", {"balance_fen": 10000})
    await control.call("POST", "alipay/faults", {"kind": "unfunded"})
    ordered = await paid.refund("R1", 10000)
    done = await paid.refund("R1", 10000)

    assert short.codes == ordered.codes == ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert done.node["fund_change"] == "Y"
    assert (await control.call("GET", "alipay/balance"))["balance_fen"] == 0


async def test_after_the_window_a_trade_is_finished_and_nothing_goes_back(paid: Shop) -> None:
    await paid.wait(days=365, minutes=1)

    assert [n["trade_status"] for n in paid.notices] == ["TRADE_SUCCESS", "TRADE_FINISHED"]
    assert (await paid.query()).node["trade_status"] == "TRADE_FINISHED"
    assert (await paid.refund()).codes == ("40004", "ACQ.TRADE_HAS_FINISHED")


async def test_a_trade_of_the_desk_hears_of_success_only(shop: Shop, control: Control) -> None:
    biz = shop.order(product_code="FAST_INSTANT_TRADE_PAY")
    await shop.visit(shop.pay_url(biz, PAGE))
    await shop.close()
    await shop.visit(shop.pay_url({**biz, "out_trade_no": "A0000002"}, PAGE))
    await control.call("POST", "alipay/pay", {"order_no": "A0000002"})

    assert [(n["out_trade_no"], n["trade_status"]) for n in shop.notices] == [
        ("A0000002", "TRADE_SUCCESS")
    ]


async def test_a_slow_refund_is_queried_until_it_is_done(paid: Shop, control: Control) -> None:
    await control.call("POST", "alipay/faults", {"kind": "processing", "seconds": 300})
    told = await paid.refund("R1", 10000)
    before = await paid.query_refund()
    await paid.wait(minutes=6)
    after = await paid.query_refund()

    assert (told.node["fund_change"], told.node["refund_fee"]) == ("N", "0.00")
    assert "refund_status" not in before.node
    assert after.node["refund_status"] == "REFUND_SUCCESS"
    assert (after.node["refund_amount"], after.node["total_amount"]) == ("100.00", "986.40")
    assert paid.notices[-1]["out_biz_no"] == "R1"


async def test_a_stuck_refund_ends_as_the_control_plane_decides(
    paid: Shop, control: Control
) -> None:
    for number, state in (("R1", "closed"), ("R2", "success")):
        await control.call("POST", "alipay/faults", {"kind": "abnormal"})
        await paid.refund(number, 10000)
        stuck = paid.world.tills["alipay"].books()["refunds"][-1]
        assert stuck["state"] == "abnormal"
        wish = {"refund_no": number, "state": state}
        told = await control.call("POST", "alipay/refund_result", wish)
        assert ("refund_status" in told) == (state == "success")
        await paid.wait(seconds=4)
    again = {"refund_no": "R2", "state": "closed"}

    assert await control.refused("POST", "alipay/refund_result", again) == 400
    again = {"refund_no": "none", "state": "closed"}
    assert await control.refused("POST", "alipay/refund_result", again) == 404
    states = [r["state"] for r in paid.world.tills["alipay"].books()["refunds"]]
    assert states == ["closed", "success"]
    assert (await control.call("GET", "alipay/balance"))["balance_fen"] == 88640


async def test_a_refund_that_failed_is_nothing_and_its_number_may_be_asked_again(
    paid: Shop, control: Control
) -> None:
    await control.call("POST", "alipay/faults", {"kind": "abnormal"})
    await paid.refund("R1", 10000)
    await control.call("POST", "alipay/refund_result", {"refund_no": "R1", "state": "closed"})
    failed = await paid.query_refund()
    await paid.wait(seconds=4)
    again = await paid.refund("R1", 10000)

    assert failed.node == {"code": "10000", "msg": "Success"}
    assert again.node["fund_change"] == "Y"
    states = [r["state"] for r in paid.world.tills["alipay"].books()["refunds"]]
    assert states == ["success"]


async def test_an_unknown_refund_has_no_status_and_an_unknown_trade_is_refused(
    paid: Shop,
) -> None:
    unknown = await paid.query_refund("R9")
    nothing = await paid.query_refund("R9", "A0000009")
    unnamed = await paid.query_refund("")

    assert unknown.node == {"code": "10000", "msg": "Success"}
    assert nothing.codes == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert unnamed.codes == ("40004", "ACQ.INVALID_PARAMETER")


async def test_a_refund_that_timed_out_was_done_once(paid: Shop, control: Control) -> None:
    wish = {"kind": "timeout_after", "seconds": 0.2}
    await control.call("POST", "alipay/faults", wish)
    with pytest.raises(aiohttp.ClientError):
        await paid.refund("R1", 10000)
    again = await paid.refund("R1", 10000)

    assert (again.node["fund_change"], again.node["refund_fee"]) == ("N", "100.00")
    assert len(paid.world.tills["alipay"].books()["refunds"]) == 1


async def test_a_refund_by_hand_in_the_console_is_heard_of_like_any_other(
    paid: Shop, control: Control
) -> None:
    asked = {"order_no": "A0000001", "amount_fen": 5000}
    told = await control.call("POST", "alipay/refund", asked)
    too_much = {"order_no": "A0000001", "amount_fen": 98640}
    await paid.wait(seconds=4)
    assert await control.refused("POST", "alipay/refund", too_much) == 400
    assert await control.refused("POST", "alipay/refund", {**asked, "order_no": "none"}) == 404

    assert told["state"] == "success"
    assert paid.notices[-1]["out_biz_no"] == told["refund_no"]
    assert (await paid.query_refund(told["refund_no"])).node["refund_amount"] == "50.00"
