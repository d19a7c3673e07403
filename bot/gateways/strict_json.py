"""Platforms' JSON, read strictly: nothing twice, nothing endless, every field of its own kind."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

MAX_TEXT_CHARS: Final = 1024
MAX_DEPTH: Final = 32
_NO_CHARACTER: Final = re.compile("[\x00-\x1f\ud800-\udfff]")

Words = dict[str, Any]


class UnreadableError(ValueError):
    """The platform's words do not have the agreed shape."""


def read_json(raw: bytes) -> Words:
    """Read a JSON object strictly: no key twice, no NaN, no float, no endless nesting.

    Raises UnreadableError for anything else that the bytes may be.
    """
    try:
        words = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_each_key_once,
            parse_constant=_no_constant,
            parse_float=Decimal,
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not the JSON we agreed on: {type(error).__name__}") from error
    if not isinstance(words, dict):
        raise UnreadableError("not a JSON object")
    _refuse_depth(words)
    return words


def _refuse_depth(words: Words) -> None:
    level: list[Any] = [words]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
    if level:
        raise UnreadableError("nested too deep")


def _children(parent: object) -> list[Any]:
    if isinstance(parent, dict):
        return list(parent.values())
    return parent if isinstance(parent, list) else []


def _each_key_once(pairs: list[tuple[str, Any]]) -> Words:
    words = dict(pairs)
    if len(words) != len(pairs):
        raise UnreadableError("a key stands twice")
    return words


def _no_constant(name: str) -> object:
    raise UnreadableError(f"{name} is no number")


def text(words: Mapping[str, Any], key: str) -> str:
    """Return a text that must be there and not be empty. Raises UnreadableError."""
    written = text_or_nothing(words, key)
    if not written:
        raise UnreadableError(f"{key} is missing")
    return written


def text_or_nothing(words: Mapping[str, Any], key: str) -> str:
    """Return a text, "" where the platform leaves it out. Raises UnreadableError."""
    written = words.get(key)
    if written is None:
        return ""
    if not isinstance(written, str) or len(written) > MAX_TEXT_CHARS:
        raise UnreadableError(f"{key} is not a text")
    if _NO_CHARACTER.search(written):
        raise UnreadableError(f"{key} holds what is no character")
    return written
