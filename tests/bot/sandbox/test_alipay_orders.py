"""Alipay's orders: signed or refused, begun at the cashier, paid, queried, closed."""

import base64
import re
import urllib.parse
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from yarl import URL

from bot.sandbox.world import World
from tests.bot.sandbox.alipay_shop import PAGE, WECHAT, Shop
from tests.bot.sandbox.clients import Control


def refusal(text: str) -> str:
    """Return the code that a page of refusal tells."""
    found = re.search(r'data-code="([^"]*)"', text)
    assert found, text
    return found[1]


# The gateway's own checks


@pytest.mark.parametrize(
    ("spoilt", "codes"),
    [
        ({"method": None}, ("40001", "isv.missing-method")),
        ({"app_id": None}, ("40001", "isv.missing-app-id")),
        ({"timestamp": None}, ("40001", "isv.missing-timestamp")),
        ({"version": None}, ("40001", "isv.missing-version")),
        ({"sign_type": None}, ("40001", "isv.missing-signature-type")),
        ({"sign": None}, ("40001", "isv.missing-signature")),
        ({"method": "alipay.trade.guess"}, ("40002", "isv.invalid-method")),
        ({"app_id": "2021000000000000"}, ("40002", "isv.invalid-app-id")),
        ({"sign_type": "RSA"}, ("40002", "isv.invalid-signature-type")),
        ({"sign_type": "MD5"}, ("40002", "isv.invalid-signature-type")),
        ({"charset": "latin-1"}, ("40002", "isv.invalid-charset")),
        ({"format": "xml"}, ("40002", "isv.invalid-format")),
        ({"version": "2.0"}, ("40002", "isv.invalid-parameter")),
        ({"timestamp": "2026-11-23T10:00:00"}, ("40002", "isv.invalid-timestamp")),
        ({"timestamp": "2026-11-23 02:00:00"}, ("40002", "isv.invalid-timestamp")),
        ({"sign": "QUFB"}, ("40002", "isv.invalid-signature")),
        ({"sign": "not base64"}, ("40002", "isv.invalid-signature")),
        ({"app_cert_sn": "0" * 32}, ("40003", "isv.missing-signature-config")),
        ({"method": "alipay.trade.precreate"}, ("40006", "isv.insufficient-isv-permissions")),
    ],
)
async def test_an_ill_formed_call_gets_exactly_its_code(
    shop: Shop, spoilt: dict[str, str | None], codes: tuple[str, str]
) -> None:
    await shop.reach()
    params = shop.params("alipay.trade.query", {"out_trade_no": "A0000001"}, **spoilt)
    async with shop.http.post(shop.facts["gateway_url"], data=params) as response:
        text = await response.text()
        assert response.status == 200
    told = shop.read(params.get("method", "none"), text)

    assert told.codes == codes


async def test_a_stranger_reads_an_unsigned_answer_and_the_merchant_a_signed_one(
    shop: Shop,
) -> None:
    stranger = await shop.call("alipay.trade.query", {}, app_id="2021000000000000")
    forged = await shop.call("alipay.trade.query", {}, sign="QUFB")
    good = await shop.call("alipay.trade.query", {})

    assert "error_response" in stranger.whole
    assert "sign" not in stranger.whole
    assert (forged.codes[1], forged.is_signed) == ("isv.invalid-signature", True)
    assert (good.codes, good.is_signed) == (("40004", "ACQ.INVALID_PARAMETER"), True)


async def test_one_changed_letter_spoils_a_request(shop: Shop) -> None:
    await shop.reach()
    params = shop.params("alipay.trade.query", {"out_trade_no": "A0000001"})
    forged = params | {"biz_content": params["biz_content"].replace("A0000001", "A0000002")}
    answers = []
    for given in (params, forged):
        async with shop.http.post(shop.facts["gateway_url"], data=given) as response:
            answers.append(shop.read("alipay.trade.query", await response.text()).codes)

    assert answers == [("10000", ""), ("40002", "isv.invalid-signature")]


@pytest.mark.parametrize("empty", [True, False])
async def test_empty_parameters_may_be_signed_or_left_out(shop: Shop, *, empty: bool) -> None:
    params = shop.params("alipay.trade.query", {"out_trade_no": "A0000001"}, return_url="")
    if empty:
        del params["sign"]
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()))
        raw = shop.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        params["sign"] = base64.b64encode(raw).decode()
    async with shop.http.get(shop.facts["gateway_url"], params=params) as response:
        told = shop.read("alipay.trade.query", await response.text())

    assert told.codes == ("40004", "ACQ.TRADE_NOT_EXIST")


