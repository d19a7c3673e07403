"""UnionPay takes well-formed, signed forms to the cashier and refuses the rest with its codes."""

from typing import Any

import aiohttp
import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control
from tests.bot.sandbox.unionpay_client import Merchant, NotBelieved, Shop

CARD = {"card": "6216261000000000018", "phone": "13552535506", "code": "111111"}


async def test_a_form_leads_to_the_cashier_and_paying_leads_back(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, http: aiohttp.ClientSession
) -> None:
    order = unionpay.order()
    unknown = await unionpay.query("UP000001", order["txnTime"])
    page = await unionpay.front(order)
    cashier = page.location
    async with http.get(cashier) as answer:
        sheet = await answer.text()
    waiting = await unionpay.query("UP000001", order["txnTime"])
    async with http.post(cashier, data=CARD) as answer:
        done = await answer.text()
    notice = (await unionpay_shop.heard(1))[0]
    paid = await unionpay.query("UP000001", order["txnTime"])

    assert (page.status, page.text) == (302, "")
    assert "580.00" in sheet
    assert "物业费 2026年11月" in sheet
    assert unknown["respCode"] == "34"
    assert (waiting["respCode"], waiting["origRespCode"]) == ("00", "05")
    assert "queryId" not in waiting
    assert (paid["respCode"], paid["origRespCode"], paid["txnAmt"]) == ("00", "00", "58000")
    assert paid["reqReserved"] == "{bill=1&unit=3-2-501}"
    assert paid["queryId"] in done
    assert f'action="{unionpay_shop.url}/front"' in done
    assert (notice["respCode"], notice["queryId"]) == ("00", paid["queryId"])
    assert (notice["txnAmt"], notice["settleDate"], notice["txnType"]) == ("58000", "1123", "01")
    book = await control.call("GET", "unionpay/book")
    assert [(row["order_no"], row["transaction_id"]) for row in book["payments"]] == [
        ("UP000001", paid["queryId"])
    ]


@pytest.mark.parametrize(
    "name",
    [
        "version",
        "encoding",
        "signMethod",
        "txnType",
        "txnSubType",
        "bizType",
        "accessType",
        "merId",
        "certId",
        "txnTime",
        "orderId",
        "txnAmt",
        "currencyCode",
        "channelType",
        "frontUrl",
        "backUrl",
    ],
)
async def test_a_missing_field_is_13(unionpay: Merchant, control: Control, name: str) -> None:
    without: dict[str, Any] = {name: None}
    page = await unionpay.front(unionpay.order(**without))
    empty = await unionpay.front(unionpay.order(**{name: ""}))

    assert (page.status, page.code, empty.code) == (200, "13", "13")
    assert name in page.text
    assert await control.call("GET", "unionpay/orders") == []


async def test_a_form_without_a_signature_is_13(unionpay: Merchant) -> None:
    page = await unionpay.front(unionpay.order(), signature="")

    assert page.code == "13"


@pytest.mark.parametrize(
    "other",
    [
        {"version": "5.0.0"},
        {"encoding": "GBK"},
        {"accessType": "1"},
        {"merId": "7772900"},
        {"certId": "abc"},
        {"orderId": "UP00001"},
        {"orderId": "U" * 41},
        {"orderId": "UP-00001"},
        {"orderId": "UP_00001"},
        {"txnAmt": "0"},
        {"txnAmt": "-1"},
        {"txnAmt": "580.00"},
        {"txnAmt": "1" * 13},
        {"currencyCode": "840"},
        {"channelType": "99"},
        {"txnTime": "2026112310000"},
        {"txnTime": "20261323100000"},
        {"txnTime": "20261124100000"},
        {"payTimeout": "20261123095900"},
        {"payTimeout": "soon"},
        {"frontUrl": "javascript:alert(1)"},
        {"backUrl": "ftp://shop.test/n"},
        {"backUrl": "https://shop.test/" + "n" * 256},
        {"orderDesc": "物" * 33},
        {"reqReserved": "a=1&b=2"},
        {"reqReserved": "x" * 1025},
    ],
)
async def test_a_misshapen_field_is_10(unionpay: Merchant, other: dict[str, Any]) -> None:
    page = await unionpay.front(unionpay.order(**other))

    assert page.code == "10"
    assert next(iter(other)) in page.text


async def test_what_is_no_form_or_says_a_field_twice_is_10(unionpay: Merchant) -> None:
    url = unionpay.facts["base_url"] + "/gateway/api/queryTrans.do"
    form = unionpay.signed(unionpay.common("00", "00") | {"orderId": "UP000001"})
    codes = []
    for body in (b"{}", b"a=%ff", [*form.items(), ("orderId", "UP000001")]):
        async with unionpay.http.post(url, data=body) as answer:
            codes.append("respCode=10&" in await answer.text())

    assert codes == [True] * 3


