"""Chinese numerals (数字) as whole numbers."""

from typing import Final

from storage.lazy import regex

CHINESE_NUMERAL: Final = "零一二两三四五六七八九十百千万"
_DIGITS: Final = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {"两": 2}
_SCALES: Final = {"十": 10, "百": 100, "千": 1_000}
_PLAIN: Final = regex(r"[0-9]{1,9}")
_MAX_MARKS: Final = 12


def parse_numeral(text: str) -> int | None:
    """Return the number that ASCII digits or Chinese numerals say, or None.

    Takes 一二零一 (1201) digit by digit, 一千二 and 一万二 as spoken (1200, 12000).
    """
    if _PLAIN.fullmatch(text):
        return int(text)
    if not text or len(text) > _MAX_MARKS or any(m not in CHINESE_NUMERAL for m in text):
        return None
    if all(mark in _DIGITS for mark in text):
        return int("".join(str(_DIGITS[mark]) for mark in text))
    return _spoken(text)


def _spoken(text: str) -> int | None:
    """Return a number written with 十百千万, the last digit scaled as in speech."""
    high, myriad, low = text.partition("万")
    if not myriad:
        return _below_myriad(text)
    above = _below_myriad(high)
    if above is None or "万" in low:
        return None
    if len(low) == 1 and low in _DIGITS:
        return above * 10_000 + _DIGITS[low] * 1_000
    below = _below_myriad(low) if low else 0
    return None if below is None else above * 10_000 + below


def _below_myriad(text: str) -> int | None:
    """Return a number under ten thousand, or None."""
    total, digit, scale = 0, None, 10
    zero = False
    for mark in text:
        if mark in _SCALES:
            scale = _SCALES[mark]
            total += (1 if digit is None else digit) * scale
            digit, zero = None, False
        elif digit in (None, 0):
            digit, zero = _DIGITS[mark], zero or mark == "零"
        else:
            return None
    if digit is None:
        return total if text else None
    return total + digit * (1 if zero or scale == 10 else scale // 10)
