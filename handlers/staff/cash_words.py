"""What a cashier says of money she takes: the sum, its day, its slip, what is dropped or kept."""

import re
import unicodedata
from datetime import date
from typing import Final

from storage.errors import NotAnAmount
from storage.frozen import dataclass
from storage.lazy import regex
from storage.money import from_yuan
from storage.paying_kinds import CashMethod

METHODS: Final = {
    "收现金": CashMethod.CASH,
    "收刷卡": CashMethod.POS,
    "收POS": CashMethod.POS,
    "收pos": CashMethod.POS,
    "收支票": CashMethod.CHEQUE,
    "收扫码": CashMethod.STATIC_QR,
}
CALLED: Final = {
    CashMethod.CASH: "现金",
    CashMethod.POS: "刷卡",
    CashMethod.CHEQUE: "支票",
    CashMethod.STATIC_QR: "收款码",
    CashMethod.TRANSFER: "转账",
}

_DAY: Final = (
    r"(?:(?P<year>20[0-9]{2})[年\-./])?(?P<month>[0-9]{1,2})[月\-/](?P<day>[0-9]{1,2})[日号]?"
)
_LATER: Final = regex(rf"补录(?:日期)?[:]? ?{_DAY}")
_SLIP: Final = regex(
    r"(?:小票|票据|支票|回单|存款单|单|票)号?[:]? ?(?P<slip>[0-9A-Za-z][0-9A-Za-z\-]{2,39})"
    r"(?: ?(?P<bank>[一-鿿]{2,12}银行|[农工建交招]行|中行))?"
)
_DROPPED: Final = regex(r"抹零[:]? ?(?P<fen>[0-9]+(?:\.[0-9]{1,2})?)?元?")
_KEPT: Final = "预存"


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of money beside the flat; None where it was not said."""

    amount_fen: int | None
    day_on: date | None
    reference: str
    rounding_fen: int | None
    """0 for "抹零" without a sum: whatever is odd."""
    keeps_surplus: bool


def read_cash(text: str, code: str, *, today: date) -> Said:
    """Read "260.50 补录11月20日 单号 000123 抹零0.20 预存". Raises NotAnAmount for other words."""
    rest = _without_unit(unicodedata.normalize("NFKC", text), code)
    rest, later = _cut(_LATER, rest)
    rest, slip = _cut(_SLIP, rest)
    rest, dropped = _cut(_DROPPED, rest)
    keeps = _KEPT in rest
    amounts = rest.replace(_KEPT, " ").split()
    if len(amounts) > 1:
        raise NotAnAmount(" ".join(amounts))
    rounding = None
    if dropped is not None:
        rounding = from_yuan(dropped["fen"]) if dropped["fen"] else 0
    return Said(
        amount_fen=from_yuan(amounts[0]) if amounts else None,
        day_on=None if later is None else _day(later, today),
        reference=_reference(slip),
        rounding_fen=rounding,
        keeps_surplus=keeps,
    )


def slip_in(text: str) -> str:
    """Return the number of a slip that a text names, or ""."""
    return _reference(_SLIP.search(unicodedata.normalize("NFKC", text)))


def _without_unit(text: str, code: str) -> str:
    """Return a text without the words that named the flat."""
    room = code.rsplit("-", 1)[-1]
    kept = [one for one in text.split() if not (room in one and not _is_sum(one))]
    return " ".join(kept)


def _is_sum(token: str) -> bool:
    try:
        from_yuan(token)
    except NotAnAmount:
        return False
    return True


def _cut(pattern: re.Pattern[str], text: str) -> tuple[str, re.Match[str] | None]:
    match = pattern.search(text)
    if match is None:
        return text, None
    return f"{text[: match.start()]} {text[match.end() :]}", match


def _reference(match: re.Match[str] | None) -> str:
    return " ".join(filter(None, (match["slip"], match["bank"]))) if match is not None else ""


def _day(match: re.Match[str], today: date) -> date:
    """Return the day named, the last one of that name. Raises NotAnAmount for no day at all."""
    try:
        found = date(int(match["year"] or today.year), int(match["month"]), int(match["day"]))
    except ValueError:
        raise NotAnAmount(match.group()) from None
    return found.replace(year=found.year - 1) if found > today and not match["year"] else found
