"""What UnionPay (银联) says, read into facts; nothing here trusts or fetches anything."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from bot.gateways.unionpay_codec import UnreadableError, Words
from storage.periods import SHANGHAI
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState

GATEWAY: Final = "unionpay"
CURRENCIES: Final[Mapping[str, str]] = {"156": "CNY"}
CUT: Final = time(23)
"""When a clearing day ends and the next one begins, in Shanghai."""

NUMBER: Final = re.compile(r"[0-9A-Za-z]{8,32}", re.ASCII)
"""What is an order's number there, a refund's too."""
_QUERY_ID: Final = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
_FEN: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_CODE: Final = re.compile(r"[0-9A-Z]{2}", re.ASCII)
_SECOND: Final = re.compile(r"[0-9]{14}", re.ASCII)
_SECOND_OF_YEAR: Final = re.compile(r"[0-9]{10}", re.ASCII)
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")


def text(words: Words, key: str, shape: re.Pattern[str] = _TEXT) -> str:
    """Return a field that must be there in its shape. Raises UnreadableError."""
    written = words.get(key, "")
    if shape.fullmatch(written) is None:
        raise UnreadableError(f"{key} is missing, or not in its shape")
    return written


def code(words: Words, key: str = "respCode") -> str:
    """Return an answer code. Raises UnreadableError."""
    return text(words, key, _CODE)


def said(words: Words, key: str = "respCode") -> str:
    """Return a code and its message, for staff: "64 余额不足"."""
    message = words.get(key.replace("Code", "Msg"), "")
    shown = message[:100] if _TEXT.fullmatch(message[:100]) else ""
    return f"{words.get(key, '')[:2]} {shown}".strip()


def fen(words: Words, key: str = "txnAmt") -> int:
    """Return an amount in whole fen. Raises UnreadableError."""
    return int(text(words, key, _FEN))


def stamp(instant: datetime) -> str:
    """Return an instant as the platform writes it: Shanghai's `YYYYMMDDhhmmss`."""
    return instant.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def read_second(written: str) -> datetime | None:
    """Return the instant (UTC) of Shanghai's `YYYYMMDDhhmmss`, None where it is none."""
    if _SECOND.fullmatch(written) is None:
        return None
    try:
        return datetime.strptime(written, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_second_of_year(written: str, near: date) -> datetime | None:
    """Return the instant (UTC) of Shanghai's `MMDDhhmmss` in the year that is nearest to a day."""
    if _SECOND_OF_YEAR.fullmatch(written) is None:
        return None
    noon = datetime.combine(near, time(12), tzinfo=SHANGHAI)
    years = (near.year - 1, near.year, near.year + 1)
    found = [at for year in years if (at := read_second(f"{year:04d}{written}")) is not None]
    return min(found, key=lambda at: abs(at - noon), default=None)


def clearing_day(instant: datetime) -> date:
    """Return the platform's day of an instant: what comes after 23:00 belongs to tomorrow."""
    local = instant.astimezone(SHANGHAI)
    return local.date() + timedelta(days=1) if local.time() >= CUT else local.date()


def payment(gateway: str, words: Words, state: PaymentState, *, event_id: str = "") -> PaymentFact:
    """Read a payment. What is paid needs its amount and number. Raises UnreadableError."""
    is_paid = state is PaymentState.PAID
    currency = words.get("currencyCode") or "156"
    sent_at = read_second(words.get("txnTime", ""))
    near = sent_at.astimezone(SHANGHAI).date() if sent_at else None
    return PaymentFact(
        gateway=gateway,
        order_no=text(words, "orderId", NUMBER),
        state=state,
        amount_fen=fen(words) if is_paid or words.get("txnAmt") else 0,
        currency=CURRENCIES.get(currency, currency[:3]),
        merchant_id=text(words, "merId"),
        app_id="",
        transaction_id=text(words, "queryId", _QUERY_ID) if is_paid else "",
        paid_at=read_second_of_year(words.get("traceTime", ""), near) if is_paid and near else None,
        event_id=event_id,
    )


def refund(
    gateway: str, words: Words, state: RefundState, order_no: str, *, event_id: str = ""
) -> RefundFact:
    """Read a refund, answered or notified. Raises UnreadableError."""
    number = words.get("queryId", "")
    return RefundFact(
        gateway=gateway,
        refund_no=text(words, "orderId", NUMBER),
        order_no=order_no,
        state=state,
        amount_fen=fen(words),
        platform_refund_id=number if _QUERY_ID.fullmatch(number) else "",
        event_id=event_id,
    )
