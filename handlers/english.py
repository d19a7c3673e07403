"""English for those who write English: when it is meant, and fragments that texts share."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from handlers import refusals, words
from handlers.turn import ENGLISH, Turn
from storage import money as fen_money
from storage.errors import (
    Contradiction,
    NotBound,
    NothingToPay,
    Refusal,
    Trouble,
    Unavailable,
    UnitNotChosen,
)
from storage.periods import SHANGHAI, BillingPeriod
from storage.ports.chat import IncomingKind, IncomingMessage, OutgoingMessage
from storage.rules.duty import Duty

MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
WEEK: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MENU: Final = (
    *("My bills", "Pay", "How a bill is made up", "Payments so far"),
    *("Ask for a refund", "Register my flat", "Talk to a person"),
)
"""The same entries as `words.MENU`, in the same order."""
ITEMS: Final = {
    "property_fee": "Property fee",
    "water": "Water",
    "electricity": "Electricity",
    "gas": "Gas",
    "parking": "Parking",
    "heating": "Heating",
    "sanitation": "Sanitation",
    "elevator": "Lift",
    "deposit": "Deposit",
    "repair_fund": "Repair fund",
    "shared_utilities": "Shared utilities",
    "late_fee": "Late fee",
}
RATE: Final = "How was it? Reply 1 to 5; 5 is best."
LINE: Final = (
    "In English, type: bill, pay, due date, receipt, refund status, balance, human or help."
)
ASKED: Final = "In English, reply yes, no or a number; or type: cancel, human or help."
"""After a question of ours in Chinese."""

_HAN: Final = re.compile("[\u3400-\u9fff]")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
_VOWEL: Final = re.compile("[aeiou]")
_SYLLABLE: Final = re.compile(
    r"(?:[zcs]h|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:[iu]?ang|[iu]?an|iong|[eo]ng|ing|en|in|un|iao|uai|[aeu]i|[aio]u|ao|i[ae]|u[aoe]|[aeiouv]|er)"
)
SYLLABLE_CHARS: Final = 6
_ENGLISH: Final = frozenset(
    (
        *("human", "balance", "menu", "due", "me", "change", "charge", "late", "manage"),
        *("name", "one", "time", "fee", "fees", "my", "why"),
    )
)
"""English words that can be read as pinyin."""
_ANYBODYS: Final = frozenset(("ok", "okay", "yes", "no", "app", "wifi", "vip", "vx", "qq", "pos"))
"""Latin words that people say in Chinese too."""
POLITE: Final = frozenset(("greeting", "thanks", "goodbye", "confirm", "cancel", "out_of_scope"))
SURE: Final = 0.5
WORD_CHARS: Final = 24
WORDS: Final = 40


def language_after(message: IncomingMessage, before: str) -> str:
    """Return the talk's language after a message; numbers and pictures leave it as it was."""
    if message.kind not in (IncomingKind.TEXT, IncomingKind.VOICE):
        return before
    if _HAN.search(message.text):
        return ""
    return ENGLISH if is_english(message.text) else before


def lasting_after(turn: Turn) -> str:
    """Return the language she is told things in also unasked, after a message of hers.

    Who asks for something in English is told in English until she writes Chinese; a "hello" alone
    changes nothing, and staff are always told in Chinese.
    """
    before, understood = turn.person.language, turn.understood
    after = language_after(turn.message, before)
    is_asked = understood.confidence >= SURE and understood.intent not in POLITE
    is_theirs = turn.person.staff is None
    return after if is_theirs and (is_asked or after != ENGLISH) else before


@lru_cache(maxsize=512)
def is_english(text: str) -> bool:
    """Tell whether a text is English: Latin words, of which one at least is no pinyin."""
    if _HAN.search(text):
        return False
    said = [one for one in _WORD.findall(text.lower())[:WORDS] if len(one) <= WORD_CHARS]
    return any(map(_is_english_word, said))


