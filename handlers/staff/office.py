"""What staff's intents share: who may, what was said after the command, and numbers in it."""

import re
import unicodedata
from typing import Final

from handlers.turn import Turn
from storage.errors import NotAllowed
from storage.kinds import StaffRole
from storage.lazy import regex
from storage.queries.residents import Staff

SENDERS: Final = (StaffRole.STEWARD, StaffRole.MANAGER)
COUNTERS: Final = (StaffRole.CASHIER, StaffRole.MANAGER)
"""Who looks after the money."""
ANYBODY: Final = tuple(StaffRole)

_BROADCAST_NO: Final = regex(r"N ?([0-9]{1,9})(?![0-9])")
_REFUND_NO: Final = regex(r"T[0-9]{8,16}(?![0-9])")
_NUMBER: Final = regex(r"(?<![0-9])[0-9]{1,12}(?![0-9])")
_BLANKS: Final = " \t\n:：,，。、"


def office(turn: Turn, *roles: StaffRole) -> Staff:
    """Return the speaker's office. Raises NotAllowed for residents and for other roles."""
    if turn.staff is None or turn.staff.role not in roles:
        raise NotAllowed
    return turn.staff


def rest_of(turn: Turn, commands: tuple[str, ...]) -> str:
    """Return what was said after the command, as it was typed."""
    said = turn.message.text.strip()
    for command in sorted(commands, key=len, reverse=True):
        _, found, rest = said.partition(command)
        if found:
            return rest.strip(_BLANKS)
    return said


def broadcast_no(text: str) -> str:
    """Return the broadcast's number in a text ("n 1" is N0001), or ""."""
    found = _BROADCAST_NO.search(_plain(text))
    return f"N{int(found[1]):04d}" if found else ""


def refund_no(text: str) -> str:
    """Return the refund's number in a text, or ""."""
    found = _REFUND_NO.search(_plain(text))
    return found.group() if found else ""


def number(text: str) -> int | None:
    """Return the first whole number in a text, or None."""
    found = _NUMBER.search(_plain(text))
    return int(found.group()) if found else None


def without(text: str, part: str) -> str:
    """Return a text without a number that was found in it, whatever its case."""
    return re.sub(re.escape(part), "", _plain(text), flags=re.IGNORECASE).strip(_BLANKS)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()
