"""What Alipay answers is believed only as it is written and signed, character for character."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from bot.gateways import alipay_facts as facts
from bot.gateways.alipay import Alipay
from bot.gateways.strict_json import UnreadableError
from storage.errors import GatewayUnavailable
from storage.ports.payments import PaymentState
from tests.bot.gateways.alipay_platform import DONE, NOW, TRADE_NO, Platform, sign

ORDER_NO = "P202603020001"
NODE = "alipay_trade_query_response"
PAID = {
    **DONE,
    "out_trade_no": ORDER_NO,
    "trade_no": TRADE_NO,
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "580.00",
}
PLAIN = json.dumps(PAID)


def answered(body: str) -> web.Response:
    return web.Response(body=body.encode("utf-8", "surrogatepass"))


def signed(node: str, *, owner: str = "alipay", name: str = NODE) -> str:
    return f'{{"{name}":{node},"sign":"{sign(node.encode(), owner)}"}}'


@pytest.mark.parametrize(
    "node",
    [
        PLAIN,
        json.dumps(PAID | {"body": '}{{["\\ {}\\" ]'}),
        json.dumps(PAID | {"body": "费用/水", "store": {"name": "}"}}, ensure_ascii=False),
        PLAIN.replace("/", "\\/").replace(", ", " ,\n\t"),
        json.dumps(PAID | {"body": "\u2028 \\u0022"}),
    ],
)
async def test_an_answer_is_proven_as_it_is_written(
    alipay: Alipay, alipay_platform: Platform, node: str
):
    """Braces in texts, escapes and spaces are part of what was signed."""
    alipay_platform.answer = lambda call: answered(signed(node))

    assert (await alipay.query(ORDER_NO, NOW)).state is PaymentState.PAID


async def test_the_signature_may_stand_before_the_node(alipay: Alipay, alipay_platform: Platform):
    body = f' {{ "sign" : "{sign(PLAIN.encode())}" , "{NODE}" : {PLAIN} }} \n'
    alipay_platform.answer = lambda call: answered(body)

    assert (await alipay.query(ORDER_NO, NOW)).state is PaymentState.PAID


SPOILT: tuple[Callable[[], str], ...] = (
    lambda: f'{{"{NODE}":{PLAIN}}}',
    lambda: f'{{"{NODE}":{PLAIN},"sign":""}}',
    lambda: f'{{"{NODE}":{PLAIN},"sign":null}}',
    lambda: f'{{"{NODE}":{PLAIN},"sign":["{sign(PLAIN.encode())}"]}}',
    lambda: signed(PLAIN, owner="stranger"),
    lambda: signed(PLAIN).replace("580.00", "580.01"),
    lambda: signed(PLAIN).replace(", ", ","),
    lambda: signed(PLAIN, name="alipay_trade_refund_response"),
    lambda: signed(PLAIN, name="error_response"),
    lambda: signed(PLAIN).replace(f'"{NODE}"', f'"{NODE}":{{"code":"10000"}},"{NODE}"'),
    lambda: signed(PLAIN) + signed(PLAIN),
    lambda: signed(PLAIN)[:-1],
    lambda: signed("[" * 3000 + "]" * 3000),
    lambda: signed('{"code":"10000","code":"10000"}'),
    lambda: signed('{"code":NaN}'),
    lambda: signed("[]"),
    lambda: signed('"10000"'),
    lambda: '{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}',
    lambda: "",
    lambda: "null",
    lambda: "<html>502</html>",
    lambda: '{"a" 1}',
    lambda: "\udcff",
)


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_an_answer_that_is_not_proven_leaves_the_outcome_unknown(
    alipay: Alipay, alipay_platform: Platform, spoilt: Callable[[], str]
):
    alipay_platform.answer = lambda call: answered(spoilt())

    with pytest.raises(GatewayUnavailable):
        await alipay.query(ORDER_NO, NOW)


@pytest.mark.parametrize("code", ["20000", "20001", "40001", "40002", "40003", "40006", "50000"])
async def test_a_code_of_the_gateway_itself_says_nothing_of_the_trade(
    alipay: Alipay, alipay_platform: Platform, code: str
):
    words = {**PAID, "code": code, "sub_code": "isp.unknow-error"}
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, words)

    with pytest.raises(GatewayUnavailable) as trouble:
        await alipay.query(ORDER_NO, NOW)

    assert trouble.value.reason == f"{code} isp.unknow-error"


async def test_an_answer_without_end_and_one_that_points_elsewhere_are_not_followed(
    alipay: Alipay, alipay_platform: Platform
):
    elsewhere = web.Response(status=302, headers={"Location": alipay_platform.base_url})
    for response in (web.Response(body=b"{" + b" " * 2**20), elsewhere):
        alipay_platform.answer = lambda call, response=response: response
        with pytest.raises(GatewayUnavailable):
            await alipay.query(ORDER_NO, NOW)
    assert len(alipay_platform.calls) == 2


@pytest.mark.parametrize(
    ("source", "members"),
    [
        ('{"a":{"b":"}"},"c":"{"}', {"a": '{"b":"}"}', "c": '"{"'}),
        ('{"a":"\\"}","b":1}', {"a": '"\\"}"', "b": "1"}),
        ('{ "a" : [1, {"x": "]"}] }', {"a": '[1, {"x": "]"}]'}),
    ],
)
def test_members_are_cut_with_an_eye_on_texts(source: str, members: dict[str, str]):
    assert facts.cut_answer(source) == members


@pytest.mark.parametrize("source", ["", "{", "{}", '{"a"}', '{"a":1,}', '{"a":1}x', '[{"a":1}]'])
def test_what_is_no_object_is_not_cut(source: str):
    with pytest.raises(UnreadableError):
        facts.cut_answer(source)


FOLDER = os.environ.get("WUYEBOT_VECTORS", "")


def test_published_answers_of_alipay_are_cut_as_they_are_written():
    """Other authors' examples: {"raw": the whole answer, "name": of its node, "node": its text}."""
    found = sorted(Path(FOLDER).glob("pay_alipay*.json")) if FOLDER else []
    if not found:
        pytest.skip("WUYEBOT_VECTORS names no folder with vectors of Alipay")
    rows = [row for path in found for row in json.loads(path.read_text())["vectors"]]
    whole = [row for row in rows if {"raw", "name", "node"} <= row.keys()]

    assert whole, "no vector that we understand"
    assert all(facts.cut_answer(row["raw"])[row["name"]] == row["node"] for row in whole)
