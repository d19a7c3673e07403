"""What one cell of a bank statement says: an amount with its sign, a day, a time, a direction."""

import re
import unicodedata
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Final

from bot.spreadsheets.bank_layouts import tidy
from bot.spreadsheets.cells import Value
from bot.spreadsheets.fields import Unreadable
from storage import money

MOST_BALANCE_FEN: Final = 10**15
_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,14})(?:\.[0-9]{1,2}0*)?")
_BRACKETED: Final = re.compile(r"\((.+)\)")
_DAY: Final = re.compile(
    r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
    r"(?:[0-9]{6}|[ T].*)?"
)
_CLOCK: Final = re.compile(
    r"(?:^|[ T日])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?$"
    r"|(?:^| |(?<=^[0-9]{8}))([0-9]{2})([0-9]{2})([0-9]{2})$"
)
_SERIAL_ZERO: Final = date(1899, 12, 30)
_SERIALS: Final = (Decimal(20_000), Decimal(80_000))
_IN: Final = frozenset(("贷", "收", "收入", "入", "来账", "转入", "存入", "c", "cr", "+"))
_OUT: Final = frozenset(("借", "支", "支出", "出", "往账", "转出", "支取", "d", "dr", "-"))
_YUANS: Final = frozenset(("", "人民币", "人民币元", "cny", "rmb", "156", "元"))


def folded(value: Value) -> str:
    """Return a cell as plain text in half width."""
    return unicodedata.normalize("NFKC", tidy(value))


def signed_fen(value: Value) -> int:
    """Read an amount in yuan, with or without a sign, as fen. Raises Unreadable."""
    return _fen(value, money.MAX_FEN)


def balance_fen(value: Value) -> int:
    """Read a balance in yuan, which may be larger than any amount, as fen. Raises Unreadable."""
    return _fen(value, MOST_BALANCE_FEN)


def _fen(value: Value, most: int) -> int:
    shown = folded(value).replace("¥", "").removesuffix("元").replace(" ", "")
    bracketed = _BRACKETED.fullmatch(shown)
    text = f"-{bracketed[1]}" if bracketed else shown
    if isinstance(value, Decimal):
        fen = value * 100
    elif isinstance(value, str) and _AMOUNT.fullmatch(text):
        fen = Decimal(text.replace(",", "")) * 100
    else:
        raise Unreadable(f"“{tidy(value)[:20]}”不是金额，请用银行导出的原文件")
    if fen != fen.to_integral_value() or abs(fen) > most:
        raise Unreadable(f"金额“{tidy(value)[:20]}”不对：最多两位小数，或数额太大")
    return int(fen)


def is_in(value: Value) -> bool:
    """Read a direction: 贷 is money in, 借 money out. Raises Unreadable."""
    words = folded(value).lower().split()
    first = words[0] if words else ""
    if first in _IN or first in _OUT:
        return first in _IN
    raise Unreadable(f"借贷方向“{tidy(value)[:12]}”不认识；应为 借 或 贷")


def day_of(value: Value) -> date | None:
    """Read the day at the beginning of a cell; None where there is none."""
    if isinstance(value, date):
        return value
    if isinstance(value, Decimal):
        if _SERIALS[0] <= value <= _SERIALS[1]:
            return _SERIAL_ZERO + timedelta(days=int(value))
        value = format(value, "f")
    match = _DAY.fullmatch(folded(value))
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
    except ValueError:
        return None


def clock_of(value: Value) -> time | None:
    """Read the time of day at the end of a cell; None where there is none. Raises Unreadable."""
    text = folded(value)
    if text.isdecimal() and len(text) < 6:
        text = text.zfill(6)
    match = _CLOCK.search(text)
    if match is None:
        return None
    parts = [int(part) for part in match.groups() if part is not None]
    try:
        return time(parts[0], parts[1], parts[2] if len(parts) > 2 else 0)
    except ValueError:
        raise Unreadable(f"没有“{text[:20]}”这个时间") from None


def check_currency(value: Value) -> None:
    """Refuse other money than yuan. Raises Unreadable."""
    if folded(value).lower() not in _YUANS:
        raise Unreadable(f"币种“{tidy(value)[:12]}”不是人民币，请只导出人民币账户的明细")
