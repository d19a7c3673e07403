"""What the inside asks of a gateway in these tests."""

from datetime import timedelta
from typing import Any

from bot.gateways.wechat_pay import WechatPay
from storage.ports.payments import PaymentAsk, RefundAsk, TradeKind
from tests.bot.gateways.wechat_platform import NOW, Platform

ORDER_NO = "P202603020001"
REFUND_NO = "R202603020001"


def ask(kind: TradeKind = TradeKind.JSAPI, **changes: Any) -> PaymentAsk:
    fields: dict[str, Any] = {
        "order_no": ORDER_NO,
        "asked_at": NOW,
        "amount_fen": 58000,
        "description": "3栋2单元501 物业费",
        "expires_at": NOW + timedelta(minutes=30),
        "kind": kind,
        "payer_id": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "payer_ip": "203.0.113.7",
    }
    return PaymentAsk(**{**fields, **changes})


def refund_ask(amount_fen: int = 58000, refund_no: str = REFUND_NO) -> RefundAsk:
    return RefundAsk(refund_no, ORDER_NO, NOW, amount_fen, 58000, "重复缴费")


async def paid(gateway: WechatPay, platform: Platform) -> None:
    await gateway.create(ask())
    platform.pay(ORDER_NO)
