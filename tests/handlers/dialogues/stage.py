"""Plays a dialogue: what is said, what must and must not be answered, and what it changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, func, select

from handlers import registry
from handlers.router import Router
from handlers.understanding.recogniser import Recogniser
from storage import inbox
from storage.database import Database
from storage.models.base import metadata
from storage.models.bills import bills
from storage.models.people import bindings, identities
from storage.ports.chat import IncomingKind, IncomingMessage
from storage.queries.proofs import prove
from tests.factories import ACCOUNT
from tests.handlers.conftest import StandingClock, Talk, begin

ASIDE = frozenset(
    (
        *("inbox", "outbox", "conversations", "identities", "serials", "audit_records"),
        *("binding_tries", "payment_events", "job_runs"),
    )
)
"""Tables that only tell that something was said: every other one is a book."""


@dataclass(frozen=True)
class Sent:
    """Something that is no typed text: a voice, a picture, a button, a key pressed twice."""

    kind: IncomingKind
    text: str = ""


@dataclass(frozen=True)
class Wait:
    """Time passes in silence."""

    span: timedelta


@dataclass(frozen=True)
class By:
    """Somebody else says something."""

    openid: str
    text: str


class Again:
    """The platform delivers the last message once more."""


class Restart:
    """The program ends and begins anew on the same database."""


class Elsewhere:
    """The next messages reach another replica."""


PHOTO = Sent(IncomingKind.IMAGE)
PLACE = Sent(IncomingKind.LOCATION)
STICKER = Sent(IncomingKind.OTHER)
MUMBLE = Sent(IncomingKind.VOICE)
AGAIN, RESTART, ELSEWHERE = Again(), Restart(), Elsewhere()


def voice(text: str) -> Sent:
    """Say something that WeChat has written down."""
    return Sent(IncomingKind.VOICE, text)


def button(key: str) -> Sent:
    """Press a menu button."""
    return Sent(IncomingKind.CLICK, key)


Act = str | Sent | Wait | By | Again | Restart | Elsewhere
Line = tuple[Act, *tuple[str, ...]]
"""An act and what its answer has; "!" before what it must not have."""


@dataclass(frozen=True)
class Dialogue:
    """A talk from its situation to what it changed in the books."""

    name: str
    begins: Callable[[Connection], str]
    lines: tuple[Act | Line, ...]
    changes: Mapping[str, int]
    """Table → new rows, and the counts of `_states`; nothing else may have changed."""


class Stage:
    """One database, and who speaks there."""

    def __init__(self, db: Database, recogniser: Recogniser, openid: str) -> None:
        self.db, self.recogniser, self.openid = db, recogniser, openid
        self.clock = StandingClock()
        self.talk = begin(db, recogniser, self.clock, openid)
        self.others: dict[str, Talk] = {}
        self.last: IncomingMessage | None = None

    async def act(self, act: Act) -> str:
        """Let it happen and return the words of the answer, "" where nothing is said."""
        match act:
            case Wait(span):
                self.clock.advance(span)
            case Restart() | Elsewhere():
                deps = self.talk.deps
                self.talk.router = Router(deps, registry.INTENTS, registry.STAFF_INTENTS)
            case Again():
                assert self.last is not None
                return await self._accepted_again(self.last)
            case By(openid, text):
                other = self.others.setdefault(
                    openid, begin(self.db, self.recogniser, self.clock, openid)
                )
                reply = await other.hear(text)
                return "" if reply is None else f"{reply.text}\n{reply.url}"
            case Sent(kind, text):
                return await self._said(kind, text)
            case str(text):
                return await self._said(IncomingKind.TEXT, text)
        return ""

    async def _said(self, kind: IncomingKind, text: str) -> str:
        self.clock.advance(timedelta(seconds=1))
        key = f"{self.openid}:{len(self.talk.said)}:{self.clock.instant:%H%M%S}"
        self.last = IncomingMessage(
            ACCOUNT, self.openid, kind, text, key, self.clock.now(), "gh_1", ""
        )
        reply = await self.talk.hear(text, kind)
        return "" if reply is None else f"{reply.text}\n{reply.url}"

    async def _accepted_again(self, message: IncomingMessage) -> str:
        taken = await self.db.write(inbox.accept, message, now=self.clock.now())
        assert taken is None, "the same message was taken in twice"
        return ""


def _states(tx: Connection) -> dict[str, int]:
    """Return what changes without a new row: who is bound, what is paid, who is muted."""
    active = select(func.count()).where(bindings.c.state == "active").select_from(bindings)
    paid = select(func.coalesce(func.sum(bills.c.paid_fen), 0))
    muted = select(func.count()).where(identities.c.muted != "").select_from(identities)
    return {
        "bound": int(tx.execute(active).scalar_one()),
        "paid_fen": int(tx.execute(paid).scalar_one()),
        "muted": int(tx.execute(muted).scalar_one()),
    }


def _books(tx: Connection) -> dict[str, int]:
    rows = {
        table.name: int(tx.execute(select(func.count()).select_from(table)).scalar_one())
        for table in metadata.sorted_tables
        if table.name not in ASIDE
    }
    return rows | _states(tx)


async def play(one: Dialogue, db: Database, recogniser: Recogniser) -> None:
    """Play a dialogue to its end; the first answer that is wrong fails, then any wrong book."""
    openid = await db.write(one.begins)
    before = await db.read(_books)
    stage = Stage(db, recogniser, openid)
    for line in one.lines:
        act, *expected = line if isinstance(line, tuple) else (line,)
        answer = await stage.act(act)
        for words in expected:
            if words.startswith("!"):
                assert words[1:] not in answer, f"{act}\n{answer}"
            else:
                assert words in answer, f"{act}: no “{words}” in\n{answer}"
    after = await db.read(_books)
    changes = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changes == dict(one.changes), f"{changes}\n{stage.talk.script()}"
    assert await db.read(prove) == []
