"""Every payment platform offers the same: facts, books, control calls, planted differences."""

import csv
import hashlib
import io
from typing import Any

import pytest

from bot.sandbox.till import Till
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control, Merchant

GATEWAYS = ("wechat_pay", "alipay", "unionpay", "bank")
FILED = ("wechat_pay", "alipay")


def test_the_four_platforms_are_tills_and_have_their_tables(world: World) -> None:
    facts = world.facts("http://127.0.0.1:8", {"alipay": "http://127.0.0.1:8/notify/alipay/x"})

    assert tuple(world.tills) == GATEWAYS
    assert {"mchid", "base_url", "notify_url"} <= facts["wechat_pay"].keys()
    assert {"app_id", "gateway_url", "notify_url"} <= facts["alipay"].keys()
    assert {"merchant_id", "base_url", "notify_url"} <= facts["unionpay"].keys()
    assert facts["alipay"]["notify_url"] == "http://127.0.0.1:8/notify/alipay/x"
    assert facts["wechat_pay"]["notify_url"] == "http://127.0.0.1:8/notify/wechat_pay/demo"


def test_every_till_has_all_that_a_till_must_have(world: World) -> None:
    wanted = {name for name in vars(Till) if not name.startswith("_")} | {"name"}

    for till in world.tills.values():
        assert wanted <= set(dir(till)), till.name
        assert set(till.timers) <= set(world.clock.timers)


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_every_platform_is_read_and_troubled_alike(control: Control, gateway: str) -> None:
    unknown = {"order_no": "NONE0001", "amount_fen": 1}
    fault = {"kind": "delay", "on": "answer", "seconds": 0.1}
    added = await control.call("POST", f"{gateway}/faults", fault)
    pending = await control.call("GET", f"{gateway}/faults")
    await control.call("DELETE", f"{gateway}/faults")

    assert await control.call("GET", f"{gateway}/orders") == []
    assert {"payments", "refunds"} <= (await control.call("GET", f"{gateway}/book")).keys()
    assert (added["kind"], len(pending)) == ("delay", 1)
    assert await control.refused("POST", f"{gateway}/refund", unknown) in (400, 404)
    assert await control.refused("POST", f"{gateway}/pay", {}) == 400


async def test_an_unknown_platform_is_not_there(control: Control, world: World) -> None:
    async with control.http.get(f"{world.control_url}/paypal/orders") as response:
        assert response.status == 404


@pytest.mark.parametrize("gateway", FILED)
@pytest.mark.parametrize(
    "wish",
    [
        {"op": "guess"},
        {},
        {"op": "add", "order_no": "X", "amount_fen": 1},
        {"op": "add", "day": "2026-11-23", "order_no": "X"},
        {"op": "add", "day": "yesterday", "order_no": "X", "amount_fen": 1},
        {"op": "add", "day": "2026-11-23", "order_no": "X", "amount_fen": 1, "kind": "gift"},
        {"op": "drop"},
        {"op": "change", "order_no": "X"},
        {"op": "change", "order_no": "X", "set": {}},
        {"op": "change", "order_no": "X", "set": {"colour": "red"}},
        {"op": "spoil", "what": "mood"},
    ],
)
async def test_a_planting_that_says_nothing_is_refused(
    control: Control, gateway: str, wish: dict[str, Any]
) -> None:
    assert await control.refused("POST", f"{gateway}/statement", wish) == 400
    cleared = await control.call("POST", f"{gateway}/statement", {"op": "clear"})
    assert cleared == {"planted": []}


# WeChat Pay's bill


async def paid_day(merchant: Merchant, control: Control) -> None:
    """Two payments and a refund in part on the 23rd; then it is ten the next morning."""
    for number in ("P0000001", "P0000002"):
        await merchant.create("native", number)
        await control.call("POST", "wechat_pay/pay", {"order_no": number})
    await merchant.refund("R1", 1000)
    await control.call("POST", "clock", {"set": "2026-11-24T10:15:00+08:00"})


