"""WeChat Pay takes well-formed, signed orders and refuses the rest with its own codes."""

import base64
import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.sandbox.pay_book import Trade
from bot.sandbox.pay_errors import PayRefused
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Answer, Control, Merchant, is_signed_by_platform
from tests.bot.sandbox.conftest import OPENID


def number_of(found: Trade | str) -> str:
    assert isinstance(found, Trade), found
    return found.order_no


JSAPI = "/v3/pay/transactions/jsapi"


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"out_trade_no": "P1"}, "PARAM_ERROR"),
        ({"out_trade_no": "P" * 33}, "PARAM_ERROR"),
        ({"out_trade_no": "P 000001"}, "PARAM_ERROR"),
        ({"out_trade_no": None}, "PARAM_ERROR"),
        ({"description": "物" * 128}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"attach": "x" * 129}, "PARAM_ERROR"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"amount": {"total": 1.5}}, "PARAM_ERROR"),
        ({"amount": {"total": "58000"}}, "PARAM_ERROR"),
        ({"amount": {"total": True}}, "PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "USD"}}, "PARAM_ERROR"),
        ({"amount": None}, "PARAM_ERROR"),
        ({"payer": {}}, "PARAM_ERROR"),
        ({"notify_url": "http://shop.test/n"}, "PARAM_ERROR"),
        ({"notify_url": "https://shop.test/n?a=1"}, "PARAM_ERROR"),
        ({"notify_url": "https://shop.test/" + "n" * 255}, "PARAM_ERROR"),
        ({"time_expire": "soon"}, "PARAM_ERROR"),
        ({"time_expire": "2026-11-23T10:30:00"}, "PARAM_ERROR"),
        ({"time_expire": "2026-11-23T10:00:30+08:00"}, "PARAM_ERROR"),
        ({"appid": "wx0000000000000000"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1900000000"}, "MCH_NOT_EXISTS"),
        ({"payer": {"openid": "oNobody"}}, "OPENID_MISMATCH"),
    ],
)
async def test_an_ill_formed_order_is_refused_with_its_own_code(
    merchant: Merchant, world: World, other: dict[str, Any], code: str
) -> None:
    answer = await merchant.create(**other)

    assert answer.code == code
    assert answer.status == {"OPENID_MISMATCH": 500}.get(code, 400)
    assert is_signed_by_platform(world, answer.headers, answer.raw)
    assert world.pay.book.orders() == []


@pytest.mark.parametrize("scene", [{}, {"payer_client_ip": "1.1.1.1", "h5_info": {"type": "TV"}}])
async def test_h5_needs_its_scene(merchant: Merchant, scene: dict[str, Any]) -> None:
    assert (await merchant.create("h5", scene_info=scene)).code == "PARAM_ERROR"


@pytest.mark.parametrize("body", [None, [], "text"])
async def test_a_body_that_is_no_object_is_refused(merchant: Merchant, body: object) -> None:
    assert (await merchant.call("POST", JSAPI, body)).code == "PARAM_ERROR"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"signature": base64.b64encode(secrets.token_bytes(256)).decode()},
        {"signature": "%%%"},
        {"serial_no": "0" * 40},
        {"mchid": "1900000000"},
        {"nonce_str": "other"},
        {"timestamp": "x"},
        {"timestamp": "1"},
        {"headers": {"Authorization": "Basic abc"}},
        {"headers": {"Authorization": ""}},
        {"skew": 301},
        {"skew": -301},
        {"signed_path": "/v3/pay/transactions/h5"},
    ],
)
async def test_whatever_is_wrong_with_the_signature_is_a_sign_error(
    merchant: Merchant, world: World, spoilt: dict[str, Any]
) -> None:
    answer = await merchant.call("POST", JSAPI, merchant.order(), **spoilt)

    assert (answer.status, answer.code) == (401, "SIGN_ERROR")
    assert is_signed_by_platform(world, answer.headers, answer.raw)


async def test_a_sign_error_says_what_was_signed(merchant: Merchant) -> None:
    answer = await merchant.call("POST", JSAPI, merchant.order(), nonce_str="other")

    detail = answer.json["detail"]
    assert detail["detail"] == {"issue": "sign not match"}
    assert (detail["field"], detail["location"]) == ("signature", "authorization")
    assert detail["sign_information"]["method"] == "POST"
    assert detail["sign_information"]["truncated_sign_message"].startswith("POST\n")