async def test_in_certificate_mode_the_answer_names_its_certificate(shop: Shop) -> None:
    shop.mode = "certificate"
    await shop.reach()
    told = await shop.query()

    assert told.is_signed
    assert told.whole["alipay_cert_sn"] == shop.serial("alipay_certificate_file")
    shop.mode = "key"
    assert not shop.is_platforms(told.text, told.whole["sign"])
    assert "alipay_cert_sn" not in (await shop.query()).whole


async def test_the_root_file_also_holds_a_certificate_over_sm2_that_has_no_number(
    shop: Shop,
) -> None:
    assert shop.root_serial() == shop.world.tills["alipay"].book.keys.root_cert_sn  # type: ignore[attr-defined]
    whole = shop.file("alipay_root_certificate_file")
    assert (whole.count("BEGIN CERTIFICATE"), shop.root_serial().count("_")) == (3, 1)


async def test_the_signature_covers_the_text_and_not_what_it_means(shop: Shop) -> None:
    address, _ = await shop.visit(shop.pay_url(shop.order(subject="电费 {未平")))
    assert "/cashier/" in address
    await shop.world.tills["alipay"].pay({"order_no": "A0000001"})
    await shop.wait(days=1)
    told = await shop.bill_url("2026-11-23")

    assert told.is_signed
    assert "\\/" in told.text
    assert not shop.is_platforms(told.text.replace("\\/", "/"), told.whole["sign"])


async def test_troubles_on_order_befall_the_next_answers(shop: Shop, control: Control) -> None:
    await shop.reach()
    seen = []
    for kind in (
        {"kind": "quota"},
        {"kind": "errcode", "code": "isp.unknow-error"},
        {"kind": "errcode", "code": "ACQ.SYSTEM_ERROR", "unsigned": True},
    ):
        await control.call("POST", "alipay/faults", kind)
        seen.append((await shop.query()).codes)
    await control.call("POST", "alipay/faults", {"kind": "wrong_signature", "on": "answer"})
    stranger = await shop.query()

    assert seen == [
        ("40005", "isv.app-call-limited"),
        ("20000", "isp.unknow-error"),
        ("40004", "ACQ.SYSTEM_ERROR"),
    ]
    assert not stranger.is_signed
    assert (await shop.query()).is_signed


async def test_an_error_after_the_work_leaves_the_work_done(shop: Shop, control: Control) -> None:
    await shop.reach()
    wish = {"kind": "errcode", "code": "ACQ.SYSTEM_ERROR", "after": True}
    await control.call("POST", "alipay/faults", wish)
    closing = await shop.close()

    assert closing.codes == ("40004", "ACQ.SYSTEM_ERROR")
    assert (await shop.query()).node["trade_status"] == "TRADE_CLOSED"


async def test_a_server_error_and_a_cut_line_do_nothing(shop: Shop, control: Control) -> None:
    await shop.reach()
    await control.call("POST", "alipay/faults", {"kind": "error_5xx", "match": {"x": "A0000001"}})
    params = shop.params("alipay.trade.close", {"out_trade_no": "A0000001"})
    async with shop.http.post(shop.facts["gateway_url"], data=params) as response:
        assert response.status == 502
    wish = {"kind": "drop", "on": "answer"}
    await control.call("POST", "alipay/faults", wish)
    with pytest.raises(aiohttp.ClientError):
        await shop.close()

    assert (await shop.query()).node["trade_status"] == "WAIT_BUYER_PAY"


