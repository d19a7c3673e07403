"""What Alipay (支付宝) says, read into facts; nothing here trusts or fetches anything."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import unquote_plus

from bot.gateways.strict_json import UnreadableError, text, text_or_nothing
from storage.periods import SHANGHAI
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState

GATEWAY: Final = "alipay"
CURRENCY: Final = "CNY"
MAX_FIELDS: Final = 200

PAYMENT_STATES: Final[Mapping[str, PaymentState]] = {
    "WAIT_BUYER_PAY": PaymentState.PENDING,
    "TRADE_SUCCESS": PaymentState.PAID,
    "TRADE_FINISHED": PaymentState.PAID,
    "TRADE_CLOSED": PaymentState.CLOSED,
}
"""FINISHED: paid, and too old to be given back. A trade that was paid and given back whole is
CLOSED as well; then it says when it was paid."""

REFUND_STATES: Final[Mapping[str, RefundState]] = {
    "REFUND_SUCCESS": RefundState.SUCCESS,
    "REFUND_PROCESSING": RefundState.PROCESSING,
    "REFUND_FAIL": RefundState.ABNORMAL,
}

_AMOUNT: Final = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,2})?", re.ASCII)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?", re.ASCII
)
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_DECODER: Final = json.JSONDecoder(parse_float=Decimal)


def cut_answer(source: str) -> dict[str, str]:
    """Cut a JSON object into its members, each exactly as it is written in the source.

    What is signed is that text and not what a parser makes of it. Raises UnreadableError.
    """
    found: dict[str, str] = {}
    at = _expect(source, 0, "{")
    try:
        while True:
            key, at = _DECODER.raw_decode(source, _blanks(source, at))
            begin = _blanks(source, _expect(source, at, ":"))
            _, at = _DECODER.raw_decode(source, begin)
            if not isinstance(key, str) or key in found:
                raise UnreadableError("a key stands twice")
            found[key] = source[begin:at]
            after = _blanks(source, at)
            if source[after : after + 1] != ",":
                break
            at = after + 1
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not the JSON we agreed on") from error
    if source[_expect(source, at, "}") :].strip():
        raise UnreadableError("more than one answer")
    return found


def _blanks(source: str, at: int) -> int:
    while at < len(source) and source[at] in " \t\r\n":
        at += 1
    return at


def _expect(source: str, at: int, char: str) -> int:
    at = _blanks(source, at)
    if source[at : at + 1] != char:
        raise UnreadableError(f"no {char} where one has to be")
    return at + 1


def read_form(body: bytes) -> dict[str, str]:
    """Read a posted form, decoded once. Raises UnreadableError; a key twice is refused."""
    try:
        written = body.decode("ascii")
        if _BROKEN_ESCAPE.search(written):
            raise UnreadableError("a broken escape")
        pairs = written.split("&", MAX_FIELDS)
        found: dict[str, str] = {}
        for pair in pairs:
            key, equals, value = (_plain(part) for part in pair.partition("="))
            if not key or not equals or key in found:
                raise UnreadableError("not a form, or a key stands twice")
            found[key] = value
    except UnicodeError as error:
        raise UnreadableError("not in UTF-8") from error
    if len(pairs) > MAX_FIELDS:
        raise UnreadableError("a form without end")
    return found


def _plain(part: str) -> str:
    if "%" not in part and "+" not in part:
        return part
    return unquote_plus(part, encoding="utf-8", errors="strict")


def signed_fen(written: str) -> int:
    """Return an amount in yuan as fen. Raises UnreadableError for more than two decimals."""
    if _AMOUNT.fullmatch(written) is None:
        raise UnreadableError("not an amount in yuan")
    return int(Decimal(written) * 100)


def fen(words: Mapping[str, object], key: str) -> int:
    """Return an amount that must be there and not be negative. Raises UnreadableError."""
    amount_fen = signed_fen(text(words, key))
    if amount_fen < 0:
        raise UnreadableError(f"{key} is negative")
    return amount_fen


def yuan(amount_fen: int) -> str:
    """Print fen as Alipay writes amounts: 58000 → "580.00"."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def moment(at: datetime) -> str:
    """Print an instant as Alipay writes it: Beijing's time, without saying so."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def instant(words: Mapping[str, object], key: str) -> datetime | None:
    """Return an instant in UTC, None where it is left out. Raises UnreadableError."""
    written = text_or_nothing(words, key)
    return beijing_instant(written) if written else None


def beijing_instant(written: str) -> datetime:
    """Return the UTC instant of a time in Beijing. Raises UnreadableError."""
    if _MOMENT.fullmatch(written) is None:
        raise UnreadableError("not an instant")
    try:
        return datetime.fromisoformat(written).replace(tzinfo=SHANGHAI).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableError("not an instant") from error


def payment(
    gateway: str,
    words: Mapping[str, object],
    state: PaymentState,
    *,
    seller_id: str,
    app_id: str,
) -> PaymentFact:
    """Read a trade, asked for or notified. What is paid needs amount and number.

    Raises UnreadableError.
    """
    is_paid = state is PaymentState.PAID
    return PaymentFact(
        gateway=gateway,
        order_no=text(words, "out_trade_no"),
        state=state,
        amount_fen=fen(words, "total_amount") if is_paid or words.get("total_amount") else 0,
        currency=text_or_nothing(words, "trans_currency") or CURRENCY,
        merchant_id=seller_id,
        app_id=app_id,
        transaction_id=text(words, "trade_no") if is_paid else text_or_nothing(words, "trade_no"),
        paid_at=instant(words, "gmt_payment") or instant(words, "send_pay_date"),
        payer_id=_buyer(words),
        event_id=text_or_nothing(words, "notify_id"),
    )


def _buyer(words: Mapping[str, object]) -> str:
    names = ("buyer_open_id", "buyer_id", "buyer_user_id")
    return next((found for name in names if (found := text_or_nothing(words, name))), "")


def is_of_refund(form: Mapping[str, str]) -> bool:
    """Tell whether a notice is about money going back, whatever state of the trade it names."""
    if form.get("gmt_refund") or form.get("out_biz_no"):
        return True
    is_end = form.get("trade_status") == "TRADE_FINISHED"
    return not is_end and bool(form.get("refund_fee", "").strip("0."))


def refund_notice(gateway: str, form: Mapping[str, str]) -> RefundFact:
    """Read a notice of a refund: which one it was about is sure, for how much it does not say.

    Its `refund_fee` is the sum of all refunds of the trade, so the state is UNKNOWN: ask. Raises
    UnreadableError.
    """
    refund_no = text_or_nothing(form, "out_biz_no")
    return RefundFact(
        gateway=gateway,
        refund_no=refund_no,
        order_no=text(form, "out_trade_no"),
        state=RefundState.UNKNOWN,
        amount_fen=0,
        platform_refund_id=refund_no,
        settled_at=instant(form, "gmt_refund"),
        detail="refund_fee " + (text_or_nothing(form, "refund_fee") or "-"),
        event_id=text(form, "notify_id"),
    )
