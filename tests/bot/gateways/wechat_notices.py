"""Notices as the platform sends them, and as nobody but a forger would."""

import json
from datetime import datetime
from typing import Any

import pytest

from bot.gateways.wechat_pay import WechatPay
from storage.ports.payments import WebhookRejected, WebhookRequest
from tests.bot.gateways.wechat_platform import NOW, notice, signed, transaction

STAMP = int(NOW.timestamp())
GENUINE = notice(transaction())


def rejection(
    gateway: WechatPay, request: WebhookRequest, *, now: datetime = NOW
) -> tuple[int, str]:
    """The status that the sender gets and the cause that only we see."""
    with pytest.raises(WebhookRejected) as rejected:
        gateway.read_webhook(request, now=now)
    assert rejected.value.reply.body == b'{"code":"FAIL","message":"FAIL"}'
    return rejected.value.reply.status, rejected.value.cause


def with_headers(request: WebhookRequest, **changes: str | None) -> WebhookRequest:
    named = {f"wechatpay-{name.replace('_', '-')}": word for name, word in changes.items()}
    merged = {**request.headers, **named}
    kept = {name: word for name, word in merged.items() if word is not None}
    return WebhookRequest(headers=kept, body=request.body)


def envelope(**changes: Any) -> WebhookRequest:
    """A well signed notification whose outer words are changed (None drops a key)."""
    words = {**json.loads(GENUINE.body), **changes}
    body = json.dumps({key: word for key, word in words.items() if word is not None}).encode()
    return WebhookRequest(headers=signed(body), body=body)


def raw(body: bytes) -> WebhookRequest:
    return WebhookRequest(headers=signed(body), body=body)
