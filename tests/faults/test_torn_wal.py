"""SQLite's log cut off anywhere, or with a bit turned over: always a state that once was."""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, select

from storage.database import open_database
from storage.models.payments import payments, receipts
from storage.queries.proofs import prove
from tests.storage.operations.stage import staged

pytestmark = pytest.mark.timeout(300)

NAME = "wuyebot.db"
HEADER, FRAME_HEADER = 32, 24
SEED = 20261123


@dataclass(frozen=True)
class Torn:
    """The files of a bot that was writing, and what it had committed, step by step."""

    folder: Path
    past: list[tuple[tuple[str, ...], int]]
    """Receipts and payments after each commit, the oldest first."""

    @property
    def log(self) -> bytes:
        return (self.folder / f"{NAME}-wal").read_bytes()

    @property
    def frame_bytes(self) -> int:
        return FRAME_HEADER + int.from_bytes(self.log[8:12], "big")


def state(tx: Connection) -> tuple[tuple[str, ...], int]:
    numbers = tx.execute(select(receipts.c.receipt_no).order_by(receipts.c.id)).scalars()
    return tuple(numbers), len(tx.execute(select(payments.c.id)).all())


@pytest.fixture
async def torn(sqlite_url: str, tmp_path: Path) -> Torn:
    """Pay in three steps and copy the files from under the open database, its log unmerged."""
    folder = tmp_path / "copied"
    folder.mkdir()
    async with open_database(sqlite_url) as db:
        past = [await db.read(state)]
        stage = await staged(db)
        past.append(await db.read(state))
        for bill_id in stage.both:
            await stage.paid([bill_id])
            past.append(await db.read(state))
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"{NAME}{suffix}", folder)
    return Torn(folder, past)


def opened_with(torn: Torn, folder: Path, log: bytes) -> tuple[tuple[tuple[str, ...], int], list]:
    """Open the database with another log; return its state and what does not hold in it."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    shutil.copy(torn.folder / NAME, folder)
    (folder / f"{NAME}-wal").write_bytes(log)
    with closing(sqlite3.connect(folder / NAME)) as link:
        assert link.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert link.execute("PRAGMA foreign_key_check").fetchall() == []
    engine = create_engine(f"sqlite:///{folder / NAME}")
    try:
        with engine.connect() as tx:
            return state(tx), list(prove(tx))
    finally:
        engine.dispose()


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_e06_a_log_cut_off_at_any_frame_is_a_true_past_state(
    torn: Torn, tmp_path: Path, every: int
):
    whole = torn.log
    cuts = [*range(HEADER, len(whole), torn.frame_bytes * every), len(whole)]
    seen = []
    for place, cut in enumerate(cuts):
        for end in (cut, cut + torn.frame_bytes // 2) if place % 4 == 0 else (cut,):
            found, broken = opened_with(torn, tmp_path / "cut", whole[:end])
            assert broken == []
            assert found in torn.past
            seen.append(torn.past.index(found))

    assert seen == sorted(seen)
    assert set(seen) == set(map(torn.past.index, torn.past))


@pytest.mark.parametrize("flips", [15, pytest.param(100, marks=pytest.mark.long)])
def test_e06_a_bit_turned_over_in_the_log_loses_its_tail_and_no_more(
    torn: Torn, tmp_path: Path, flips: int
):
    chance = random.Random(SEED)
    seen = set()
    for _ in range(flips):
        log = bytearray(torn.log)
        log[chance.randrange(len(log))] ^= 1 << chance.randrange(8)

        found, broken = opened_with(torn, tmp_path / "flipped", bytes(log))

        assert broken == []
        assert found in torn.past
        seen.add(found)

    assert len(seen) > 1


def test_e06_a_state_that_never_was_would_be_seen(torn: Torn, tmp_path: Path):
    """Positive control."""
    folder = tmp_path / "whole"
    opened_with(torn, folder, torn.log)
    with closing(sqlite3.connect(folder / NAME)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        link.execute("UPDATE payments SET amount_fen = amount_fen + 1 WHERE id = 1")
        link.commit()
    engine = create_engine(f"sqlite:///{folder / NAME}")
    with engine.connect() as tx:
        broken = list(prove(tx))
    engine.dispose()

    assert broken != []
