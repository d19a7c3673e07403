"""Answers in WeChat Pay's name: proven over their bytes, or the outcome stays unknown."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.gateways.wechat_pay import WechatPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import PaymentState
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.asks import ORDER_NO, REFUND_NO, ask, refund_ask
from tests.bot.gateways.wechat_platform import NOW, Platform, signed

SAID = json.dumps(platforms.transaction()).encode()
TWICE = b'{"trade_state":"NOTPAY","trade_state":"SUCCESS"}'
PROBE = {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"}


def said(body=SAID, status=200, **headers):
    return web.Response(body=body, status=status, headers=headers)


def late(seconds: int) -> Any:
    return said(**signed(SAID, at=NOW + timedelta(seconds=seconds)))


UNPROVEN = [
    pytest.param(said, "unproven: header", id="unsigned"),
    pytest.param(lambda: said(**signed(SAID, key="stranger")), "unproven: signature", id="forged"),
    pytest.param(lambda: said(**signed(b"{}")), "unproven: signature", id="of another body"),
    pytest.param(lambda: late(-301), "unproven: timestamp", id="stale"),
    pytest.param(lambda: late(301), "unproven: timestamp", id="from the future"),
    pytest.param(lambda: said(**signed(SAID, serial="ABC")), "unproven: serial", id="unknown"),
    pytest.param(lambda: said(**{**signed(SAID), **PROBE}), "unproven: probe", id="a probe"),
    pytest.param(lambda: said(b"<html>", 502), "502 unproven: header", id="a proxy's page"),
    pytest.param(
        lambda: said(b'{"code":"ORDER_NOT_EXIST"}', 404), "404 unproven", id="an unsigned no"
    ),
    pytest.param(lambda: said(b"<html>", **signed(b"<html>")), "not the JSON", id="a signed page"),
    pytest.param(lambda: said(TWICE, **signed(TWICE)), "not the JSON", id="a signed key twice"),
    pytest.param(lambda: said(b"", 302, location="/x"), "302 unproven", id="a way elsewhere"),
    pytest.param(lambda: said(b"x" * (1024 * 1024 + 1)), "without end", id="endless"),
]


@pytest.mark.parametrize(("answer", "reason"), UNPROVEN)
async def test_an_answer_that_is_not_proven_leaves_the_outcome_unknown(
    gateway: WechatPay, platform: Platform, answer: Callable[[], web.Response], reason: str
):
    platform.answer = lambda _: answer()

    for call in (
        gateway.create(ask()),
        gateway.query(ORDER_NO, NOW),
        gateway.close(ORDER_NO, NOW),
        gateway.refund(refund_ask()),
        gateway.query_refund(REFUND_NO, ORDER_NO, NOW),
    ):
        with pytest.raises(GatewayUnavailable, match=reason):
            await call


async def test_an_answer_that_points_elsewhere_is_not_followed(
    gateway: WechatPay, platform: Platform
):
    platform.answer = lambda _: web.Response(status=307, headers={"location": "/elsewhere"})

    with pytest.raises(GatewayUnavailable):
        await gateway.create(ask())

    assert [call.path for call in platform.calls] == ["/v3/pay/transactions/jsapi"]


async def test_a_platform_that_answers_by_certificate_is_believed_as_well(
    gateway: WechatPay, platform: Platform
):
    platform.signs_as = ("platform", platforms.serial_of("platform"))

    assert (await gateway.query(ORDER_NO, NOW)).state is PaymentState.PENDING