# The cashier


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"out_trade_no": ""}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "A-1"}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "A" * 65}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "1.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "-1.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "１.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "100000000.01"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": True}, "ACQ.INVALID_PARAMETER"),
        ({"subject": ""}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a=b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a/b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a&b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "长" * 257}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "FACE_TO_FACE_PAYMENT"}, "ACQ.ACCESS_FORBIDDEN"),
        ({"time_expire": "2026-11-23 09:59:59"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2026-12-31 00:00:00"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "16d"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "0m"}, "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_an_ill_formed_order_is_refused_on_the_page(
    shop: Shop, other: dict[str, Any], code: str
) -> None:
    _, text = await shop.visit(shop.pay_url(shop.order(**other)))

    assert refusal(text) == code
    assert shop.world.tills["alipay"].orders() == []


async def test_a_forged_pay_link_is_refused_on_the_page(shop: Shop) -> None:
    url = shop.pay_url().replace("986.40", "0.01")
    _, text = await shop.visit(url)

    assert refusal(text) == "isv.invalid-signature"
    assert shop.world.tills["alipay"].orders() == []


@pytest.mark.parametrize("biz", ["{", "[]", '"x"'])
async def test_business_parameters_that_are_no_object_are_refused(shop: Shop, biz: str) -> None:
    told = await shop.call("alipay.trade.query", biz)

    assert told.codes == ("40002", "isv.invalid-parameter")


async def test_a_trade_exists_only_after_the_buyer_reaches_the_cashier(shop: Shop) -> None:
    url = shop.pay_url()
    before = await shop.query()
    await shop.visit(url)
    after = await shop.query()

    assert before.codes == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert after.node["trade_status"] == "WAIT_BUYER_PAY"
    assert after.node["total_amount"] == "986.40"
    assert "send_pay_date" not in after.node


async def test_the_chat_apps_browser_is_turned_away_before_anything_exists(shop: Shop) -> None:
    _, text = await shop.visit(shop.pay_url(), agent=WECHAT)

    assert "请长按网址复制后使用浏览器访问" in text
    assert shop.world.tills["alipay"].orders() == []
    address = await shop.reach()
    _, text = await shop.visit(address, agent=WECHAT)
    assert "确认付款" not in text


async def test_the_buyer_pays_by_the_button_and_is_sent_back_with_a_signed_result(
    shop: Shop,
) -> None:
    back = f"{shop.world.base_url}/back"
    address, text = await shop.visit(shop.pay_url(return_url=back))
    assert "986.40" in text
    assert "物业费 2026年11月" in text
    shown, text = await shop.visit(address + "/pay", method="POST")
    found = re.search(r'href="([^"]+)" data-return', text)
    assert found
    query = dict(URL(found[1].replace("&amp;", "&")).query)

    assert shown == address
    assert "支付成功" in text
    assert query["out_trade_no"] == "A0000001"
    signed = {k: v for k, v in query.items() if k not in ("sign", "sign_type")}
    joined = "&".join(f"{k}={v}" for k, v in sorted(signed.items()))
    assert shop.is_platforms(joined, query["sign"])
    assert query["seller_id"] == shop.facts["seller_id"]
    assert (await shop.query()).node["trade_status"] == "TRADE_SUCCESS"


async def test_the_page_form_on_a_desk_is_posted(shop: Shop) -> None:
    biz = shop.order(product_code="FAST_INSTANT_TRADE_PAY")
    params = shop.params(PAGE, biz, notify_url=shop.notify_url)
    async with shop.http.post(shop.facts["gateway_url"], data=params) as response:
        assert "确认付款" in await response.text()
    assert [o["kind"] for o in shop.world.tills["alipay"].orders()] == [PAGE]


async def test_markup_in_a_subject_stays_words(shop: Shop) -> None:
    _, text = await shop.visit(shop.pay_url(shop.order(subject='<b>"x">')))

    assert "<b>&quot;" not in text
    assert "&lt;b&gt;&quot;x&quot;&gt;" in text


async def test_the_same_request_finds_its_trade_again_and_another_one_is_refused(
    shop: Shop,
) -> None:
    first = await shop.reach()
    again = await shop.reach()
    _, other = await shop.visit(shop.pay_url(shop.order(fen=98641)))
    await shop.world.tills["alipay"].pay({"order_no": "A0000001"})
    _, paid = await shop.visit(shop.pay_url())
    await shop.reach("A0000002")
    await shop.close("A0000002")
    _, closed = await shop.visit(shop.pay_url(shop.order("A0000002")))

    assert first == again
    assert refusal(other) == "ACQ.CONTEXT_INCONSISTENT"
    assert refusal(paid) == "ACQ.TRADE_HAS_SUCCESS"
    assert refusal(closed) == "ACQ.TRADE_HAS_CLOSE"


async def test_an_unpaid_trade_closes_at_its_time_and_cannot_be_paid(shop: Shop) -> None:
    address = await shop.reach(time_expire="2026-11-23 10:30:00")
    await shop.wait(minutes=31)
    _, text = await shop.visit(address)
    _, refused = await shop.visit(address + "/pay", method="POST")

    assert "交易已关闭" in text
    assert "已关闭" in refused
    assert (await shop.query()).node["trade_status"] == "TRADE_CLOSED"


# Query and close


async def test_a_paid_trade_is_queried_by_either_number(shop: Shop, control: Control) -> None:
    await shop.reach()
    told = await control.call("POST", "alipay/pay", {"order_no": "A0000001", "payer": "李女士"})
    by_order = await shop.query()
    biz = {"trade_no": told["transaction_id"], "out_trade_no": "ANOTHER1"}
    by_trade = await shop.call("alipay.trade.query", biz)

    assert by_order.node == by_trade.node
    assert by_order.node["trade_status"] == "TRADE_SUCCESS"
    assert by_order.node["buyer_user_id"] == told["payer"]
    assert by_order.node["send_pay_date"].startswith("2026-11-23 10:00:0")
    assert by_order.node["receipt_amount"] == "986.40"


async def test_a_trade_can_only_be_closed_unpaid(shop: Shop) -> None:
    await shop.reach()
    closed = await shop.close()
    again = await shop.close()
    unknown = await shop.close("A0000009")
    await shop.reach("A0000002")
    await shop.world.tills["alipay"].pay({"order_no": "A0000002"})
    paid = await shop.close("A0000002")

    assert closed.node["out_trade_no"] == "A0000001"
    assert again.codes == ("40004", "ACQ.TRADE_STATUS_ERROR")
    assert unknown.codes == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert paid.codes == ("40004", "ACQ.TRADE_STATUS_ERROR")


async def test_a_cancel_closes_an_unpaid_trade_and_gives_back_a_paid_one(shop: Shop) -> None:
    for number in ("A0000001", "A0000002"):
        await shop.reach(number)
    await shop.world.tills["alipay"].pay({"order_no": "A0000002"})
    unpaid = await shop.call("alipay.trade.cancel", {"out_trade_no": "A0000001"})
    paid = await shop.call("alipay.trade.cancel", {"out_trade_no": "A0000002"})

    assert (unpaid.node["action"], paid.node["action"]) == ("close", "refund")
    assert shop.world.tills["alipay"].books()["refunds"][0]["amount_fen"] == 98640


async def test_the_control_plane_pays_only_what_a_buyer_has_brought(
    shop: Shop, control: Control
) -> None:
    asked = {"order_no": "A0000001"}
    assert await control.refused("POST", "alipay/pay", asked) == 404
    await shop.reach()
    before = await control.call("GET", "alipay/orders")
    told = await control.call("POST", "alipay/pay", asked)
    assert await control.refused("POST", "alipay/pay", asked) == 400
    book = await control.call("GET", "alipay/book")

    assert [(o["order_no"], o["amount_fen"], o["state"]) for o in before] == [
        ("A0000001", 98640, "open")
    ]
    assert (told["state"], told["amount_fen"]) == ("paid", 98640)
    assert [(p["order_no"], p["amount_fen"]) for p in book["payments"]] == [("A0000001", 98640)]
    assert (await control.call("GET", "alipay/orders"))[0]["state"] == "paid"


async def test_the_control_plane_may_open_the_address_itself(shop: Shop, control: Control) -> None:
    told = await control.call("POST", "alipay/pay", {"pay_url": shop.pay_url()})
    forged = {"pay_url": shop.pay_url(shop.order("A0000002")).replace("986.40", "0.01")}
    query = shop.params("alipay.trade.query", {"out_trade_no": "A0000001"})
    other = {"pay_url": f"{shop.facts['gateway_url']}?{urllib.parse.urlencode(query)}"}

    assert (told["order_no"], told["amount_fen"]) == ("A0000001", 98640)
    assert await control.refused("POST", "alipay/pay", forged) == 400
    assert await control.refused("POST", "alipay/pay", other) == 400
    assert len(await control.call("GET", "alipay/orders")) == 1


async def test_a_payment_under_way_while_the_trade_is_closed_is_booked_late(
    shop: Shop, control: Control
) -> None:
    await shop.reach()
    await shop.close()
    asked = {"order_no": "A0000001"}
    assert await control.refused("POST", "alipay/pay", asked) == 400
    await control.call("POST", "alipay/pay", {**asked, "late": True})

    assert (await shop.query()).node["trade_status"] == "TRADE_SUCCESS"
    assert [n["trade_status"] for n in shop.notices] == ["TRADE_CLOSED", "TRADE_SUCCESS"]


async def test_the_merchants_files_are_what_the_facts_say(world: World, shop: Shop) -> None:
    facts = world.facts()["alipay"]
    files = [shop.file(name) for name in facts if name.endswith("_file")]

    assert facts["gateway_url"] == f"{world.base_url}/_sandbox/alipay/gateway.do"
    assert facts["notify_url"] == f"{world.base_url}/notify/alipay/demo"
    assert (len(facts["app_id"]), len(facts["seller_id"])) == (16, 16)
    assert all(text.startswith("-----BEGIN ") for text in files)
    assert len(files) == 5