async def bill(merchant: Merchant) -> tuple[list[dict[str, str]], list[str], bool]:
    """Return the rows of the bill, its summary, and whether the digest agrees."""
    told = await merchant.call("GET", "/v3/bill/tradebill?bill_date=2026-11-23&bill_type=ALL")
    url = told.json["download_url"].split(merchant.prefix)[1]
    content = (await merchant.call("GET", url)).raw
    lines = content.decode("utf-8-sig").replace("`", "").split("\r\n")
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[:-3]))))
    return rows, lines[-2].split(","), digest == told.json["hash_value"]


async def test_a_bill_of_wechat_pay_tells_what_the_book_says(
    merchant: Merchant, control: Control
) -> None:
    await paid_day(merchant, control)
    rows, summary, is_whole = await bill(merchant)

    assert [(r["商户订单号"], r["交易状态"], r["手续费"]) for r in rows] == [
        ("P0000001", "SUCCESS", "3.48000"),
        ("P0000002", "SUCCESS", "3.48000"),
        ("P0000001", "REFUND", "-0.06000"),
    ]
    assert [r["微信退款单号"][:1] for r in rows] == ["0", "0", "5"]
    assert (rows[2]["退款金额"], rows[2]["退款状态"]) == ("10.00", "SUCCESS")
    assert summary == ["3.0", "1160.00", "10.00", "0.00", "6.90", "1160.00", "10.00"]
    assert is_whole


async def test_what_is_planted_stands_in_wechat_pays_bill_and_its_sums(
    merchant: Merchant, control: Control
) -> None:
    await paid_day(merchant, control)
    for wish in (
        {"op": "add", "day": "2026-11-23", "order_no": "GHOST001", "amount_fen": 5000},
        {"op": "drop", "order_no": "P0000002"},
        {"op": "change", "order_no": "P0000001", "set": {"amount_fen": 58001, "fee_fen": 1}},
        {"op": "drop", "refund_no": "R1"},
    ):
        await control.call("POST", "wechat_pay/statement", wish)
    rows, summary, is_whole = await bill(merchant)

    assert [(r["商户订单号"], r["订单金额"], r["手续费"]) for r in rows] == [
        ("P0000001", "580.01", "0.01000"),
        ("GHOST001", "50.00", "0.00000"),
    ]
    assert summary[:5] == ["2.0", "630.01", "0.00", "0.00", "0.01"]
    assert is_whole


async def test_a_whole_bill_of_wechat_pay_can_be_spoilt_or_withheld(
    merchant: Merchant, control: Control
) -> None:
    async def spoilt(what: str) -> tuple[list[dict[str, str]], list[str], bool]:
        await control.call("POST", "wechat_pay/statement", {"op": "clear"})
        await control.call("POST", "wechat_pay/statement", {"op": "spoil", "what": what})
        return await bill(merchant)

    await paid_day(merchant, control)
    assert (await spoilt("hash"))[2] is False
    assert (await spoilt("summary"))[1][1] == "1160.01"
    assert (await spoilt("date"))[0][0]["交易时间"] < "2026-11"
    assert (await spoilt("merchant"))[0][0]["商户号"] == "1000000000"
    await control.call("POST", "wechat_pay/statement", {"op": "withhold"})
    asked = await merchant.call("GET", "/v3/bill/tradebill?bill_date=2026-11-23")
    assert asked.code == "STATEMENT_CREATING"


async def test_a_refund_by_hand_in_wechat_pays_console_has_no_number_of_ours(
    merchant: Merchant, control: Control
) -> None:
    await merchant.create("native", "P0000001")
    asked = {"order_no": "P0000001", "amount_fen": 1000}
    assert await control.refused("POST", "wechat_pay/refund", asked) == 400
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    told = await control.call("POST", "wechat_pay/refund", asked)
    await control.advance(600)
    found = await merchant.call("GET", f"/v3/refund/domestic/refunds/{told['refund_no']}")
    calls = await control.call("GET", "calls?platform=wechat_pay")

    again = await control.call("POST", "wechat_pay/refund", asked)

    assert (found.json["status"], found.json["amount"]["refund"]) == ("SUCCESS", 1000)
    assert told["refund_no"].startswith("console")
    assert again["refund_no"] != told["refund_no"]
    assert [c["event"] for c in calls if c["method"] == "NOTICE"] == ["TRANSACTION.SUCCESS"]
