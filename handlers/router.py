"""Finds who speaks and which intent answers; turns a refusal into words."""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from handlers import corrections, edges, english, memory, opinions, refusals, wishes
from handlers.deps import HandlerDeps
from handlers.faq import own_answer
from handlers.flats import ABOUT_A_FLAT, BY_ROOM, gone_on_to_flat, home_named, name_flat_by_room
from handlers.pace import MESSAGES, OF_STAFF, Pace
from handlers.pointing import ENDINGS, by_slots
from handlers.rating import is_rating, note_menu_shown
from handlers.reasons import tells_why
from handlers.turn import Answer, Intent, Turn
from handlers.understanding.recogniser import Understanding
from storage.errors import Contradiction, NotBound, Refusal, Unavailable, UnitNotChosen
from storage.inbox import Foresight
from storage.operations.conversations import remember, set_language
from storage.operations.residents import choose_unit
from storage.periods import shanghai_day
from storage.ports.chat import IncomingKind, IncomingMessage, OutgoingMessage
from storage.queries.residents import Person
from storage.queries.talks import is_taken

log = logging.getLogger(__name__)

SURE: Final = 0.5
"""Below this nothing is done, only offered."""
CLEAR: Final = 0.8
"""From this on a new wish breaks off what is under way."""
MISSES: Final = 2
SHORT_CHARS: Final = 40
"""Texts that come again and again; what they begin is remembered."""

SILENT: Final = frozenset(
    {IncomingKind.UNFOLLOW, IncomingKind.VIEW, IncomingKind.DELIVERY, IncomingKind.CREDIT}
)
PASSING: Final = frozenset(
    (
        *("greeting", "thanks", "goodbye", "confirm", "cancel", "help", "out_of_scope"),
        *("human", "contact"),
    )
)
"""Intents after which the talk is still about what it was about before."""
NEVER_BREAK_OFF: Final = frozenset(("confirm", "cancel", "out_of_scope", "greeting", "thanks"))
GOES_ON: Final = re.compile(r"那.{1,12}呢?[?？]?")
SCENE: Final = re.compile(r"(?:qrscene_)?bind:([0-9A-Za-z-]{1,20})")
"""What a QR code on paper carries that begins to bind its flat."""
SHOWS_MENU: Final = frozenset(("greeting", "help"))


