"""Turn and Intent: one thing said, and one way to answer it."""

from collections.abc import Awaitable, Callable
from dataclasses import field
from datetime import date, datetime
from typing import Any, Final

from handlers.deps import HandlerDeps
from handlers.understanding.recogniser import Understanding
from storage.errors import NotBound, UnitNotChosen
from storage.frozen import dataclass
from storage.inbox import Foresight
from storage.ports.chat import IncomingMessage, OutgoingMessage
from storage.queries.residents import Home, Person, Staff

ENGLISH: Final = "en"


@dataclass(slots=True)
class Memory:
    """What the talk is about; kept between turns, forgotten after half an hour of silence."""

    expecting: str = ""
    """The name of the intent that asked something and waits for its answer."""
    topic: str = ""
    """The intent answered last: what "那上个月呢" goes on about."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Plain JSON values that the expecting intent put aside."""
    misses: int = 0
    """How often in a row we did not understand."""
    language: str = ""
    """"en" where she writes English, until she writes Chinese again."""
    picture: str = ""
    """The platform's name of her last picture, while nothing has been made of it."""
    pictured_at: str = ""
    """When that came, as ISO text."""

    def ask(self, intent: str, **facts: Any) -> None:  # noqa: ANN401 - plain JSON values
        """Wait for an answer to what `intent` has just asked, and keep what it needs for it."""
        self.expecting = intent
        self.facts = facts

    def turn_to(self, intent: str) -> None:
        """Be about what was answered now: what was put aside for something else is forgotten."""
        self.topic = intent
        if not self.expecting and intent != "bill_detail":
            self.facts = {}
        if intent != "payment_status":
            self.picture = self.pictured_at = ""

    def keep_picture(self, media_id: str, at: datetime) -> None:
        """Keep a picture that came before a word about it; an earlier one is forgotten."""
        self.picture, self.pictured_at = media_id, at.isoformat()

    def take_picture(self, *, since: datetime) -> str:
        """Return the picture that came since then, once; "" for none."""
        taken, at = self.picture, self.pictured_at
        self.picture = self.pictured_at = ""
        return taken if at and datetime.fromisoformat(at) >= since else ""

    def settle(self) -> None:
        """Wait for nothing any more."""
        self.expecting = ""
        self.facts = {}


@dataclass(slots=True)
class Turn:
    """One thing that somebody said, and all that is known about it."""

    message: IncomingMessage
    person: Person
    understood: Understanding
    memory: Memory
    now: datetime
    today: date
    """The Shanghai day of `now`."""
    foreseen: Any = None
    """What the intent's foresight found when the message was taken in."""

    @property
    def home(self) -> Home:
        """The flat that the talk is about. Raises NotBound, or UnitNotChosen among several."""
        if not self.person.homes:
            raise NotBound
        home = self.person.home
        if home is None:
            raise UnitNotChosen(tuple(one.label for one in self.person.homes))
        return home

    @property
    def staff(self) -> Staff | None:
        """The speaker's office, or None for a resident."""
        return self.person.staff

    @property
    def is_english(self) -> bool:
        """Tell whether she is answered in English; staff never are."""
        return self.memory.language == ENGLISH and self.person.staff is None

    @property
    def is_plain(self) -> bool:
        """Tell whether she is answered in few and simple words; who writes English is not."""
        return self.person.is_plain and not self.is_english


Answer = Callable[[Turn, HandlerDeps], Awaitable[OutgoingMessage]]


@dataclass(frozen=True, slots=True)
class Intent:
    """One way to answer: its name, and what it does when asked or when answered."""

    name: str
    """One of the recogniser's intent names (residents), or a name of its own (staff)."""
    answer: Answer
    go_on: Answer | None = None
    """Takes the answer to what this intent asked (see Memory.ask)."""
    on_photo: Answer | None = None
    """Takes a picture that is sent while the talk is about this intent."""
    foresight: Foresight | None = None
    """What it will read in any case, to be read together with taking the message in."""
    said_as: tuple[str, ...] = ()
    """Staff only: the words that it begins with. Residents' words are the recogniser's."""
    said_like: Callable[[str], bool] | None = None
    """Tells a whole text that is meant for it, whatever the recogniser makes of it."""
    in_english: Answer | None = None
    """Answers in short English; without it the Chinese gets a line of English."""
    in_plain: Answer | None = None
    """Answers who asked for it in few and simple words (老年模式)."""

    def answer_for(self, turn: Turn) -> Answer:
        """Return how this is answered in the language and manner of who speaks."""
        if turn.is_english:
            return self.in_english or self.answer
        return (self.in_plain if turn.is_plain else None) or self.answer
