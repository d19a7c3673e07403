"""The rules for what a merchant sends to Alipay: each field's shape, else ACQ.INVALID_PARAMETER."""

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.alipay_codec import fen_of, from_beijing
from bot.sandbox.alipay_errors import AlipayError

TRADE_NO = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
REQUEST_NO = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)
EXPRESS = re.compile(r"([1-9][0-9]{0,4})([mhd])|1c", re.ASCII)
PRODUCTS = {
    "alipay.trade.wap.pay": "QUICK_WAP_WAY",
    "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY",
}
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST = timedelta(days=15)


@dataclass(frozen=True)
class PayAsk:
    """What a merchant asks a payer to pay, checked."""

    method: str
    order_no: str
    amount_fen: int
    subject: str
    body: str
    passback: str
    quit_url: str
    expires_at: datetime
    notify_url: str
    return_url: str


@dataclass(frozen=True)
class RefundAsk:
    """What a merchant asks to give back, checked; an empty `request_no` means the whole trade."""

    order_no: str
    trade_no: str
    amount_fen: int
    request_no: str
    reason: str


def wrong(field: str, issue: str = "") -> AlipayError:
    """Return ACQ.INVALID_PARAMETER about one field."""
    return AlipayError("ACQ.INVALID_PARAMETER", f"参数有误{field}{issue}")


def biz_content(params: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the business parameters; raises isv.invalid-parameter where they are no JSON."""
    try:
        parsed = json.loads(params.get("biz_content") or "{}")
    except ValueError as bad:
        raise AlipayError("isv.invalid-parameter", "biz_content不是合法的JSON") from bad
    if not isinstance(parsed, dict):
        raise AlipayError("isv.invalid-parameter", "biz_content不是JSON对象")
    return parsed


def words(biz: Mapping[str, Any], field: str, most: int, *, least: int = 1) -> str:
    """Return a text of so many characters; raises ACQ.INVALID_PARAMETER."""
    value = biz.get(field)
    value = "" if value is None else value
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise wrong(field)
    return value


def amount(biz: Mapping[str, Any], field: str) -> int:
    """Return an amount of yuan as fen; raises ACQ.INVALID_PARAMETER."""
    fen = fen_of(biz.get(field))
    if fen is None:
        raise wrong(field)
    return fen


def address(params: Mapping[str, str], field: str) -> str:
    """Return a web address or nothing; raises isv.invalid-parameter."""
    url = params.get(field, "")
    parts = urllib.parse.urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 256):
        raise AlipayError("isv.invalid-parameter", f"{field}不是合法的地址")
    return url


def pay_ask(method: str, params: Mapping[str, str], now: datetime) -> PayAsk:
    """Check a pay request; raises AlipayError."""
    biz = biz_content(params)
    order_no = words(biz, "out_trade_no", 64)
    subject = words(biz, "subject", 256)
    if not TRADE_NO.fullmatch(order_no):
        raise wrong("out_trade_no", "只能是字母、数字、下划线")
    if any(sign in subject for sign in "/=&"):
        raise wrong("subject", "不能含有/、=、&")
    if biz.get("product_code") != PRODUCTS[method]:
        raise AlipayError("ACQ.ACCESS_FORBIDDEN")
    return PayAsk(
        method=method,
        order_no=order_no,
        amount_fen=amount(biz, "total_amount"),
        subject=subject,
        body=words(biz, "body", 128, least=0),
        passback=words(biz, "passback_params", 512, least=0),
        quit_url=words(biz, "quit_url", 400, least=0),
        expires_at=_expiry(biz, now),
        notify_url=address(params, "notify_url"),
        return_url=address(params, "return_url"),
    )


def _expiry(biz: Mapping[str, Any], now: datetime) -> datetime:
    if biz.get("time_expire"):
        until = from_beijing(str(biz["time_expire"]))
        if until is None or not now < until <= now + LONGEST:
            raise wrong("time_expire")
        return until
    express = str(biz.get("timeout_express") or "15d")
    found = EXPRESS.fullmatch(express)
    if found is None:
        raise wrong("timeout_express")
    life = timedelta(days=1) if express == "1c" else int(found[1]) * UNITS[found[2]]
    if life > LONGEST:
        raise wrong("timeout_express")
    return now + life


def trade_names(biz: Mapping[str, Any]) -> tuple[str, str]:
    """Return out_trade_no and trade_no, one of which must be there; raises AlipayError."""
    order_no = words(biz, "out_trade_no", 64, least=0)
    trade_no = words(biz, "trade_no", 64, least=0)
    if not order_no and not trade_no:
        raise wrong("out_trade_no", "和trade_no不能同时为空")
    return order_no, trade_no


def refund_ask(biz: Mapping[str, Any]) -> RefundAsk:
    """Check a refund request; raises AlipayError."""
    order_no, trade_no = trade_names(biz)
    request_no = words(biz, "out_request_no", 64, least=0)
    if request_no and not REQUEST_NO.fullmatch(request_no):
        raise wrong("out_request_no")
    return RefundAsk(
        order_no=order_no,
        trade_no=trade_no,
        amount_fen=amount(biz, "refund_amount"),
        request_no=request_no,
        reason=words(biz, "refund_reason", 256, least=0),
    )
