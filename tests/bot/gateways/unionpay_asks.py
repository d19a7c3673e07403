"""What the inside asks of UnionPay in these tests."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.gateways.unionpay import UnionPay
from storage.ports.payments import (
    Collection,
    PaymentAsk,
    RefundAsk,
    TradeKind,
    WebhookRejected,
    WebhookRequest,
)
from tests.bot.gateways.unionpay_platform import NOW, Platform

ORDER_NO = "W2603020001"
REFUND_NO = "T260302000001"


def ask(kind: TradeKind = TradeKind.H5, **changes: Any) -> PaymentAsk:
    fields: dict[str, Any] = {
        "order_no": ORDER_NO,
        "asked_at": NOW,
        "amount_fen": 58000,
        "description": "3栋2单元501 物业费",
        "expires_at": NOW + timedelta(minutes=30),
        "kind": kind,
        "payer_ip": "203.0.113.7",
        "back_url": "https://bot.example.com/pay/token?order=W2603020001",
    }
    return PaymentAsk(**{**fields, **changes})


def form_of(collection: Collection) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(collection.form)
    return form


async def begun(gateway: UnionPay, platform: Platform, **changes: Any) -> str:
    """The order's form goes to the cashier; the code of the page that opens, "" for its own."""
    return platform.arrive(form_of(await gateway.create(ask(**changes)))["fields"])


async def paid(gateway: UnionPay, platform: Platform) -> str:
    """An order is paid; the platform's number of it."""
    await begun(gateway, platform)
    platform.pay(ORDER_NO)
    return platform.trades[ORDER_NO].query_id


def refund_ask(
    transaction_id: str, amount_fen: int = 20000, refund_no: str = REFUND_NO, at: datetime = NOW
) -> RefundAsk:
    return RefundAsk(refund_no, ORDER_NO, at, amount_fen, 58000, "重复缴费", transaction_id)


def rejection(
    gateway: UnionPay, request: WebhookRequest, *, now: datetime = NOW
) -> tuple[int, str]:
    """The status that the sender gets and the cause that only we see."""
    with pytest.raises(WebhookRejected) as rejected:
        gateway.read_webhook(request, now=now)
    assert not rejected.value.reply.body
    return rejected.value.reply.status, rejected.value.cause
