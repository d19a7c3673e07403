"""Several wishes in one breath (“查下账单，顺便报修，再开发票”): which they are, safest first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from handlers import words
from handlers.turn import Turn
from handlers.understanding.recogniser import Understanding
from storage.frozen import dataclass
from storage.lazy import regex
from storage.ports.chat import OutgoingMessage

CLEAR: Final = 0.7
"""So sure a part has to be by itself to be a wish; what is less belongs to the part before it."""
ENTRY_CHARS: Final = 10
LONGEST: Final = 200
"""A longer text is a story, and no list of wishes."""

SHOWING: Final = {
    "unpaid": ("账单", "bill"),
    "bill_detail": ("明细", "details"),
    "due_date": ("什么时候交", "due date"),
    "history": ("缴费记录", "payment history"),
    "receipt": ("收据", "receipt"),
    "balance": ("余额", "balance"),
    "tariff": ("收费标准", "price per square meter"),
    "refund_status": ("退款进度", "refund status"),
    "refund_policy": ("怎么退款", "refund rules"),
    "my_units": ("我的房屋", "my flats"),
    "notices": ("公告", "notices"),
    "contact": ("电话", "phone number"),
    "report": ("收支公示", "community accounts"),
}
"""Wishes that only show something → the word that asks for each, in Chinese and in English."""
TICKETS: Final = {"repair": ("报修", "repair"), "feedback": ("投诉", "complain")}
"""Wishes that open a ticket and move nothing; a message opens one."""
ACTING: Final = {
    "human": ("人工", "human"),
    "meter": ("报读数", "report a meter reading"),
    "unmute": ("打开缴费提醒", "turn on reminders"),
    "mute": ("关闭缴费提醒", "stop reminders"),
    "invoice": ("开发票", "invoice"),
    "payment_status": ("缴费成功了吗", "did my payment arrive"),
    "dispute": ("账单不对", "my bill is wrong"),
    "pay": ("缴费", "pay"),
    "prepay": ("预存", "prepay"),
    "bind": ("绑定", "register my flat"),
    "unbind": ("解绑", "remove my flat"),
    "refund_request": ("退款", "refund"),
}
"""Wishes that begin something, the most harmless first: one at a time."""
ORDER: Final = (*SHOWING, *TICKETS, *ACTING)
MOST_BYTES: Final = 1_300
"""So long the shown answers may be: a ticket's words and what is left follow them."""
_WORDS: Final = SHOWING | TICKETS | ACTING
_STORIES: Final = (frozenset(("mute", "unmute")), frozenset(("pay", "payment_status")))
"""Said together they tell what was and what shall be: one wish."""
_GRIEVANCE: Final = frozenset(("dispute", "payment_status", "refund_request", "feedback", "unbind"))
"""In a row they tell one trouble from its beginning to its end, and are no list."""

_JOINED: Final = regex(
    r"[，,。；;！!？?\s]*(?:顺便|順便|顺带|順帶|另外|(?<=[，,。；;！!？?\s])(?:还有|還有)(?!多少|没|几|哪|什么|啥)"
    r"|(?:然后|然後)(?=把|帮|幫|给|給|开|開|查|报|報|发|發)"
    r"|再(?=把|帮|幫|给我|給我|开|開|查|报|報)"
    r"|(?<![a-z])(?:and also|also|and then)(?![a-z]))"
)
_ENTRIES: Final = regex(r"[，,。；;、！!？?\s]+")
_LOOSE: Final = regex(r"[，,。；;！!？? ](?=.)")
"""Marks that stand within one wish as well as between two."""
_MARKS: Final = regex(r"[，,。；;！!？?\n]+")


Run = Callable[[Turn, str], Awaitable[OutgoingMessage]]
"""Lets the intent of that name answer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One of several wishes, and what was understood of it alone."""

    intent: str
    understood: Understanding


