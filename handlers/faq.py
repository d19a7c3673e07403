"""Which of a community's own questions (常见问题) a text asks, and how surely."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final

from handlers import own_words
from handlers.deps import HandlerDeps
from handlers.turn import Turn
from handlers.understanding import model
from handlers.understanding.recogniser import Recogniser, Understanding
from storage.frozen import dataclass
from storage.lazy import regex
from storage.ports.chat import OutgoingMessage
from storage.queries.faqs import Faq, faqs_for
from storage.queries.residents import contact

LINE: Final = 0.65
"""From this likeness on an entry answers where nothing of ours is clearly meant."""
SAME: Final = 0.9
"""From this likeness on the text is the entry's own phrasing, with a word more or less."""
NEVER: Final = 2.0
SURE: Final = 0.5
CLEAR: Final = own_words.CLEAR
BY_HEART: Final = 0.98
"""The recogniser's confidence in what stands in its examples."""
MONEY: Final = frozenset(
    (
        *("unpaid", "bill_detail", "history", "tariff", "due_date", "pay", "payment_status"),
        *("balance", "prepay", "receipt", "invoice", "refund_request", "refund_status"),
        *("refund_policy", "dispute", "bind", "unbind", "confirm", "cancel"),
    )
)
"""Intents about money or rights: where one is clearly meant, no own answer stands in its way."""

_ASKING: Final = regex(
    r"请问一下|请问|你好|您好|麻烦|谢谢|问一下|问下|想问|我想|知道|告诉我|一下|这里|那里|这边|我们|咱们|你们"
    r"|小区|物业|什么时候|什么时间|啥时候|多会儿|几点钟|几点|在哪里|在哪儿|哪里|哪儿|在哪|在那里|怎么样|怎么|咋样|咋"
    r"|如何|是不是|可不可以|能不能|可以|能否|能|需要|要不要|有没有|什么|啥|多少|哪个|哪些|哪"
    r"|为什么|开放|开门|关门|开始|下班|上班|今天|明天|现在|一般|[的了吗呢吧啊呀哦嘛么是有在要会到去开关我你个不办]"
)


@dataclass(frozen=True, slots=True)
class FaqMatch:
    """The entry that a text asks for most likely, and how alike its nearest phrasing is (0-1)."""

    faq: Faq
    phrasing: str
    likeness: float


def line_for(understood: Understanding) -> float:
    """Return how alike an entry must be to answer instead of what the recogniser made of a text."""
    intent, confidence = understood.intent, understood.confidence
    if intent == "out_of_scope" or confidence < SURE:
        return LINE
    if confidence >= CLEAR:
        return NEVER if intent in MONEY or confidence >= BY_HEART else SAME
    return SAME if intent in MONEY else LINE


@dataclass(frozen=True, slots=True)
class Trial:
    """What becomes of a sentence: what we make of it, the nearest entry, and what it would take."""

    understood: Understanding
    match: FaqMatch | None
    line: float

    @property
    def is_own(self) -> bool:
        """Whether the entry answers, and not the bot by itself."""
        return self.match is not None and self.match.likeness >= self.line


def try_sentence(
    said: str, entries: Iterable[Faq], recogniser: Recogniser, *, today: date
) -> Trial:
    """Return what a sentence would be answered by, were these the questions of its community."""
    understood = recogniser.understand(said, today=today)
    return Trial(understood, best_match(entries, understood.normal), line_for(understood))


async def own_answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage | None:
    """Answer in the words of her community where it has an entry for what she asks, else None."""
    line = line_for(turn.understood)
    if line > 1:
        return None
    mine = tuple(dict.fromkeys(home.community_id for home in turn.person.homes))
    entries = await deps.db.read(faqs_for, mine, on=turn.today)
    match = best_match(entries, turn.understood.normal)
    if match is None or match.likeness < line:
        return None
    office = await deps.db.read(contact, match.faq.community_id, on=turn.today)
    return OutgoingMessage("faq", own_words.fill(match.faq.answer, office))


def best_match(entries: Iterable[Faq], normal: str) -> FaqMatch | None:
    """Return the nearest entry to a text in the recogniser's normal form, None for none at all."""
    asked = _looks(normal)
    found = [
        FaqMatch(one, said, _likeness(asked, _known_looks(form)))
        for one in entries
        for said, form in one.phrasings
    ]
    return max(found, key=lambda match: match.likeness, default=None)


@lru_cache(maxsize=8192)
def _known_looks(form: str) -> tuple[frozenset[str], frozenset[str]]:
    """Keep what a phrasing looks like; a resident's long text takes a quarter of a megabyte."""
    return _looks(form)


def _looks(normal: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return runs of sounds of what a text is about, and all its sounds."""
    topic = _ASKING.sub(" ", normal)
    runs = {
        run
        for word in topic.split()
        for sounds in (tuple(_sounds(word)),)
        for size in (1, 2)
        for run in map("".join, zip(*(sounds[at:] for at in range(size)), strict=False))
    }
    return frozenset(runs), frozenset(_sounds(normal.replace(" ", "")))


def _sounds(text: str) -> Iterable[str]:
    return model.load().syllables.of(text)


def _likeness(
    asked: tuple[frozenset[str], frozenset[str]], known: tuple[frozenset[str], frozenset[str]]
) -> float:
    """What both are about counts most; how it is asked tells two questions about it apart."""
    about, whole = (_common(one, other) for one, other in zip(asked, known, strict=True))
    return round(about and 0.75 * about + 0.25 * whole, 3)


def _common(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one) + len(other)
    return 2 * len(one & other) / both if both else 0.0
