"""Tax invoices (发票): which tax numbers can be, and how much tax is in an amount."""

import re
from typing import Final

CREDIT_LETTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The letters of a unified social credit code; I, O, S, V and Z are left out."""
CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT: Final = re.compile(f"[{CREDIT_LETTERS}]{{18}}", re.ASCII)
_OLDER: Final = re.compile("[0-9A-Z]{15}|[0-9A-Z]{20}", re.ASCII)
_IDENTITY: Final = re.compile(
    "[1-9][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]", re.ASCII
)
"""Six digits of a place, the day of birth, a number of that day, the check character."""
_IDENTITY_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECKS: Final = "10X98765432"


def tidy_tax_no(said: str) -> str:
    """Return a tax number as it is written on an invoice: no spaces or hyphens, capitals."""
    return re.sub(r"[\s\-－—]", "", said).upper()


def is_tax_no(tax_no: str) -> bool:
    """Tell whether a tidied tax number can be one.

    18 characters are a unified social credit code (GB 32100-2015) or, of a sole trader, an
    identity number (GB 11643-1999), each with its check character; 15 and 20 are the older ones,
    which have none.
    """
    if _OLDER.fullmatch(tax_no):
        return True
    return _is_credit_code(tax_no) or _is_identity(tax_no)


def _is_credit_code(code: str) -> bool:
    if _CREDIT.fullmatch(code) is None:
        return False
    places = map(CREDIT_LETTERS.index, code[:17])
    total = sum(place * weight for place, weight in zip(places, CREDIT_WEIGHTS, strict=True))
    return CREDIT_LETTERS[-total % 31] == code[17]


def _is_identity(number: str) -> bool:
    if _IDENTITY.fullmatch(number) is None:
        return False
    digits = map(int, number[:17])
    total = sum(digit * weight for digit, weight in zip(digits, _IDENTITY_WEIGHTS, strict=True))
    return _IDENTITY_CHECKS[total % 11] == number[17]


def tax_in(amount_fen: int, rate_e4: int) -> int:
    """Return the fen of tax in an amount that holds it, half up; 600 is 6 %.

    amount × rate ÷ (1 + rate); of a negative amount (红字) the same with its sign.
    """
    sign = -1 if amount_fen < 0 else 1
    whole = 10_000 + rate_e4
    return sign * ((abs(amount_fen) * rate_e4 * 2 + whole) // (whole * 2))
