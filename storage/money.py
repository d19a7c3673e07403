"""Money is a whole number of fen (分): parse it, print it, split it, never float it."""

import re
from collections.abc import Sequence
from typing import Final

from storage.errors import NotAnAmount

MAX_FEN: Final = 99_999_999_999
"""The largest single amount we book: 999,999,999.99 yuan; sums stay far below 63 bits."""

_FULL_WIDTH: Final = {0xFF01 + at: 0x21 + at for at in range(94)} | {0x3000: " ", 0xFFE5: "¥"}
"""Only these are read as what they look like: ² or ① is no digit of an amount."""

_YUAN = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?")
_CENTS: Final = tuple(f".{cents:02d}" for cents in range(100))
_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_GROUPS: Final = ("", "万", "亿")


def from_yuan(text: str) -> int:
    """Read an amount in yuan as people write it and return fen.

    Takes full-width digits, one leading ¥ or trailing 元, and correctly placed thousands commas.
    Raises NotAnAmount for anything else: signs, exponents, a third decimal, blanks, words.
    """
    plain = text.translate(_FULL_WIDTH).strip()
    plain = plain.removeprefix("¥").removesuffix("元").strip()
    if "," in plain:
        if not _GROUPED.fullmatch(plain):
            raise NotAnAmount(text)
        plain = plain.replace(",", "")
    match = _YUAN.fullmatch(plain)
    if match is None:
        raise NotAnAmount(text)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def yuan(fen: int) -> str:
    """Print fen as yuan with thousands commas and two decimals: 123450 → "1,234.50"."""
    if fen < 0:
        return f"-{yuan(-fen)}"
    whole, cents = divmod(fen, 100)
    return f"{whole:,}{_CENTS[cents]}"


def capitals(fen: int) -> str:
    """Print fen in the capital numerals of receipts (大写): 123450 → "壹仟贰佰叁拾肆元伍角整".

    Rule: 会计基础工作规范 article 52 (zeros between digits are read once, 整 after 元 or 角).
    """
    if fen == 0:
        return "零元整"
    whole, rest = divmod(abs(fen), 100)
    jiao, cents = divmod(rest, 10)
    text = "负" if fen < 0 else ""
    if whole:
        text += _integer_in_capitals(whole) + "元"
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif whole and cents:
        text += "零"
    return text + (_DIGITS[cents] + "分" if cents else "整")


def _integer_in_capitals(number: int) -> str:
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text = ""
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if group == 0:
            continue
        gap = index + 1 < len(groups) and (group < 1_000 or groups[index + 1] == 0)
        text += ("零" if gap and text else "") + _group_in_capitals(group) + _GROUPS[index]
    return text


def _group_in_capitals(group: int) -> str:
    text, pending_zero = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit == 0:
            pending_zero = bool(text)
            continue
        text += ("零" if pending_zero else "") + _DIGITS[digit] + _PLACES[place]
        pending_zero = False
    return text


def split(total_fen: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Share fen by weights so that the shares sum to the whole, by largest remainder.

    No share is negative; ties go to the earlier weight. Raises ValueError where no weight is
    positive, one is negative, or the total is negative.
    """
    whole = sum(weights)
    if total_fen < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("split needs a total of 0 or more and weights that sum above 0")
    shares = [total_fen * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total_fen * weights[i] % whole), i))
    for index in by_remainder[: total_fen - sum(shares)]:
        shares[index] += 1
    return tuple(shares)