@pytest.mark.parametrize(
    ("other", "spoilt", "code"),
    [
        ({}, {"txnAmt": "1"}, "11"),
        ({}, {"extra": "field"}, "11"),
        ({}, {"signature": "AAAA"}, "11"),
        ({}, {"signature": "!"}, "11"),
        ({"certId": "12345"}, {}, "11"),
        ({"signMethod": "11"}, {}, "11"),
        ({"merId": "777290058110048"}, {}, "31"),
        ({"txnType": "02"}, {}, "32"),
        ({"txnSubType": "03"}, {}, "32"),
        ({"bizType": "000401"}, {}, "32"),
        ({"txnAmt": "20000001"}, {}, "33"),
    ],
)
async def test_who_asks_and_for_what_is_checked(
    unionpay: Merchant, control: Control, other: dict[str, Any], spoilt: dict[str, str], code: str
) -> None:
    page = await unionpay.front(unionpay.order(**other), **spoilt)

    assert page.code == code
    assert await control.call("GET", "unionpay/orders") == []


async def test_a_signature_by_any_other_key_is_11(unionpay: Merchant) -> None:
    honest = unionpay.key
    unionpay.key = unionpay.world.keys.stranger
    forged = await unionpay.front(unionpay.order())
    unionpay.key = honest
    genuine = await unionpay.front(unionpay.order())

    assert (forged.code, genuine.status) == ("11", 302)


async def test_the_same_form_again_is_the_same_order_and_anything_else_is_12(
    unionpay: Merchant, control: Control
) -> None:
    order = unionpay.order()
    first = await unionpay.front(order)
    again = await unionpay.front(order)
    other = await unionpay.front(order | {"txnAmt": "57999"})
    other_time = order | {"txnTime": unionpay.now(1)}
    later = await unionpay.front(other_time)
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})

    assert (first.location, other.code) == (again.location, "12")
    assert later.status == 302
    assert later.location != first.location
    paid = await unionpay.front(other_time)
    assert paid.code == "12"


async def test_an_order_past_its_limit_is_39_at_the_gate_and_shut_at_the_cashier(
    unionpay: Merchant, control: Control, http: aiohttp.ClientSession
) -> None:
    order = unionpay.order()
    page = await unionpay.front(order)
    await control.advance(901)
    late = await unionpay.front(order | {"orderId": "UP000002", "txnTime": unionpay.now(-16)})
    async with http.post(page.location, data=CARD) as answer:
        sheet = await answer.text()
    told = await unionpay.query("UP000001", order["txnTime"])

    assert late.code == "39"
    assert "订单已超过支付时间" in sheet
    assert await control.refused("POST", "unionpay/pay", {"order_no": "UP000001"}) == 400
    assert (await control.call("GET", "unionpay/orders"))[0]["state"] == "closed"
    assert (told["respCode"], told["origRespCode"]) == ("00", "69")


async def test_money_after_the_limit_is_42_and_goes_back_by_itself(
    unionpay: Merchant, unionpay_shop: Shop, control: Control
) -> None:
    order = unionpay.order()
    await unionpay.front(order)
    await control.advance(901)
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001", "late": True})
    told = await unionpay.query("UP000001", order["txnTime"])
    before = await control.call("GET", "unionpay/book")
    await control.advance(5 * 86400 + 1)
    after = await control.call("GET", "unionpay/book")

    assert (told["respCode"], told["origRespCode"]) == ("00", "42")
    assert unionpay_shop.notices == []
    assert (before["payments"], before["refunds"]) == ([], [])
    assert [row["returned_at"] for row in before["late_payments"]] == [None]
    assert after["late_payments"][0]["returned_at"].startswith("2026-11-28T10:15")
    assert (await control.call("GET", "unionpay/balance"))["balance_fen"] == 0


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (CARD | {"card": "6216 2610"}, "输入的卡号无效"),
        (CARD | {"card": "6221558812340064"}, "卡上的余额不足"),
        (CARD | {"code": "12345"}, "动态口令或短信验证码校验失败"),
    ],
)
async def test_a_card_that_is_refused_may_be_followed_by_another(
    unionpay: Merchant, control: Control, http: aiohttp.ClientSession, form: Any, words: str
) -> None:
    cashier = (await unionpay.front(unionpay.order())).location
    async with http.post(cashier, data=form) as answer:
        refused = await answer.text()
    state = (await control.call("GET", "unionpay/orders"))[0]["state"]
    async with http.post(cashier, data=CARD) as answer:
        done = await answer.text()

    assert (words in refused, state) == (True, "open")
    assert "支付成功" in done


