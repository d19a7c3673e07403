"""Notification: one event, and how it is told."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from handlers import words
from storage import money
from storage.events import Event
from storage.frozen import dataclass
from storage.links import Links
from storage.periods import SHANGHAI
from storage.ports.chat import Manner, OutgoingMessage

FIELD_CHARS: Final = 20
"""What a template shows of one field, on one line."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a text needs besides its event: links to make, and the Shanghai day it is told on."""

    links: Links
    today: date


Say = Callable[[Any, Telling], OutgoingMessage]
Tell = Callable[[Any, Telling], str]


@dataclass(frozen=True, slots=True)
class Notification:
    """An event and the text that tells it."""

    event: type[Event]
    say: Say
    in_english: Tell | None = None
    """Tells it in short English; without it the Chinese is sent."""
    in_plain: Tell | None = None
    """Tells it in few and simple words (老年模式)."""

    def words_for(self, manner: Manner) -> Tell | None:
        """Return the text in a manner of its own, None where the usual one is said."""
        return {Manner.ENGLISH: self.in_english, Manner.PLAIN: self.in_plain}.get(manner)


def fields(**named: str) -> Mapping[str, str]:
    """Return template fields: each on one line, none longer than a template shows."""
    return {name: words.shorten(value, FIELD_CHARS) for name, value in named.items()}


def amount(fen: int) -> str:
    """Print an amount for a field: "¥250.60"."""
    return f"¥{money.yuan(fen)}"


def moment(iso: str) -> str:
    """Print an event's instant for a field, as Shanghai's clocks show it: "2026-11-23 10:00"."""
    return f"{datetime.fromisoformat(iso).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
