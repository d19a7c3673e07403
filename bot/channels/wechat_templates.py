"""Template fields (模板字段) as the platform takes them: checked here, for there they vanish."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from storage.frozen import dataclass
from storage.lazy import regex

FIELD_CHARS: Final = 20

_KIND: Final = regex(r"([a-z_]+?)[0-9]*")
_SPACE: Final = regex(r"[\s\x00-\x1f]+")
_SURROGATE: Final = regex("[\ud800-\udfff]")

SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "character_string": regex(r"[!-~]{1,32}"),
    "number": regex(r"-?[0-9]{1,32}(\.[0-9]+)?"),
    "letter": regex(r"[A-Za-z]{1,32}"),
    "symbol": regex(r"[^\w\s]{1,5}"),
    "phone_number": regex(r"[0-9+*\-]{1,17}"),
    "car_number": regex(r".{1,8}"),
    "amount": regex(r"[¥￥$]?[0-9]{1,10}(\.[0-9]{1,2})?元?"),
    "time": regex(r"[0-9年月日:~\-/ ]{4,32}"),
    "date": regex(r"[0-9年月日:~\-/ ]{4,32}"),
    "name": regex(r"[一-鿿·*]{1,10}|[A-Za-z .*]{1,20}"),
    "phrase": regex(r"[一-鿿]{1,5}"),
}
"""What must match whole; other kinds (thing, const, the old ones) are cut to their length."""


@dataclass(frozen=True, slots=True)
class TemplateMapping:
    """Which template tells a kind of message, and which of our fields fills each of its keys."""

    template_id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """The platform's key, such as "thing1" → our own field name."""


@dataclass(eq=False)
class UnfitField(Exception):
    """A field that the platform would refuse or drop; `reason` names the key and our field."""

    reason: str


def _kind(key: str) -> str:
    match = _KIND.fullmatch(key)
    return match[1] if match else ""


def fit(key: str, value: str) -> str:
    """Return the value as this key takes it, on one line, at most as long as allowed.

    Raises UnfitField where cutting would change what is said (numbers, amounts, days).
    """
    kind = _kind(key)
    line = _SPACE.sub(" ", _SURROGATE.sub("", value)).strip()
    if kind == "amount":
        line = line.replace(",", "")
    if not line:
        raise UnfitField(f"{key} is empty")
    shape = SHAPES.get(kind)
    if shape is None:
        return line if len(line) <= FIELD_CHARS else line[: FIELD_CHARS - 1] + "…"
    if shape.fullmatch(line) is None:
        raise UnfitField(f"{key} does not take {len(line)} characters of this kind")
    return line


def fill(mapping: TemplateMapping, ours: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the `data` of a template message. Raises UnfitField, naming our field."""
    filled = {}
    for key, name in mapping.fields.items():
        if name not in ours:
            raise UnfitField(f"{key}: the message has no field {name}")
        try:
            filled[key] = {"value": fit(key, ours[name])}
        except UnfitField as unfit:
            raise UnfitField(f"{unfit.reason} (our {name})") from None
    return filled
