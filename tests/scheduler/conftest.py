"""What the clock's tests share: our books, a clock that stands still, fakes at the ports."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from scheduler.deps import JobDeps
from storage.database import Database
from storage.events import Event, PaymentSettled, ReminderWords
from storage.inbox import Forgotten
from storage.links import Links
from storage.ports.chat import Manner, OutgoingMessage
from storage.steps import sqlite_file
from tests.factories import ACCOUNT
from tests.fakes import FakeChannel
from tests.storage.operations.stage import Stage, staged


@dataclass
class Hall:
    """A stage, and all that a job may touch there."""

    stage: Stage
    channel: FakeChannel
    deps: JobDeps
    late: list[Forgotten]

    @property
    def db(self) -> Database:
        return self.stage.db

    @property
    def now(self) -> datetime:
        return self.stage.now

    def later(self, **by: float) -> datetime:
        return self.stage.clock.advance(**by)


def compose(event: Event, manner: Manner = Manner.USUAL) -> OutgoingMessage:
    """Make words that a test can tell apart."""
    text = type(event).__name__
    if isinstance(event, PaymentSettled):
        if event.receipt_no == "poison":
            raise ZeroDivisionError
        text = event.receipt_no
    if isinstance(event, ReminderWords):
        text = f"{event.unit_label} {event.bill_count} {event.open_fen} {event.days_from_due}"
    return OutgoingMessage(text, text if manner is Manner.USUAL else f"{text} ({manner})")


async def open_hall(db: Database, database_url: str, tmp_path: Path, **choices) -> Hall:
    """Build a hall in a fresh database; `choices` are the community's policy."""
    stage = await staged(db, **choices)
    channel = FakeChannel()
    late: list[Forgotten] = []

    async def answer_late(one: Forgotten, now: datetime) -> None:
        if one.said == "poison":
            raise ZeroDivisionError
        late.append(one)

    deps = JobDeps(
        db=db,
        clock=stage.clock,
        links=Links(b"0" * 32, "http://localhost"),
        channels={ACCOUNT: channel},
        gateways={"wechat_pay": stage.gateway},
        compose=compose,
        answer_late=answer_late,
        backup_dir=tmp_path / "backups",
        sqlite_file=sqlite_file(database_url),
    )
    return Hall(stage, channel, deps, late)


@pytest.fixture
async def hall(db: Database, database_url: str, tmp_path: Path) -> Hall:
    """Give a hall with the usual community, once on each engine."""
    return await open_hall(db, database_url, tmp_path)
