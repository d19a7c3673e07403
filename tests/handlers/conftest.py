"""A talk with the bot as one person has it: words in, words out, nothing in between faked."""

import itertools
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from handlers import registry
from handlers.deps import HandlerDeps
from handlers.router import Router
from handlers.understanding.recogniser import Recogniser
from storage import inbox
from storage.database import Database, open_database
from storage.links import Links
from storage.ports.chat import IncomingKind, IncomingMessage, OutgoingMessage
from tests.factories import ACCOUNT, NOW


@dataclass
class StandingClock:
    """A clock that moves only when told."""

    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def advance(self, span: timedelta) -> None:
        self.instant += span


@dataclass
class Talk:
    """One person's conversation."""

    deps: HandlerDeps
    router: Router
    clock: StandingClock
    openid: str
    said: list[tuple[str, OutgoingMessage | None]] = field(default_factory=list)

    async def hear(self, text: str, kind: IncomingKind = IncomingKind.TEXT):
        """Say something and return the whole answer, or None."""
        key = f"{self.openid}:{len(self.said)}:{self.clock.instant:%H%M%S}"
        photo = "media-1" if kind is IncomingKind.IMAGE else ""
        message = IncomingMessage(
            ACCOUNT, self.openid, kind, text, key, self.clock.now(), "gh_1", photo
        )
        now = self.clock.now()
        accepted = await self.deps.db.write(
            inbox.accept, message, now=now, foresee=self.router.foresee(message, now=now)
        )
        assert accepted is not None
        reply = await self.router.answer(
            accepted.person, message, now=self.clock.now(), foreseen=accepted.foreseen
        )
        self.said.append((text, reply))
        return reply

    async def say(self, *texts: str) -> str:
        """Say each text and return the words of the last answer."""
        for text in texts:
            reply = await self.hear(text)
        assert reply is not None
        words: str = reply.text
        return words

    def script(self) -> str:
        """Return the conversation as a reviewer reads it."""
        rows = []
        for text, reply in self.said:
            rows.append(f"> {text}")
            rows.append("(没有回答)" if reply is None else reply.text)
            rows += (
                [re.sub(r"/(pay|statements)/[^?]*", r"/\1/…", reply.url)]
                if reply and reply.url
                else []
            )
            rows.append("")
        return "\n".join(rows)


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    """Give one recogniser to the whole run: it only reads."""
    return Recogniser()


@pytest.fixture
def clock() -> StandingClock:
    """Give a clock that stands at `NOW`."""
    return StandingClock()


def begin(db: Database, recogniser: Recogniser, clock: StandingClock, openid: str) -> Talk:
    """Begin a conversation with a person by her openid."""
    links = Links(b"k" * 32, "https://wuye.example")
    deps = HandlerDeps(db, clock, links, {}, recogniser)
    router = Router(deps, registry.INTENTS, registry.STAFF_INTENTS)
    return Talk(deps, router, clock, openid)


@pytest.fixture
def talk(db: Database, recogniser: Recogniser, clock: StandingClock) -> Callable[[str], Talk]:
    """Give a conversation with a person by her openid."""
    return lambda openid: begin(db, recogniser, clock, openid)


@pytest.fixture
def scene(
    migrated_sqlite: Path, tmp_path: Path, recogniser: Recogniser
) -> Callable[[Callable[[Connection], str]], AbstractAsyncContextManager[Talk]]:
    """Give a conversation that begins in a situation, each in a database of its own."""
    numbers = itertools.count(1)

    @asynccontextmanager
    async def open_scene(situation: Callable[[Connection], str]) -> AsyncIterator[Talk]:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(migrated_sqlite / "wuyebot.db", path)
        async with open_database(f"sqlite+aiosqlite:///{path}") as db:
            openid = await db.write(situation)
            yield begin(db, recogniser, StandingClock(), openid)

    return open_scene
