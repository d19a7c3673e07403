"""What WeChat Pay (微信支付) says, read into facts; nothing here trusts or fetches anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bot.gateways.strict_json import (
    UnreadableError,
    Words,
    read_json,
    text,
    text_or_nothing,
)
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState

__all__ = ["UnreadableError", "Words", "read_json", "text", "text_or_nothing"]

GATEWAY: Final = "wechat_pay"
CURRENCY: Final = "CNY"
MAX_FEN: Final = 2**63 - 1

PAYMENT_STATES: Final[Mapping[str, PaymentState]] = {
    "SUCCESS": PaymentState.PAID,
    "REFUND": PaymentState.PAID,
    "NOTPAY": PaymentState.PENDING,
    "USERPAYING": PaymentState.PENDING,
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
    "PAYERROR": PaymentState.FAILED,
}
"""REFUND says that a paid order has a refund; how that stands is asked of the refund."""

REFUND_STATES: Final[Mapping[str, RefundState]] = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.SUCCESS,
    "CLOSED": RefundState.CLOSED,
    "ABNORMAL": RefundState.ABNORMAL,
}


def table(words: Mapping[str, Any], key: str) -> Words:
    """Return a nested object, empty where it is left out. Raises UnreadableError."""
    inner = words.get(key)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise UnreadableError(f"{key} is not an object")
    return inner


def fen(words: Mapping[str, Any], key: str) -> int:
    """Return an amount in whole fen. Raises UnreadableError (a float is no amount)."""
    amount = words.get(key)
    if type(amount) is not int or not 0 <= amount <= MAX_FEN:
        raise UnreadableError(f"{key} is not whole fen")
    return amount


def instant(words: Mapping[str, Any], key: str) -> datetime | None:
    """Return an RFC 3339 instant in UTC, None where it is left out. Raises UnreadableError."""
    written = text_or_nothing(words, key)
    if not written:
        return None
    try:
        at = datetime.fromisoformat(written)
        if at.tzinfo is None:
            raise UnreadableError(f"{key} has no time zone")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableError(f"{key} is not an instant") from error


def payment(
    gateway: str, words: Mapping[str, Any], state: PaymentState, *, event_id: str = ""
) -> PaymentFact:
    """Read a transaction. What is paid needs its amount and number. Raises UnreadableError."""
    amount = table(words, "amount")
    is_paid = state is PaymentState.PAID
    return PaymentFact(
        gateway=gateway,
        order_no=text(words, "out_trade_no"),
        state=state,
        amount_fen=fen(amount, "total") if is_paid or "total" in amount else 0,
        currency=text_or_nothing(amount, "currency") or CURRENCY,
        merchant_id=text(words, "mchid"),
        app_id=text(words, "appid"),
        transaction_id=(
            text(words, "transaction_id") if is_paid else text_or_nothing(words, "transaction_id")
        ),
        paid_at=instant(words, "success_time"),
        payer_id=text_or_nothing(table(words, "payer"), "openid"),
        event_id=event_id,
    )


def refund(
    gateway: str, words: Mapping[str, Any], state: RefundState, *, event_id: str = ""
) -> RefundFact:
    """Read a refund, answered or notified. Raises UnreadableError."""
    return RefundFact(
        gateway=gateway,
        refund_no=text(words, "out_refund_no"),
        order_no=text(words, "out_trade_no"),
        state=state,
        amount_fen=fen(table(words, "amount"), "refund"),
        platform_refund_id=text(words, "refund_id"),
        settled_at=instant(words, "success_time"),
        event_id=event_id,
    )