def _is_english_word(word: str) -> bool:
    if word in _ENGLISH:
        return True
    is_said = len(word) > 1 and _VOWEL.search(word) is not None and word not in _ANYBODYS
    return is_said and not _is_pinyin(word)


def _is_pinyin(word: str) -> bool:
    """Tell whether a word is syllables all through, looking at each piece once.

    One pattern for the whole word tries every way to part it: a tenth of a second for "uaiuai…q".
    """
    ends = {0}
    for at in range(len(word)):
        if at in ends:
            stops = range(at + 1, min(at + SYLLABLE_CHARS, len(word)) + 1)
            ends.update(stop for stop in stops if _SYLLABLE.fullmatch(word, at, stop))
    return len(word) in ends


def with_line(reply: OutgoingMessage, *, asks: bool) -> OutgoingMessage:
    """Add to a Chinese answer what can be typed in English; an English one stays as it is."""
    if "。" not in reply.text and "：" not in reply.text:
        return reply
    return replace(reply, text=f"{reply.text}\n{ASKED if asks else LINE}")


def money(fen: int) -> str:
    """Say an amount within a sentence: 123450 → "1,234.50 yuan"."""
    return f"{fen_money.yuan(fen)} yuan"


def period(one: BillingPeriod) -> str:
    """Say a billing period: "Mar 2025"."""
    return f"{MONTHS[one.month - 1]} {one.year}"


def day(on: date) -> str:
    """Say a Shanghai day: "31 Mar"."""
    return f"{on.day} {MONTHS[on.month - 1]}"


def moment(at: datetime) -> str:
    """Say an instant as Shanghai's clocks show it: "31 Mar 14:05"."""
    there = at.astimezone(SHANGHAI)
    return f"{day(there)} {there:%H:%M}"


def duty(one: Duty) -> str:
    """Say when somebody is at the office: "daily 8:30-17:30", "Mon-Fri 9:00-18:00"."""
    hours = "-".join(f"{at.hour}:{at.minute:02d}" for at in (one.begins, one.ends))
    first, last = min(one.days), max(one.days)
    if len(one.days) == len(WEEK):
        return f"daily {hours}"
    if len(one.days) > 2 and len(one.days) == last - first + 1:
        return f"{WEEK[first - 1]}-{WEEK[last - 1]} {hours}"
    return f"{', '.join(WEEK[at - 1] for at in sorted(one.days))} {hours}"


def count(number: int, noun: str) -> str:
    """Say how many there are: "1 bill", "2 bills"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fee_item(code: str, name: str) -> str:
    """Name a fee item; one of the house's own keeps its Chinese name."""
    return ITEMS.get(code, name)


def menu() -> str:
    """List what can be asked, each with its number."""
    return words.numbered(MENU)


def not_understood() -> OutgoingMessage:
    """Show the menu after something that was not understood."""
    lead = "Sorry, I did not understand. Reply with a number:"
    return OutgoingMessage("help", words.lines(lead, menu()))


def _not_bound(_trouble: Trouble) -> str:
    return words.lines(
        "Your flat is not registered here yet.",
        "Type: 绑定 flat name phone, for example: 绑定 3-2-1201 李秀英 13800001234",
        "Use the name and the phone number that the property office has.",
    )


def _not_chosen(trouble: Trouble) -> str:
    labels: Sequence[str] = getattr(trouble, "unit_labels", ())
    lead = "You have several flats. Which one? Reply with its number:"
    return words.lines(lead, words.numbered(labels))


def _nothing_to_pay(trouble: Trouble) -> str:
    return f"{getattr(trouble, 'unit_label', '')}: nothing to pay now."


_TROUBLES: Final[dict[type[Trouble], Callable[[Trouble], str]]] = {
    NotBound: _not_bound,
    UnitNotChosen: _not_chosen,
    NothingToPay: _nothing_to_pay,
}


def trouble(one: Refusal | Unavailable | Contradiction) -> str:
    """Say a refusal: the commonest in English, the others in Chinese."""
    say = _TROUBLES.get(type(one))
    return refusals.words(one) if say is None else say(one)
