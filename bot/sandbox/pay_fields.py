"""The rules for what a merchant sends: each field's shape, refused with PARAM_ERROR."""

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.pay_errors import PayError, wrong_field

TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
LONGEST_EXPIRY = timedelta(days=90)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
H5_TYPES = ("iOS", "Android", "Wap")


@dataclass(frozen=True)
class OrderAsk:
    """What a merchant asks for, checked."""

    kind: str
    order_no: str
    amount_fen: int
    description: str
    notify_url: str
    attach: str
    payer_openid: str | None
    expires_at: datetime | None
    params: Mapping[str, Any]


@dataclass(frozen=True)
class RefundAsk:
    """What a merchant asks back, checked."""

    refund_no: str
    order_no: str | None
    transaction_id: str | None
    amount_fen: int
    total_fen: int
    reason: str
    notify_url: str


def words(body: Mapping[str, Any], field: str, most: int, *, least: int = 1) -> str:
    """Return a string field of so many characters; raises PARAM_ERROR."""
    value = body.get(field, "" if least == 0 else None)
    if value is None:
        raise wrong_field(field, None, "参数缺失")
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise wrong_field(field, value, f"字符串长度应为{least}到{most}")
    return value


def fen(body: Mapping[str, Any], field: str, *, inside: str = "amount") -> int:
    """Return a whole number of fen, at least one; raises PARAM_ERROR."""
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**10:
        raise wrong_field(f"/{inside}/{field}", value, "应为大于0的整数")
    return value


def part(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return an object field; raises PARAM_ERROR."""
    value = body.get(field)
    if not isinstance(value, dict):
        raise wrong_field(f"/{field}", value, "参数缺失")
    return value


def currency(amount: Mapping[str, Any], *, default: str | None = "CNY") -> None:
    """Refuse every currency but CNY."""
    if amount.get("currency", default) != "CNY":
        raise wrong_field("/amount/currency", amount.get("currency"), "只支持CNY")


def notify_url(body: Mapping[str, Any], *, needed: bool) -> str:
    """Return the notice address: https (http on loopback), no query, up to 255 characters."""
    if not needed and "notify_url" not in body:
        return ""
    url = words(body, "notify_url", 255)
    parts = urllib.parse.urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or is_local) or not parts.hostname:
        raise wrong_field("/notify_url", url, "应为https地址")
    if parts.query or parts.fragment or "?" in url:
        raise wrong_field("/notify_url", url, "不能携带参数")
    return url


def order_ask(body: Mapping[str, Any], kind: str, now: datetime) -> OrderAsk:
    """Check the body of a create call of a kind (JSAPI, MWEB, NATIVE); raises PARAM_ERROR."""
    words(body, "appid", 32)
    words(body, "mchid", 32)
    description = words(body, "description", 127)
    order_no = words(body, "out_trade_no", 32)
    if not TRADE_NO.fullmatch(order_no):
        raise wrong_field("/out_trade_no", order_no, "只能是6到32位数字、大小写字母_-|*")
    amount = part(body, "amount")
    currency(amount)
    payer = None
    if kind == "JSAPI":
        payer = words(part(body, "payer"), "openid", 128)
    if kind == "MWEB":
        _h5_scene(part(body, "scene_info"))
    return OrderAsk(
        kind=kind,
        order_no=order_no,
        amount_fen=fen(amount, "total"),
        description=description,
        notify_url=notify_url(body, needed=True),
        attach=words(body, "attach", 128, least=0),
        payer_openid=payer,
        expires_at=_expiry(body, now),
        params=body,
    )


def _h5_scene(scene: Mapping[str, Any]) -> None:
    words(scene, "payer_client_ip", 45)
    kind = part(scene, "h5_info").get("type")
    if kind not in H5_TYPES:
        raise wrong_field("/scene_info/h5_info/type", kind, "应为iOS, Android, Wap")


def _expiry(body: Mapping[str, Any], now: datetime) -> datetime | None:
    if "time_expire" not in body:
        return None
    written = words(body, "time_expire", 64)
    try:
        expires_at = datetime.fromisoformat(written)
    except ValueError as wrong:
        raise wrong_field("/time_expire", written, "应为RFC3339格式") from wrong
    if expires_at.tzinfo is None or "T" not in written:
        raise wrong_field("/time_expire", written, "应为RFC3339格式")
    if not now + timedelta(minutes=1) <= expires_at <= now + LONGEST_EXPIRY:
        raise wrong_field("/time_expire", written, "支付结束时间应晚于下单时间1分钟")
    return expires_at


def refund_ask(body: Mapping[str, Any]) -> RefundAsk:
    """Check the body of a refund call; raises PARAM_ERROR."""
    refund_no = words(body, "out_refund_no", 64)
    if not REFUND_NO.fullmatch(refund_no):
        raise wrong_field("/out_refund_no", refund_no, "只能是数字、大小写字母_-|*@")
    has_order, has_transaction = "out_trade_no" in body, "transaction_id" in body
    if not has_order and not has_transaction:
        raise PayError("PARAM_ERROR", "transaction_id和out_trade_no二选一必填")
    amount = part(body, "amount")
    currency(amount, default=None)
    return RefundAsk(
        refund_no=refund_no,
        order_no=words(body, "out_trade_no", 32) if has_order else None,
        transaction_id=words(body, "transaction_id", 32) if has_transaction else None,
        amount_fen=fen(amount, "refund"),
        total_fen=fen(amount, "total"),
        reason=words(body, "reason", 80, least=0),
        notify_url=notify_url(body, needed=False),
    )
