"""Which intent is pointed to by what was named, where the words alone are unclear."""

from typing import Final

from handlers import words
from handlers.flats import ABOUT_BILLS, home_named
from handlers.turn import Turn
from handlers.understanding.recogniser import Understanding

ENDINGS: Final = " 了吧的啊呢。.!！,，"
"""What may stand behind a word without changing it."""


def by_slots(turn: Turn) -> str:
    """Return the intent that what was named points to where the words alone are unclear, or ""."""
    understood, topic, homes = turn.understood, turn.memory.topic, turn.person.homes
    slots = understood.slots
    if slots.ordinal is not None:
        return _by_number(understood, topic)
    if not homes and (slots.unit or slots.phone or _applies_late(understood)):
        return "bind"
    if len(homes) > 1 and slots.unit and home_named(homes, slots.unit):
        return "my_units"
    if slots.period is not None and topic in ("unpaid", "bill_detail", "history"):
        return "history" if topic == "history" else "bill_detail"
    return ""


def _applies_late(understood: Understanding) -> bool:
    """Tell whether she says the word that we asked for when her flat did not agree, long after."""
    return understood.text.strip(ENDINGS) == words.APPLY


def _by_number(understood: Understanding, topic: str) -> str:
    """A bare number picks from the menu at any time; 第二笔 after bills is that bill."""
    number = understood.slots.ordinal or 0
    if "第" in understood.normal and topic in ABOUT_BILLS:
        return "bill_detail"
    return words.MENU[number - 1][0] if 1 <= number <= len(words.MENU) else ""