@pytest.mark.parametrize("skew", [299, -299])
async def test_five_minutes_of_skew_are_allowed(merchant: Merchant, skew: int) -> None:
    answer = await merchant.call("POST", JSAPI, merchant.order(), skew=skew)

    assert answer.status == 200


async def test_the_path_may_be_signed_without_the_sandboxs_prefix(merchant: Merchant) -> None:
    answer = await merchant.call("POST", JSAPI, merchant.order(), signed_path=JSAPI)

    assert answer.status == 200


async def test_the_reply_is_signed_in_the_mode_that_was_asked_for(
    merchant: Merchant, world: World
) -> None:
    key_id = world.keys.names.platform_public_key_id
    by_key = await merchant.call(
        "POST", JSAPI, merchant.order(), headers={"Wechatpay-Serial": key_id}
    )
    by_certificate = await merchant.query()
    unknown = await merchant.call("GET", "/v3/certificates", headers={"Wechatpay-Serial": "ABC"})

    assert by_key.headers["Wechatpay-Serial"] == key_id
    assert by_certificate.headers["Wechatpay-Serial"] == world.keys.platform_serial
    for answer in (by_key, by_certificate):
        assert is_signed_by_platform(world, answer.headers, answer.raw)
    assert unknown.code == "PARAM_ERROR"


async def test_the_certificate_can_be_downloaded(merchant: Merchant, world: World) -> None:
    listed = (await merchant.call("GET", "/v3/certificates")).json["data"][0]
    sealed = listed["encrypt_certificate"]
    pem = AESGCM(world.keys.names.api_v3_key.encode()).decrypt(
        sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), b"certificate"
    )

    serial = x509.load_pem_x509_certificate(pem).serial_number
    assert f"{serial:X}" == listed["serial_no"] == world.keys.platform_serial


async def test_each_kind_of_order_gives_its_own_handle(merchant: Merchant, world: World) -> None:
    jsapi = (await merchant.create("jsapi", "PJSAPI01")).json
    h5 = (await merchant.create("h5", "PH500001")).json
    native = (await merchant.create("native", "PNATIVE1")).json

    assert jsapi["prepay_id"].startswith("wx20261123")
    token = h5["h5_url"].split("token=")[1]
    assert number_of(world.pay.by_h5_token(token)) == "PH500001"
    assert native["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert number_of(world.pay.by_code_url(native["code_url"])) == "PNATIVE1"
    assert number_of(world.pay.by_code_url(native["code_url"][-9:])) == "PNATIVE1"


async def test_the_same_order_again_is_the_same_trade(merchant: Merchant, world: World) -> None:
    first, again = await merchant.create(), await merchant.create()

    assert first.json["prepay_id"] != again.json["prepay_id"]
    assert len(world.pay.book.orders()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": {"total": 58001, "currency": "CNY"}},
        {"description": "别的"},
        {"attach": "a"},
        {"time_expire": "2026-11-23T12:00:00+08:00"},
    ],
)
async def test_the_same_number_with_other_parameters_is_refused(
    merchant: Merchant, other: dict[str, Any]
) -> None:
    await merchant.create()
    answer = await merchant.create(**other)

    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["message"] == "请求重入时，参数与首次请求时不一致"


async def test_the_same_number_as_another_kind_of_trade_is_used(merchant: Merchant) -> None:
    await merchant.create("jsapi")
    answer = await merchant.create("native")

    assert (answer.status, answer.code) == (403, "OUT_TRADE_NO_USED")


async def test_a_paid_number_says_that_it_is_paid(merchant: Merchant, world: World) -> None:
    await merchant.create()
    await world.pay.pay_order("P0000001")
    answer = await merchant.create()

    assert (answer.code, answer.json["message"]) == ("INVALID_REQUEST", "该订单已支付")
    assert (await merchant.close()).code == "TRADE_ERROR"


async def test_a_closed_number_is_never_used_again(merchant: Merchant, world: World) -> None:
    await merchant.create()
    closed = await merchant.close()
    again = await merchant.close()

    assert (closed.status, closed.raw, again.status) == (204, b"", 204)
    assert is_signed_by_platform(world, closed.headers, b"")
    assert (await merchant.create()).code == "ORDER_CLOSED"
    assert (await merchant.query()).json["trade_state"] == "CLOSED"
    with pytest.raises(PayRefused, match="已关闭"):
        await world.pay.pay_order("P0000001")