class Router:
    """Answers one message of one person; the composition root gives it the intents."""

    def __init__(
        self, deps: HandlerDeps, intents: Sequence[Intent], staff_intents: Sequence[Intent]
    ) -> None:
        """Know the intents by name, and the words that some begin with."""
        self._deps = deps
        self._intents = {one.name: one for one in intents}
        self._staff_intents = {one.name: one for one in staff_intents}
        self._spoken = tuple(one for one in intents if one.said_as or one.said_like)
        self._spoken_by_staff = (*(one for one in staff_intents if one.said_as), *self._spoken)
        self._begun = lru_cache(maxsize=1024)(self._begins)
        self._pace = Pace()

    def foresee(self, message: IncomingMessage, *, now: datetime) -> Foresight | None:
        """Return what the likely intent will read; a guess that costs only time if it is wrong."""
        if message.kind is not IncomingKind.TEXT:
            return None
        understood = self._deps.recogniser.understand(message.text, today=shanghai_day(now))
        intent = self._intents.get(understood.intent)
        return None if intent is None else intent.foresight

    async def answer(
        self,
        person: Person,
        message: IncomingMessage,
        *,
        now: datetime,
        foreseen: Any = None,  # noqa: ANN401 - what the foresight found
    ) -> OutgoingMessage | None:
        """Answer, or None where nothing is said. Troubles become words, faults an apology."""
        if message.kind in SILENT or not self._may_speak(person, now):
            return None
        today = shanghai_day(now)
        said = corrections.meant(message.text) or message.text
        understood = self._deps.recogniser.understand(said, today=today)
        recalled = memory.recall(person.memory)
        recalled.language = english.language_after(message, recalled.language)
        turn = Turn(message, person, understood, recalled, now, today, foreseen)
        reply = await self._without_trouble(turn)
        if turn.is_english:
            reply = english.with_line(reply, asks=bool(turn.memory.expecting))
        await self._remember(turn, person.memory)
        self._tell_in(turn, english.lasting_after(turn))
        return reply if reply.text else None

    def _may_speak(self, person: Person, now: datetime) -> bool:
        most = MESSAGES if person.staff is None else OF_STAFF
        return self._pace.allows(person.identity_id, now, most=most)

    async def _without_trouble(self, turn: Turn) -> OutgoingMessage:
        asked_by = turn.memory.expecting
        try:
            if self._is_for_a_person(turn):
                return await self._to_person(turn)
            return await self._reply(turn)
        except (Refusal, Unavailable, Contradiction) as trouble:
            turn.memory.misses = 0
            begun = self._said_as(turn)
            at_work = self._is_work(turn, begun.name if begun is not None else asked_by)
            say = refusals.words_to_staff if at_work else _words_for(turn)
            return OutgoingMessage("refusal", say(trouble))
        except Exception:
            trace = secrets.token_hex(4)
            log.exception("turn.failed", extra={"trace": trace})
            turn.memory = memory.recall(turn.person.memory)
            return OutgoingMessage("fault", edges.FAULT.format(trace=trace))

    def _is_work(self, turn: Turn, name: str) -> bool:
        """Tell whether somebody of the staff is at her work, and no resident, in an intent."""
        return name == "staff_bind" or (turn.staff is not None and name in self._staff_intents)

    def _tell_in(self, turn: Turn, language: str) -> None:
        """Write down in which language she is told things, where that has changed."""
        if language != turn.person.language:
            noted = self._deps.db.note(set_language, turn.person.identity_id, language)
            noted.add_done_callback(_noticed)

    async def _remember(self, turn: Turn, before: str) -> None:
        """Keep the memory where it changed; that may fail without taking the answer away.

        A question of ours is kept before it is asked. What else the talk was about is not waited
        for: the next message comes through the same door behind it.
        """
        after = memory.text_of(turn.memory)
        if after == before:
            return
        kept = self._deps.db.note(remember, turn.person.identity_id, after, now=turn.now)
        kept.add_done_callback(_noticed)
        if turn.memory.expecting:
            await asyncio.wait((kept,))

    async def _reply(self, turn: Turn) -> OutgoingMessage:
        kind = turn.message.kind
        if kind in (IncomingKind.FOLLOW, IncomingKind.SCAN):
            return await self._met(turn)
        if kind is IncomingKind.CLICK:
            return await self._clicked(turn)
        if kind is IncomingKind.IMAGE and (takes := self._photo_taker(turn)) is not None:
            return await takes(turn, self._deps)
        is_mute = kind is IncomingKind.VOICE and not turn.message.text.strip()
        if is_mute or kind not in (IncomingKind.TEXT, IncomingKind.VOICE):
            return edges.unspoken(turn)
        begun = self._said_as(turn)
        if begun is not None:
            turn.memory.settle()
            return await self._run(turn, begun)
        if turn.memory.expecting:
            return await self._go_on(turn)
        return await self._by_meaning(turn)

    def _is_for_a_person(self, turn: Turn) -> bool:
        """Tell whether a person hears this; buttons, danger and work stay with the bot."""
        if turn.person.talk_id is None:
            return False
        if turn.message.kind in (IncomingKind.FOLLOW, IncomingKind.SCAN, IncomingKind.CLICK):
            return False
        begun = self._said_as(turn)
        return begun is None or not (begun.name == "repair" or begun.name in self._staff_intents)

    async def _to_person(self, turn: Turn) -> OutgoingMessage:
        """Carry her words on; until somebody has answered, what is clear is answered here too."""
        if self._is_clear(turn) and not await self._deps.db.read(
            is_taken, turn.person.talk_id or 0
        ):
            return await self._reply(turn)
        human = self._intents["human"]
        return await (human.go_on or human.answer)(turn, self._deps)

    def _is_clear(self, turn: Turn) -> bool:
        """Tell whether she turns to the bot: it asked her something, or the wish is plain."""
        begun = self._said_as(turn)
        if turn.memory.expecting or (begun is not None and begun.name != "human"):
            return True
        understood = turn.understood
        is_for_bot = understood.intent not in NEVER_BREAK_OFF | {"human", "goodbye"}
        return is_for_bot and understood.intent in self._intents and understood.confidence >= CLEAR

    def _photo_taker(self, turn: Turn) -> Answer | None:
        """Return what takes a picture in this talk, or None."""
        asked = self._intents.get(turn.memory.expecting or turn.memory.topic)
        return None if asked is None else asked.on_photo

    async def _met(self, turn: Turn) -> OutgoingMessage:
        """Welcome a follower; a code that names a flat begins to bind it."""
        turn.memory.settle()
        scene = SCENE.fullmatch(turn.message.text)
        if scene is None or turn.person.homes:
            note_menu_shown(turn)
            return edges.welcome(turn)
        said = f"绑定 {scene[1]}"
        turn.understood = self._deps.recogniser.understand(said, today=turn.today)
        return await self._run(turn, self._intents["bind"])

    async def _clicked(self, turn: Turn) -> OutgoingMessage:
        """Answer a menu button; a key that is none of ours shows what can be asked."""
        turn.memory.settle()
        name = turn.message.text.removeprefix("MENU:")
        blank = self._deps.recogniser.understand("", today=turn.today)
        turn.understood = replace(blank, intent=name, confidence=1.0)
        return await self._run(turn, self._intents.get(name, self._intents["help"]))

    def _said_as(self, turn: Turn) -> Intent | None:
        """Return the intent whose own words the text begins with; staff words are for staff."""
        text = turn.understood.text.strip()
        begins = self._begun if len(text) <= SHORT_CHARS else self._begins
        return begins(text, turn.staff is not None, self._is_dictating(turn))

    def _begins(self, text: str, is_staff: bool, is_dictating: bool) -> Intent | None:  # noqa: FBT001 - kept by place
        for intent in self._spoken_by_staff if is_staff else self._spoken:
            if is_dictating and not intent.said_as:
                continue
            if text.startswith(intent.said_as) or (intent.said_like and intent.said_like(text)):
                return intent
        return None

    def _is_dictating(self, turn: Turn) -> bool:
        """Tell whether staff were asked for words of their own, which may speak of anything."""
        return turn.staff is not None and turn.memory.expecting in self._staff_intents

    async def _go_on(self, turn: Turn) -> OutgoingMessage:
        """Hand the answer to whoever asked, unless it breaks off or turns to something else."""
        asked, understood = self._expecting(turn), turn.understood
        # Staff may be dictating a notice: only they who asked know a "取消" from a text about one.
        is_ours = turn.staff is None or turn.memory.expecting not in self._staff_intents
        is_off = understood.intent == "cancel" and understood.confidence >= SURE
        if is_ours and is_off and not tells_why(turn):
            turn.memory.settle()
            return edges.CANCELLED_PLAINLY if turn.is_plain else edges.CANCELLED
        if asked is None or asked.go_on is None or self._turns_away(turn):
            turn.memory.settle()
            return await self._by_meaning(turn)
        before = (turn.memory.expecting, dict(turn.memory.facts))
        reply = await asked.go_on(turn, self._deps)
        if (turn.memory.expecting, turn.memory.facts) == before:
            turn.memory.misses += 1
            if turn.memory.misses >= MISSES:
                turn.memory.settle()
                return await self._missed(turn, MISSES)
            return reply
        turn.memory.misses = 0
        turn.memory.topic = asked.name
        return await self._resumed(turn, before[1]) or reply

    def _expecting(self, turn: Turn) -> Intent | None:
        name = turn.memory.expecting
        if turn.staff is not None and name in self._staff_intents:
            return self._staff_intents[name]
        return self._intents.get(name)

    def _turns_away(self, turn: Turn) -> bool:
        """Tell whether something new is clearly wished instead of an answer."""
        understood, facts = turn.understood, turn.memory.facts
        if turn.memory.expecting in self._staff_intents:
            return False
        if understood.text.strip(ENDINGS) in facts.get("choices", ()):
            return False
        if facts.get("takes") == "any":
            return understood.intent == "human" and understood.confidence >= CLEAR
        if tells_why(turn):
            return False
        is_new = understood.intent not in NEVER_BREAK_OFF | {turn.memory.expecting}
        return is_new and understood.confidence >= CLEAR

    async def _resumed(self, turn: Turn, facts: dict[str, Any]) -> OutgoingMessage | None:
        """Answer what was asked before the flat had to be chosen, or None."""
        intent = self._intents.get(str(facts.get("resume", "")))
        if intent is None or turn.memory.expecting or turn.person.home is None:
            return None
        said = str(facts.get("said", ""))
        turn.understood = self._deps.recogniser.understand(said, today=turn.today)
        return await self._run(turn, intent)

    async def _by_meaning(self, turn: Turn) -> OutgoingMessage:
        """Answer what the text means; what is unclear gets the menu, never an action."""
        if several := wishes.told_apart(turn.understood.text, lambda it: self._heard(turn, it)):
            return await wishes.answer_in_turn(turn, several, self._one_of_several)
        intent = self._meant(turn)
        if intent is None or intent.name == turn.understood.intent:
            own = await own_answer(turn, self._deps)
            if own is not None:
                turn.memory.misses = 0
                return own
        return await (self._unclear(turn) if intent is None else self._clear(turn, intent))

    def _heard(self, turn: Turn, said: str) -> Understanding:
        return self._deps.recogniser.understand(said, today=turn.today)

    async def _one_of_several(self, turn: Turn, name: str) -> OutgoingMessage:
        """Answer one of several wishes; what is refused is told and takes no other answer away.

        Raises NotBound: then none of them can be answered.
        """
        try:
            return await self._clear(turn, self._intents[name])
        except NotBound:
            raise
        except (Refusal, Unavailable, Contradiction) as trouble:
            return OutgoingMessage("refusal", _words_for(turn)(trouble))

    async def _unclear(self, turn: Turn) -> OutgoingMessage:
        """Ask for a second opinion; what it cannot tell either is missed."""
        named = await opinions.ask(turn, self._deps)
        if named in opinions.OFFERS and turn.memory.misses + 1 < MISSES:
            turn.memory.misses += 1
            return opinions.offer(named)
        intent = None if named in opinions.OFFERS else self._intents.get(named)
        if intent is not None:
            return await self._clear(turn, intent)
        turn.memory.misses += 1
        return await self._missed(turn, turn.memory.misses)

    async def _clear(self, turn: Turn, intent: Intent) -> OutgoingMessage:
        """Let an intent answer about a flat that is hers."""
        turn.memory.misses = 0
        if intent.name in BY_ROOM and turn.understood.slots.unit is None:
            name_flat_by_room(turn)
        if intent.name in ABOUT_A_FLAT and not await self._keeps_to_hers(turn):
            return edges.not_hers(turn, turn.understood.slots.unit or "")
        return await self._run(turn, intent)

    async def _missed(self, turn: Turn, misses: int) -> OutgoingMessage:
        """Show the menu; after the second time in a row fetch a person."""
        note_menu_shown(turn)
        if misses < MISSES:
            return edges.not_understood(turn, misses)
        return await self._run(turn, self._intents["human"])

    def _meant(self, turn: Turn) -> Intent | None:
        understood, topic = turn.understood, turn.memory.topic
        if is_rating(turn):
            return self._intents["rate"]
        name = understood.intent if understood.confidence >= SURE else by_slots(turn)
        name = gone_on_to_flat(turn) or name
        if name == "bill_detail" and topic == "history" and GOES_ON.fullmatch(understood.normal):
            name = "history"
        return self._intents.get(name)

    async def _keeps_to_hers(self, turn: Turn) -> bool:
        """Turn to the flat that was named; False where it is none of hers."""
        unit_text, homes = turn.understood.slots.unit, turn.person.homes
        if unit_text is None or not homes:
            return True
        home = home_named(homes, unit_text)
        if home is None:
            return False
        if turn.person.home != home:
            turn.person = replace(turn.person, chosen_unit_id=home.unit_id)
            await self._deps.db.jot(choose_unit, turn.person.identity_id, home.unit_id)
        return True

    async def _run(self, turn: Turn, intent: Intent) -> OutgoingMessage:
        """Let an intent answer; of several flats, ask for one and come back to it."""
        if intent.name in SHOWS_MENU:
            note_menu_shown(turn)
        try:
            reply = await intent.answer_for(turn)(turn, self._deps)
        except UnitNotChosen as unclear:
            said = turn.understood.text or intent.name
            turn.memory.ask("my_units", resume=intent.name, said=said)
            return OutgoingMessage("my_units", _words_for(turn)(unclear))
        if intent.name not in PASSING:
            turn.memory.turn_to(intent.name)
        return reply


def _words_for(turn: Turn) -> Callable[[Refusal | Unavailable | Contradiction], str]:
    return english.trouble if turn.is_english else refusals.words


def _noticed(kept: "asyncio.Future[None]") -> None:
    if not kept.cancelled() and kept.exception() is not None:
        log.error("turn.not_remembered", exc_info=kept.exception())
