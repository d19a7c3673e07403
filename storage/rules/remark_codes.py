"""Remark code (付款备注码) of a transfer: eight characters that carry their own check.

The alphabet leaves out 0, O, 1 and I. Its 32 characters are the elements of a field, and the
characters of a code, each times a weight of its own, sum to nothing: a character mistyped, or any
two swapped, leaves a rest, so such a code is refused.
"""

import re
import unicodedata
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH: Final = 8
_LETTERS: Final = ALPHABET[8:]
SPACE: Final = len(_LETTERS) * 32 ** (LENGTH - 2)
"""How many codes there are: a letter, six free characters, and the one that checks them."""

_STRIDE: Final = 11_400_714_817
"""Shares no factor with SPACE: neighbouring numbers get codes that do not look alike."""

_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_FIELD: Final = 0b100101
"""x⁵ + x² + 1, by which products are reduced."""

_GAP: Final = "[\\s\\-_.·‐-―−~\u00ad\u200b-\u200f\u2060\ufeff]"
_STRETCH: Final = re.compile(f"[0-9A-Z]+(?:{_GAP}+[0-9A-Z]+)*")
_GAPS: Final = re.compile(f"{_GAP}+")


def make(number: int) -> str:
    """Return the code of a number from 0 to SPACE - 1; each has its own. Raises ValueError."""
    if not 0 <= number < SPACE:
        raise ValueError(f"no remark code has the number {number}")
    rest = number * _STRIDE % SPACE
    rest, first = divmod(rest, len(_LETTERS))
    body = _LETTERS[first]
    for _ in range(LENGTH - 2):
        rest, value = divmod(rest, 32)
        body += ALPHABET[value]
    return body + ALPHABET[_rest_of(body)]


def is_code(text: str) -> bool:
    """Tell whether these are the very characters of a code."""
    if len(text) != LENGTH or text[0] not in _LETTERS or not _VALUES.keys() >= set(text):
        return False
    return _rest_of(text[:-1]) == _VALUES[text[-1]]


def find(memo: str) -> tuple[str, ...]:
    """Return the codes in a memo, in their order and each once, as `make` writes them.

    Width, case, and spaces or hyphens between the characters do not matter, nor what stands before
    and after. Other letters or digits that touch a code may make up a code by chance: whether it is
    one of ours the books must say.
    """
    plain = unicodedata.normalize("NFKC", memo)
    upper = "".join(c.upper() if c.isascii() else c for c in plain)
    found: dict[str, None] = {}
    for stretch in _STRETCH.findall(upper):
        parts = _GAPS.split(stretch)
        for at in range(len(parts)):
            found.update(dict.fromkeys(filter(is_code, _beginning_with(parts[at:]))))
    return tuple(found)


def printed(code: str) -> str:
    """Return a code as people copy it, in two halves: "K7M2 P9QX"."""
    return f"{code[: LENGTH // 2]} {code[LENGTH // 2 :]}"


def _beginning_with(parts: list[str]) -> list[str]:
    """Return what might be a code: whole parts that make one together, or a piece of the first."""
    joined, candidates = "", []
    for part in parts:
        joined += part
        if len(joined) >= LENGTH:
            break
    if len(joined) == LENGTH:
        candidates.append(joined)
    first = parts[0]
    candidates += [first[at : at + LENGTH] for at in range(len(first) - LENGTH + 1)]
    return candidates


def _rest_of(body: str) -> int:
    """Return the weighted sum of the characters in the field of 32 elements."""
    rest, weight = 0, 1
    for character in body:
        weight = _times(weight, 2)
        rest ^= _times(weight, _VALUES[character])
    return rest


def _times(left: int, right: int) -> int:
    """Multiply two elements of the field."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 32:
            left ^= _FIELD
        right >>= 1
    return product