async def test_closing_a_number_never_ordered_burns_it(merchant: Merchant) -> None:
    closed = await merchant.close()

    assert closed.status == 204
    assert (await merchant.query()).code == "ORDER_NOT_EXIST"
    assert (await merchant.create()).code == "INVALID_REQUEST"


async def test_queries_tell_how_a_trade_stands(merchant: Merchant, world: World) -> None:
    unknown = await merchant.query()
    await merchant.create()
    waiting = (await merchant.query()).json
    trade = await world.pay.pay_order("P0000001")
    paid = (await merchant.query()).json
    mchid = merchant.facts["mchid"]
    by_id = await merchant.call(
        "GET", f"/v3/pay/transactions/id/{trade.transaction_id}?mchid={mchid}"
    )
    stranger = await merchant.call("GET", "/v3/pay/transactions/out-trade-no/P0000001?mchid=1")

    assert (unknown.status, unknown.code) == (404, "ORDER_NOT_EXIST")
    assert waiting["trade_state"] == "NOTPAY"
    assert "transaction_id" not in waiting
    assert (paid["trade_state"], paid["payer"]) == ("SUCCESS", {"openid": OPENID})
    assert paid["amount"]["payer_total"] == 58000
    assert by_id.json == paid
    assert stranger.status == 400


async def test_an_unknown_path_is_refused(merchant: Merchant) -> None:
    answer = await merchant.call("GET", "/v3/nothing")

    assert (answer.status, answer.code) == (404, "RESOURCE_NOT_EXISTS")


def bridge(merchant: Merchant, answer: Answer, **other: str) -> dict[str, str]:
    params = {
        "appId": merchant.facts["appid"],
        "timeStamp": "1795399200",
        "nonceStr": "abc",
        "package": "prepay_id=" + answer.json["prepay_id"],
    }
    names = ("appId", "timeStamp", "nonceStr", "package")
    signature = merchant.sign("".join(params[name] + "\n" for name in names).encode())
    return params | {"signType": "RSA", "paySign": signature} | other


async def test_the_bridge_opens_what_the_merchant_signed(merchant: Merchant, world: World) -> None:
    answer = await merchant.create()

    assert number_of(world.pay.check_bridge(bridge(merchant, answer))) == "P0000001"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"nonceStr": "abd"}, "支付验证签名失败"),
        ({"signType": "MD5"}, "支付验证签名失败"),
        ({"paySign": ""}, "缺少参数"),
        ({"appId": "wx0"}, "appId不匹配"),
    ],
)
async def test_the_bridge_refuses_a_wrong_signature(
    merchant: Merchant, world: World, other: dict[str, str], words: str
) -> None:
    answer = await merchant.create()

    assert words in str(world.pay.check_bridge(bridge(merchant, answer, **other)))


async def test_handles_grow_old(merchant: Merchant, world: World, control: Control) -> None:
    jsapi = await merchant.create("jsapi", "PJSAPI01")
    h5 = (await merchant.create("h5", "PH500001")).json["h5_url"].split("token=")[1]
    await control.advance(301)
    assert "失效" in str(world.pay.by_h5_token(h5))
    assert number_of(world.pay.check_bridge(bridge(merchant, jsapi))) == "PJSAPI01"
    await control.advance(7200)

    assert "失效" in str(world.pay.check_bridge(bridge(merchant, jsapi)))


async def test_an_expired_order_cannot_be_paid_and_is_still_not_closed(
    merchant: Merchant, world: World, control: Control
) -> None:
    until = (world.clock.now() + timedelta(minutes=5)).isoformat(timespec="seconds")
    await merchant.create(time_expire=until)
    await control.advance(301)

    with pytest.raises(PayRefused, match="已过期"):
        await world.pay.pay_order("P0000001")
    assert (await merchant.query()).json["trade_state"] == "NOTPAY"


async def test_another_person_cannot_pay_what_was_ordered_for_one(
    merchant: Merchant, world: World
) -> None:
    other = world.account.add_person("王先生")
    await merchant.create()

    with pytest.raises(PayRefused, match="不一致"):
        await world.pay.pay_order("P0000001", other.openid)


async def test_a_payment_under_way_may_come_after_the_close(
    merchant: Merchant, control: Control
) -> None:
    await merchant.create()
    await merchant.close()
    told = await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001", "late": True})

    assert told["state"] == "paid"
    assert json.loads((await merchant.query()).raw)["trade_state"] == "SUCCESS"