def told_apart(text: str, understand: Callable[[str], Understanding]) -> list[Wish]:
    """Return the wishes that a text joins (顺便, 再把, also), the safest first; [] for one alone.

    Wishes of one kind that follow each other are one, as are one and its unclear remainder.
    """
    if len(text) > LONGEST:
        return []
    if not _JOINED.search(text):
        return _listed(text, understand)
    found: list[Wish] = []
    for part in _parts(text):
        one = understand(part)
        if found and (one.intent == found[-1].intent or not _is_wish(one)):
            found[-1] = _longer(found[-1], part, understand)
        elif _is_wish(one):
            found.append(Wish(one.intent, one))
    first = {wish.intent: wish for wish in reversed(found)}
    if len(first) < 2 or any(first.keys() >= story for story in _STORIES):
        return []
    return sorted(first.values(), key=lambda one: ORDER.index(one.intent))


def _listed(text: str, understand: Callable[[str], Understanding]) -> list[Wish]:
    """Return the wishes of a bare list (“账单，报修，发票”); [] where it may be one, or a story.

    Each entry is short and plain by itself. Marks and blanks stand within one wish too, so they
    part three kinds of wishes at least; “、” and line ends part two.
    """
    entries = [one for one in _ENTRIES.split(text) if one]
    if len(entries) < 2 or max(map(len, entries)) > ENTRY_CHARS:
        return []
    heard = [understand(one) for one in entries]
    if not all(map(_is_wish, heard)):
        return []
    first = {one.intent: Wish(one.intent, one) for one in reversed(heard)}
    if any(first.keys() >= story for story in _STORIES):
        return []
    is_marked = not _LOOSE.search(text)
    if len(first) < (2 if is_marked else 3) or len(first.keys() & _GRIEVANCE) > 1:
        return []
    return sorted(first.values(), key=lambda one: ORDER.index(one.intent))


def _parts(text: str) -> list[str]:
    joined = [one for piece in _JOINED.split(text) for one in _MARKS.split(piece)]
    return [one.strip() for one in joined if one.strip()]


def _is_wish(one: Understanding) -> bool:
    return one.intent in ORDER and one.confidence >= CLEAR


def _longer(wish: Wish, part: str, understand: Callable[[str], Understanding]) -> Wish:
    """Add what follows to the words of a wish; what it wishes stays."""
    whole = understand(f"{wish.understood.text}，{part}")
    return Wish(wish.intent, replace(whole, intent=wish.intent, confidence=CLEAR))


async def answer_in_turn(turn: Turn, wishes: Sequence[Wish], run: Run) -> OutgoingMessage:
    """Answer what several wishes show and open one ticket, in one message; say what waits.

    What begins something else is begun only where nothing else was answered. A question of ours
    ends the message, and so does a link to another page or a text that would grow too long.
    """
    answered: list[OutgoingMessage] = []
    for wish in wishes:
        before = replace(turn.memory, facts=dict(turn.memory.facts))
        if turn.memory.expecting or not _may_follow(wish, len(answered)):
            break
        turn.understood = wish.understood
        reply = await run(turn, wish.intent)
        if wish.intent in SHOWING and answered and not _fits(answered, reply):
            turn.memory = before
            break
        answered.append(reply)
        if wish.intent in TICKETS:
            break
    left = wishes[len(answered) :]
    rest = _left_in_english(left) if turn.is_english else _left(left)
    text = "\n\n".join(filter(None, (*(one.text for one in answered), rest)))
    url = next((one.url for one in answered if one.url), "")
    return OutgoingMessage(answered[0].kind, text, url=url)


def _may_follow(wish: Wish, answered: int) -> bool:
    return wish.intent in SHOWING or not answered or wish.intent in TICKETS


def _fits(answered: Sequence[OutgoingMessage], reply: OutgoingMessage) -> bool:
    """Tell whether a text has room behind the others, and no second page to open."""
    length = sum(len(one.text.encode()) for one in (*answered, reply))
    urls = {one.url for one in (*answered, reply) if one.url}
    return length <= MOST_BYTES and len(urls) <= 1


def _left(left: Sequence[Wish]) -> str:
    """Say which wishes wait, and the word that begins the first of them."""
    if not left:
        return ""
    said = [_WORDS[one.intent][0] for one in left]
    then = f"之后还有：{'、'.join(said[1:])}。" if said[1:] else ""
    return words.lines(f"接下来要办“{said[0]}”，请回复“{said[0]}”。", then)


def _left_in_english(left: Sequence[Wish]) -> str:
    said = [_WORDS[one.intent][1] for one in left]
    return f"For the rest, type: {', then: '.join(said)}" if said else ""
