"""What WeChat Pay (微信支付) says, read into facts; nothing here trusts or fetches anything."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState

GATEWAY: Final = "wechat_pay"
CURRENCY: Final = "CNY"
MAX_TEXT_CHARS: Final = 1024
MAX_FEN: Final = 2**63 - 1
MAX_DEPTH: Final = 32

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

Words = dict[str, Any]


class UnreadableError(ValueError):
    """The platform's words do not have the agreed shape."""


def read_json(raw: bytes) -> Words:
    """Read a JSON object strictly: no key twice, no NaN, no endless nesting.

    Raises UnreadableError for anything else that the bytes may be.
    """
    try:
        words = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_each_key_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not the JSON we agreed on: {type(error).__name__}") from error
    if not isinstance(words, dict):
        raise UnreadableError("not a JSON object")
    _refuse_depth(words)
    return words


def _refuse_depth(words: Words) -> None:
    level: list[Any] = [words]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
    if level:
        raise UnreadableError("nested too deep")


def _children(parent: object) -> list[Any]:
    if isinstance(parent, dict):
        return list(parent.values())
    return parent if isinstance(parent, list) else []


def _each_key_once(pairs: list[tuple[str, Any]]) -> Words:
    words = dict(pairs)
    if len(words) != len(pairs):
        raise UnreadableError("a key stands twice")
    return words


def _no_constant(name: str) -> float:
    raise UnreadableError(f"{name} is no number")


def text(words: Mapping[str, Any], key: str) -> str:
    """Return a text that must be there and not be empty. Raises UnreadableError."""
    written = text_or_nothing(words, key)
    if not written:
        raise UnreadableError(f"{key} is missing")
    return written


def text_or_nothing(words: Mapping[str, Any], key: str) -> str:
    """Return a text, "" where the platform leaves it out. Raises UnreadableError."""
    written = words.get(key)
    if written is None:
        return ""
    if not isinstance(written, str) or len(written) > MAX_TEXT_CHARS:
        raise UnreadableError(f"{key} is not a text")
    if any(char < " " or "\ud800" <= char <= "\udfff" for char in written):
        raise UnreadableError(f"{key} holds what is no character")
    return written


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


def payment(words: Mapping[str, Any], state: PaymentState, *, event_id: str = "") -> PaymentFact:
    """Read a transaction. What is paid needs its amount and number. Raises UnreadableError."""
    amount = table(words, "amount")
    is_paid = state is PaymentState.PAID
    return PaymentFact(
        gateway=GATEWAY,
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


def refund(words: Mapping[str, Any], state: RefundState, *, event_id: str = "") -> RefundFact:
    """Read a refund, answered or notified. Raises UnreadableError."""
    return RefundFact(
        gateway=GATEWAY,
        refund_no=text(words, "out_refund_no"),
        order_no=text(words, "out_trade_no"),
        state=state,
        amount_fen=fen(table(words, "amount"), "refund"),
        platform_refund_id=text(words, "refund_id"),
        settled_at=instant(words, "success_time"),
        event_id=event_id,
    )
