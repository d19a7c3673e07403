"""A process that stood still past its lease, and wakes up while another does its work."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from storage.database import open_database
from storage.operations import job_runs
from tests.factories import NOW
from tests.faults.books import plain
from tests.faults.process import Program, eventually
from tests.faults.worker import BEGAN, CHORE, GO_ON, UNFENCED
from tests.postgres import Postgres

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]

SECONDS = 90.0
OVER = "SELECT lease_until < clock_timestamp() FROM job_runs WHERE state = 'running'"
ROW = "SELECT state, epoch, report FROM job_runs WHERE job = 'chore' ORDER BY period DESC LIMIT 1"


@dataclass
class Shop:
    """Workers of one job, and the row that says who did it."""

    url: str
    folder: Path
    hired: list[Program]

    def hire(self, name: str, *how: str) -> Program:
        """Start a worker and wait until it is at the job."""
        words = [self.url, str(self.folder), name, *how]
        log_path = self.folder / f"{name}.log"
        worker = Program(words, log_path, module="tests.faults.worker")
        self.hired.append(worker)
        eventually((self.folder / (name + BEGAN)).exists, within=SECONDS, what=f"{name} begins")
        return worker

    def let(self, name: str) -> None:
        """Let a worker come to the job's end."""
        (self.folder / (name + GO_ON)).touch()

    def row(self) -> tuple[str, int, dict[str, int]]:
        """Return the job's state, its epoch and what it reported."""
        state, epoch, report = self._ask(ROW)
        return state, epoch, json.loads(report or "{}")

    def until_the_lease_is_over(self) -> None:
        """Wait until the server's own clock says so."""
        eventually(lambda: self._ask(OVER)[0], within=SECONDS, what="the lease ends")

    def _ask(self, question: str) -> Any:
        async def ask() -> Any:
            link = await asyncpg.connect(plain(self.url))
            try:
                return await link.fetchrow(question)
            finally:
                await link.close()

        return asyncio.run(ask())


@pytest.fixture
def shop(migrated_postgres: Postgres, tmp_path: Path) -> Iterator[Shop]:
    url = migrated_postgres.copy()
    asyncio.run(let_the_history_begin(url))
    one = Shop(url, tmp_path, [])
    yield one
    for worker in one.hired:
        worker.kill()
    migrated_postgres.drop(url)


async def let_the_history_begin(url: str) -> None:
    async with open_database(url) as db:
        await db.write(job_runs.baseline, CHORE, f"{NOW:%Y-%m-%dT%H:%M:%S%z}")


def test_f09_a_process_that_slept_past_its_lease_does_not_end_what_another_is_at(shop: Shop):
    sleeper = shop.hire("sleeper")
    sleeper.pause()
    shop.until_the_lease_is_over()
    successor = shop.hire("successor")

    shop.let("sleeper")
    sleeper.wake()
    assert sleeper.exit_code(within=SECONDS) == 0
    meanwhile = shop.row()
    shop.let("successor")
    assert successor.exit_code(within=SECONDS) == 0

    assert meanwhile == ("running", 2, {})
    assert shop.row() == ("done", 2, {"successor": 1})
    assert "job.fenced" in sleeper.said
    assert "job.fenced" not in successor.said


@pytest.mark.long
def test_f09_without_the_epoch_the_sleeper_ends_it_over_the_others_head(shop: Shop):
    """Positive control."""
    sleeper = shop.hire("sleeper", UNFENCED)
    sleeper.pause()
    shop.until_the_lease_is_over()
    shop.hire("successor")

    shop.let("sleeper")
    sleeper.wake()
    assert sleeper.exit_code(within=SECONDS) == 0

    assert shop.row() == ("done", 2, {"sleeper": 1})


@pytest.mark.long
def test_d40_a_process_killed_at_its_job_is_followed_by_another_once_its_lease_is_over(shop: Shop):
    victim = shop.hire("victim")
    victim.kill()
    shop.until_the_lease_is_over()

    shop.let("heir")
    heir = shop.hire("heir")

    assert heir.exit_code(within=SECONDS) == 0
    assert shop.row() == ("done", 2, {"heir": 1})