async def test_the_cashier_shows_what_others_wrote_as_words(
    unionpay: Merchant, http: aiohttp.ClientSession
) -> None:
    order = unionpay.order(orderDesc="<script>x</script>", frontUrl='https://shop.test/"><b>')
    cashier = (await unionpay.front(order)).location
    async with http.post(cashier, data=CARD | {"card": '"><i id=x>'}) as answer:
        sheet = await answer.text()
    async with http.post(cashier, data=CARD) as answer:
        done = await answer.text()

    for page in (sheet, done):
        assert "&lt;script&gt;x&lt;/script&gt;" in page
        assert not [raw for raw in ("<script>", '"><b>', "<i id=x>") if raw in page]


async def test_a_paid_order_is_not_paid_twice(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, http: aiohttp.ClientSession
) -> None:
    cashier = (await unionpay.front(unionpay.order())).location
    pages = []
    for _ in range(2):
        async with http.post(cashier, data=CARD) as answer:
            pages.append(await answer.text())
    await unionpay_shop.heard(1)

    assert ["支付成功" in page for page in pages] == [True, False]
    assert await control.refused("POST", "unionpay/pay", {"order_no": "UP000001"}) == 400
    assert len((await control.call("GET", "unionpay/book"))["payments"]) == 1
    assert len(unionpay_shop.notices) == 1


async def test_too_many_questions_about_one_order_are_37(
    unionpay: Merchant, control: Control
) -> None:
    asked = [(await unionpay.query("UP000001", unionpay.now()))["respCode"]]
    fixed = unionpay.now()
    asked += [(await unionpay.query("UP000009", fixed))["respCode"] for _ in range(31)]
    await control.advance(61)
    later = await unionpay.query("UP000009", fixed)

    assert (asked[:-1], asked[-1]) == (["34"] * 31, "37")
    assert later["respCode"] == "34"


async def test_a_number_at_another_time_is_not_found(unionpay: Merchant) -> None:
    order = unionpay.order()
    await unionpay.front(order)

    assert (await unionpay.query("UP000001", unionpay.now(1)))["respCode"] == "34"
    assert (await unionpay.query("UP000001", order["txnTime"]))["respCode"] == "00"


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ("wrong_signature", "signature"),
        ("wrong_chain", "chain"),
        ("expired_certificate", "expired"),
        ("wrong_name", "name"),
    ],
)
async def test_a_reply_that_should_not_be_believed_is_followed_by_a_good_one(
    unionpay: Merchant, control: Control, fault: str, trouble: str
) -> None:
    await control.call("POST", "unionpay/faults", {"kind": fault, "on": "answer"})
    with pytest.raises(NotBelieved, match=trouble):
        await unionpay.query("UP000001", unionpay.now())

    assert (await unionpay.query("UP000001", unionpay.now()))["respCode"] == "34"


async def test_answers_go_wrong_as_ordered(unionpay: Merchant, control: Control) -> None:
    await control.call("POST", "unionpay/faults", {"kind": "quota"})
    limited = await unionpay.front(unionpay.order())
    await control.call("POST", "unionpay/faults", {"kind": "errcode", "code": "06"})
    busy = await unionpay.front(unionpay.order())
    await control.call("POST", "unionpay/faults", {"kind": "5xx"})
    broken = await unionpay.front(unionpay.order())
    nothing = await control.call("GET", "unionpay/orders")
    await control.call("POST", "unionpay/faults", {"kind": "timeout_after", "seconds": 0.1})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await unionpay.front(unionpay.order())

    assert (limited.code, busy.code, broken.status) == ("37", "06", 502)
    assert nothing == []
    orders = await control.call("GET", "unionpay/orders")
    assert [order["order_no"] for order in orders] == ["UP000001"]


async def test_certificates_and_book_outlive_a_restart(unionpay: Merchant) -> None:
    order = unionpay.order()
    await unionpay.front(order)
    folder = unionpay.world.folder
    again = World.open(folder, base_url=unionpay.world.base_url)
    try:
        assert again.facts()["unionpay"] == unionpay.world.facts()["unionpay"]
        assert again.tills["unionpay"].orders() == unionpay.world.tills["unionpay"].orders()
    finally:
        for till in again.tills.values():
            till.close()
        again.account.book.close()
        again.robots.book.close()
        again.office.book.close()
