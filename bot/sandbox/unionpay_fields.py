"""The rules for what a merchant sends UnionPay: missing is 13, misshapen is 10, too much is 33."""

import re
import urllib.parse
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.sandbox.unionpay_codec import read_beijing
from bot.sandbox.unionpay_codes import AcpError

COMMON = (
    "version",
    "encoding",
    "signMethod",
    "txnType",
    "txnSubType",
    "bizType",
    "accessType",
    "merId",
    "certId",
    "txnTime",
    "signature",
)
ORDER = ("orderId",)
MONEY = (*ORDER, "txnAmt", "channelType", "backUrl")
CONSUME = (*MONEY, "currencyCode", "frontUrl")
RETURN = (*MONEY, "origQryId")
FILE = ("settleDate", "fileType")

SHAPES = {
    "version": r"5\.1\.0",
    "encoding": r"(?i:utf-8)",
    "signMethod": r"[0-9]{2}",
    "txnType": r"[0-9]{2}",
    "txnSubType": r"[0-9]{2}",
    "bizType": r"[0-9]{6}",
    "accessType": r"0",
    "merId": r"[0-9A-Za-z]{15}",
    "certId": r"[0-9]{1,30}",
    "orderId": r"[0-9A-Za-z]{8,40}",
    "txnAmt": r"[1-9][0-9]{0,11}",
    "currencyCode": r"156",
    "channelType": r"05|07|08|09|16",
    "origQryId": r"[0-9]{21}",
    "settleDate": r"(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
    "fileType": r"00",
}
PATTERNS = {name: re.compile(shape, re.ASCII) for name, shape in SHAPES.items()}
LENGTHS = {"reqReserved": 1024, "orderDesc": 32, "riskRateInfo": 2048}
BRACKETS = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
MOST_FEN = 20_000_000
FUTURE = timedelta(minutes=15)
URL_LENGTH = 256


def check_shapes(fields: Mapping[str, str], needed: tuple[str, ...], now: datetime) -> None:
    """Check that all is there (13) and well formed (10); raises AcpError."""
    missing = [name for name in (*COMMON, *needed) if not fields.get(name)]
    if missing:
        raise AcpError("13", ",".join(missing))
    wrong = [
        name
        for name, pattern in PATTERNS.items()
        if fields.get(name) and not pattern.fullmatch(fields[name])
    ]
    wrong += [name for name, most in LENGTHS.items() if len(fields.get(name, "")) > most]
    wrong += [name for name in ("frontUrl", "backUrl") if not _is_address(fields.get(name, ""))]
    if wrong:
        raise AcpError("10", ",".join(wrong))
    if "&" in BRACKETS.sub("", fields.get("reqReserved", "")):
        raise AcpError("10", "reqReserved")
    _check_times(fields, now)


def _check_times(fields: Mapping[str, str], now: datetime) -> None:
    sent_at = moment(fields, "txnTime")
    if sent_at > now + FUTURE:
        raise AcpError("10", "txnTime")
    if fields.get("payTimeout") and moment(fields, "payTimeout") <= sent_at:
        raise AcpError("10", "payTimeout")


def moment(fields: Mapping[str, str], name: str) -> datetime:
    """Return the instant of a time field; raises AcpError 10."""
    try:
        return read_beijing(fields[name])
    except ValueError as wrong:
        raise AcpError("10", name) from wrong


def amount_fen(fields: Mapping[str, str]) -> int:
    """Return a checked txnAmt; raises AcpError 33 above the limit of one trade."""
    fen = int(fields["txnAmt"])
    if fen > MOST_FEN:
        raise AcpError("33")
    return fen


def _is_address(url: str) -> bool:
    if not url:
        return True
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= URL_LENGTH
