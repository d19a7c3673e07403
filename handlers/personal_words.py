"""Words in a text for many that each reads as her own: {姓名} {房号} {金额}."""

from typing import Final

from handlers import words

NAME, ROOM, SUM = "{姓名}", "{房号}", "{金额}"
_IN_GENERAL: Final = {NAME: "您", ROOM: "您家", SUM: "（请看账单）"}


def fill(text: str, *, name: str, rooms: tuple[str, ...], owed_fen: int) -> str:
    """Put a person's own facts in a text; who has no name in the books is 您."""
    own = {NAME: name or "您", ROOM: "、".join(rooms), SUM: words.money(owed_fen)}
    return _replaced(text, own)


def in_general(text: str) -> str:
    """Return a text as it may be repeated later, when the sums are others."""
    return _replaced(text, _IN_GENERAL)


def _replaced(text: str, by: dict[str, str]) -> str:
    for mark, own in by.items():
        text = text.replace(mark, own)
    return text
